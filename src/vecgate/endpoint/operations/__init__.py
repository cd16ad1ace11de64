"""The operations, each a function of the state, the members of the request, and the time.

What comes in has passed the framework's checks (`validation`); what they return is the JSON of the answer,
numpy arrays included. They raise `Refused` before anything is changed, never after; they never wait or log.
Start at `vectors`, the busy ones. Imports the endpoint's pure modules and `vecgate.s3vectors`.
"""
