"""The seconds that a worker reports, also when it reports late."""

from __future__ import annotations

import time

import pytest

from vecgate.bulk.core.body_encoding import Body
from vecgate.load.runtime.dispatcher import Dispatcher, SendProgress
from vecgate.load.runtime.interval_reports import IntervalReporter
from vecgate.load.scenario.scenario_spec import Scenario, VectorsSpec
from vecgate.load.schedule.partition import Partition
from vecgate.load.traffic.planned_requests import PlannedRequest
from vecgate.load.traffic.request_recorder import RequestRecorder
from vecgate.results.load.load_records import Second, Stage


def report_seconds(*durations_s: float, ago_s: float) -> list[Second]:
    """Report a schedule of 100 requests per second that began *ago_s* ago and that no user serves."""
    stages = tuple(
        Stage(kind="constant", from_per_s=100, to_per_s=100, duration_s=each) for each in durations_s
    )
    vectors = VectorsSpec(dimension=2, pool=5, per_request=1)
    scenario = Scenario(stages=stages, vectors=vectors, drain_deadline_s=0.0)
    dispatcher = Dispatcher(scenario.schedule(), request_of, sent, RequestRecorder(), start_deadline_s=60)
    dispatcher.start(Partition(0, 0, 1), at_s=time.monotonic() - ago_s)
    return list(IntervalReporter(dispatcher, scenario, lambda: False).seconds(0))


def request_of(arrival: int) -> PlannedRequest:
    return PlannedRequest("PutVectors", Body(str(arrival).encode(), ""))


def sent(request: PlannedRequest, progress: SendProgress) -> None:
    raise AssertionError((request, progress))


@pytest.mark.parametrize("ago_s", [0.0, 0.06, 60.0])
def test_a_second_is_split_where_a_stage_ends(ago_s: float) -> None:
    """However late it is reported: what is due in each stage is counted."""
    (second,) = report_seconds(0.05, 0.1, ago_s=ago_s)
    assert (second.at_s, second.due, second.dropped, second.started) == (0, 15, 15, 0)
    assert [part.due for part in second.parts] == [5, 10]


def test_every_second_is_reported_although_the_schedule_is_over() -> None:
    """A worker that had no time to report for seconds reports all of them."""
    found = report_seconds(2.5, ago_s=60.0)
    assert [(second.at_s, second.due) for second in found] == [(0, 100), (1, 100), (2, 50)]
    assert sum(second.dropped for second in found) == 250
