"""The result stream that `put` and `delete` write with `--results`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vecgate.bulk.bulk_recorder import BulkRecorder, bulk_plan, comparison_record
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.sources import Source
from vecgate.bulk.verify import Comparison
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
    def of(
        cls,
        path: Path,
        operation: str,
        source: Source,
        config: BulkConfig,
        target: Target,
        *,
        reads_back: bool = False,
    ) -> Self:
        """Return the stream of a run that puts or deletes *source* on *target* and starts now."""
        header = build_run_header("bulk", target, run=new_run_id(), packages=PACKAGES, options={})
        return cls(path, header, bulk_plan(operation, source, config, reads_back=reads_back))

    @contextmanager
    def recording(self) -> Iterator[BulkRecording]:
        """Write the stream while the block runs. It is complete if the block ends without an exception."""
        with StreamWriter(self.path) as stream:
            stream.write(self.header)
            recording = BulkRecording(stream, self.plan)
            yield recording
            stream.write(recording.footer(self.header))


class BulkRecording:
    """A result stream that is being written. *recorder* is a subscriber of the run."""

    def __init__(self, stream: StreamWriter, plan: BulkPlan) -> None:
        self.recorder: BulkRecorder = BulkRecorder(stream.write, plan)
        self._stream, self._operation = stream, plan.operation
        self._is_complete, self._requests = False, dict[str, int]()

    def record_outcome(self, outcome: BulkOutcome) -> None:
        """Write the totals of the run."""
        self.recorder.close(outcome)
        self._is_complete = outcome.is_complete
        self._requests[self._operation] = outcome.requests + sum(outcome.failed_attempts.values())

    def record_comparison(self, comparison: Comparison) -> None:
        """Write what was found when the records were read back."""
        self._stream.write(comparison_record(comparison))
        self._is_complete &= comparison.is_complete
        self._requests["GetVectors"] = comparison.requests

    def footer(self, header: Header) -> Footer:
        """Return the last record of the stream, which begins with *header*."""
        return Footer(
            ended_at=utc_now(),
            duration_s=seconds_since(header.started_at),
            requests=self._requests,
            is_complete=self._is_complete,
        )
