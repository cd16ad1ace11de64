"""A local Amazon S3 Vectors server in one process.

The core is one function, `core.apply(state, request, now)`. The time is an argument, so the same requests
give the same responses. Three adapters pass requests to it: `http` (uvicorn), `in_process` (boto3 clients, no
sockets) and `moto` (`mock_aws`). `local` runs the HTTP server in a child process.

Where the behaviour of AWS was observed, the endpoint follows it to the wording of the messages; where no
source is known, comments and documentation say *inferred*. The endpoint never connects to another host, and
it answers an operation that it does not implement with an error, never with an empty success.

Start reading at `core`. Imports only `vecgate.s3vectors` and `vecgate.errors`, never `vecgate.bulk`.
"""
