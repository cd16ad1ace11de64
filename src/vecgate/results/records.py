"""The records of a result stream, a line each: a header, what the run found, a footer, perhaps a verdict.

Those of load runs, benchmarks and the batch client are in modules of their own; `Record` is any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypeVar

import msgspec

from vecgate.results.benchmarks import Benchmark, PeerRun
from vecgate.results.bulk import BulkPlan, BulkTotals
from vecgate.results.load import (
    Capacity,
    Cell,
    Event,
    Plan,
    Recall,
    Second,
    Trial,
    WorkerTotals,
)
from vecgate.results.verdicts import Judged

#: Raised when a reader of before could misread what a writer of now writes.
SCHEMA_VERSION = 1

#: What a run was for. One stream holds one run; a report may show several.
Kind: TypeAlias = Literal["conformance", "load", "capacity", "scale", "benchmarks", "peers", "bulk"]
Outcome: TypeAlias = Literal["passed", "failed", "deviation", "outgrown", "unsupported", "skipped"]


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="header", tag_field="record"):
    """What was run, against what, and where.

    schema        version of these records
    kind          what the run is for
    run           id of the run, part of the name of all that it made
    started_at    ISO 8601, UTC
    target        as it was named; *url* and *region*, where requests went
    lacking       capability that the target lacks, to the reason
    unlisted      those of them that no S3 Vectors server may lack, and no list of deviations has
    versions      of vecgate and what it stands on, and of moto where that is the target
    environment   of the machine
    options       that change what is run
    """

    schema: int = SCHEMA_VERSION
    kind: Kind = "conformance"
    run: str
    started_at: str
    target: str
    url: str = ""
    region: str = ""
    lacking: Mapping[str, str] = msgspec.field(default_factory=dict)
    unlisted: tuple[str, ...] = ()
    versions: Mapping[str, str] = msgspec.field(default_factory=dict)
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    options: Mapping[str, str] = msgspec.field(default_factory=dict)


class Result(msgspec.Struct, frozen=True, kw_only=True, tag="requirement", tag_field="record"):
    """How one requirement came out.

    id          of the requirement, with the case of a parametrised test
    test        node id
    level       must, should or may; *evidence* and *source* as the requirement has them
    outcome     passed; failed; deviation: failed, as is known; outgrown: passed, although a deviation is
                listed; unsupported: the target lacks what it takes; skipped: not tested for another reason,
                such as that nobody asked for it
    reason      of what did not pass, one line
    detail      requests, answers and traceback of what failed
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
    """How the run ended.

    ended_at     ISO 8601, UTC
    duration_s   from start to end
    requests     sent, by operation
    left_out     ids of the requirements that were not to run
    stale        entries of the list of deviations that are no longer true, a sentence each
    leaks        what could not be removed
    is_complete  every requirement that was to run has a record
    """

    ended_at: str
    duration_s: float
    requests: Mapping[str, int] = msgspec.field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    is_complete: bool = True


Record: TypeAlias = (
    Header
    | Result
    | Plan
    | Second
    | Event
    | WorkerTotals
    | Recall
    | Trial
    | Capacity
    | Cell
    | Benchmark
    | PeerRun
    | BulkPlan
    | BulkTotals
    | Footer
    | Judged
)
R = TypeVar("R", bound=Record)


class Run(msgspec.Struct, frozen=True):
    """A conformance run that was read.

    header     what was run
    results    in the order in which they ended
    footer     None where the run was cut off
    """

    header: Header
    results: tuple[Result, ...]
    footer: Footer | None = None


class Stream(msgspec.Struct, frozen=True):
    """Any result stream that was read.

    header     what was run
    records    all others but the footer, in the order in which they were written; a verdict stands last
    footer     None where the run was cut off
    problems   what was wrong with the file, a sentence each
    broken     how many of its lines are no records of the run
    swept      what could not be removed after the run either, a line each; None where nobody tried
    """

    header: Header
    records: tuple[Record, ...]
    footer: Footer | None = None
    problems: tuple[str, ...] = ()
    broken: int = 0
    swept: tuple[str, ...] | None = None

    @property
    def leaks(self) -> tuple[str, ...]:
        """What is left behind, a line each: whoever looked last knows."""
        return self.swept if self.swept is not None else self.footer.leaks if self.footer else ()

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """The records of that *kind*, in order."""
        return tuple(record for record in self.records if isinstance(record, kind))

    def first(self, kind: type[R]) -> R | None:
        """The first record of that *kind*, or None."""
        return next(iter(self.of(kind)), None)

    @property
    def run(self) -> Run:
        """The stream as a conformance run."""
        return Run(self.header, self.of(Result), self.footer)
