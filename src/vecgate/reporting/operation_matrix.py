"""Counts of requirements by operation, level and outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from botocore import xform_name

from vecgate.gate.requirement_outcomes import merge_cases
from vecgate.gate.requirement_rules import JUDGED_OUTCOMES, LEVELS
from vecgate.results.records import Result
from vecgate.s3vectors.model import service_model

#: Outcomes that count as failures.
FAILURES = frozenset({"failed", "unexpected-pass"})


@dataclass(frozen=True, slots=True)
class OperationRow:
    """The counts of one operation or topic.

    name    such as PutVectors, or filters
    passed  requirements that passed, by level
    judged  requirements that passed or did not pass, by level; neither unsupported nor skipped ones
    counts  requirements by outcome
    """

    name: str
    passed: Counter[str]
    judged: Counter[str]
    counts: Counter[str]

    @property
    def failed(self) -> int:
        """Number of failures, unexpected passes included."""
        return sum(self.counts[outcome] for outcome in FAILURES)

    def format_ratio(self, level: str) -> str:
        """Return such as `12/13`, empty if nothing of *level* was judged."""
        return f"{self.passed[level]:,}/{self.judged[level]:,}" if self.judged[level] else ""


def group_of(id_: str) -> str:
    """Return the operation or topic of a requirement: PutVectors for `put-vectors.duplicate-keys`."""
    group = id_.split(".", 1)[0]
    operations: dict[str, str] = {
        xform_name(name).replace("_", "-"): name for name in service_model().operation_names
    }
    return operations.get(group, group) or "without an id"


def build_matrix(results: Sequence[Result]) -> list[OperationRow]:
    """Return a row for each operation and topic: operations first, each part sorted by name."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(group_of(result.id), []).append(result)
    return [build_row(name, groups[name]) for name in sorted(groups, key=sort_key)]


def sort_key(name: str) -> tuple[bool, str]:
    """Return the sort key of an operation or topic. Operations start with a capital and come first."""
    return name[:1].islower(), name


def build_row(name: str, results: Sequence[Result]) -> OperationRow:
    """Return the row that counts the requirements of *results*."""
    results = merge_cases(results)
    return OperationRow(
        name,
        passed=Counter(result.level for result in results if result.outcome == "passed"),
        judged=Counter(result.level for result in results if result.outcome in JUDGED_OUTCOMES),
        counts=Counter(result.outcome for result in results),
    )


def skip_reasons(results: Sequence[Result]) -> tuple[str, ...]:
    """Return why requirements were skipped, each reason once."""
    reasons = dict.fromkeys(each.reason for each in results if each.outcome == "skipped")
    return tuple(filter(None, reasons))


def deviation_reasons(results: Sequence[Result]) -> list[tuple[str, int]]:
    """Return the reasons of known deviations with the number of requirements, the most frequent first."""
    return Counter(result.reason for result in results if result.outcome == "deviation").most_common()


def format_row(row: OperationRow) -> list[str]:
    """Return the cells of *row* under HEADINGS."""
    counts = (row.failed, *(row.counts[outcome] for outcome in ("deviation", "unsupported", "skipped")))
    return [
        row.name,
        *(row.format_ratio(level) for level in LEVELS),
        *(f"{count:,}" if count else "" for count in counts),
    ]


HEADINGS = ("operation", *LEVELS, "failed", "deviation", "unsupported", "skipped")
