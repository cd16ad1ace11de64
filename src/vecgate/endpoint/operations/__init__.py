"""The operations, each a function of the state, the members of the request, and the time.

They find, check, change and answer; what comes in has passed the framework's checks (`validation`), and what they
return is the answer's JSON, numpy arrays included. They raise `Refused` before anything is changed, never after.
Start at `table_of_operations`; `vectors` holds the busy ones.
"""
