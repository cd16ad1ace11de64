"""Other servers of the S3 Vectors API that vecgate can start: moto, S3Mock and local-s3.

Each runs in a child process on a free port, keeps its data in memory and ends with this process. Start with
`server_registry`. May import what is below `targets`; knows nothing of targets, runs or results.
"""
