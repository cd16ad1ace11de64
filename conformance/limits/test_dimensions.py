"""Dimensions: 1 to 4,096, the same for every vector of an index."""

from __future__ import annotations

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex, vector


def distinct_values(dimension: int) -> list[float]:
    """Return different values that float32 represents exactly."""
    return [1.0 + position / 8 for position in range(dimension)]


@pytest.mark.parametrize("dimension", [1, 2, 3, 7, 1_024, 4_096])
@requirement("dimensions.kept", kind="effect", evidence="documented", source=sources.LIMITS)
def test_vectors_of_any_dimension_are_stored(make_index: MakeIndex, dimension: int) -> None:
    """Vectors of 1 to 4,096 values are stored and read back in order."""
    index = make_index(dimension=dimension, metric="euclidean")
    index.put(("k", distinct_values(dimension)))
    assert index.get("k")["k"]["data"]["float32"] == distinct_values(dimension)


@pytest.mark.parametrize("dimension", [1, 4_096])
@requirement(
    "dimensions.searched", kind="effect", evidence="documented", source=sources.LIMITS, needs="query"
)
def test_vectors_of_any_dimension_are_found(make_index: MakeIndex, dimension: int) -> None:
    """Indexes of the smallest and the largest dimension can be searched; the last value counts like the
    first.
    """
    index = make_index(dimension=dimension, metric="euclidean")
    far = [*distinct_values(dimension)[:-1], 100.0]
    index.put(("near", distinct_values(dimension)), ("far", far))
    assert [each["key"] for each in index.query(distinct_values(dimension))] == ["near", "far"]


@pytest.mark.parametrize(("dimension", "bound"), [(1, "min"), (4_096, "max")])
@requirement(
    "dimensions.range-taken",
    kind="effect",
    evidence="documented",
    source=sources.LIMITS,
    covers="CreateIndex.dimension.{bound}",
)
def test_1_and_4096_dimensions_are_accepted(make_index: MakeIndex, dimension: int, bound: str) -> None:
    """An index may have 1 or 4,096 dimensions."""
    del bound
    index = make_index(dimension=dimension)
    assert index.call("GetIndex")["index"]["dimension"] == dimension


@pytest.mark.parametrize(("dimension", "bound"), [(0, "min-1"), (4_097, "max+1")])
@requirement(
    "dimensions.range",
    kind="refusal",
    evidence="documented",
    source=sources.LIMITS,
    covers="CreateIndex.dimension.{bound}",
)
def test_0_and_4097_dimensions_are_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, dimension: int, bound: str
) -> None:
    """An index must have at least 1 and at most 4,096 dimensions."""
    del bound
    members = {**plain_index.address, "indexName": "out-of-range", "dataType": "float32"}
    members |= {"dimension": dimension, "distanceMetric": "cosine"}
    expect_error("CreateIndex", members, code="ValidationException")


@pytest.mark.parametrize(
    ("dimension", "given"),
    [(1, 2), (2, 1), (2, 3), (5, 1), (4_096, 4_095), (1_536, 1_537)],
    ids=["2-for-1", "1-for-2", "3-for-2", "1-for-5", "4095-for-4096", "1537-for-1536"],
)
@requirement("dimensions.wrong", kind="refusal", evidence="recorded", source=sources.MOTO_VECTORS)
def test_a_vector_of_another_dimension_is_rejected(
    make_index: MakeIndex, expect_error: ErrorExpectation, dimension: int, given: int
) -> None:
    """A vector must have exactly as many values as its index has dimensions."""
    members = {**make_index(dimension=dimension).address, "vectors": [vector("k", distinct_values(given))]}
    expect_error("PutVectors", members, code="ValidationException")


@requirement("dimensions.none", kind="refusal", evidence="inferred", source=sources.MOTO_VECTORS)
def test_a_vector_without_values_is_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """A vector must have values."""
    expect_error(
        "PutVectors", {**plain_index.address, "vectors": [vector("k", [])]}, code="ValidationException"
    )


@requirement("dimensions.wrong-message", kind="detail", evidence="recorded", source=sources.MOTO_VECTORS)
def test_both_dimensions_are_named(make_index: MakeIndex, expect_error: ErrorExpectation) -> None:
    """The error message gives the key, the required dimension and the actual one."""
    expect_error(
        "PutVectors",
        {**make_index(dimension=5).address, "vectors": [vector("k", [0.5])]},
        code="ValidationException",
        message="Invalid record for key 'k': vector must have length 5, but has length 1",
    )


@requirement(
    "dimensions.wrong-field", kind="detail", evidence="recorded", source=sources.probe("zero-vector")
)
def test_the_error_gives_the_path_of_the_vector(
    plain_index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """The `fieldList` of the error gives the path of the vector."""
    expect_error(
        "PutVectors",
        {**plain_index.address, "vectors": [vector("k", [0.5])]},
        code="ValidationException",
        field="vectors[0]",
    )
