"""Commands on whole indexes and buckets."""
