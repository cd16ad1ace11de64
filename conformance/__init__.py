"""The executable specification of Amazon S3 Vectors. README.md says how to run it and how to add to it."""
