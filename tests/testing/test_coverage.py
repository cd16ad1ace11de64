from __future__ import annotations

import pytest

from vecgate.testing.coverage import checkable, coverage_of, matching
from vecgate.testing.requirements import Requirement

WORDS = frozenset(checkable())


def req(id_: str, *covers: str) -> Requirement:
    return Requirement(id_, "must", "model", "https://a.example/", covers=covers)


@pytest.mark.parametrize(
    "word",
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
def test_the_model_can_be_checked(word: str) -> None:
    """Each operation, bound, pattern, enumeration, required and output member, and error code has a word."""
    assert word in WORDS


@pytest.mark.parametrize(
    "word",
    [
        "QueryVectors.topK.max",  # the model has no such bound
        "CreateIndex.tags.value.min-1",  # nothing is shorter than 0
        "GetIndex!InternalServerException",  # nobody can provoke it
        "TagResource!ConflictException",
        "DeleteIndex>index",
    ],
)
def test_what_cannot_be_checked_has_no_word(word: str) -> None:
    """So that 100 % can be reached."""
    assert word not in WORDS


def test_a_star_stands_for_many() -> None:
    """Within one operation, mostly."""
    assert matching("DeleteIndex.indexName.*", WORDS) == {
        f"DeleteIndex.indexName.{bound}" for bound in ("min", "min-1", "max", "max+1")
    }
    assert matching("DeleteIndex.indexName.max", WORDS) == {"DeleteIndex.indexName.max"}
    assert matching("DeleteIndex.nothing", WORDS) == set()


def test_coverage_names_what_is_missing_and_what_is_unknown() -> None:
    """The id of an operation covers the operation alone."""
    found = coverage_of([req("get-index.a", "GetIndex>index", "GetIndx"), req("filters.b")])
    assert "GetIndex" not in found.missing
    assert "GetIndex>index" not in found.missing
    assert "GetIndex>index.dimension" in found.missing
    assert found.unknown == ("get-index.a: GetIndx",)
    assert found.share == pytest.approx(2 / len(WORDS))
