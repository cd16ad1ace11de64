"""Comparison of a target's answers with the oracle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from vecgate.resources.handles import IndexHandle, MakeIndex

from ..oracle import Filter, OracleIndex, is_close
from .strategies import Metadata, Row


@contextmanager
def filled_index(
    make_index: MakeIndex, rows: Iterable[Row], *, metric: str = "cosine", **members: Any
) -> Iterator[tuple[IndexHandle, OracleIndex]]:
    """Create an index with *rows* and the oracle's copy of it. The index is removed at the end of the
    example.
    """
    index, oracle = make_index(metric=metric, **members), OracleIndex(metric)
    put_rows(index, oracle, rows)
    yield index, oracle
    index.remove()


def put_rows(index: IndexHandle, oracle: OracleIndex, rows: Iterable[Row]) -> None:
    """Write *rows* to the index, in one request, and to the oracle."""
    records = [to_record(row) for row in rows]
    if records:
        index.put(*records)
    for row in rows:
        oracle.put(*row)


def to_record(row: Row) -> Mapping[str, Any]:
    """Return *row* in the form that PutVectors expects."""
    key, values, metadata = row
    described = {"key": key, "data": {"float32": values}}
    return described if metadata is None else {**described, "metadata": metadata}


@contextmanager
def index_with_metadata(make_index: MakeIndex, objects: Sequence[Metadata]) -> Iterator[IndexHandle]:
    """Create an index with a vector for each of *objects*, under the keys k0, k1 and so on."""
    rows: list[Row] = [(f"k{number}", [1.0, number / 8], each) for number, each in enumerate(objects)]
    with filled_index(make_index, rows) as (index, _):
        yield index


def assert_nearest(
    found: Sequence[Mapping[str, Any]],
    oracle: OracleIndex,
    query: Sequence[float],
    *,
    top_k: int,
    condition: Filter | None = None,
) -> None:
    """Check that *found* are the *top_k* nearest with their distances. Ties may come in any order."""
    expected = oracle.distances(query, condition)
    keys = [each["key"] for each in found]
    assert len(set(keys)) == len(keys), "a key is returned twice"
    assert set(keys) <= set(expected), "a result is not stored or does not match the filter"
    assert len(keys) == min(top_k, len(expected))
    for each in found:
        size = oracle.size(each["key"], query)
        assert is_close(oracle.metric, each["distance"], expected[each["key"]], size=size), each
    for one, next_ in pairwise(found):
        assert one["distance"] <= next_["distance"], "the results are not ordered by distance"
    for each, best in zip(found, sorted(expected.values()), strict=False):
        assert is_close(oracle.metric, expected[each["key"]], best, size=oracle.size(each["key"], query))
