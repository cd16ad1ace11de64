"""Facts about Amazon S3 Vectors.

Facts that botocore's service model states are read from it (`model`). A fact that only the documentation or a
public probe states is one constant with its source and the day it was read (`limits`, `metadata`). Nothing
here decides, waits or sends. Start at `limits`. The package imports only `vecgate.errors` and botocore's
loaders.
"""
