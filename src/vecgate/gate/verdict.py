"""A verdict is a list of checks and the line that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vecgate.formatting import format_count
from vecgate.gate.requirement_rules import LEVELS
from vecgate.results.verdict_records import Check, Grade, VerdictRecord

__all__ = [
    "WORDS",
    "Check",
    "Grade",
    "Verdict",
    "cleanup_line",
    "describe_checks",
    "pass_line",
    "verdict_line",
]

#: The first word of a verdict line.
WORDS: dict[Grade, str] = {"passed": "PASS", "failed": "FAIL", "inconclusive": "INCONCLUSIVE"}
#: The first words of the line that follows if resources remain.
CLEANUP_FAILED = "CLEANUP FAILED"
#: Ids or resources that a line names; it counts the others.
NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of several checks. It is true if the run passed."""

    checks: tuple[Check, ...]

    @property
    def grade(self) -> Grade:
        """Failed if a failure is proven, else inconclusive if any check is, else failed if any failed."""
        if any(check.is_proven for check in self.checks):
            return "failed"
        grades = {check.grade for check in self.checks}
        return next((grade for grade in ("inconclusive", "failed") if grade in grades), "passed")

    @property
    def record(self) -> VerdictRecord:
        """The verdict as a record of the result stream."""
        return VerdictRecord(grade=self.grade, checks=self.checks)

    @property
    def decisive(self) -> tuple[Check, ...]:
        """The checks that give the verdict its grade."""
        proven = tuple(check for check in self.checks if check.is_proven)
        return proven or tuple(check for check in self.checks if check.grade == self.grade)

    def __bool__(self) -> bool:
        return self.grade == "passed"


def verdict_line(verdict: Verdict, summary: str) -> str:
    """Return the verdict in one line: with *summary* if the run passed, else with the checks that decide."""
    if verdict:
        return pass_line(summary)
    return f"{WORDS[verdict.grade]}  {describe_checks(verdict.decisive)}"


def pass_line(summary: str, *, word: str = WORDS["passed"]) -> str:
    """Return the line of a run that passed."""
    return f"{word}  {summary}"


def cleanup_line(orphaned: Sequence[str]) -> str:
    """Return the line that follows the verdict if *orphaned* resources remain, else an empty string."""
    if not orphaned:
        return ""
    remain = f"{format_count(len(orphaned), 'resource')} could not be removed"
    return f"{CLEANUP_FAILED}  {remain}: {'; '.join(_named(orphaned, '; '))}. Run `vecgate clean`."


def describe_checks(checks: Sequence[Check]) -> str:
    """Return what was measured by *checks*, with the requirements or figures that failed."""
    return "; ".join(_describe(check) for check in checks)


def _describe(check: Check) -> str:
    # "20 of 25 must requirements passed: put-vectors.a" would read as if put-vectors.a had passed.
    separator = "; failed: " if check.name.startswith(LEVELS) else ": "
    return separator.join([check.measured, *_named(check.ids)])


def _named(names: Sequence[str], separator: str = ", ") -> Iterator[str]:
    if names:
        more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
        yield separator.join(names[:NAMED_MAX]) + more
