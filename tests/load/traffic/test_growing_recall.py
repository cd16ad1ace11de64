"""The recall of queries while vectors are written, against an index that is searched exactly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.load.scenario.scenario_spec import QuerySpec, Scenario, VectorsSpec
from vecgate.load.traffic.growing_recall import SpreadAnswers
from vecgate.load.traffic.planned_requests import RequestPlanner
from vecgate.load.traffic.request_bodies import RequestBodies, record_key
from vecgate.load.traffic.vector_pool import VectorPool, build_pool
from vecgate.results.load.load_records import Recall, Stage
from vecgate.s3vectors.arn import IndexAddress

PRELOAD, ARRIVALS, K = 30, 120, 5
SCENARIO = Scenario(
    unit="requests",
    operations={"PutVectors": 0.5, "QueryVectors": 0.5},
    preload=PRELOAD,
    vectors=VectorsSpec(dimension=4, per_request=3, pool=100, clusters=5),
    query=QuerySpec(top_k=K, recall_sample=20),
    stages=(Stage(kind="constant", from_per_s=ARRIVALS, to_per_s=ARRIVALS, duration_s=1.0),),
)


def planner_of(pool: VectorPool) -> RequestPlanner:
    return RequestPlanner(SCENARIO, RequestBodies(IndexAddress("media", "films"), SCENARIO, pool), pool)


def nearest(query: np.ndarray, pool: VectorPool, stored: Collection[int]) -> list[int]:
    """Return the K records of *stored* that are nearest to *query*."""
    distances = {
        record: 1 - float(pool.vectors[record % len(pool)] @ query) / float(np.linalg.norm(query))
        for record in stored
    }
    return sorted(distances, key=lambda record: (distances[record], record))[:K]


def answer_of(records: list[int]) -> bytes:
    keys = ",".join(f'{{"key":"{record_key(record)}"}}' for record in records)
    return f'{{"vectors":[{keys}]}}'.encode()


def run(stores: Callable[[int], bool], sees: Callable[[int], bool]) -> tuple[Recall | None, list[float]]:
    """Return the recall of a run, and the true recall of each sampled query.

    stores  tells whether a write is stored
    sees    tells whether the search finds a stored record
    """
    pool = build_pool(SCENARIO)
    planner, stored, truths, now = planner_of(pool), set(range(PRELOAD)), list[float](), [0]
    assert isinstance(planner.answers, SpreadAnswers)
    planner.answers.due_by_now = lambda: now[0]
    for arrival in range(ARRIVALS):
        now[0] = arrival + 1
        request = planner.plan(arrival)
        if request.records and stores(arrival):
            stored.update(request.records)
        if request.on_ok:
            query = planner._bodies.query_set.vectors[arrival % 256]
            found = nearest(query, pool, [record for record in stored if sees(record)])
            request.on_ok(answer_of(found))
            truth = nearest(query, pool, stored)
            farthest = 1 - float(pool.vectors[truth[-1] % 100] @ query) / float(np.linalg.norm(query))
            good = [
                record
                for record in found
                if 1 - float(pool.vectors[record % 100] @ query) / float(np.linalg.norm(query))
                <= farthest + 1e-5
            ]
            truths.append(len(good) / K)
    return planner.recall(), truths


def test_an_index_that_stores_and_finds_everything_has_a_recall_of_one() -> None:
    """Although its exact answers change with each write."""
    recall, truths = run(lambda _: True, lambda _: True)
    assert recall == Recall(k=K, queries=20, mean=1.0, lowest=1.0)
    assert truths == [1.0] * 20


def test_an_index_that_never_finds_new_records_shows() -> None:
    """Its answers were right before the first write."""
    recall, truths = run(lambda _: True, lambda record: record < PRELOAD)
    assert recall is not None
    assert recall.mean == pytest.approx(sum(truths) / len(truths))
    assert recall.mean < 0.7


@given(lost=st.sets(st.integers(0, ARRIVALS)), hidden=st.integers(1, 7))
def test_the_recall_is_never_above_the_true_one(lost: set[int], hidden: int) -> None:
    """Whichever writes were lost or late, and whatever the search misses."""
    recall, truths = run(
        lambda arrival: arrival not in lost, lambda record: bool(record % hidden) or hidden == 1
    )
    assert recall is not None
    assert recall.mean <= sum(truths) / len(truths) + 1e-9


def test_records_that_no_write_has_put_are_not_correct() -> None:
    """Neither those of later writes nor those of other operations."""
    pool = build_pool(SCENARIO)
    planner = planner_of(pool)
    assert isinstance(planner.answers, SpreadAnswers)
    planner.answers.due_by_now = lambda: 0
    request = next(filter(lambda each: each.on_ok, map(planner.plan, range(ARRIVALS))))
    assert request.on_ok is not None
    request.on_ok(answer_of([-1, *range(PRELOAD, PRELOAD + 3 * ARRIVALS)]))
    assert planner.recall() == Recall(k=K, queries=1, mean=0.0, lowest=0.0)


def slots(answers: SpreadAnswers, arrivals: Iterator[int]) -> list[int]:
    for arrival in arrivals:
        if keep := answers.collector(arrival, 0, filtered=False):
            keep([arrival])
    return [kept.records[0] for kept in answers.kept.values()]


@pytest.mark.parametrize("parts", [1, 3])
def test_answers_are_sampled_over_the_whole_schedule(parts: int) -> None:
    """Early answers would come from an index that is still small. Workers sample different ones."""
    samples = [
        slots(SpreadAnswers(10, 1_000, lambda: 0, part, parts), iter(range(part, 1_000, parts)))
        for part in range(parts)
    ]
    kept = sorted(arrival for sample in samples for arrival in sample)
    assert len(kept) == 10
    assert all(100 * slot <= arrival < 100 * (slot + 1) for slot, arrival in enumerate(kept))
