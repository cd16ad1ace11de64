"""A run of the batch client as a result stream, written while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.progress import BatchMetric, Event, Retrying
from vecgate.bulk.run import BulkOutcome
from vecgate.bulk.sources import Source
from vecgate.results.bulk import BulkPlan, BulkTotals
from vecgate.results.counts import Counts
from vecgate.results.load import Second
from vecgate.results.records import Record

#: What an outcome and its record have in common.
SAME = (
    *("total", "read", "acknowledged", "set_aside", "pending", "superseded", "resumed"),
    *("requests", "payload_bytes", "retries", "throttles", "vectors_per_s", "elapsed_s"),
    *("failed_attempts", "interrupted"),
)


def bulk_plan(operation: str, source: Source, config: BulkConfig) -> BulkPlan:
    """What putting or deleting *source* with *config* is to do."""
    return BulkPlan(
        operation="DeleteVectors" if operation == "DeleteVectors" else "PutVectors",
        source=Path(source.name).name,
        total=source.total,
        dimension=source.dimension or 0,
        batch_vectors=config.batch_vectors,
        vectors_per_s=config.vectors_per_s,
        requests_per_s=config.requests_per_s,
        in_flight_max=config.in_flight,
    )


class BulkRecorder:
    """A subscriber that gives *write* a record for every second of a run, and `close` those of its end.

    Raises UsageError where `hdrhistogram` is not installed.
    """

    def __init__(
        self,
        write: Callable[[Record], None],
        plan: BulkPlan,
        *,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.process_time,
    ) -> None:
        self._write, self._operation = write, plan.operation
        self._clock, self._processor = clock, processor
        self._begun_s, self._begun_cpu_s = clock(), processor()
        self._cpu_s = self._begun_cpu_s
        self._at_s, self._counts = 0, Counts()
        write(plan)

    def on_event(self, event: Event) -> None:
        """Count *event* in the second in which it happened."""
        self._until(int(self._clock() - self._begun_s))
        match event:
            case BatchMetric():
                self._counts.ok += 1
                self._counts.vectors += event.vectors
                self._counts.bytes_out += event.payload_bytes
                self._counts.service.record(event.latency_s)
            case Retrying():
                self._counts.retried += 1
                self._counts.throttled += event.is_throttling
            case _:
                pass

    def close(self, outcome: BulkOutcome) -> None:
        """Write what is left, and what came of the run."""
        self._until(int(self._clock() - self._begun_s))
        self._next()
        told = {name: getattr(outcome, name) for name in SAME}
        self._write(
            BulkTotals(
                **told,
                causes={problem: cause.count for problem, cause in outcome.causes.items()},
                cpu_s=round(self._cpu_s - self._begun_cpu_s, 3),
                stopped_by="" if outcome.stopped_by is None else str(outcome.stopped_by),
            )
        )

    def _until(self, at_s: int) -> None:
        """Close the seconds before *at_s*; also those in which nothing happened."""
        while self._at_s < at_s:
            self._next()

    def _next(self) -> None:
        counts, self._counts = self._counts, Counts()
        cpu_s, self._cpu_s = self._cpu_s, self._processor()
        cores = round(self._cpu_s - cpu_s, 3)
        has_done = counts.ok or counts.retried
        self._write(
            Second(
                at_s=self._at_s,
                generator_cores=cores,
                busiest_cores=cores,
                operations={self._operation: counts.record()} if has_done else {},
            )
        )
        self._at_s += 1
