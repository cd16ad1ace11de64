"""What the service allows as documented, and how much of it is left."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from vecgate.s3vectors.limits import (
    BUCKETS_MAX,
    MIB,
    PAYLOAD_BYTES_MAX,
    VECTORS_PER_PUT_MAX,
    WRITE_REQUESTS_PER_S,
    WRITE_VECTORS_PER_S,
)
from vecgate.targets.findings import Finding

#: Fewer free buckets are worth a word: a run makes some.
FEW = 100


def rates_finding() -> Finding:
    """What an index takes, as documented."""
    index = f"{WRITE_REQUESTS_PER_S:,} writes/s and {WRITE_VECTORS_PER_S:,} vectors/s for an index"
    request = f"{VECTORS_PER_PUT_MAX} vectors and {PAYLOAD_BYTES_MAX // MIB} MiB for a request"
    return Finding("quotas", "ok", f"{index}, {request}, as documented")


def buckets_finding(client: Any) -> Finding:  # noqa: ANN401 - boto3 has no types
    """How many buckets there are, and how many more there may be."""
    try:
        pages = client.get_paginator("list_vector_buckets").paginate()
        used = sum(len(page["vectorBuckets"]) for page in pages)
    except (BotoCoreError, ClientError, KeyError):
        return Finding("buckets", "untested", "they cannot be listed")
    told = f"{used:,} of {BUCKETS_MAX:,}, {BUCKETS_MAX - used:,} free"
    if BUCKETS_MAX - used < FEW:
        return Finding("buckets", "warning", told, "`vecgate clean` removes what runs have left.")
    return Finding("buckets", "ok", told)
