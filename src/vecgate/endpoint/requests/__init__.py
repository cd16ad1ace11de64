"""Requests and responses: routing, decoding, validation, errors, page tokens."""
