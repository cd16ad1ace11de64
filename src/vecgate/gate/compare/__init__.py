"""Compares two runs of one kind: which figures or requirements changed, and whether that is more than noise.

Start at `comparison.compare`.
"""
