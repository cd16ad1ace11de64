"""A load test as data: the TOML file, its validation, its price."""
