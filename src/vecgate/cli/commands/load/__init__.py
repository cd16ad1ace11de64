"""The commands that run load tests."""
