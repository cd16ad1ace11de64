"""The request of each arrival: its operation, its records, and that all workers agree on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.load.bodies import Bodies, key_of, record_of
from vecgate.load.data import GROUPS, Pool, pool_of
from vecgate.load.requests import Answers, Request, Requests
from vecgate.load.specs import QUERIES, QuerySpec, Scenario, VectorsSpec
from vecgate.results.load import Recall
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
    told = {"preload": PRELOAD, "vectors": VectorsSpec(dimension=4, per_request=3, pool=100, clusters=5)}
    return Scenario(operations=operations, **{**told, **more})


def requests_of(scenario: Scenario) -> Requests:
    pool = pool_of(scenario)
    return Requests(scenario, Bodies(IndexAddress("media", "films"), scenario, pool), pool)


def members(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.body.data)
    return found


def keys_of(request: Request) -> list[int]:
    return [record_of(key) for key in members(request)["keys"]]


def test_operations_have_their_shares() -> None:
    """Of ten thousand arrivals, to within a few."""
    made = requests_of(scenario_of(MIXED, query=QuerySpec(filtered_share=0.3)))
    requests = [made.of(arrival) for arrival in range(10_000)]
    counts = Counter(request.operation for request in requests)
    assert {name: round(number / 10_000, 2) for name, number in counts.items()} == MIXED
    filtered = sum("filter" in members(each) for each in requests if each.operation == "QueryVectors")
    assert filtered / counts["QueryVectors"] == pytest.approx(0.3, abs=0.01)


def test_every_worker_makes_the_same_request_of_an_arrival() -> None:
    """In whatever order they come to it."""
    scenario = scenario_of(MIXED, query=QuerySpec(filtered_share=0.3))
    one, other = requests_of(scenario), requests_of(scenario)
    there = {arrival: one.of(arrival) for arrival in range(200)}
    back = {arrival: other.of(arrival) for arrival in reversed(range(200))}
    assert there == back


@pytest.mark.parametrize("operations", [{"PutVectors": 1.0}, MIXED])
def test_no_record_is_put_twice(operations: Mapping[str, float]) -> None:
    """Nor one that is there from the beginning: what an arrival puts, only it does."""
    made = requests_of(scenario_of(operations))
    puts = [each for each in map(made.of, range(500)) if each.operation == "PutVectors"]
    records = [record for each in puts for record in each.records]
    assert len(records) == len(set(records)) == 3 * len(puts)
    assert min(records) >= PRELOAD
    if len(operations) == 1:
        assert records == list(range(PRELOAD, PRELOAD + 1_500))
    for put in puts:
        assert [each["key"] for each in members(put)["vectors"]] == [key_of(record) for record in put.records]
        assert put.vectors == 3
        assert put.stored_bytes > 3 * (11 + 4 * 4)


def test_reads_ask_for_what_is_there() -> None:
    """Records that were put beforehand, each but once in a request."""
    made = requests_of(scenario_of({"GetVectors": 1.0}, get_keys=7))
    for arrival in range(200):
        request = made.of(arrival)
        keys = keys_of(request)
        assert len(keys) == len(set(keys)) == request.vectors == 7
        assert all(0 <= key < PRELOAD for key in keys)


def test_reads_of_less_than_a_request_holds_ask_for_all_of_it() -> None:
    """Where nothing was put beforehand they ask for the first record that will be."""
    few = requests_of(scenario_of({"GetVectors": 1.0}, preload=4)).of(9)
    assert sorted(keys_of(few)) == [0, 1, 2, 3]
    assert few.vectors == 4
    assert keys_of(requests_of(scenario_of({"GetVectors": 0.5, "PutVectors": 0.5}, preload=0)).of(0)) == [0]


@given(arrival=st.integers(0, 10_000), keys=st.integers(1, 500))
def test_deletes_name_what_was_put_last(arrival: int, keys: int) -> None:
    """Never what was there before the run, which reads want; one that nobody put where nothing was put."""
    requests = requests_of(scenario_of({"PutVectors": 0.5, "DeleteVectors": 0.5}, delete_keys=keys))
    request = requests.of(arrival)
    if request.operation != "DeleteVectors":
        return
    earlier = (requests.of(each) for each in range(arrival - 1, max(-1, arrival - 257), -1))
    put = [record for each in earlier for record in each.records]
    assert keys_of(request) == (put[:keys] or [PRELOAD])
    assert request.vectors == len(keys_of(request))


def test_listings_carry_no_keys() -> None:
    """The first page, and no vectors that they would be counted for."""
    request = requests_of(scenario_of({"ListVectors": 1.0})).of(5)
    assert (request.operation, request.vectors, request.records) == ("ListVectors", 0, range(0))
    assert "keys" not in members(request)


# Recall.


def answer_of(*records: int) -> bytes:
    return json.dumps({"vectors": [{"key": key_of(record), "distance": 0.1} for record in records]}).encode()


def exact_answer(request: Request, pool: Pool) -> bytes:
    """The nearest of all that was put beforehand, by a loop."""
    asked = members(request)
    query = np.array(asked["queryVector"]["float32"])
    wanted = (asked.get("filter") or {}).get("group")
    ranked = sorted(
        (1 - float(pool.vectors[record % len(pool)] @ query) / float(np.linalg.norm(query)), record)
        for record in range(PRELOAD)
        if wanted is None or (pool.metadata[record % len(pool)] or {})["group"] == wanted
    )
    return answer_of(*(record for _, record in ranked[: asked["topK"]]))


def judged(
    scenario: Scenario, arrivals: range, answer: Callable[[Request, Pool], bytes]
) -> tuple[Recall | None, int]:
    """The recall of the answers to *arrivals*, and how many were kept."""
    made, pool = requests_of(scenario), pool_of(scenario)
    for arrival in arrivals:
        request = made.of(arrival)
        if request.on_ok:
            request.on_ok(answer(request, pool))
    return made.recall(), len(made.answers.kept)


def query_scenario(**more: Any) -> Scenario:
    told = {"query": QuerySpec(top_k=5, filtered_share=0.5, recall_sample=40), **more}
    return scenario_of({"QueryVectors": 1.0}, **told)


def test_exact_answers_have_a_recall_of_one() -> None:
    """With and without a filter; vectors that were put several times are all as near."""
    assert judged(query_scenario(), range(60), exact_answer) == (
        Recall(k=5, queries=40, mean=1.0, lowest=1.0),
        40,
    )


def test_answers_without_the_filter_have_none() -> None:
    """A filter that was ignored shows."""

    def unfiltered(request: Request, pool: Pool) -> bytes:
        asked = members(request)
        keep = int(asked.get("filter", {"group": "g00"})["group"][1:])
        return answer_of(*(record for record in range(PRELOAD) if record % GROUPS != keep))

    query = QuerySpec(top_k=5, filtered_share=1.0, recall_sample=10)
    recall, _ = judged(query_scenario(query=query), range(20), unfiltered)
    assert recall == Recall(k=5, queries=10, mean=0.0, lowest=0.0)


def test_empty_answers_have_none_either() -> None:
    """Where there was something to be found."""
    recall, _ = judged(query_scenario(), range(60), lambda *_: answer_of())
    assert recall == Recall(k=5, queries=40, mean=0.0, lowest=0.0)


@pytest.mark.parametrize("writes", ["PutVectors", "DeleteVectors"])
def test_answers_are_not_judged_while_something_writes(writes: str) -> None:
    """What is exact would change from one to the next."""
    query = QuerySpec(recall_sample=40)
    scenario = scenario_of({"QueryVectors": 0.5, writes: 0.5}, query=query)
    assert judged(scenario, range(60), exact_answer) == (None, 0)


def test_answers_are_not_judged_unless_asked_for() -> None:
    """That costs time."""
    assert judged(query_scenario(query=QuerySpec()), range(60), exact_answer) == (None, 0)


def test_a_query_is_judged_once_with_each_filter() -> None:
    """However often it is sent."""
    query = QuerySpec(filtered_share=0.5, recall_sample=10_000)
    _, kept = judged(query_scenario(query=query), range(4 * QUERIES), lambda *_: answer_of())
    assert kept <= 2 * QUERIES
    answers = Answers(wanted=10)
    for number in (3, 3 + QUERIES):
        keep = answers.keeper(number, filtered=False)
        if keep:
            keep(answer_of(number))
    assert answers.kept == {(3, False): [3]}
    assert answers.keeper(3, filtered=True)


def test_no_more_are_judged_than_were_asked_for() -> None:
    """Though several were under way when the last of them came."""
    answers = Answers(wanted=2)
    for keep in [answers.keeper(number, filtered=False) for number in range(5)]:
        assert keep
        keep(answer_of(1))
    assert len(answers.kept) == 2
    assert answers.keeper(9, filtered=False) is None


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_workers_judge_queries_of_their_own(parts: int) -> None:
    """Together they judge as many as were asked for, and none of them twice."""
    shares = [Answers(wanted=40, part=part, parts=parts) for part in range(parts)]
    for answers in shares:
        for number in range(QUERIES):
            if keep := answers.keeper(number, filtered=False):
                keep(answer_of(number))
    judged_ones = [query for answers in shares for query in answers.kept]
    assert len(judged_ones) == len(set(judged_ones)) == 40


def test_without_puts_what_was_put_beforehand_is_deleted() -> None:
    """One after the other, until all of it is gone; then from the beginning."""
    requests = requests_of(scenario_of({"DeleteVectors": 1.0}, delete_keys=100))
    deleted = [key for arrival in range(PRELOAD // 100) for key in keys_of(requests.of(arrival))]
    assert sorted(deleted) == list(range(PRELOAD))
    few = requests_of(scenario_of({"DeleteVectors": 1.0}, delete_keys=100, preload=3))
    assert sorted(keys_of(few.of(5))) == [0, 1, 2]
