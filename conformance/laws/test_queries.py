"""Laws of search: what is nearest, and how near. Small indexes are searched exactly, large ones nearly so."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.testing import sources
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeIndex

from ..oracle import OracleIndex, is_close
from .judging import assert_nearest, filled
from .strategies import Filter, Row, Values, filterable_scalars, filters_seen, plain_values, rows

RECALL_MIN = 0.9
METRICS = st.sampled_from(["cosine", "euclidean"])
COUNTS = st.integers(1, 10)


@requirement("laws.nearest", level="must", evidence="recorded", source=sources.S3MOCK_QUERIES, needs="query")
@given(metric=METRICS, stored=rows(), query=plain_values(2), top_k=COUNTS)
def test_the_nearest_are_found(
    make_index: MakeIndex, metric: str, stored: list[Row], query: Values, top_k: int
) -> None:
    """Results are the nearest, in order, at the distances that the metric gives."""
    with filled(make_index, stored, metric=metric) as (index, oracle):
        assert_nearest(index.query(query, top_k), oracle, query, top_k=top_k)


@requirement(
    "laws.nearest-wide", level="must", evidence="recorded", source=sources.S3MOCK_QUERIES, needs="query"
)
@given(metric=METRICS, stored=rows(values=plain_values(24), max_size=5), query=plain_values(24))
def test_the_nearest_are_found_in_many_dimensions(
    make_index: MakeIndex, metric: str, stored: list[Row], query: Values
) -> None:
    """Results are the nearest, in order, at the distances that the metric gives, in 24 dimensions."""
    with filled(make_index, stored, metric=metric, dimension=24) as (index, oracle):
        assert_nearest(index.query(query), oracle, query, top_k=10)


@requirement(
    "laws.nearest-filtered", level="must", evidence="documented", source=sources.FILTERS, needs="query"
)
@given(
    metric=METRICS, objects=filterable_scalars(), query=plain_values(2), filter_=filters_seen(), top_k=COUNTS
)
def test_the_nearest_matches_are_found(
    make_index: MakeIndex,
    *,
    metric: str,
    objects: list[dict[str, Any]],
    query: Values,
    filter_: Filter,
    top_k: int,
) -> None:
    """With a filter, results are the nearest of those that match it."""
    stored: list[Row] = [(f"k{number}", [1.0, number / 2], each) for number, each in enumerate(objects)]
    with filled(make_index, stored, metric=metric) as (index, oracle):
        found = index.query(query, top_k, filter=filter_)
        assert_nearest(found, oracle, query, top_k=top_k, condition=filter_)


@requirement("laws.top-k-grows", level="must", evidence="documented", source=sources.QUERY, needs="query")
@given(metric=METRICS, stored=rows(min_size=2), query=plain_values(2), top_k=COUNTS)
def test_to_ask_for_more_changes_no_distance(
    make_index: MakeIndex, metric: str, stored: list[Row], query: Values, top_k: int
) -> None:
    """The distances of the first topK results are the same whatever topK is."""
    with filled(make_index, stored, metric=metric) as (index, _):
        few = [each["distance"] for each in index.query(query, top_k)]
        more = [each["distance"] for each in index.query(query, top_k + 3)]
        assert more[: len(few)] == pytest.approx(few, rel=1e-5, abs=1e-5)


@requirement("laws.same-again", level="should", evidence="inferred", source=sources.QUERY, needs="query")
@given(stored=rows(), query=plain_values(2))
def test_a_query_is_answered_alike_again(make_index: MakeIndex, stored: list[Row], query: Values) -> None:
    """The same query of the same vectors finds the same again."""
    with filled(make_index, stored) as (index, _):
        once, again = index.query(query), index.query(query)
        assert {each["key"] for each in once} == {each["key"] for each in again}


@requirement(
    "laws.cosine-scale",
    level="must",
    evidence="recorded",
    source=sources.probe("cosine-distance"),
    needs="query",
)
@given(a=plain_values(3), b=plain_values(3), power=st.integers(-6, 6))
def test_length_is_no_matter_to_cosine(make_index: MakeIndex, a: Values, b: Values, power: int) -> None:
    """Under cosine a vector is as far as any multiple of it."""
    longer = [value * 2.0**power for value in a]
    with filled(make_index, [("a", a, None), ("longer", longer, None)], dimension=3) as (index, _):
        one, other = index.query(b)
        assert one["distance"] == pytest.approx(other["distance"], abs=2e-5)


@requirement(
    "laws.cosine-range",
    level="must",
    evidence="recorded",
    source=sources.probe("cosine-distance"),
    needs="query",
)
@given(stored=rows(values=plain_values(5), min_size=1), query=plain_values(5))
def test_cosine_distances_are_from_0_to_2(make_index: MakeIndex, stored: list[Row], query: Values) -> None:
    """A cosine distance is from 0 to 2, but for rounding."""
    with filled(make_index, stored, dimension=5) as (index, _):
        assert all(-1e-5 <= each["distance"] <= 2 + 1e-5 for each in index.query(query))


@requirement(
    "laws.euclidean-scale", level="must", evidence="recorded", source=sources.SUPABASE, needs="query"
)
@given(a=plain_values(3), b=plain_values(3), power=st.integers(-3, 6))
def test_euclidean_grows_with_the_square(make_index: MakeIndex, a: Values, b: Values, power: int) -> None:
    """Everything twice as large is four times as far: the euclidean distance is squared."""
    scale = 2.0**power
    far: list[Row] = [("far", [value * scale for value in a], None)]
    near: list[Row] = [("near", a, None)]
    with (
        filled(make_index, near, metric="euclidean", dimension=3) as (index, oracle),
        filled(make_index, far, metric="euclidean", dimension=3) as (larger, _),
    ):
        (one,) = index.query(b)
        (other,) = larger.query([value * scale for value in b])
        size = oracle.size("near", b)
        assert is_close("euclidean", other["distance"] / scale**2, one["distance"], size=size + 1 / scale**2)


@requirement("laws.symmetry", level="must", evidence="documented", source=sources.INDEXES, needs="query")
@given(metric=METRICS, a=plain_values(3), b=plain_values(3))
def test_there_is_as_far_as_back(make_index: MakeIndex, metric: str, a: Values, b: Values) -> None:
    """One vector is as far from another as that from it."""
    with filled(make_index, [("a", a, None), ("b", b, None)], metric=metric, dimension=3) as (index, oracle):
        from_a = {each["key"]: each["distance"] for each in index.query(a)}
        from_b = {each["key"]: each["distance"] for each in index.query(b)}
        assert is_close(metric, from_a["b"], from_b["a"], size=oracle.size("a", b))


@requirement("laws.itself", level="must", evidence="recorded", source=sources.PROBE_TABLES, needs="query")
@given(metric=METRICS, stored=rows(values=plain_values(4), min_size=1), data=st.data())
def test_a_vector_finds_itself(
    make_index: MakeIndex, metric: str, stored: list[Row], data: st.DataObject
) -> None:
    """A stored vector is at no distance from itself, and nothing is nearer."""
    key, values, _ = data.draw(st.sampled_from(stored), label="which")
    with filled(make_index, stored, metric=metric, dimension=4) as (index, oracle):
        found = {each["key"]: each["distance"] for each in index.query(values)}
        size = oracle.size(key, values)
        assert is_close(metric, found[key], 0, size=size)
        assert is_close(metric, min(found.values()), 0, size=size)


@requirement(
    "laws.write-moves-results", level="must", evidence="documented", source=sources.LIST, needs="query"
)
@given(first=rows(min_size=1), second=rows(), gone=st.integers(0, 3), query=plain_values(2))
def test_a_search_sees_every_write(
    make_index: MakeIndex, first: list[Row], second: list[Row], gone: int, query: Values
) -> None:
    """After puts, overwrites and deletions a search finds what is stored now, at once."""
    with filled(make_index, first, metric="euclidean") as (index, oracle):
        assert_nearest(index.query(query, 20), oracle, query, top_k=20)
        for row in second:
            oracle.put(*row)
        if second:
            index.put(*({"key": k, "data": {"float32": v}, "metadata": m or {}} for k, v, m in second))
        keys = sorted(oracle.records)[:gone]
        for key in keys:
            oracle.delete(key)
        index.delete(*keys)
        assert_nearest(index.query(query, 20), oracle, query, top_k=20)


@requirement("laws.flags", level="must", evidence="model", source=sources.api("QueryVectors"), needs="query")
@given(stored=rows(), query=plain_values(2), distance=st.booleans(), metadata=st.booleans())
def test_flags_choose_what_is_told(
    make_index: MakeIndex, stored: list[Row], query: Values, *, distance: bool, metadata: bool
) -> None:
    """Flags choose what is told of results, and metadata comes back as it was put."""
    with filled(make_index, stored) as (index, oracle):
        for each in index.query(query, distance=distance, metadata=metadata):
            assert ("distance" in each, "metadata" in each) == (distance, metadata)
            if metadata:
                assert each["metadata"] == oracle.records[each["key"]].metadata


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@requirement("laws.recall", level="should", evidence="documented", source=sources.QUERY, needs="query")
def test_recall_is_high(make_index: MakeIndex, metric: str) -> None:
    """Of the ten nearest of 1,000 vectors a search finds nine on average, and never a wrong distance."""
    chance = random.Random(7)  # noqa: S311 - the same vectors in every run
    oracle = OracleIndex(metric)
    for number in range(1_000):
        oracle.put(f"k{number}", [chance.gauss(0, 1) for _ in range(16)])
    index = make_index(metric=metric, dimension=16)
    index.put(*((key, record.values) for key, record in oracle.records.items()))
    hits = 0
    for _ in range(20):
        query = [chance.gauss(0, 1) for _ in range(16)]
        expected = oracle.distances(query)
        found = index.query(query)
        assert all(is_close(metric, one["distance"], expected[one["key"]], size=100) for one in found)
        hits += len({each["key"] for each in found} & set(sorted(expected, key=expected.__getitem__)[:10]))
    assert hits / 200 >= RECALL_MIN


@pytest.mark.parametrize("share", [2, 10, 100])
@requirement(
    "laws.recall-filtered", level="should", evidence="recorded", source=sources.PROBE_TABLES, needs="query"
)
def test_recall_is_high_behind_a_filter(make_index: MakeIndex, share: int) -> None:
    """Of the five nearest that a filter lets through a search finds most, and nothing that does not match."""
    chance = random.Random(11)  # noqa: S311 - the same vectors in every run
    oracle = OracleIndex("cosine")
    for number in range(1_000):
        oracle.put(f"k{number}", [chance.gauss(0, 1) for _ in range(16)], {"n": number % share})
    index = make_index(dimension=16)
    index.put(*((key, record.values, record.metadata) for key, record in oracle.records.items()))
    hits = 0
    for _ in range(20):
        query = [chance.gauss(0, 1) for _ in range(16)]
        expected = oracle.distances(query, {"n": 0})
        found = {each["key"] for each in index.query(query, 5, filter={"n": 0})}
        assert found <= set(expected)
        hits += len(found & set(sorted(expected, key=expected.__getitem__)[:5]))
    assert hits / 100 >= RECALL_MIN
