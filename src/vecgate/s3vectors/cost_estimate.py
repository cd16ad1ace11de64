"""Estimates the cost of a load run before it starts: an upper bound, which `--max-cost` limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vecgate.s3vectors.pricing import PUT_BYTES_MIN, processed_usd, requests_usd

#: Size of a float32.
VALUE_BYTES = 4
#: Assumed size of a key, such as a UUID.
KEY_BYTES = 36
HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """The estimated cost of a run.

    requests      by operation
    put_bytes     bytes for which all PutVectors requests together are charged
    usd           price of the run
    usd_per_hour  price of an hour at the same rate
    """

    requests: Mapping[str, int]
    put_bytes: int
    usd: float
    usd_per_hour: float


def estimate_cost(
    scheduled: int,
    operations: Mapping[str, float],
    *,
    dimension: int,
    vectors_per_request: int,
    duration_s: float,
    metadata_bytes: int = 0,
    key_bytes: int = KEY_BYTES,
    index_vectors: int = 0,
) -> CostEstimate:
    """Return the cost of *scheduled* requests. *operations* gives the fraction of each operation.

    Queries are priced as if the index had all vectors of the run from the start, in addition to
    *index_vectors*, and as if all metadata were filterable.
    """
    requests = {name: round(scheduled * fraction) for name, fraction in operations.items()}
    puts, queries = requests.get("PutVectors", 0), requests.get("QueryVectors", 0)
    each = vector_bytes(dimension, metadata_bytes=metadata_bytes, key_bytes=key_bytes)
    put_bytes = puts * charged_bytes(vectors_per_request * each)
    held = index_vectors + puts * vectors_per_request
    usd = requests_usd(requests, put_bytes=put_bytes)
    usd += processed_usd(queries, vectors=held, vector_bytes=each)
    return CostEstimate(requests, put_bytes, usd, usd / duration_s * HOUR_S if duration_s else 0.0)


def vector_bytes(dimension: int, *, metadata_bytes: int = 0, key_bytes: int = KEY_BYTES) -> int:
    """Return the logical size of a vector: its values, its key and its metadata."""
    return VALUE_BYTES * dimension + key_bytes + metadata_bytes


def charged_bytes(logical_bytes: int) -> int:
    """Return the bytes for which a PutVectors request of *logical_bytes* is charged."""
    return max(logical_bytes, PUT_BYTES_MIN)
