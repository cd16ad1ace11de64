"""The batch client: many vectors, few requests.

A vector's way, in order: `sources` → `records` → `validation` → `batching` → `ordering` → `encoding` →
`pacing` → `wire` → `retry` → `journal` → `progress`; `writer` walks it, `reader` is the way back. It knows
nothing of the endpoint and never reads a file that it was not given. Imports `vecgate.s3vectors` and
`vecgate.errors`.
"""
