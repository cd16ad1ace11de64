"""The batch client: writes many vectors with few requests, and reads them back.

`writer.BulkWriter` puts and deletes, `reader.BulkReader` reads, `verify` compares an input with an index,
`accelerate` speeds up a boto3 client. A record passes through these modules in order: `sources`,
`core.record_validation`, `core.batching`, `core.keys_in_flight`, `core.body_encoding`, `core.pacing`,
`transport`, `core.retry`, `journal`, `progress`.
The package does not know the endpoint and never reads a file that it was not given. It imports
`vecgate.results`, `vecgate.s3vectors` and `vecgate.errors`.
"""
