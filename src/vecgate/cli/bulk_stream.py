"""What `put` and `delete` write with `--results`: their run as a result stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.progress import Subscriber
from vecgate.bulk.recording import BulkRecorder, bulk_plan
from vecgate.bulk.run import BulkOutcome
from vecgate.bulk.sources import Source
from vecgate.cli.care import seconds_since
from vecgate.results.bulk import BulkPlan
from vecgate.results.provenance import new_run, now
from vecgate.results.records import Footer, Header
from vecgate.results.stream import StreamWriter
from vecgate.targets.target import Target
from vecgate.targets.telling import header_of_run

PACKAGES = ("vecgate", "boto3", "botocore", "numpy", "orjson")


@dataclass(frozen=True, slots=True)
class BulkStream:
    """The result stream of a run: where it goes, and how it begins."""

    path: Path
    header: Header
    plan: BulkPlan

    @classmethod
    def of(cls, path: Path, operation: str, source: Source, config: BulkConfig, place: Target) -> Self:
        """That of putting or deleting *source* on *place*, which begins now."""
        header = header_of_run("bulk", place, run=new_run(), packages=PACKAGES, options={})
        return cls(path, header, bulk_plan(operation, source, config))

    def recorded(self, work: Callable[[Sequence[Subscriber]], BulkOutcome]) -> BulkOutcome:
        """Do *work* with a subscriber that records it."""
        with StreamWriter(self.path) as stream:
            stream.write(self.header)
            recorder = BulkRecorder(stream.write, self.plan)
            outcome = work([recorder])
            recorder.close(outcome)
            stream.write(
                Footer(
                    ended_at=now(),
                    duration_s=seconds_since(self.header.started_at),
                    requests={self.plan.operation: outcome.requests + sum(outcome.failed_attempts.values())},
                    is_complete=outcome.is_complete,
                )
            )
        return outcome
