"""The requests of a load test, and the accounting of their outcomes."""
