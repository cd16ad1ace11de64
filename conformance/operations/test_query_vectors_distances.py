"""QueryVectors: distances. They are compared with a tolerance, because the service computes in float32."""

from __future__ import annotations

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeIndex

from ..oracle import float32

FLOAT32_MAX = 3.4028234663852886e38

COSINE: dict[str, tuple[list[float], float]] = {
    "same-direction": ([1, 0], 0),
    "longer": ([2, 0], 0),
    "perpendicular": ([0, 1], 1),
    "opposite": ([-1, 0], 2),
    "diagonal": ([1, 1], 0.2928932188),
}
EUCLIDEAN: dict[str, tuple[list[float], float]] = {
    "itself": ([0, 0], 0),
    "five-away": ([3, 4], 25),
    "seventeen-away": ([8, 15], 289),
    "negative": ([-3, -4], 25),
    "half-away": ([0.5, 0], 0.25),
}


@pytest.mark.parametrize(("values", "expected"), COSINE.values(), ids=COSINE.keys())
@requirement(
    "query-vectors.cosine", kind="effect", evidence="recorded", source=sources.probe("cosine-distance")
)
def test_cosine_is_one_minus_similarity(make_index: MakeIndex, values: list[float], expected: float) -> None:
    """The cosine distance is 1 minus the cosine of the angle: from 0 to 2, whatever the lengths."""
    index = make_index(metric="cosine")
    index.put(("a", values))
    (one,) = index.query([1, 0])
    assert one["distance"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("values", "expected"), EUCLIDEAN.values(), ids=EUCLIDEAN.keys())
@requirement("query-vectors.euclidean", kind="effect", evidence="recorded", source=sources.SUPABASE)
def test_euclidean_is_squared(make_index: MakeIndex, values: list[float], expected: float) -> None:
    """The euclidean distance is the squared length of the difference."""
    index = make_index(metric="euclidean")
    index.put(("a", values))
    query = {"queryVector": {"float32": [0.0, 0.0]}, "topK": 1, "returnDistance": True}
    (one,) = index.call("QueryVectors", **query)["vectors"]
    assert one["distance"] == pytest.approx(expected, rel=1e-5, abs=1e-5)


@requirement("query-vectors.cosine-value", kind="effect", evidence="recorded", source=sources.NEIGHBOR)
def test_a_recorded_cosine_distance(make_index: MakeIndex) -> None:
    """The cosine distance of [1, 1, 1] and [1, 1, 2] is 0.0571909584."""
    index = make_index(dimension=3)
    index.put(("a", [1, 1, 2]))
    (one,) = index.query([1, 1, 1])
    assert one["distance"] == pytest.approx(0.0571909584, abs=1e-5)


@pytest.mark.parametrize("factor", [0.001, 0.5, 1_000.0])
@requirement(
    "query-vectors.cosine-length",
    kind="effect",
    evidence="recorded",
    source=sources.probe("cosine-distance"),
)
def test_the_length_of_the_query_does_not_matter(make_index: MakeIndex, factor: float) -> None:
    """A longer or shorter query vector of the same direction gives the same cosine distances."""
    index = make_index()
    index.put(("near", [3, 1]), ("far", [-1, 2]))
    assert [each["key"] for each in index.query([factor, 0])] == ["near", "far"]
    assert [each["distance"] for each in index.query([factor, 0])] == pytest.approx(
        [0.0513167, 1.4472136], abs=1e-5
    )


@requirement("query-vectors.euclidean-length", kind="effect", evidence="recorded", source=sources.SUPABASE)
def test_lengths_matter_under_euclidean(make_index: MakeIndex) -> None:
    """The euclidean distance depends on the length of vectors, even in the same direction."""
    index = make_index(metric="euclidean")
    index.put(("longer", [9, 0]), ("aside", [1, 1]))
    assert [each["key"] for each in index.query([1, 0])] == ["aside", "longer"]


@requirement("query-vectors.euclidean-zero", kind="effect", evidence="recorded", source=sources.SUPABASE)
def test_zero_vectors_under_euclidean(make_index: MakeIndex) -> None:
    """With the euclidean metric, a zero vector can be stored, found, and used as the query."""
    index = make_index(metric="euclidean")
    index.put(("origin", [0, 0]), ("away", [1, 0]))
    assert [each["key"] for each in index.query([0, 0])] == ["origin", "away"]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@requirement("query-vectors.never-negative", kind="detail", evidence="documented", source=sources.INDEXES)
