"""The pure part of the batch client: what to send, when, and what to do about a failure.

Nothing here waits, opens a file or a connection, or reads a clock: times and random values are arguments.
"""
