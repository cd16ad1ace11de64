"""Measures the servers that vecgate can start beside its own endpoint: same client, same work, one run."""
