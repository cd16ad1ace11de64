"""What a worker tells of its seconds, also where it is late with it."""

from __future__ import annotations

import time

import pytest

from vecgate.bulk.encoding import Body
from vecgate.load.lab.engine import Engine, Flight
from vecgate.load.lab.telling import Teller
from vecgate.load.recorder import Recorder
from vecgate.load.requests import Request
from vecgate.load.sharing import Share
from vecgate.load.specs import Scenario, VectorsSpec
from vecgate.results.load import Second, Stage


def seconds_of(*durations_s: float, ago_s: float) -> list[Second]:
    """Of a schedule of 100 requests a second that began *ago_s* ago, and that no user serves."""
    stages = tuple(
        Stage(kind="constant", from_per_s=100, to_per_s=100, duration_s=each) for each in durations_s
    )
    vectors = VectorsSpec(dimension=2, pool=5, per_request=1)
    scenario = Scenario(stages=stages, vectors=vectors, drain_within_s=0.0)
    engine = Engine(scenario.schedule(), request_of, sent, Recorder(), start_within_s=60)
    engine.begin(Share(0, 0, 1), at_s=time.monotonic() - ago_s)
    return list(Teller(engine, scenario, lambda: False).seconds(0))


def request_of(arrival: int) -> Request:
    return Request("PutVectors", Body(str(arrival).encode(), ""))


def sent(request: Request, flight: Flight) -> None:
    raise AssertionError((request, flight))


@pytest.mark.parametrize("ago_s", [0.0, 0.06, 60.0])
def test_a_second_is_cut_where_a_stage_ends(ago_s: float) -> None:
    """However late it is taken: what is due in each stage is told of."""
    (second,) = seconds_of(0.05, 0.1, ago_s=ago_s)
    assert (second.at_s, second.due, second.dropped, second.started) == (0, 15, 15, 0)
    assert [part.due for part in second.parts] == [5, 10]


def test_every_second_is_told_of_though_all_is_over() -> None:
    """A worker that had no time for seconds on end has them all on its account."""
    found = seconds_of(2.5, ago_s=60.0)
    assert [(second.at_s, second.due) for second in found] == [(0, 100), (1, 100), (2, 50)]
    assert sum(second.dropped for second in found) == 250
