"""The result stream that `put` and `delete` write with `--results`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vecgate.bulk.bulk_recorder import BulkRecorder, bulk_plan
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.progress import Subscriber
from vecgate.bulk.sources import Source
from vecgate.results.bulk_records import BulkPlan
from vecgate.results.provenance import new_run_id, seconds_since, utc_now
from vecgate.results.records import Footer, Header
from vecgate.results.result_stream import StreamWriter
from vecgate.targets.run_header import build_run_header
from vecgate.targets.target import Target

PACKAGES = ("vecgate", "boto3", "botocore", "numpy", "orjson")


@dataclass(frozen=True, slots=True)
class BulkResultStream:
    """The path of a result stream, and its first two records."""

    path: Path
    header: Header
    plan: BulkPlan

    @classmethod
    def of(cls, path: Path, operation: str, source: Source, config: BulkConfig, target: Target) -> Self:
        """Return the stream of a run that puts or deletes *source* on *target* and starts now."""
        header = build_run_header("bulk", target, run=new_run_id(), packages=PACKAGES, options={})
        return cls(path, header, bulk_plan(operation, source, config))

    def record(self, write: Callable[[Sequence[Subscriber]], BulkOutcome]) -> BulkOutcome:
        """Call *write* with a subscriber that records the run, and write the last records."""
        with StreamWriter(self.path) as stream:
            stream.write(self.header)
            recorder = BulkRecorder(stream.write, self.plan)
            outcome = write([recorder])
            recorder.close(outcome)
            stream.write(
                Footer(
                    ended_at=utc_now(),
                    duration_s=seconds_since(self.header.started_at),
                    requests={self.plan.operation: outcome.requests + sum(outcome.failed_attempts.values())},
                    is_complete=outcome.is_complete,
                )
            )
        return outcome
