"""The results of distributed writes: of a batch, of a task and of a whole job. All of them can be pickled.

A row is acknowledged only if the service has acknowledged it: rows = acknowledged + rejected + pending, at
every level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vecgate.errors import VecgateError
from vecgate.formatting import format_count

#: Rejected rows, and causes of pending ones, that an outcome names. All are counted.
REJECTS_KEPT, CAUSES_KEPT = 100, 10
#: Rejected rows that a message names.
NAMED = 3
#: The members of `IndexTotals` that are counts of all tasks.
COUNTS = (
    *("rows", "acknowledged", "rejected", "pending", "superseded"),
    *("requests", "retries", "throttles", "payload_bytes"),
)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that cannot be written to *index*, because of *problem*. Its *key* is empty if it has none."""

    index: str
    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.index}: record {self.key!r}: {self.problem}"


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The result of one record batch, or of the rows of it that belong to one index.

    rejects  of its rejected rows, up to REJECTS_KEPT
    cause    why rows are pending, empty if none are
    """

    index: str
    rows: int
    acknowledged: int
    rejected: int
    pending: int
    rejects: tuple[RejectedRow, ...] = ()
    cause: str = ""

    def __post_init__(self) -> None:
        _check_sum(self.rows, self.acknowledged, self.rejected, self.pending)


@dataclass(frozen=True, slots=True)
class IndexTotals:
    """The rows of one index, and the requests that wrote them.

    superseded  acknowledged rows that were never sent because a later row has the same key
    first_s     time of the first acknowledgement, of *first_rows*, in seconds since 1970; 0 for none
    last_s      time of the last one
    """

    rows: int = 0
    acknowledged: int = 0
    rejected: int = 0
    pending: int = 0
    superseded: int = 0
    requests: int = 0
    retries: int = 0
    throttles: int = 0
    payload_bytes: int = 0
    first_s: float = 0.0
    first_rows: int = 0
    last_s: float = 0.0

    def __post_init__(self) -> None:
        _check_sum(self.rows, self.acknowledged, self.rejected, self.pending)

    def __add__(self, other: IndexTotals) -> IndexTotals:
        begun = [each for each in (self, other) if each.first_s]
        first = min(begun, key=lambda each: each.first_s, default=self)
        return IndexTotals(
            **{name: getattr(self, name) + getattr(other, name) for name in COUNTS},
            first_s=first.first_s,
            first_rows=first.first_rows,
            last_s=max(self.last_s, other.last_s),
        )

    @property
    def vectors_per_s(self) -> float:
        """Rows acknowledged per second from the first acknowledgement to the last, without the rows of the
        first one. 0 with less than two.
        """
        span_s = self.last_s - self.first_s
        return (self.acknowledged - self.first_rows) / span_s if span_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """The result of a task, or of all tasks of a job.

    indexes  totals by index
    rejects  rejected rows, up to REJECTS_KEPT; the rejects files have all of them
    causes   why rows are pending, up to CAUSES_KEPT
    """

    indexes: Mapping[str, IndexTotals] = field(default_factory=dict)
    rejects: tuple[RejectedRow, ...] = ()
    causes: tuple[str, ...] = ()

    @classmethod
    def combined(cls, outcomes: Iterable[WriteOutcome]) -> WriteOutcome:
        """Return the outcome of all *outcomes* together."""
        indexes: dict[str, IndexTotals] = {}
        rejects: list[RejectedRow] = []
        causes: dict[str, None] = {}
        for outcome in outcomes:
            for name, totals in outcome.indexes.items():
                indexes[name] = indexes.get(name, IndexTotals()) + totals
            rejects.extend(outcome.rejects)
            causes |= dict.fromkeys(outcome.causes)
        return cls(dict(sorted(indexes.items())), tuple(rejects[:REJECTS_KEPT]), tuple(causes)[:CAUSES_KEPT])

    @property
    def totals(self) -> IndexTotals:
        """The totals of all indexes."""
        return sum(self.indexes.values(), IndexTotals())

    @property
    def is_complete(self) -> bool:
        """True if no row is pending, and nothing went wrong otherwise."""
        return not (self.totals.pending or self.causes)

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON has it."""
        return {
            "indexes": {
                name: {each: getattr(totals, each) for each in IndexTotals.__dataclass_fields__}
                | {"vectors_per_s": round(totals.vectors_per_s, 1)}
                for name, totals in self.indexes.items()
            },
            "rejects": [
                {"index": each.index, "key": each.key, "problem": each.problem} for each in self.rejects
            ],
            "causes": list(self.causes),
            "is_complete": self.is_complete,
        }

    def __str__(self) -> str:
        totals = self.totals
        return (
            f"{format_count(totals.rows, 'row')}: {totals.acknowledged:,} acknowledged, "
            f"{totals.rejected:,} rejected, {totals.pending:,} pending; "
            f"{totals.retries:,} requests sent again, {totals.throttles:,} of them throttled"
        )


class WriteIncomplete(VecgateError):
    """Rows of a distributed write were not written.

    outcome  of all tasks
    """

    def __init__(self, message: str, outcome: WriteOutcome, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.outcome = outcome

    def __reduce__(self) -> tuple[type[WriteIncomplete], tuple[str, WriteOutcome], dict[str, object]]:
        return type(self), (str(self), self.outcome), {"hint": self.hint}


def check_outcome(outcome: WriteOutcome, *, allows_rejects: bool) -> None:
    """Raise WriteIncomplete unless every row is acknowledged, or rejected if *allows_rejects*."""
    totals = outcome.totals
    if totals.rejected and not allows_rejects:
        named = "; ".join(map(str, outcome.rejects[:NAMED]))
        raise WriteIncomplete(
            f"{format_count(totals.rejected, 'row')} cannot be written: {named}. Of {totals.rows:,} rows "
            f"{totals.acknowledged:,} are acknowledged and {totals.pending:,} pending",
            outcome,
            hint='Correct them and write all rows again, or write the others with on_reject="collect".',
        )
    if not outcome.is_complete:
        raise WriteIncomplete(
            f"{totals.pending:,} of {format_count(totals.rows, 'row')} are pending, "
            f"{totals.acknowledged:,} acknowledged: {'; '.join(outcome.causes) or 'the cause is unknown'}",
            outcome,
            hint="Write all rows again: equal keys are replaced.",
        )


def _check_sum(rows: int, acknowledged: int, rejected: int, pending: int) -> None:
    if min(acknowledged, rejected, pending) < 0 or acknowledged + rejected + pending != rows:
        raise VecgateError(
            f"{acknowledged:,} acknowledged, {rejected:,} rejected and {pending:,} pending rows "
            f"are not the {rows:,} rows read"
        )
