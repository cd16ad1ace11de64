"""One run on the master: what it was given, its account, and the stream it is written to."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from msgspec.structs import replace

from vecgate.errors import UsageError, VecgateError
from vecgate.gate.load import LiveGate
from vecgate.gate.measures import told
from vecgate.load.data import TEXT_KEY, pool_of
from vecgate.load.lab.messages import Mission
from vecgate.load.lab.settings import Settings
from vecgate.load.ledger import Ledger
from vecgate.load.preloading import preload
from vecgate.load.preparation import Place, prepared
from vecgate.load.price import usd_before, vector_bytes_of
from vecgate.load.scenario import Scenario
from vecgate.results.load import Event, EventKind, Plan, Second
from vecgate.results.provenance import now
from vecgate.results.records import Footer, Header
from vecgate.results.spans import ROUNDING_S
from vecgate.results.stream import StreamWriter
from vecgate.targets.target import EMBEDDED, Target, name_of, open_target
from vecgate.targets.telling import header_of_run

PACKAGES = ("vecgate", "boto3", "locust", "gevent", "numpy", "orjson")


@dataclass(slots=True)
class Running:
    """One run, from its preparation to its end.

    keys     of an endpoint that runs as long as this does; empty for any other
    ready    the workers that can serve
    begun_s  when the schedule began, None before
    is_cut   it was ended before its schedule was
    """

    settings: Settings
    scenario: Scenario
    plan: Plan
    target: Target
    place: Place
    writer: StreamWriter
    ledger: Ledger
    gate: LiveGate
    keys: tuple[str, ...] = ()
    ready: set[str] = field(default_factory=set)
    begun_s: float | None = None
    is_cut: bool = False
    _stage: int = -1
    _requests: dict[str, int] = field(default_factory=dict)
    _started_s: float = field(default_factory=time.monotonic)

    @property
    def now_s(self) -> float:
        """Since the schedule began."""
        return 0.0 if self.begun_s is None else time.monotonic() - self.begun_s

    def mission(self) -> Mission:
        """What a worker is to be told of it."""
        settings, address = self.settings, self.place.address
        return Mission(
            run=settings.run,
            scenario=self.scenario,
            bucket=address.bucket,
            index=address.index,
            target=(self.target.endpoint_url or "") if self.keys else name_of(settings.choice, os.environ),
            region=settings.choice.region,
            profile=settings.choice.profile,
            ca_bundle=settings.choice.ca_bundle,
            verify=settings.choice.verify,
            keys=self.keys,
        )

    def event(self, kind: EventKind, text: str, *, at_s: float | None = None) -> None:
        """Write down that something happened, now unless *at_s* says when."""
        moment = self.now_s if at_s is None else at_s
        # Workers may be lost, and users lose patience, before the schedule begins.
        self.writer.write(Event(at_s=round(max(0.0, moment), 3), kind=kind, text=text))

    def write(self, second: Second) -> str:
        """Write down a second that is complete; why the run is to end after it, empty where it is not."""
        schedule = self.ledger.schedule
        for begin_s in schedule.bounds_in(second.at_s)[:-1]:
            # A stage may end a rounding error after the second does.
            stage = schedule.stage_at(begin_s + ROUNDING_S)
            if stage != self._stage:
                self._stage = stage
                self.event("stage", self.plan.stages[stage].told, at_s=begin_s)
        self.writer.write(second)
        for operation, counts in second.operations.items():
            sent = counts.ok + sum(counts.errors.values())
            self._requests[operation] = self._requests.get(operation, 0) + sent
        return self.gate.add(second)

    def account(self) -> None:
        """Write down what is known at the end."""
        for second in self.ledger.closed():
            self.write(second)
        for totals in self.ledger.totals:
            self.writer.write(totals)
        if self.ledger.recall is not None:
            self.writer.write(self.ledger.recall)

    def close(self, *, is_whole: bool) -> None:
        """Write down how the run ended: *is_whole* where nothing went wrong with it."""
        self.writer.write(
            Footer(
                ended_at=now(),
                duration_s=round(time.monotonic() - self._started_s, 3),
                requests=self._requests,
                leaks=tuple(self.place.leaks),
                is_complete=is_whole and self.begun_s is not None and not self.is_cut,
            )
        )
        self.writer.close()


def prepared_run(settings: Settings, stack: ExitStack) -> Running:
    """A run with its place made, which is gone when *stack* is closed. Raises what is wrong with either."""
    scenario = settings.loaded()
    if name_of(settings.choice, os.environ) == "aws" and not settings.is_aws_allowed:
        raise UsageError("real AWS costs money", hint="Add --yes.")
    plan, wanted = replace(scenario.plan(), usd_before=usd_before(scenario)), scenario.vectors
    if settings.max_usd is not None and plan.usd_before > settings.max_usd:
        cost, most = told(plan.usd_before, "usd"), told(settings.max_usd, "usd")
        raise VecgateError(f"what is put beforehand costs {cost}, and {most} is allowed")
    gate = LiveGate(scenario.thresholds, plan, max_usd=settings.max_usd)
    target = stack.enter_context(
        open_target(settings.choice, os.environ, auth=True, serve=scenario.serve_options())
    )
    place = stack.enter_context(
        prepared(
            target,
            run=settings.run,
            dimension=wanted.dimension,
            metric=wanted.metric,
            non_filterable=[TEXT_KEY] if wanted.metadata == "full" else [],
            prefix=settings.bucket_prefix,
        )
    )
    with target.sender() as sender:
        preload(sender, place.address, pool_of(scenario), scenario.preload)
    ledger = Ledger(
        scenario.schedule(),
        scenario.vectors_per_arrival,
        held=scenario.preload,
        vector_bytes=vector_bytes_of(scenario),
        usd=plan.usd_before,
    )
    running = Running(settings, scenario, plan, target, place, StreamWriter(settings.results), ledger, gate)
    if target.name in EMBEDDED:
        keys = target.credentials.get_frozen_credentials()
        running.keys = (keys.access_key, keys.secret_key)
    running.writer.write(_header(running))
    running.writer.write(plan)
    return running


def _header(running: Running) -> Header:
    settings, scenario = running.settings, running.scenario
    return header_of_run(
        "load",
        running.target,
        run=settings.run,
        packages=PACKAGES,
        options={"scenario": scenario.name, **settings.overrides},
    )
