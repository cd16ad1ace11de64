"""The records of a result stream, one per line: a header, the results, a footer, and perhaps a verdict.

The records of load runs, benchmarks and the batch client have modules of their own. `Record` is any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypeVar

import msgspec

from vecgate.results.benchmark_records import Benchmark, PeerRun
from vecgate.results.bulk_records import BulkPlan, BulkTotals, BulkVerification
from vecgate.results.load.failure_samples import FailureCause
from vecgate.results.load.load_records import (
    Capacity,
    Cell,
    Event,
    LoadPlan,
    ReadBack,
    Recall,
    Second,
    Trial,
    WorkerTotals,
)
from vecgate.results.load.sweep_records import Knee, SweepPoint
from vecgate.results.verdict_records import VerdictRecord

#: Incremented when an earlier reader could misread a stream. `schema_upgrade` reads earlier streams.
SCHEMA_VERSION = 2

#: The kind of a run. One stream contains one run; a report may show several.
RunKind: TypeAlias = Literal[
    "conformance", "load", "capacity", "sweep", "scale", "benchmarks", "peers", "bulk"
]
Outcome: TypeAlias = Literal["passed", "failed", "deviation", "unexpected-pass", "unsupported", "skipped"]


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="header", tag_field="record"):
    """The run, its target and its machine.

    schema        version of these records
    run           id of the run; it is part of the names of all resources that the run creates
    started_at    ISO 8601, UTC
    target        as the user named it; *url* and *region* are where the requests went
    unsupported   capabilities that the target does not support, with the reasons
    missing_core  unsupported capabilities that every S3 Vectors server must have, and that no deviation lists
    required      capabilities that the run requires, whatever the deviations list
    versions      of vecgate and its dependencies, and of moto if that is the target
    environment   the machine
    options       options that change what is run
    """

    schema: int = SCHEMA_VERSION
    kind: RunKind = "conformance"
    run: str
    started_at: str
    target: str
    url: str = ""
    region: str = ""
    unsupported: Mapping[str, str] = msgspec.field(default_factory=dict)
    missing_core: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    versions: Mapping[str, str] = msgspec.field(default_factory=dict)
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    options: Mapping[str, str] = msgspec.field(default_factory=dict)


class Result(msgspec.Struct, frozen=True, kw_only=True, tag="requirement", tag_field="record"):
    """The result of one requirement.

    id          of the requirement, with the case of a parametrised test
    test        node id of the test
    level       must, should or may; *evidence* and *source* are those of the requirement
    outcome     passed; failed; deviation: failed as a listed deviation says; unexpected-pass: passed although
                a deviation is listed; unsupported: the target does not support a capability that it needs;
                skipped: not tested for another reason, for example because it was not selected
    reason      why it did not pass, one line
    detail      requests, answers and traceback of a failure
    request_id  of the last answer
    """

    id: str
    test: str
    level: str
    evidence: str
    source: str
    claim: str = ""
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    request_id: str = ""
    duration_s: float = 0.0
    worker: str = ""


class Footer(msgspec.Struct, frozen=True, kw_only=True, tag="footer", tag_field="record"):
    """The end of a run.

    ended_at          ISO 8601, UTC
    duration_s        from start to end
    requests          number of requests sent, by operation
    throttled         number of them that a limit of the rate refused, and that were sent again
    deselected        ids of the requirements that were not selected
    stale_deviations  entries of the list of deviations that no longer hold, a sentence each
    orphaned          resources that could not be removed, a line each
    is_complete       every selected requirement has a record
    """

    ended_at: str
    duration_s: float
    requests: Mapping[str, int] = msgspec.field(default_factory=dict)
    throttled: int = 0
    deselected: tuple[str, ...] = ()
    stale_deviations: tuple[str, ...] = ()
    orphaned: tuple[str, ...] = ()
    is_complete: bool = True


Record: TypeAlias = (
    Header
    | Result
    | LoadPlan
    | Second
    | Event
    | FailureCause
    | WorkerTotals
    | Recall
    | ReadBack
    | Trial
    | Capacity
    | SweepPoint
    | Knee
    | Cell
    | Benchmark
    | PeerRun
    | BulkPlan
    | BulkTotals
    | BulkVerification
    | Footer
    | VerdictRecord
)
R = TypeVar("R", bound=Record)


class ConformanceRun(msgspec.Struct, frozen=True):
    """A conformance run as it was read.

    results    in the order in which they ended
    footer     None if the run was cut off
    """

    header: Header
    results: tuple[Result, ...]
    footer: Footer | None = None


class Stream(msgspec.Struct, frozen=True):
    """Any result stream as it was read.

    records         all records except header and footer, in the order of the file; a verdict is the last
    footer          None if the run was cut off
    problems        what is wrong with the file, a sentence each
    invalid_lines   number of lines that are not records of the run
    sweep_failures  resources that a sweep after the run could not remove, a line each; None without a
                    sweep
    """

    header: Header
    records: tuple[Record, ...]
    footer: Footer | None = None
    problems: tuple[str, ...] = ()
    invalid_lines: int = 0
    sweep_failures: tuple[str, ...] | None = None

    @property
    def orphaned(self) -> tuple[str, ...]:
        """Resources that remain, a line each. A sweep after the run knows better than the footer."""
        if self.sweep_failures is not None:
            return self.sweep_failures
        return self.footer.orphaned if self.footer else ()

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """Return the records of that *kind*, in order."""
        return tuple(record for record in self.records if isinstance(record, kind))

    def first(self, kind: type[R]) -> R | None:
        """Return the first record of that *kind*, or None."""
        return next(iter(self.of(kind)), None)

    @property
    def run(self) -> ConformanceRun:
        """The stream as a conformance run."""
        return ConformanceRun(self.header, self.of(Result), self.footer)
