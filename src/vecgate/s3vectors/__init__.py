"""Facts about Amazon S3 Vectors.

What botocore's service model states is read from it (`model`); what only the documentation or a public probe
states is one constant with its source and the day it was read (`limits`, `metadata`). Nothing here decides,
waits or sends. Start at `limits`. Imports only `vecgate.errors` and botocore's loaders.
"""
