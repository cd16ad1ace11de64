"""What a capacity search has found, for people and for programs; the last line is the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from vecgate.cli.exit_codes import ExitCode, exit_code_of, unless_left
from vecgate.cli.wording import milliseconds
from vecgate.errors import VecgateError
from vecgate.gate.verdict import passed_line
from vecgate.load.capacity import Found, Goal
from vecgate.reporting.terminal import left_lines, table_lines
from vecgate.reporting.wording import many, times
from vecgate.results.load import Trial, Unit
from vecgate.results.records import SCHEMA_VERSION, Header

EXIT_OF_ENDING = {
    "found": ExitCode.PASS,
    "too-low": ExitCode.GATE_FAILED,
    "invalid": ExitCode.BROKEN,
    "exhausted": ExitCode.BROKEN,
}
HEADINGS = ("tried", "held", "done", "p50", "p99", "errors", "")
#: More thresholds than this are counted and not named.
NAMED = 2


@dataclass(slots=True)
class Outcome:
    """A search for *goal*, in *unit*, under *thresholds*, and how it ended.

    trials   that ended
    found    what it came to, None where it did not come to its end
    usd      that it cost
    is_cut   it was interrupted
    failure  what ended it, None where nothing did
    leaks    what its trials could not remove, a line each
    """

    goal: Goal
    unit: Unit
    thresholds: tuple[str, ...]
    trials: list[Trial] = field(default_factory=list)
    found: Found | None = None
    usd: float = 0.0
    is_cut: bool = False
    failure: VecgateError | None = None
    leaks: list[str] = field(default_factory=list)

    @property
    def code(self) -> ExitCode:
        """The exit code."""
        if self.found is not None:
            return unless_left(EXIT_OF_ENDING[self.found.ending], self.leaks)
        return exit_code_of(self.failure) if self.failure else ExitCode.INTERRUPTED


def report(outcome: Outcome) -> list[str]:
    """What was found, for people."""
    rows = [
        _row(rate, [trial for trial in outcome.trials if trial.rate_per_s == rate])
        for rate in sorted({trial.rate_per_s for trial in outcome.trials})
    ]
    headings = [f"{outcome.unit}/s", *HEADINGS]
    table = table_lines([headings, *rows], right=range(len(HEADINGS))) if rows else []
    return [*table, "", *left_lines(outcome.leaks), line_of(outcome)]


def line_of(outcome: Outcome) -> str:
    """The verdict."""
    found, unit = outcome.found, outcome.unit
    if found is None:
        word = "INTERRUPTED" if outcome.is_cut else "STOPPED"
        return f"{word}  after {many(len(outcome.trials), 'trial')}; nothing is confirmed"
    held = f"{found.held_per_s:,.10g} {unit}/s held" if found.held_per_s else "nothing held"
    match found.ending:
        case "found":
            told = f"{held} {_thresholds(outcome)}, {_confirmed(outcome)}; {_above(found)}"
            return passed_line(told, outcome.leaks, word="CAPACITY")
        case "too-low":
            lowest = f"{outcome.goal.low:,.10g} {unit}/s"
            return f"FAIL  {lowest}, the lowest rate to try, did not hold: {found.reason}"
        case "invalid":
            rate = outcome.trials[-1].rate_per_s
            return f"NOT JUDGED  at {rate:,.10g} {unit}/s {found.reason}; {held}, unconfirmed"
        case _:
            return f"NOT JUDGED  {found.reason}; {held}, unconfirmed"


def trial_line(trial: Trial, unit: Unit) -> str:
    """One trial."""
    word = "invalid" if trial.is_invalid else "held" if trial.held else "did not"
    told = [
        f"{trial.achieved_per_s:,.0f}/s done",
        f"p50 {milliseconds(trial.p50_ms)}",
        f"p99 {milliseconds(trial.p99_ms)}",
        *([f"{trial.errors:,} errors"] if trial.errors else []),
        *([f"{trial.throttled:,} throttled"] if trial.throttled else []),
        *([trial.reason] if trial.reason else []),
    ]
    rate = f"{trial.rate_per_s:,.10g} {unit}/s"
    return f"trial {trial.number:>2}  {trial.phase:<8} {rate:>18}  {word:<8} {', '.join(told)}"


def to_dict(outcome: Outcome, header: Header) -> dict[str, object]:
    """The result as JSON has it."""
    found = outcome.found
    return {
        "schema": SCHEMA_VERSION,
        "line": line_of(outcome),
        "target": header.target,
        "ending": found.ending if found else None,
        "rate_per_s": found.rate_per_s if found else None,
        "failed_per_s": found.failed_per_s if found else None,
        "unit": outcome.unit,
        "confirmations": outcome.goal.confirmations if found and found.rate_per_s else 0,
        "thresholds": list(outcome.thresholds),
        "trials": [msgspec.to_builtins(trial) for trial in outcome.trials],
        "usd": outcome.usd,
        "left_behind": outcome.leaks,
        "exit_code": int(outcome.code),
    }


def _row(rate_per_s: float, trials: Sequence[Trial]) -> Sequence[str]:
    """All trials of one rate: the worst of each figure, and why it did not hold."""
    return (
        f"{rate_per_s:,.10g}",
        f"{len(trials)}",
        f"{sum(trial.held for trial in trials)}",
        f"{min(trial.achieved_per_s for trial in trials):,.0f}",
        milliseconds(max(trial.p50_ms for trial in trials)),
        milliseconds(max(trial.p99_ms for trial in trials)),
        f"{max(trial.errors for trial in trials):,}",
        next((trial.reason for trial in trials if trial.reason), ""),
    )


def _thresholds(outcome: Outcome) -> str:
    texts = outcome.thresholds
    return " and ".join(texts) if len(texts) <= NAMED else f"all {len(texts)} thresholds"


def _confirmed(outcome: Outcome) -> str:
    return f"confirmed {times(outcome.goal.confirmations)}"


def _above(found: Found) -> str:
    if found.failed_per_s is None:
        return "no higher rate was to be tried"
    return f"{found.failed_per_s:,.10g} did not: {found.reason}"
