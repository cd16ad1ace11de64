"""`put --check`: judge a whole source before anything is sent."""