def test_the_distance_of_a_vector_from_itself_is_0(make_index: MakeIndex, metric: str) -> None:
    """The distance of a vector from itself is 0, except for rounding."""
    values = [0.1 * number for number in range(1, 33)]
    index = make_index(dimension=32, metric=metric)
    index.put(("a", values))
    (one,) = index.query(values)
    assert one["distance"] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@requirement(
    "query-vectors.distance-is-float32", kind="detail", evidence="recorded", source=sources.PROBE_TABLES
)
def test_distances_are_float32_numbers(make_index: MakeIndex, metric: str) -> None:
    """A distance is a float32 number, written as the double with the same value."""
    index = make_index(dimension=3, metric=metric)
    index.put(("a", [0.1, 0.2, 0.3]), ("b", [0.7, -0.4, 0.9]))
    query = {"queryVector": {"float32": [0.3, 0.3, 0.1]}, "topK": 2, "returnDistance": True}
    distances = [each["distance"] for each in index.call("QueryVectors", **query)["vectors"]]
    assert distances == [float32(each) for each in distances]


@requirement("query-vectors.wide", kind="effect", evidence="documented", source=sources.LIMITS)
def test_distances_in_4096_dimensions(make_index: MakeIndex) -> None:
    """Vectors of 4,096 dimensions are stored and compared like others."""
    index = make_index(dimension=4_096, metric="euclidean")
    index.put(("zeros", [0.0] * 4_096), ("ones", [1.0] * 4_096))
    zeros, ones = index.query([0.0] * 4_096)
    assert (zeros["key"], ones["key"]) == ("zeros", "ones")
    assert ones["distance"] == pytest.approx(4_096, rel=1e-4)


@requirement("query-vectors.narrow", kind="effect", evidence="documented", source=sources.LIMITS)
def test_distances_in_1_dimension(make_index: MakeIndex) -> None:
    """Vectors of one dimension are stored and compared like others."""
    index = make_index(dimension=1, metric="euclidean")
    index.put(("a", [3]), ("b", [-1]))
    assert [(each["key"], each["distance"]) for each in index.query([0])] == [("b", 1), ("a", 9)]


@requirement("query-vectors.ties", kind="open", evidence="inferred", source=sources.QUERY)
def test_vectors_at_equal_distances_are_all_returned(make_index: MakeIndex) -> None:
    """Vectors at the same distance are all returned, each once, in any order."""
    index = make_index()
    index.put(*((f"k{number}", [2, 1]) for number in range(20)))
    found = [each["key"] for each in index.query([1, 0], top_k=20)]
    assert sorted(found) == sorted(f"k{number}" for number in range(20))


@requirement("query-vectors.ties-cut", kind="open", evidence="inferred", source=sources.QUERY)
def test_top_k_of_vectors_at_equal_distances(make_index: MakeIndex) -> None:
    """If more than topK vectors are at the same distance, exactly topK of them are returned."""
    index = make_index()
    index.put(*((f"k{number}", [2, 1]) for number in range(20)))
    assert len({each["key"] for each in index.query([1, 0], top_k=7)}) == 7


@requirement(
    "query-vectors.extreme-values", kind="open", evidence="inferred", source=sources.probe("float32-range")
)
def test_the_largest_values_are_found(make_index: MakeIndex) -> None:
    """With the cosine metric, a vector of the largest float32 values can be stored and found."""
    index = make_index()
    index.put(("huge", [FLOAT32_MAX, FLOAT32_MAX]), ("across", [1, -1]))
    assert {each["key"] for each in index.query([1, 1])} == {"huge", "across"}


@pytest.mark.parametrize("factor", [1e20, 1e-20, 1e30, 1e-30], ids=["1e20", "1e-20", "1e30", "1e-30"])
@pytest.mark.parametrize("scaled", ["stored", "query", "both"])
@requirement(
    "query-vectors.cosine-extremes",
    kind="effect",
    evidence="inferred",
    source=sources.probe("cosine-distance"),
)
def test_very_long_and_very_short_vectors_have_a_direction(
    make_index: MakeIndex, scaled: str, factor: float
) -> None:
    """The cosine distance does not depend on lengths, even if their squares are beyond float32."""
    stored, query = (factor if scaled in {name, "both"} else 1.0 for name in ("stored", "query"))
    index = make_index()
    index.put(("far", [-stored, 2 * stored]), ("near", [3 * stored, stored]))
    found = index.query([query, 0.0])
    assert [each["key"] for each in found] == ["near", "far"]
    assert [each["distance"] for each in found] == pytest.approx([0.0513167, 1.4472136], abs=1e-5)


@requirement(
    "query-vectors.euclidean-beyond-float32",
    kind="effect",
    evidence="inferred",
    source=sources.probe("float32-range"),
)
def test_distances_beyond_float32_keep_their_order(make_index: MakeIndex) -> None:
    """Vectors at squared distances that float32 cannot represent are found, the nearer ones first."""
    index = make_index(metric="euclidean")
    index.put(
        ("a-farthest", [3e38, 0.0]), ("b-far", [1e30, 0.0]), ("near", [2.0, 0.0]), ("c-farther", [1e35, 1.0])
    )
    assert [each["key"] for each in index.query([1.0, 0.0])] == ["near", "b-far", "c-farther", "a-farthest"]
    assert [each["key"] for each in index.query([1.0, 0.0], top_k=3)] == ["near", "b-far", "c-farther"]
