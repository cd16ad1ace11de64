"""One run on the master: its settings, its resources, its accounting and its result stream."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import gevent
from msgspec.structs import replace

from vecgate.errors import UsageError, VecgateError
from vecgate.formatting import format_usd
from vecgate.gate.abort_monitor import AbortMonitor
from vecgate.load.runtime.runtime_options import RunSettings
from vecgate.load.runtime.worker_messages import Assignment
from vecgate.load.scenario.scenario_file import Scenario
from vecgate.load.scenario.scenario_price import preload_usd, stored_vector_bytes
from vecgate.load.traffic.acknowledged_writes import AcknowledgedWrites
from vecgate.load.traffic.interval_ledger import IntervalLedger
from vecgate.load.traffic.preloading import preload
from vecgate.load.traffic.query_set import build_queries
from vecgate.load.traffic.read_back import read_back
from vecgate.load.traffic.row_file import RowFile
from vecgate.load.traffic.vector_pool import TEXT_KEY, VectorPool, build_pool
from vecgate.resources.run_index import RunIndex, create_run_index
from vecgate.results.load.backlog import ROUNDING_S
from vecgate.results.load.failure_samples import FailureCause, FailureSamples
from vecgate.results.load.load_records import Event, EventKind, LoadPlan, ReadBack, Second
from vecgate.results.provenance import utc_now
from vecgate.results.records import Footer, Header
from vecgate.results.result_stream import StreamWriter
from vecgate.targets.resolution import open_target, resolve_target_name
from vecgate.targets.run_header import build_run_header
from vecgate.targets.target import Target, is_embedded
from vecgate.targets.url_target import LOCAL_CREDENTIALS

#: Time beside the schedule that a run may need its bucket, and a rate at which every target is preloaded.
MARGIN, PRELOADED_PER_S = timedelta(minutes=30), 250
#: The look-up of acknowledged writes ends after this time, also if the target does not answer it.
LOOK_UP_MAX_S = 30.0
PACKAGES = ("vecgate", "boto3", "locust", "gevent", "numpy", "orjson")


@dataclass(slots=True)
class LoadRun:
    """One run, from its preparation to its end.

    index           the index of the run, in its own bucket
    credentials     access key and secret key of an endpoint that runs only during this run; empty for others
    ready_workers   workers that are ready to send requests
    start_s         start of the schedule on the monotonic clock; None before it is known
    is_interrupted  the run was interrupted before its schedule ended
    failures        samples of the failed requests of all workers
    rows            the CSV file of single requests; None if it is not wanted
    pool            the vectors that are written
    writes          the acknowledged writes of each worker that finished
    read_back       what the end of the run found of them; None if it did not look
    """

    settings: RunSettings
    scenario: Scenario
    plan: LoadPlan
    target: Target
    index: RunIndex
    writer: StreamWriter
    ledger: IntervalLedger
    gate: AbortMonitor
    credentials: tuple[str, ...] = field(default=(), repr=False)
    ready_workers: set[str] = field(default_factory=set)
    start_s: float | None = None
    is_interrupted: bool = False
    failures: FailureSamples = field(default_factory=FailureSamples)
    rows: RowFile | None = None
    pool: VectorPool | None = None
    writes: list[AcknowledgedWrites] = field(default_factory=list)
    read_back: ReadBack | None = None
    _stage: int = -1
    _requests: dict[str, int] = field(default_factory=dict)
    _created_s: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the schedule began; negative shortly before."""
        return 0.0 if self.start_s is None else time.monotonic() - self.start_s

    def assignment(self) -> Assignment:
        """Return the assignment for a worker."""
        settings, address = self.settings, self.index.address
        return Assignment(
            run=settings.run,
            scenario=self.scenario,
            bucket=address.bucket,
            index=address.index,
            target=(self.target.endpoint_url or "")
            if self.credentials
            else resolve_target_name(settings.choice, os.environ),
            region=settings.choice.region,
            profile=settings.choice.profile,
            ca_bundle=settings.choice.ca_bundle,
            verify=settings.choice.verify,
            credentials=self.credentials,
            needs_credentials=not self.credentials and self.target.credentials is not LOCAL_CREDENTIALS,
            wants_rows=self.rows is not None,
        )

    def record_event(self, kind: EventKind, text: str, *, at_s: float | None = None) -> None:
        """Write an event to the result stream, at *at_s* or now."""
        moment = self.elapsed_s if at_s is None else at_s
        # A worker can be lost, or the run interrupted, before the schedule begins.
        self.writer.write(Event(at_s=round(max(0.0, moment), 3), kind=kind, text=text))

    def record_second(self, second: Second) -> str:
        """Write a complete second, and return the reason to end the run after it; empty to continue."""
        schedule = self.ledger.schedule
        for start_s in schedule.split_second(second.at_s)[:-1]:
            # A stage may end a rounding error after the second.
            stage = schedule.stage_at(start_s + ROUNDING_S)
            if stage != self._stage:
                self._stage = stage
                self.record_event("stage", self.plan.stages[stage].label, at_s=start_s)
        self.writer.write(second)
        for operation, counts in second.operations.items():
            sent = counts.ok + sum(counts.errors.values())
            self._requests[operation] = self._requests.get(operation, 0) + sent
        return self.gate.add(second)

    def add_requests(self, failures: Iterable[FailureCause], rows: str) -> None:
        """Add the samples of failed requests of a worker, and write its *rows*."""
        self.failures.add(failures)
        if self.rows is not None and rows:
            self.rows.write(rows)

    def look_up_writes(self) -> None:
        """Look up a sample of the acknowledged writes, if there are any."""
        acknowledged, deleted = (
            sum(getattr(each, name) for each in self.writes) for name in ("put", "deleted")
        )
        if self.pool is None or not (acknowledged or deleted):
            return
        problem = f"no answer within {LOOK_UP_MAX_S:g} s"
        self.read_back = ReadBack(acknowledged=acknowledged, deleted=deleted, problem=problem)
        with gevent.Timeout(LOOK_UP_MAX_S, False), self.target.sender() as sender:  # noqa: FBT003 - gevent's
            self.read_back = read_back(sender, self.index.address, self.pool, self.scenario, self.writes)
        self._requests["GetVectors"] = self._requests.get("GetVectors", 0) + self.read_back.requests

    def record_totals(self) -> None:
        """Write what is known at the end: the remaining seconds, the totals of the workers, the recall."""
        for second in self.ledger.take_closed():
            self.record_second(second)
        for cause in self.failures.causes():
            self.writer.write(cause)
        for totals in (*self.ledger.totals, *self.ledger.lost_totals.values()):
            self.writer.write(totals)
        if self.ledger.recall is not None:
            self.writer.write(self.ledger.recall)
        if self.read_back is not None:
            self.writer.write(self.read_back)

    def close(self, *, is_failed: bool) -> None:
        """Write the footer and close the result stream. A run that *is_failed* is not complete."""
        self.writer.write(
            Footer(
                ended_at=utc_now(),
                duration_s=round(time.monotonic() - self._created_s, 3),
                requests=self._requests,
                orphaned=tuple(self.index.orphaned),
                is_complete=not is_failed and self.start_s is not None and not self.is_interrupted,
            )
        )
        self.writer.close()
        if self.rows is not None:
            self.rows.close()


