"""A worker's side of a run: it makes ready what the master sends, serves its share, tells of each second."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import gevent
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.retry import RetryPolicy
from vecgate.bulk.wire import Sender
from vecgate.errors import VecgateError
from vecgate.load.bodies import Bodies
from vecgate.load.data import pool_of
from vecgate.load.lab.engine import Engine, Sending
from vecgate.load.lab.messages import (
    DONE,
    HELLO,
    MISSION,
    READY,
    SECOND,
    SHARE,
    START,
    STOP,
    Done,
    Mission,
    NewShare,
    Ready,
    Start,
    Told,
    packed,
    unpacked,
)
from vecgate.load.lab.sending import AsTheBatchClient, Once
from vecgate.load.recorder import Recorder
from vecgate.load.requests import Requests
from vecgate.load.scenario import Scenario
from vecgate.load.sharing import Share
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target, TargetChoice, open_target
from vecgate.targets.url import url_target

#: The event loop is asked so often whether it is on time.
PULSE_S = 0.05
#: The batch client's rates in a load test: the schedule's, with room to catch up.
CATCH_UP = 1.2


class Worker:
    """What one process serves."""

    def __init__(self, runner: Any, name: Callable[[], str]) -> None:  # noqa: ANN401 - Locust's runners
        self._runner, self._name = runner, name
        self.engine: Engine | None = None
        self._run = ""
        self._mission: Mission | None = None
        self._requests: Requests | None = None
        self._open = ExitStack()
        for kind, listener in {
            MISSION: self._on_mission,
            START: self._on_start,
            SHARE: self._on_share,
            STOP: self._on_stop,
        }.items():
            # Concurrent: making ready takes a while, and Locust's heartbeats go through the same loop.
            runner.register_message(kind, listener, concurrent=True)
        runner.send_message(HELLO, {})

    def stop(self) -> None:
        """Begin nothing more; what is in flight comes to its end."""
        if self.engine is not None:
            self.engine.stop()

    def failed(self, error: BaseException) -> None:
        """A bug of ours: the run ends, and says so."""
        problem = f"vecgate itself failed: {type(error).__name__}: {error}"
        self._runner.send_message(READY, packed(Ready(run=self._run, problem=problem)))

    def close(self) -> None:
        """Close the connections."""
        self.engine = None
        self._open.close()

    def _on_mission(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        mission = unpacked(msg.data, Mission)
        self.close()
        self._run, self._mission = mission.run, mission
        problem = ""
        try:
            self._make_ready(mission)
        except (VecgateError, BotoCoreError) as error:
            problem = str(error)
        self._runner.send_message(READY, packed(Ready(run=mission.run, problem=problem)))

    def _make_ready(self, mission: Mission) -> None:
        scenario = mission.scenario
        target = self._open.enter_context(_target(mission))
        sender = self._open.enter_context(target.sender(direct=True))
        pool = pool_of(scenario)
        bodies = Bodies(IndexAddress(mission.bucket, mission.index), scenario, pool)
        self._requests = Requests(scenario, bodies, pool)
        recorder = Recorder()
        self.engine = Engine(
            scenario.schedule(),
            self._requests.of,
            _sending(scenario, sender, bodies, recorder),
            recorder,
            start_within_s=scenario.start_within_s,
        )

    def _on_start(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        start = unpacked(msg.data, Start)
        if start.run == self._run and self.engine is not None:
            at_s = time.monotonic() + start.in_s
            self.engine.begin(Share(start.from_arrival, start.part, start.parts), at_s=at_s)
            gevent.spawn(self._pulse, self.engine)
            gevent.spawn(self._tell, self.engine, first=max(0, int(-start.in_s)))

    def _on_share(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        new = unpacked(msg.data, NewShare)
        if new.run == self._run and self.engine is not None:
            self.engine.take_share(Share(new.from_arrival, new.part, new.parts))

    def _on_stop(self, **_: object) -> None:
        self.stop()

    def _tell(self, engine: Engine, *, first: int) -> None:
        """Tell of every second until the share is served, then of the whole."""
        assert self._mission is not None
        assert self._requests is not None
        run, requests = self._run, self._requests
        scenario, at_s, cpu_s = self._mission.scenario, first, time.process_time()
        end_s = engine.begun_s + scenario.schedule().duration_s + scenario.drain_within_s
        is_over = False
        while not is_over:
            wait_s = engine.begun_s + at_s + 1 - time.monotonic()
            _wait_for(engine, wait_s)
            is_over = engine.is_over or self.engine is not engine
            if time.monotonic() >= end_s and not is_over:
                engine.give_up()
                is_over = True
            used_s, cpu_s = time.process_time() - cpu_s, time.process_time()
            self._due(engine, at_s, scenario)
            second = engine.recorder.take(at_s, cores=round(used_s, 3))
            self._runner.send_message(SECOND, packed(Told(run=run, second=second)))
            at_s += 1
        totals = engine.recorder.totals(self._name())
        # On a thread of its own: it takes a while, and the master waits to hear of us.
        recall = gevent.get_hub().threadpool.apply(requests.recall)
        done = Done(run=run, totals=totals, recall=recall)
        self._runner.send_message(DONE, packed(done))

    @staticmethod
    def _due(engine: Engine, at_s: int, scenario: Scenario) -> None:
        arrivals = engine.due_between(at_s, at_s + 1)
        engine.recorder.due(arrivals, round(arrivals * scenario.vectors_per_arrival))

    def _pulse(self, engine: Engine) -> None:
        while not engine.is_over and self.engine is engine:
            asked_s = time.monotonic()
            gevent.sleep(PULSE_S)
            engine.recorder.lag(max(0.0, round(time.monotonic() - asked_s - PULSE_S, 6)))


def _wait_for(engine: Engine, wait_s: float) -> None:
    """Wait until a second is over, or the engine is."""
    until_s = time.monotonic() + wait_s
    while (left_s := until_s - time.monotonic()) > 0 and not engine.is_over:
        gevent.sleep(min(left_s, PULSE_S))


@contextmanager
def _target(mission: Mission) -> Iterator[Target]:
    choice = TargetChoice(
        mission.target, mission.region, mission.profile, mission.ca_bundle, verify=mission.verify
    )
    if mission.keys:
        yield url_target(mission.target, choice, os.environ, credentials=Credentials(*mission.keys))
        return
    with open_target(choice, os.environ) as target:
        yield target


def _sending(scenario: Scenario, sender: Sender, bodies: Bodies, recorder: Recorder) -> Sending:
    if scenario.client == "direct":
        return Once(sender)
    highest = max(max(stage.from_per_s, stage.to_per_s) for stage in scenario.stages)
    vectors_per_s = highest * CATCH_UP * (1 if scenario.unit == "vectors" else scenario.vectors.per_request)
    config = BulkConfig(
        batch_vectors=scenario.vectors.per_request,
        vectors_per_s=vectors_per_s,
        requests_per_s=vectors_per_s / scenario.vectors.per_request * CATCH_UP,
        retry=RetryPolicy(base_s=0.05),
    )
    return AsTheBatchClient(sender, bodies, recorder, config)
