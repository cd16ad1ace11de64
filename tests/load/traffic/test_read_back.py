"""The look-up of acknowledged writes: what is sampled, what is read, and what counts as stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vecgate.bulk.core.body_encoding import Body
from vecgate.errors import ServiceError
from vecgate.load.scenario.scenario_spec import Scenario, VectorsSpec
from vecgate.load.traffic.acknowledged_writes import (
    SAMPLE,
    AcknowledgedWrites,
    WriteSampler,
    merge_samples,
)
from vecgate.load.traffic.planned_requests import PlannedRequest, RequestPlanner, operation_mix
from vecgate.load.traffic.read_back import may_be_deleted, read_back
from vecgate.load.traffic.request_bodies import RequestBodies, record_key, record_number
from vecgate.load.traffic.vector_pool import build_pool
from vecgate.results.load.load_records import ReadBack, Stage
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.clock import FakeClock

ADDRESS = IndexAddress("media", "films")
PUTS = Scenario(
    vectors=VectorsSpec(dimension=3, per_request=4, pool=50, clusters=2),
    preload=10,
    stages=(Stage(kind="constant", from_per_s=40, to_per_s=40, duration_s=10),),
)
POOL = build_pool(PUTS)
BODY = Body.of(b"{}")


class Index:
    """Answers GetVectors. *failures* are raised first, and *late* answers do not have what was put."""

    def __init__(self, *records: int, failures: int = 0, late: int = 0, code: str = "Slow") -> None:
        self.vectors = {record: POOL.vectors[record % len(POOL)].astype(float) for record in records}
        self.failures, self.late, self.code = failures, late, code
        self.asked: list[list[int]] = []

    def send(self, operation: str, body: Body) -> bytes:
        assert operation == "GetVectors"
        members: dict[str, Any] = json.loads(body.data)
        self.asked.append([record_number(key) for key in members["keys"]])
        if len(self.asked) <= self.failures:
            raise ServiceError(operation, self.code, 503, "no", is_retryable=self.code == "Slow")
        found = (
            [] if len(self.asked) <= self.late else [each for each in self.asked[-1] if each in self.vectors]
        )
        vectors = [
            {"key": record_key(each), "data": {"float32": self.vectors[each].tolist()}} for each in found
        ]
        return json.dumps({"vectors": vectors}).encode()

    def close(self) -> None:
        """Nothing to close."""


def look_up(index: Index, *writes: AcknowledgedWrites) -> ReadBack:
    clock = FakeClock()
    return read_back(index, ADDRESS, POOL, PUTS, writes, clock=clock.now_s, sleep=clock.wait)


ONE_PUT = AcknowledgedWrites(put=4, puts=(10,))


def test_stored_vectors_are_found_in_one_request() -> None:
    """All records of the only PutVectors are looked up."""
    index = Index(10, 11, 12, 13)
    found = look_up(index, ONE_PUT)
    assert [sorted(each) for each in index.asked] == [[10, 11, 12, 13]]
    assert (found.acknowledged, found.looked_up, found.requests, found.failures) == (4, 4, 1, ())
    assert found.usd == pytest.approx(0.055 / 1000)
    assert found.text == "4 of 4 acknowledged vectors looked up, all stored"


def change_one_bit(index: Index) -> None:
    changed = index.vectors[12].astype(np.float32)
    changed[1] = np.nextafter(changed[1], np.float32(9))
    index.vectors[12] = changed.astype(float)


def shorten(index: Index) -> None:
    index.vectors[12] = index.vectors[12][:2]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda index: index.vectors.pop(12),
            "1 of 4 acknowledged vectors that were looked up are not stored",
        ),
        (
            change_one_bit,
            "1 of 4 acknowledged vectors that were looked up are stored with other values",
        ),
        (shorten, "1 of 4 acknowledged vectors that were looked up are stored with other values"),
    ],
)
def test_what_was_acknowledged_and_is_not_stored_is_counted(
    change: Callable[[Index], object], expected: str
) -> None:
    """After some more look-ups, in case it appears. Every bit of a value counts."""
    index = Index(10, 11, 12, 13)
    change(index)
    found = look_up(index, ONE_PUT)
    assert (found.failures, found.problem) == ((expected,), "")
    assert 2 <= found.requests <= 10


def test_a_deleted_vector_must_be_gone() -> None:
    """And one that is still stored is a delete that was not done."""
    writes = AcknowledgedWrites(deleted=2, deletes=(3, 4))
    assert look_up(Index(5), writes).text == "2 of 2 deleted vectors looked up, all gone"
    assert look_up(Index(4), writes).failures == (
        "1 of 2 acknowledged deletes that were looked up left their vectors stored",
    )


def test_a_vector_that_appears_late_and_a_throttled_look_up_are_no_failure() -> None:
    """Both are read again."""
    assert look_up(Index(10, 11, 12, 13, failures=2, late=4), ONE_PUT).failures == ()


@pytest.mark.parametrize(("code", "requests"), [("AccessDenied", 1), ("Slow", 21)])
def test_a_look_up_that_cannot_be_done_says_why(code: str, requests: int) -> None:
    """One that may succeed later is repeated for a limited time. Nothing counts as missing or stored."""
    found = look_up(Index(failures=1_000, code=code), ONE_PUT)
    assert (found.requests, found.looked_up, found.failures) == (requests, 0, ())
    assert code in found.problem


@pytest.mark.parametrize(
    ("per_request", "delete_keys", "deletes"), [(4, 2, 0.2), (4, 10, 0.3), (1, 30, 0.05), (3, 400, 0.01)]
)
def test_a_vector_that_a_delete_of_the_schedule_has_is_not_expected(
    per_request: int, delete_keys: int, deletes: float
) -> None:
    """The short rule agrees with the plans of all arrivals."""
    scenario = Scenario(
        unit="requests",
        operations={"PutVectors": 1 - deletes, "DeleteVectors": deletes},
        vectors=VectorsSpec(dimension=3, per_request=per_request, pool=50, clusters=2),
        delete_keys=delete_keys,
        stages=(Stage(kind="constant", from_per_s=40, to_per_s=40, duration_s=10),),
    )
    mix, total = operation_mix(scenario), scenario.schedule().total
    planner = RequestPlanner(scenario, RequestBodies(ADDRESS, scenario, POOL), POOL)
    plans = [planner.plan(arrival) for arrival in range(total)]
    deleted = {record for each in plans for record in each.deletes}
    put = {record for each in plans for record in each.records}
    expected = (deleted | {scenario.preload}) & put
    assert {each for each in put if may_be_deleted(each, scenario, mix, total)} == expected


def test_only_deletes_of_what_was_stored_before_are_sampled() -> None:
    """A put that is in flight at the same time may come later."""
    scenario = Scenario(
        operations={"PutVectors": 0.5, "DeleteVectors": 0.5}, vectors=PUTS.vectors, preload=10
    )
    sampler = WriteSampler(scenario)
    put = PlannedRequest("PutVectors", BODY, 4, range(10, 14))
    retried = PlannedRequest("PutVectors", BODY, 4, range(14, 18))
    sampler.record(put, sent_s=0.0, ended_s=1.0, retried=0)
    sampler.record(retried, sent_s=0.0, ended_s=1.0, retried=1)
    for record, sent_s in [(10, 0.5), (11, 2.0), (14, 2.0), (18, 2.0), (3, 0.0)]:
        delete = PlannedRequest("DeleteVectors", BODY, 1, deletes=(record,))
        sampler.record(delete, sent_s=sent_s, ended_s=3.0, retried=0)
    assert sampler.writes() == AcknowledgedWrites(put=8, deleted=2, puts=(10, 14), deletes=(11, 3))


def test_the_samples_of_workers_are_merged_by_their_totals() -> None:
    """Each keeps SAMPLE requests at most; a worker with nine tenths of the vectors has most of the sample."""
    sampler = WriteSampler(PUTS)
    for first in range(10, 10_010, 4):
        put = PlannedRequest("PutVectors", BODY, 4, range(first, first + 4))
        sampler.record(put, sent_s=0.0, ended_s=1.0, retried=0)
    many = sampler.writes().puts
    assert (len(set(many)), sampler.writes().put) == (SAMPLE, 10_000)
    # The mean of a uniform sample of 100 is within five standard errors.
    assert 3_500 < np.mean(many) < 6_500
    merged = merge_samples([(9_000, many), (0, ()), (1_000, range(-SAMPLE, 0))])
    assert sorted(merged) == sorted([*many, *range(-SAMPLE, 0)])
    assert sum(each >= 0 for each in merged[:SAMPLE]) > SAMPLE / 2