def prepare_run(settings: RunSettings, stack: ExitStack) -> LoadRun:
    """Create the resources of a run and start its result stream.

    Closing *stack* removes the resources. Raises VecgateError, or botocore's errors.
    """
    scenario = settings.load_scenario()
    if resolve_target_name(settings.choice, os.environ) == "aws" and not settings.is_aws_allowed:
        raise UsageError("real AWS costs money", hint="Add --yes.")
    plan, vectors = replace(scenario.plan(), preload_usd=preload_usd(scenario)), scenario.vectors
    if settings.max_usd is not None and plan.preload_usd > settings.max_usd:
        cost, limit = format_usd(plan.preload_usd), format_usd(settings.max_usd)
        raise VecgateError(f"preloading costs {cost}, which exceeds the limit of {limit}")
    gate = AbortMonitor(scenario.thresholds, plan, max_usd=settings.max_usd)
    # Files that do not fit each other are refused before anything is created.
    pool = build_pool(scenario)
    if scenario.query.source:
        build_queries(scenario, pool)
    target = stack.enter_context(
        open_target(settings.choice, os.environ, auth=True, serve=scenario.serve_options())
    )
    index = stack.enter_context(
        create_run_index(
            target,
            run=settings.run,
            dimension=vectors.dimension,
            metric=vectors.metric,
            non_filterable=[TEXT_KEY] if vectors.metadata == "full" else [],
            prefix=settings.bucket_prefix,
            until=datetime.now(UTC) + _longest(scenario),
        )
    )
    with target.sender() as sender:
        preload(sender, index.address, pool, scenario.preload)
    ledger = IntervalLedger(
        scenario.schedule(),
        scenario.vectors_per_arrival,
        stored_vectors=scenario.preload,
        vector_bytes=stored_vector_bytes(scenario),
        usd=plan.preload_usd,
    )
    run = LoadRun(settings, scenario, plan, target, index, StreamWriter(settings.results), ledger, gate)
    run.pool = pool
    if settings.csv is not None:
        run.rows = stack.enter_context(RowFile(settings.csv))
    if is_embedded(target.name):
        keys = target.credentials.get_frozen_credentials()
        run.credentials = (keys.access_key, keys.secret_key)
    run.writer.write(_build_header(run))
    run.writer.write(plan)
    return run


def _longest(scenario: Scenario) -> timedelta:
    """Return how long a run of *scenario* may last, on a slow target as well."""
    seconds = scenario.schedule().duration_s + scenario.drain_deadline_s + scenario.preload / PRELOADED_PER_S
    return timedelta(seconds=seconds) + MARGIN


def _build_header(run: LoadRun) -> Header:
    settings, scenario = run.settings, run.scenario
    return build_run_header(
        "load",
        run.target,
        run=settings.run,
        packages=PACKAGES,
        options={"scenario": scenario.name, **settings.overrides},
    )
