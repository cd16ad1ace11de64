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

from vecgate import __version__
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.retry import RetryPolicy
from vecgate.bulk.wire import Sender
from vecgate.errors import VecgateError
from vecgate.load.bodies import Bodies
from vecgate.load.data import pool_of
from vecgate.load.lab.engine import Engine, Sending
from vecgate.load.lab.failures import BROKEN
from vecgate.load.lab.messages import (
    DONE,
    HELLO,
    MISSION,
    READY,
    REFUSED,
    SECOND,
    SHARE,
    START,
    STOP,
    Done,
    Hello,
    Mission,
    NewShare,
    Ready,
    Refused,
    Start,
    Told,
    packed,
    unpacked,
)
from vecgate.load.lab.processes import whereabouts
from vecgate.load.lab.sending import AsTheBatchClient, Once
from vecgate.load.lab.settings import complain
from vecgate.load.lab.telling import Teller
from vecgate.load.recorder import Recorder
from vecgate.load.requests import Requests
from vecgate.load.scenario import Scenario
from vecgate.load.sharing import Share
from vecgate.results.load import Second
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target, TargetChoice, open_target
from vecgate.targets.url import url_target

#: The event loop is asked so often whether it is on time.
PULSE_S = 0.05
#: The batch client's rates in a load test: the schedule's, with room to catch up.
CATCH_UP = 1.2


class Worker:
    """What one process serves."""

    def __init__(self, runner: Any, name: Callable[[], str], *, secret: str = "") -> None:  # noqa: ANN401 - Locust's
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
            REFUSED: self._on_refused,
        }.items():
            # Concurrent: making ready takes a while, and Locust's heartbeats go through the same loop.
            runner.register_message(kind, listener, concurrent=True)
        hello = Hello(pid=os.getpid(), where=whereabouts(), version=__version__, secret=secret)
        runner.send_message(HELLO, packed(hello))

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
        sender = self._open.enter_context(target.sender(connections=scenario.in_flight_max, direct=True))
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
            if self._requests is not None and start.parts:
                answers = self._requests.answers
                answers.part, answers.parts = start.part, start.parts
            self.engine.begin(Share(start.from_arrival, start.part, start.parts), at_s=at_s)
            gevent.spawn(self._pulse, self.engine)
            telling = gevent.spawn(self._tell, self.engine, first=max(0, int(-start.in_s)))
            telling.link_exception(lambda ended: self.failed(ended.exception))

    def _on_share(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        new = unpacked(msg.data, NewShare)
        if new.run == self._run and self.engine is not None:
            self.engine.take_share(Share(new.from_arrival, new.part, new.parts))

    def _on_stop(self, **_: object) -> None:
        self.stop()

    def _on_refused(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        complain(VecgateError(unpacked(msg.data, Refused).why))
        self._runner.environment.process_exit_code = BROKEN
        self._runner.quit()

    def _tell(self, engine: Engine, *, first: int) -> None:
        """Tell of every second until the share is served, then of the whole."""
        assert self._requests is not None
        assert self._mission is not None
        run, requests, at_s = self._run, self._requests, first
        teller = Teller(engine, self._mission.scenario, lambda: self.engine is not engine)
        for second in teller.seconds(first):
            self._tell_second(run, second)
            at_s = second.at_s + 1
        totals = engine.recorder.totals(self._name())
        # On a thread of its own: it may take a while, and the master is to hear of us until then.
        judged = gevent.get_hub().threadpool.spawn(requests.recall)
        while not judged.ready() and self.engine is engine:
            judged.wait(engine.begun_s + at_s + 1 - time.monotonic())
            if not judged.ready():
                self._tell_second(run, Second(at_s=at_s))
                at_s += 1
        if judged.ready():
            done = Done(run=run, totals=totals, recall=judged.get())
            self._runner.send_message(DONE, packed(done))

    def _tell_second(self, run: str, second: Second) -> None:
        self._runner.send_message(SECOND, packed(Told(run=run, second=second)))

    def _pulse(self, engine: Engine) -> None:
        while not engine.is_over and self.engine is engine:
            asked_s = time.monotonic()
            gevent.sleep(PULSE_S)
            engine.recorder.lag(max(0.0, round(time.monotonic() - asked_s - PULSE_S, 6)))


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
