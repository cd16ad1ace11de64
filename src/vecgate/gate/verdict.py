"""The verdict on a run: a list of checks, and one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vecgate.gate.baseline import baseline_check
from vecgate.gate.rules import DEFAULT_RULES, JUDGED, LEVELS, Rule
from vecgate.results.records import Result, Run, Stream
from vecgate.results.verdicts import Check, Grade, Judged

__all__ = [
    "UNCLEAN",
    "Check",
    "Grade",
    "Verdict",
    "counts_of",
    "judge",
    "line_of",
    "passed_line",
    "verdict_line",
    "verdict_of",
]

NAMED = 3
#: The word of a run that would have passed, had it not left something behind.
UNCLEAN = "NOT CLEAN"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks come to."""

    checks: tuple[Check, ...]

    @property
    def grade(self) -> Grade:
        """Unjudged where any check is, else failed where any is."""
        grades = {check.grade for check in self.checks}
        return next((grade for grade in ("unjudged", "failed") if grade in grades), "passed")

    @property
    def record(self) -> Judged:
        """As a result stream keeps it."""
        return Judged(grade=self.grade, checks=self.checks)

    def __bool__(self) -> bool:
        return self.grade == "passed"


def judge(run: Run, rules: Sequence[Rule] = DEFAULT_RULES, baseline: Run | None = None) -> Verdict:
    """The verdict on *run*: it ended, it judged something, *rules* hold, nothing is worse than *baseline*."""
    checks = [_ended(run), _something(run), *(_rule(rule, run.results) for rule in rules)]
    checks += [_core(run), _deviations(run)]
    if baseline is not None:
        checks.append(baseline_check(baseline, run))
    return Verdict(tuple(check for check in checks if check is not None))


def verdict_of(stream: Stream) -> Verdict:
    """What the gate of the command said of a conformance run; by the usual rules where it is not kept."""
    judged = stream.first(Judged)
    return judge(stream.run) if judged is None else Verdict(judged.checks)


def line_of(verdict: Verdict, run: Run) -> str:
    """The last line: the verdict and what it rests on."""
    return verdict_line(verdict, _summary(run), run.footer.leaks if run.footer else ())


def verdict_line(verdict: Verdict, passed: str, leaks: Sequence[str] = ()) -> str:
    """The last line: *passed* where the gate is, else what is to blame."""
    if verdict:
        return passed_line(passed, leaks)
    word = "FAIL" if verdict.grade == "failed" else "NOT JUDGED"
    blamed = [check for check in verdict.checks if check.grade == verdict.grade]
    return f"{word}  {'; '.join(_blame(check) for check in blamed)}"


def passed_line(told: str, leaks: Sequence[str], *, word: str = "PASS") -> str:
    """The last line of a run that found what it was to: with *word*, unless *leaks* are left behind."""
    if not leaks:
        return f"{word}  {told}"
    are, them = ("resource is", "it") if len(leaks) == 1 else ("resources are", "them")
    return f"{UNCLEAN}  {len(leaks):,} {are} left behind, `vecgate clean` finds {them}; {told}"


def counts_of(results: Sequence[Result]) -> Counter[str]:
    """How many of *results* have each outcome."""
    return Counter(result.outcome for result in results)


def _summary(run: Run) -> str:
    counts = counts_of(run.results)
    judged = sum(counts[outcome] for outcome in JUDGED)
    parts = [f"{counts['passed']:,} of {_many(judged, 'requirement')} passed"]
    failed = Counter(result.level for result in run.results if result.outcome == "failed")
    parts += [f"{failed[level]:,} of level {level} failed" for level in LEVELS if failed[level]]
    parts += [_many(counts["deviation"], "known deviation")] if counts["deviation"] else []
    parts += [f"{counts['unsupported']:,} not offered by the target"] if counts["unsupported"] else []
    parts += [f"{counts['skipped']:,} not tested"] if counts["skipped"] else []
    return ", ".join(parts)


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _blame(check: Check) -> str:
    # "20 of 25 passed, put-vectors.a" would read as if that one did.
    said = "; failed: " if check.name.startswith(LEVELS) else ", "
    return said.join([check.measured, *_named(check.ids)])


def _named(ids: Sequence[str]) -> Iterator[str]:
    if ids:
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        yield ", ".join(ids[:NAMED]) + more


def _ended(run: Run) -> Check | None:
    if run.footer is not None and run.footer.is_complete:
        return None
    known = _many(len(run.results), "requirement")
    return Check("whole run", f"the run did not end: the outcome of {known} is known", "unjudged")


def _something(run: Run) -> Check | None:
    if any(result.outcome in JUDGED for result in run.results):
        return None
    skipped = f" ({len(run.results):,} were skipped)" if run.results else ""
    return Check("something ran", f"nothing ran: no requirement was judged{skipped}", "failed")


def _rule(rule: Rule, results: Sequence[Result]) -> Check:
    judged = rule.of(results)
    counts = counts_of(judged)
    measured = f"{counts['passed']:,} of {len(judged):,} {rule.level} requirements passed"
    if counts["deviation"]:
        measured += f", {_many(counts['deviation'], 'known deviation')}"
    holds = rule.holds(results)
    failed = tuple(result.id for result in judged if result.outcome != "passed") if not holds else ()
    if rule.share is None:
        failed = tuple(result.id for result in judged if result.outcome == "failed")
    return Check(str(rule), measured, "passed" if holds else "failed", failed)


def _core(run: Run) -> Check | None:
    if not run.header.unlisted:
        return None
    told = ", ".join(f"{name} ({run.header.lacking.get(name, '')})" for name in run.header.unlisted)
    return Check("core", f"the target lacks {told}, and no deviation says so", "failed")


def _deviations(run: Run) -> Check | None:
    outgrown = tuple(result.id for result in run.results if result.outcome == "outgrown")
    stale = run.footer.stale if run.footer else ()
    known = counts_of(run.results)["deviation"]
    if not outgrown and not stale:
        return Check("deviations", _many(known, "known deviation"), "passed") if known else None
    wrong = (*(f"{id_}: passes" for id_ in outgrown), *stale)
    are = "is" if len(wrong) == 1 else "are"
    told = f"{_many(len(wrong), 'listed deviation')} {are} no longer true"
    return Check("deviations", told, "failed", wrong)
