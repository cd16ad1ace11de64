"""The rules for keys, vectors and metadata of a write. One invalid record refuses the whole request."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vecgate.endpoint.requests.body_decoding import PutBody
from vecgate.endpoint.requests.messages import ApiError, invalid
from vecgate.endpoint.search.nearest import COSINE
from vecgate.endpoint.storage.state import Index
from vecgate.endpoint.storage.vector_table import Float32Vector
from vecgate.s3vectors.limits import KEY_LENGTH_MAX
from vecgate.s3vectors.metadata import metadata_problem

ZERO_NORM = "cosine distance does not support vectors with zero norm"


def check_key_bytes(keys: Sequence[str]) -> None:
    """Raise ApiError for a key that is too long in UTF-8, which has at most four bytes per character."""
    for key in keys:
        if len(key) * 4 > KEY_LENGTH_MAX and len(key.encode()) > KEY_LENGTH_MAX:
            raise invalid("Record key length exceeds the maximum allowed")


def check_unique_keys(keys: Sequence[str]) -> None:
    """Raise ApiError for a repeated key. Observed for deletes; for puts the sources disagree: inferred."""
    if len(set(keys)) < len(keys):
        raise invalid("Request must not contain duplicate keys")


def last_positions(keys: Sequence[str]) -> list[int]:
    """Return the last position of each distinct key."""
    return list({key: position for position, key in enumerate(keys)}.values())


def check_records(index: Index, put: PutBody) -> None:
    """Raise ApiError for the first record of *put* that *index* does not accept."""
    are_vectors_valid, non_filterable = _are_vectors_valid(index, put), index.non_filterable
    for position, (key, metadata) in enumerate(zip(put.keys, put.metadata, strict=True)):
        problem = None if are_vectors_valid else vector_problem(index, put.vectors[position])
        if problem:
            raise _invalid_record(key, problem, f"vectors[{position}]")
        if metadata is not None and (problem := metadata_problem(metadata, non_filterable=non_filterable)):
            raise _invalid_record(key, problem, f"vectors[{position}].metadata")


def vector_problem(index: Index, vector: Float32Vector) -> str | None:
    """Return why *index* does not accept *vector*, in the service's words, or None."""
    if len(vector) != index.dimension:
        return f"vector must have length {index.dimension}, but has length {len(vector)}"
    if not np.isfinite(vector).all():
        return "vector contains NaNs or Infs"
    if index.metric == COSINE and not vector.any():
        return ZERO_NORM
    return None


def _are_vectors_valid(index: Index, put: PutBody) -> bool:
    """Return whether every vector is valid, checking all at once."""
    vectors = put.vectors
    if not isinstance(vectors, np.ndarray) or vectors.shape[1] != index.dimension:
        return False
    return bool(np.isfinite(vectors).all() and (index.metric != COSINE or vectors.any(axis=1).all()))


def _invalid_record(key: str, problem: str, path: str) -> ApiError:
    return invalid(f"Invalid record for key '{key}': {problem}", path=path, field_message=problem)
