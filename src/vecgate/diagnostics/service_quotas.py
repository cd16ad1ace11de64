"""Report the documented quotas of the service, and how many buckets are left."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from vecgate.diagnostics.diagnostic import Diagnostic
from vecgate.s3vectors.limits import (
    BUCKETS_MAX,
    MIB,
    PAYLOAD_BYTES_MAX,
    VECTORS_PER_PUT_MAX,
    WRITE_REQUESTS_PER_S,
    WRITE_VECTORS_PER_S,
)

#: Fewer free buckets get a warning: a run needs some.
FREE_BUCKETS_WARNING = 100


def report_quotas() -> Diagnostic:
    """Report the documented quotas of an index and of a request."""
    index = f"{WRITE_REQUESTS_PER_S:,} writes/s and {WRITE_VECTORS_PER_S:,} vectors/s per index"
    request = f"{VECTORS_PER_PUT_MAX} vectors and {PAYLOAD_BYTES_MAX // MIB} MiB per request"
    return Diagnostic("quotas", "ok", f"documented: {index}, {request}")


def check_buckets(client: Any) -> Diagnostic:  # noqa: ANN401 - boto3 has no types
    """Report how many buckets exist, and how many more may be created."""
    try:
        pages = client.get_paginator("list_vector_buckets").paginate()
        used = sum(len(page["vectorBuckets"]) for page in pages)
    except (BotoCoreError, ClientError, KeyError):
        return Diagnostic("buckets", "skipped", "the buckets cannot be listed")
    message = f"{used:,} of {BUCKETS_MAX:,} used, {BUCKETS_MAX - used:,} free"
    if BUCKETS_MAX - used < FREE_BUCKETS_WARNING:
        hint = "`vecgate clean` removes the buckets that runs did not remove."
        return Diagnostic("buckets", "warning", message, hint)
    return Diagnostic("buckets", "ok", message)
