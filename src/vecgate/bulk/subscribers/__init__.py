"""Subscribers to the events of a run: a progress bar, and functions."""
