from __future__ import annotations

import pytest
from model_coverage import matching, measure_coverage, model_elements

from vecgate.conformance_kit.requirements import Requirement

ELEMENTS = frozenset(model_elements())


def requirement_covering(id_: str, *covers: str) -> Requirement:
    return Requirement(id_, "effect", "model", "https://a.example/", covers=covers)


@pytest.mark.parametrize(
    "element",
    [
        "PutVectors",
        "PutVectors.vectors.min-1",
        "PutVectors.vectors.max+1",
        "PutVectors.vectors.key.max",
        "PutVectors.vectors.key.required",
        "GetVectors.keys.member.max+1",
        "CreateIndex.tags.key.max+1",
        "CreateIndex.tags.value.min",
        "CreateIndex.dataType.enum",
        "CreateIndex.distanceMetric.enum=euclidean",
        "GetIndex.indexArn.pattern",
        "QueryVectors.topK.min-1",
        "ListVectors.segmentIndex.min-1",
        "GetIndex>index.dimension",
        "QueryVectors>vectors.scores.bm25Scores.score",
        "GetIndex!NotFoundException",
        "CreateIndex!ConflictException",
    ],
)
def test_elements_of_the_model(element: str) -> None:
    """Operations, limits, patterns, enumerations, required and output members, and error codes are elements."""
    assert element in ELEMENTS


@pytest.mark.parametrize(
    "element",
    [
        "QueryVectors.topK.max",  # the model has no such bound
        "CreateIndex.tags.value.min-1",  # nothing is shorter than 0
        "GetIndex!InternalServerException",  # no test can cause it
        "TagResource!ConflictException",
        "DeleteIndex>index",
    ],
)
def test_untestable_parts_are_not_elements(element: str) -> None:
    """A coverage of 100 % must be possible."""
    assert element not in ELEMENTS


def test_a_star_matches_several_elements() -> None:
    """A name with a star usually stays within one operation."""
    assert matching("DeleteIndex.indexName.*", ELEMENTS) == {
        f"DeleteIndex.indexName.{bound}" for bound in ("min", "min-1", "max", "max+1")
    }
    assert matching("DeleteIndex.indexName.max", ELEMENTS) == {"DeleteIndex.indexName.max"}
    assert matching("DeleteIndex.nothing", ELEMENTS) == set()


def test_coverage_lists_missing_and_unknown_elements() -> None:
    """The id of a requirement covers its operation only."""
    found = measure_coverage(
        [requirement_covering("get-index.a", "GetIndex>index", "GetIndx"), requirement_covering("filters.b")]
    )
    assert "GetIndex" not in found.missing
    assert "GetIndex>index" not in found.missing
    assert "GetIndex>index.dimension" in found.missing
    assert found.unknown == ("get-index.a: GetIndx",)
    assert found.ratio == pytest.approx(2 / len(ELEMENTS))
