"""What a load run will cost, before it is run. An upper bound: the cap of `--max-cost` is held against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vecgate.s3vectors.pricing import PUT_BYTES_MIN, processed_usd, requests_usd

#: Of a float32.
VALUE_BYTES = 4
#: A key where nothing else is known, such as a UUID.
KEY_BYTES = 36
HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run comes to.

    requests      by operation
    put_bytes     that all PutVectors together are charged for
    usd           the price of the run
    usd_per_hour  of an hour at the same pace
    """

    requests: Mapping[str, int]
    put_bytes: int
    usd: float
    usd_per_hour: float


def estimate(
    scheduled: int,
    operations: Mapping[str, float],
    *,
    dimension: int,
    vectors_per_request: int,
    duration_s: float,
    metadata_bytes: int = 0,
    key_bytes: int = KEY_BYTES,
    index_vectors: int = 0,
) -> Estimate:
    """What *scheduled* requests cost, *operations* being the share of each.

    Queries are priced as if all that is put were there from the start, beside *index_vectors* that are,
    and as if all metadata were filterable.
    """
    requests = {name: round(scheduled * share) for name, share in operations.items()}
    puts, queries = requests.get("PutVectors", 0), requests.get("QueryVectors", 0)
    each = vector_bytes(dimension, metadata_bytes=metadata_bytes, key_bytes=key_bytes)
    put_bytes = puts * charged_bytes(vectors_per_request * each)
    held = index_vectors + puts * vectors_per_request
    usd = requests_usd(requests, put_bytes=put_bytes)
    usd += processed_usd(queries, vectors=held, vector_bytes=each)
    return Estimate(requests, put_bytes, usd, usd / duration_s * HOUR_S if duration_s else 0.0)


def vector_bytes(dimension: int, *, metadata_bytes: int = 0, key_bytes: int = KEY_BYTES) -> int:
    """The logical size of a vector: its values, its key, its metadata."""
    return VALUE_BYTES * dimension + key_bytes + metadata_bytes


def charged_bytes(logical_bytes: int) -> int:
    """What a PutVectors of *logical_bytes* is charged for."""
    return max(logical_bytes, PUT_BYTES_MIN)
