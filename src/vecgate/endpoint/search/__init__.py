"""Exact nearest neighbours, full-text search, metadata filters, and the ranking of results."""
