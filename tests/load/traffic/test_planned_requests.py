"""The request of each arrival: its operation, its records, and agreement between workers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.load.scenario.scenario_spec import QUERIES, QuerySpec, Scenario, VectorsSpec
from vecgate.load.traffic.planned_requests import PlannedRequest, RequestPlanner, SampledAnswers
from vecgate.load.traffic.request_bodies import RequestBodies, record_key, record_number
from vecgate.load.traffic.vector_pool import GROUPS, VectorPool, build_pool
from vecgate.results.load.load_records import Recall
from vecgate.s3vectors.arn import IndexAddress

PRELOAD = 300
MIXED = {
    "PutVectors": 0.2,
    "QueryVectors": 0.5,
    "GetVectors": 0.2,
    "ListVectors": 0.05,
    "DeleteVectors": 0.05,
}


def scenario_of(operations: Mapping[str, float], **more: Any) -> Scenario:
    values = {"preload": PRELOAD, "vectors": VectorsSpec(dimension=4, per_request=3, pool=100, clusters=5)}
    return Scenario(operations=operations, **{**values, **more})


def build_planner(scenario: Scenario) -> RequestPlanner:
    pool = build_pool(scenario)
    return RequestPlanner(scenario, RequestBodies(IndexAddress("media", "films"), scenario, pool), pool)


def members(request: PlannedRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.body.data)
    return found


def keys_of(request: PlannedRequest) -> list[int]:
    return [record_number(key) for key in members(request)["keys"]]


def test_operations_have_the_proportions_of_the_scenario() -> None:
    """In ten thousand arrivals, to within a few."""
    planner = build_planner(scenario_of(MIXED, query=QuerySpec(filtered_share=0.3)))
    requests = [planner.plan(arrival) for arrival in range(10_000)]
    counts = Counter(request.operation for request in requests)
    assert {name: round(number / 10_000, 2) for name, number in counts.items()} == MIXED
    filtered = sum("filter" in members(each) for each in requests if each.operation == "QueryVectors")
    assert filtered / counts["QueryVectors"] == pytest.approx(0.3, abs=0.01)


def test_every_worker_plans_the_same_request_for_an_arrival() -> None:
    """In any order of arrivals."""
    scenario = scenario_of(MIXED, query=QuerySpec(filtered_share=0.3))
    one, other = build_planner(scenario), build_planner(scenario)
    there = {arrival: one.plan(arrival) for arrival in range(200)}
    back = {arrival: other.plan(arrival) for arrival in reversed(range(200))}
    assert there == back


@pytest.mark.parametrize("operations", [{"PutVectors": 1.0}, MIXED])
def test_no_record_is_put_twice(operations: Mapping[str, float]) -> None:
    """Nor is a preloaded one: each put record belongs to exactly one arrival."""
    planner = build_planner(scenario_of(operations))
    puts = [each for each in map(planner.plan, range(500)) if each.operation == "PutVectors"]
    records = [record for each in puts for record in each.records]
    assert len(records) == len(set(records)) == 3 * len(puts)
    assert min(records) >= PRELOAD
    if len(operations) == 1:
        assert records == list(range(PRELOAD, PRELOAD + 1_500))
    for put in puts:
        assert [each["key"] for each in members(put)["vectors"]] == [
            record_key(record) for record in put.records
        ]
        assert put.vectors == 3
        assert put.stored_bytes > 3 * (11 + 4 * 4)


def test_reads_request_preloaded_records() -> None:
    """Each at most once in a request."""
    planner = build_planner(scenario_of({"GetVectors": 1.0}, get_keys=7))
    for arrival in range(200):
        request = planner.plan(arrival)
        keys = keys_of(request)
        assert len(keys) == len(set(keys)) == request.vectors == 7
        assert all(0 <= key < PRELOAD for key in keys)


def test_reads_request_all_records_if_there_are_few() -> None:
    """Without a preload they request the first record that will be put."""
    few = build_planner(scenario_of({"GetVectors": 1.0}, preload=4)).plan(9)
    assert sorted(keys_of(few)) == [0, 1, 2, 3]
    assert few.vectors == 4
    assert keys_of(build_planner(scenario_of({"GetVectors": 0.5, "PutVectors": 0.5}, preload=0)).plan(0)) == [
        0
    ]


@given(arrival=st.integers(0, 10_000), keys=st.integers(1, 500))
def test_deletes_remove_the_records_put_last(arrival: int, keys: int) -> None:
    """Never preloaded ones, which reads need; a record that does not exist if none was put."""
    requests = build_planner(scenario_of({"PutVectors": 0.5, "DeleteVectors": 0.5}, delete_keys=keys))
    request = requests.plan(arrival)
    if request.operation != "DeleteVectors":
        return
    earlier = (requests.plan(each) for each in range(arrival - 1, max(-1, arrival - 257), -1))
    put = [record for each in earlier for record in each.records]
    assert keys_of(request) == (put[:keys] or [PRELOAD])
    assert request.vectors == len(keys_of(request))


def test_listings_have_no_keys() -> None:
    """They request the first page, and count no vectors."""
    request = build_planner(scenario_of({"ListVectors": 1.0})).plan(5)
    assert (request.operation, request.vectors, request.records) == ("ListVectors", 0, range(0))
    assert "keys" not in members(request)


# Recall.


def answer_of(*records: int) -> bytes:
    return json.dumps(
        {"vectors": [{"key": record_key(record), "distance": 0.1} for record in records]}
    ).encode()


def exact_answer(request: PlannedRequest, pool: VectorPool) -> bytes:
    """Return the nearest of all preloaded records, found by a loop."""
    body = members(request)
    query = np.array(body["queryVector"]["float32"])
    wanted = (body.get("filter") or {}).get("group")
    ranked = sorted(
        (1 - float(pool.vectors[record % len(pool)] @ query) / float(np.linalg.norm(query)), record)
        for record in range(PRELOAD)
        if wanted is None or (pool.metadata[record % len(pool)] or {})["group"] == wanted
    )
    return answer_of(*(record for _, record in ranked[: body["topK"]]))


def sample_recall(
    scenario: Scenario, arrivals: range, answer: Callable[[PlannedRequest, VectorPool], bytes]
) -> tuple[Recall | None, int]:
    """Return the recall of the answers to *arrivals*, and the number of answers kept."""
    planner, pool = build_planner(scenario), build_pool(scenario)
    for arrival in arrivals:
        request = planner.plan(arrival)
        if request.on_ok:
            request.on_ok(answer(request, pool))
    return planner.recall(), len(planner.answers.kept)


def query_scenario(**more: Any) -> Scenario:
    values = {"query": QuerySpec(top_k=5, filtered_share=0.5, recall_sample=40), **more}
    return scenario_of({"QueryVectors": 1.0}, **values)


def test_exact_answers_have_a_recall_of_one() -> None:
    """With and without a filter; all copies of a vector are equally near."""
    assert sample_recall(query_scenario(), range(60), exact_answer) == (
        Recall(k=5, queries=40, mean=1.0, lowest=1.0),
        40,
    )


def test_answers_that_ignore_the_filter_have_no_recall() -> None:
    """An ignored filter shows."""

    def unfiltered(request: PlannedRequest, pool: VectorPool) -> bytes:
        body = members(request)
        group = int(body.get("filter", {"group": "g00"})["group"][1:])
        return answer_of(*(record for record in range(PRELOAD) if record % GROUPS != group))

    query = QuerySpec(top_k=5, filtered_share=1.0, recall_sample=10)
    recall, _ = sample_recall(query_scenario(query=query), range(20), unfiltered)
    assert recall == Recall(k=5, queries=10, mean=0.0, lowest=0.0)


def test_empty_answers_have_no_recall() -> None:
    """If there was something to find."""
    recall, _ = sample_recall(query_scenario(), range(60), lambda *_: answer_of())
    assert recall == Recall(k=5, queries=40, mean=0.0, lowest=0.0)


def test_no_answers_are_sampled_during_deletions() -> None:
    """The exact answer would change from one query to the next."""
    query = QuerySpec(recall_sample=40)
    scenario = scenario_of({"QueryVectors": 0.5, "DeleteVectors": 0.5}, query=query)
    assert sample_recall(scenario, range(60), exact_answer) == (None, 0)


def test_no_answers_are_sampled_by_default() -> None:
    """Computing recall takes time."""
    assert sample_recall(query_scenario(query=QuerySpec()), range(60), exact_answer) == (None, 0)


def test_a_query_is_sampled_once_with_and_once_without_a_filter() -> None:
    """However often it is sent."""
    query = QuerySpec(filtered_share=0.5, recall_sample=10_000)
    _, kept = sample_recall(query_scenario(query=query), range(4 * QUERIES), lambda *_: answer_of())
    assert kept <= 2 * QUERIES
    answers = SampledAnswers(total=10)
    for number in (3, 3 + QUERIES):
        keep = answers.collector(number, filtered=False)
        if keep:
            keep(answer_of(number))
    assert answers.kept == {(3, False): [3]}
    assert answers.collector(3, filtered=True)


def test_no_more_answers_are_kept_than_wanted() -> None:
    """Even if several queries were in flight when the last answer was kept."""
    answers = SampledAnswers(total=2)
    for keep in [answers.collector(number, filtered=False) for number in range(5)]:
        assert keep
        keep(answer_of(1))
    assert len(answers.kept) == 2
    assert answers.collector(9, filtered=False) is None


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_workers_sample_different_queries(parts: int) -> None:
    """Together they keep as many answers as wanted, none twice."""
    samples = [SampledAnswers(total=40, part=part, parts=parts) for part in range(parts)]
    for answers in samples:
        for number in range(QUERIES):
            if keep := answers.collector(number, filtered=False):
                keep(answer_of(number))
    sampled = [query for answers in samples for query in answers.kept]
    assert len(sampled) == len(set(sampled)) == 40


def test_deletes_without_puts_remove_preloaded_records() -> None:
    """In order until all are deleted; then from the start."""
    requests = build_planner(scenario_of({"DeleteVectors": 1.0}, delete_keys=100))
    deleted = [key for arrival in range(PRELOAD // 100) for key in keys_of(requests.plan(arrival))]
    assert sorted(deleted) == list(range(PRELOAD))
    few = build_planner(scenario_of({"DeleteVectors": 1.0}, delete_keys=100, preload=3))
    assert sorted(keys_of(few.plan(5))) == [0, 1, 2]
