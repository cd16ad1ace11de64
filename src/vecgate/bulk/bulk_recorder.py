"""Records a run of the batch client as a result stream while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.progress import BatchMetric, Event, Retrying
from vecgate.bulk.sources import Source
from vecgate.bulk.verify import Comparison
from vecgate.results.bulk_records import BulkPlan, BulkTotals, BulkVerification
from vecgate.results.load.load_records import Second
from vecgate.results.load.operation_counts import OperationCounts
from vecgate.results.records import Record

#: Fields that an outcome and its record share.
SHARED_FIELDS = (
    *("total", "read", "acknowledged", "rejected", "pending", "superseded", "resumed"),
    *("requests", "payload_bytes", "retries", "throttles", "vectors_per_s", "elapsed_s"),
    *("failed_attempts", "interrupted"),
)
#: Fields that a comparison and its record share.
COMPARED_FIELDS = (
    *("share", "read", "rejected", "compared", "missing", "different", "extra", "unlisted"),
    *("requests", "elapsed_s", "interrupted"),
)


def bulk_plan(operation: str, source: Source, config: BulkConfig, *, reads_back: bool = False) -> BulkPlan:
    """Return the plan record of putting or deleting *source* with *config*."""
    return BulkPlan(
        operation="DeleteVectors" if operation == "DeleteVectors" else "PutVectors",
        source=Path(source.name).name,
        total=source.total,
        dimension=source.dimension or 0,
        batch_vectors=config.batch_vectors,
        vectors_per_s=config.vectors_per_s,
        requests_per_s=config.requests_per_s,
        in_flight_max=config.in_flight,
        reads_back=reads_back,
    )


def comparison_record(comparison: Comparison) -> BulkVerification:
    """Return the record of *comparison*. It has no keys."""
    return BulkVerification(
        **{name: getattr(comparison, name) for name in COMPARED_FIELDS},
        stopped_by="" if comparison.stopped_by is None else str(comparison.stopped_by),
    )


class BulkRecorder:
    """A subscriber that passes a record of each second to *write*; `close` writes the last records."""

    def __init__(
        self,
        write: Callable[[Record], None],
        plan: BulkPlan,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._write, self._operation = write, plan.operation
        self._clock, self._cpu_clock = clock, cpu_clock
        self._begun_s, self._begun_cpu_s = clock(), cpu_clock()
        self._cpu_s = self._begun_cpu_s
        self._at_s, self._counts, self._is_closed = 0, OperationCounts(), False
        write(plan)

    def on_event(self, event: Event) -> None:
        """Count *event* in the current second."""
        if self._is_closed:  # by a comparison after the run
            return
        self._write_past_seconds()
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
        """Write the last second and the totals of the run."""
        self._write_past_seconds()
        self._write_second()
        self._is_closed = True
        shared = {name: getattr(outcome, name) for name in SHARED_FIELDS}
        self._write(
            BulkTotals(
                **shared,
                reject_causes={problem: cause.count for problem, cause in outcome.reject_causes.items()},
                cpu_s=round(self._cpu_s - self._begun_cpu_s, 3),
                stopped_by="" if outcome.stopped_by is None else str(outcome.stopped_by),
            )
        )

    def _write_past_seconds(self) -> None:
        """Write the seconds before the current one, including those without events."""
        current_s = int(self._clock() - self._begun_s)
        while self._at_s < current_s:
            self._write_second()

    def _write_second(self) -> None:
        counts, self._counts = self._counts, OperationCounts()
        cpu_s, self._cpu_s = self._cpu_s, self._cpu_clock()
        cores = round(self._cpu_s - cpu_s, 3)
        has_events = counts.ok or counts.retried
        self._write(
            Second(
                at_s=self._at_s,
                generator_cores=cores,
                busiest_cores=cores,
                operations={self._operation: counts.to_record()} if has_events else {},
            )
        )
        self._at_s += 1
