"""A local Amazon S3 Vectors server, all of it in one process.

The core is one function, `core.apply(state, request, now)`: time is an argument, so the same requests give
the same answers. Doors open on it: `http` and `server` (uvicorn), `inprocess` (botocore, no sockets), and
`local` runs it all in a process of its own. What the service was seen to do is followed to the letter of its
messages; where nothing is known, `inferred` says so. It never calls anyone, and never answers an operation
that it lacks with an empty success.
Start at `core`. Imports only `vecgate.s3vectors` and `vecgate.errors`, never `vecgate.bulk`.
"""
