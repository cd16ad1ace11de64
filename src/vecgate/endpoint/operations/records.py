"""The rules for keys, vectors and metadata in a write, which is all or nothing: a bad record refuses it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vecgate.endpoint.answers import Refused, invalid
from vecgate.endpoint.decoding import PutBody
from vecgate.endpoint.search import COSINE
from vecgate.endpoint.state import Index
from vecgate.endpoint.table import Float32Vector
from vecgate.s3vectors.limits import KEY_LENGTH_MAX
from vecgate.s3vectors.metadata import metadata_problem

ZERO_NORM = "cosine distance does not support vectors with zero norm"


def check_key_bytes(keys: Sequence[str]) -> None:
    """Raise Refused for a key that is too long in UTF-8: at most four bytes to each of its characters."""
    for key in keys:
        if len(key) * 4 > KEY_LENGTH_MAX and len(key.encode()) > KEY_LENGTH_MAX:
            raise invalid("Record key length exceeds the maximum allowed")


def check_distinct(keys: Sequence[str]) -> None:
    """Raise Refused for a repeated key. Observed for deletes; for puts the sources disagree: inferred."""
    if len(set(keys)) < len(keys):
        raise invalid("Request must not contain duplicate keys")


def last_of_each(keys: Sequence[str]) -> list[int]:
    """Where each of *keys* stands for the last time."""
    return list({key: place for place, key in enumerate(keys)}.values())


def check_records(index: Index, put: PutBody) -> None:
    """Raise Refused for the first record of *put* that *index* cannot take."""
    vectors_are_good, non_filterable = _all_good(index, put), index.non_filterable
    for position, (key, metadata) in enumerate(zip(put.keys, put.metadata, strict=True)):
        problem = None if vectors_are_good else vector_problem(index, put.vectors[position])
        if problem:
            raise _bad_record(key, problem, f"vectors[{position}]")
        if metadata is not None and (problem := metadata_problem(metadata, non_filterable=non_filterable)):
            raise _bad_record(key, problem, f"vectors[{position}].metadata")


def vector_problem(index: Index, vector: Float32Vector) -> str | None:
    """Why *index* cannot take *vector*, in the service's words, or None."""
    if len(vector) != index.dimension:
        return f"vector must have length {index.dimension}, but has length {len(vector)}"
    if not np.isfinite(vector).all():
        return "vector contains NaNs or Infs"
    if index.metric == COSINE and not vector.any():
        return ZERO_NORM
    return None


def _all_good(index: Index, put: PutBody) -> bool:
    """Whether every vector is fine, looked at all at once."""
    vectors = put.vectors
    if not isinstance(vectors, np.ndarray) or vectors.shape[1] != index.dimension:
        return False
    return bool(np.isfinite(vectors).all() and (index.metric != COSINE or vectors.any(axis=1).all()))


def _bad_record(key: str, problem: str, path: str) -> Refused:
    return invalid(f"Invalid record for key '{key}': {problem}", path=path, field_message=problem)
