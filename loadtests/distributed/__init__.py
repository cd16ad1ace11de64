"""Measures writes of many Ray tasks to one index, with the shared budget and without."""
