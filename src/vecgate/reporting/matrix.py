"""Operation × requirement, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from botocore import xform_name

from vecgate.gate.rules import JUDGED, LEVELS
from vecgate.results.records import Result
from vecgate.s3vectors.model import service_model


@dataclass(frozen=True, slots=True)
class Row:
    """The requirements of one operation or topic.

    name     such as PutVectors, or filters
    passed   by level; *judged* likewise, those of which it is known whether they are kept
    counts   by outcome
    """

    name: str
    passed: Counter[str]
    judged: Counter[str]
    counts: Counter[str]

    def share(self, level: str) -> str:
        """Such as `12/13`; empty where there is none of *level*."""
        return f"{self.passed[level]}/{self.judged[level]}" if self.judged[level] else ""


def group_of(id_: str) -> str:
    """The operation or topic of a requirement: PutVectors for `put-vectors.duplicate-keys`."""
    group = id_.split(".", 1)[0]
    operations: dict[str, str] = {
        xform_name(name).replace("_", "-"): name for name in service_model().operation_names
    }
    return operations.get(group, group) or "without an id"


def matrix_of(results: Sequence[Result]) -> list[Row]:
    """A row for each operation and topic: operations first, in the order of their names."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(group_of(result.id), []).append(result)
    return [row_of(name, groups[name]) for name in sorted(groups, key=in_order)]


def in_order(name: str) -> tuple[bool, str]:
    """What operations and topics are sorted by: operations, which have a capital, come first."""
    return name[:1].islower(), name


def row_of(name: str, results: Sequence[Result]) -> Row:
    """The row of *results*."""
    return Row(
        name,
        passed=Counter(result.level for result in results if result.outcome == "passed"),
        judged=Counter(result.level for result in results if result.outcome in JUDGED),
        counts=Counter(result.outcome for result in results),
    )


def untested_in(results: Sequence[Result]) -> tuple[str, ...]:
    """Why some of *results* were not tested, each reason once."""
    reasons = dict.fromkeys(each.reason for each in results if each.outcome == "skipped")
    return tuple(filter(None, reasons))


def cells_of(row: Row) -> list[str]:
    """The cells of *row* under HEADINGS."""
    counts = row.counts
    return [
        row.name,
        *(row.share(level) for level in LEVELS),
        *(
            str(number) if number else ""
            for number in (
                counts["failed"] + counts["outgrown"],
                counts["deviation"],
                counts["unsupported"],
                counts["skipped"],
            )
        ),
    ]


HEADINGS = ("operation", *LEVELS, "failed", "deviation", "not offered", "not tested")
