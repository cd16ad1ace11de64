"""An answer is checked by its request: status 200 and the right form are not enough."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from vecgate.errors import ProtocolError
from vecgate.load.scenario.scenario_spec import QuerySpec, Scenario, VectorsSpec
from vecgate.load.traffic.answer_checks import CheckAnswer, GetAnswer, ListAnswer, QueryAnswer
from vecgate.load.traffic.planned_requests import RequestPlanner
from vecgate.load.traffic.request_bodies import RequestBodies
from vecgate.load.traffic.vector_pool import build_pool
from vecgate.s3vectors.arn import IndexAddress

GET = GetAnswer(frozenset({b"v0000000001", b"v0000000002"}), dimension=2, is_certain=True)
#: Its answers are too large to be parsed without a reason.
LARGE_GET = GetAnswer(GET.keys, dimension=600, is_certain=True)
NO_DATA = "v0000000001 has no data"
UNCERTAIN_GET = GetAnswer(GET.keys, dimension=2, is_certain=False)
QUERY = QueryAnswer("cosine", least=2, top_k=3)
LIST = ListAnswer(least=1, most=2)


def stored(*records: int, size: int = 2) -> dict[str, Any]:
    return {"vectors": [{"key": f"v{each:010d}", "data": {"float32": [0.5] * size}} for each in records]}


def hits(*distances: float, metric: str = "cosine") -> dict[str, Any]:
    found = [{"key": f"v{number:010d}", "distance": each} for number, each in enumerate(distances)]
    return {"vectors": found, "distanceMetric": metric}


@pytest.mark.parametrize(
    ("check", "answer", "reason"),
    [
        (GET, stored(), "0 vectors for 2 keys that are stored"),
        (GET, stored(1), "1 vectors for 2 keys that are stored"),
        (GET, stored(1, 3), "v0000000003 was not asked for"),
        (GET, stored(1, 1), "2 vectors for 2 keys, some of them twice"),
        (GET, stored(2, 1, 1), "3 vectors for 2 keys, some of them twice"),
        (GET, stored(1, 2, size=0), "a vector of dimension 0, in an index of 2"),
        (LARGE_GET, stored(1, 2, 3, size=600), "v0000000003 was not asked for"),
        (LARGE_GET, {"vectors": [{"key": "v0000000001"}, *stored(2, size=1_000)["vectors"]]}, NO_DATA),
        (UNCERTAIN_GET, stored(3), "v0000000003 was not asked for"),
        (QUERY, hits(), "0 vectors, and at least 2 match"),
        (QUERY, hits(0.1), "1 vectors, and at least 2 match"),
        (QUERY, hits(0.1, 0.2, 0.3, 0.4), "4 vectors for topK 3"),
        (QUERY, hits(0.2, 0.1), "not in the order of their distances"),
        (QUERY, hits(0.1, 0.2, metric="euclidean"), "distanceMetric 'euclidean', in an index with 'cosine'"),
        (QUERY, {"vectors": hits(0.1, 0.2)["vectors"]}, "distanceMetric None"),
        (QUERY, {**hits(), "vectors": hits(0.1)["vectors"] * 2}, "the same vector twice"),
        (LIST, stored(), "0 vectors, in an index that is not empty"),
        (LIST, stored(1, 2, 3), "3 vectors for maxResults 2"),
    ],
)
def test_a_wrong_answer_is_an_error_that_says_what_is_wrong(
    check: CheckAnswer, answer: Mapping[str, Any], reason: str
) -> None:
    """Its number of vectors, their keys, their order, the metric of the index."""
    with pytest.raises(ProtocolError) as raised:
        check(json.dumps(answer).encode())
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (GET, json.dumps(stored(2, 1))),
        (GET, json.dumps(stored(2, 1), indent=1)),
        (GET, json.dumps(stored(1, 2)).replace("key", "\\u006bey")),
        (GET, json.dumps({**stored(1, 2), "more": {"key": "v0000000009"}})),
        (LARGE_GET, json.dumps(stored(2, 1, size=600))),
        (UNCERTAIN_GET, json.dumps(stored(2))),
        (UNCERTAIN_GET, json.dumps(stored())),
        (QUERY, json.dumps(hits(0.1, 0.1, 0.2))),
        (LIST, json.dumps(stored(1))),
        (ListAnswer(0, 100), json.dumps(stored())),
    ],
)
def test_a_right_answer_passes_in_any_encoding(check: CheckAnswer, answer: str) -> None:
    """In any order of the keys, with spaces and escapes, and with members of a later version."""
    check(answer.encode())


@pytest.mark.parametrize(
    ("operations", "more", "least"),
    [
        ({"QueryVectors": 1.0}, {}, 10),
        ({"QueryVectors": 1.0}, {"preload": 4}, 4),
        ({"QueryVectors": 0.5, "PutVectors": 0.5}, {"preload": 0}, 0),
        ({"QueryVectors": 0.5, "DeleteVectors": 0.5}, {}, 0),
        # These deletes are of vectors that the run has put.
        ({"QueryVectors": 0.4, "PutVectors": 0.4, "DeleteVectors": 0.2}, {}, 10),
        ({"QueryVectors": 1.0}, {"query": QuerySpec(filtered_share=1.0)}, 1),
        ({"QueryVectors": 1.0}, {"query": QuerySpec(filtered_share=1.0), "preload": 99}, 0),
    ],
)
def test_a_query_must_find_what_is_certainly_stored(
    operations: Mapping[str, float], more: Mapping[str, Any], least: int
) -> None:
    """The preload, unless the run deletes it; with a filter one vector, because the search is approximate."""
    spec = VectorsSpec(dimension=2, pool=100, clusters=2, per_request=2)
    scenario = Scenario(operations=operations, **{"preload": 100, "vectors": spec, **more})
    pool = build_pool(scenario)
    planner = RequestPlanner(scenario, RequestBodies(IndexAddress("b", "i"), scenario, pool), pool)
    query = next(each for each in map(planner.plan, range(20)) if each.operation == "QueryVectors")
    assert query.check == QueryAnswer("cosine", least, 10)
