"""The verdict on a run: a list of checks, and one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vecgate.gate.baseline import passed_in, regressions
from vecgate.gate.rules import DEFAULT_RULES, JUDGED, Rule
from vecgate.results.records import Result, Run

#: failed: what was found is not good enough; unjudged: it could not be found out.
Grade: TypeAlias = Literal["passed", "failed", "unjudged"]
NAMED = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a run must meet.

    name      such as `must` or `baseline`
    measured  what was found, in words
    grade     passed, failed, or unjudged
    ids       the requirements to blame
    """

    name: str
    measured: str
    grade: Grade
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks come to."""

    checks: tuple[Check, ...]

    @property
    def grade(self) -> Grade:
        """Unjudged where any check is, else failed where any is."""
        grades = {check.grade for check in self.checks}
        return next((grade for grade in ("unjudged", "failed") if grade in grades), "passed")

    def __bool__(self) -> bool:
        return self.grade == "passed"


def judge(run: Run, rules: Sequence[Rule] = DEFAULT_RULES, baseline: Run | None = None) -> Verdict:
    """The verdict on *run*: it ended, it judged something, *rules* hold, nothing is worse than *baseline*."""
    checks = [_ended(run), _something(run), *(_rule(rule, run.results) for rule in rules)]
    checks += [_core(run), _deviations(run)]
    if baseline is not None:
        checks.append(_baseline(baseline, run))
    return Verdict(tuple(check for check in checks if check is not None))


def line_of(verdict: Verdict, run: Run) -> str:
    """The last line: the verdict and what it rests on."""
    return verdict_line(verdict, _summary(run))


def verdict_line(verdict: Verdict, passed: str) -> str:
    """The last line: *passed* where the gate is, else what is to blame."""
    if verdict:
        return f"PASS  {passed}"
    word = "FAIL" if verdict.grade == "failed" else "NOT JUDGED"
    blamed = [check for check in verdict.checks if check.grade == verdict.grade]
    return f"{word}  {'; '.join(_blame(check) for check in blamed)}"


def counts_of(results: Sequence[Result]) -> Counter[str]:
    """How many of *results* have each outcome."""
    return Counter(result.outcome for result in results)


def _summary(run: Run) -> str:
    counts = counts_of(run.results)
    judged = sum(counts[outcome] for outcome in JUDGED)
    parts = [f"{counts['passed']:,} of {_many(judged, 'requirement')} passed"]
    parts += [f"{counts['failed']:,} of level may failed"] if counts["failed"] else []
    parts += [_many(counts["deviation"], "known deviation")] if counts["deviation"] else []
    parts += [f"{counts['unsupported']:,} not offered by the target"] if counts["unsupported"] else []
    parts += [f"{counts['skipped']:,} skipped"] if counts["skipped"] else []
    return ", ".join(parts)


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _blame(check: Check) -> str:
    return ", ".join([check.measured, *_named(check.ids)])


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


def _baseline(before: Run, now: Run) -> Check:
    held = len(passed_in(before))
    if not held:
        return Check("baseline", "nothing passed in the baseline: it holds nothing", "failed")
    found = regressions(before, now)
    told = [
        *([_passed_before(len(found.worse), "does not now", "do not now")] if found.worse else []),
        *([_passed_before(len(found.vanished), "is gone", "are gone")] if found.vanished else []),
    ]
    if not told:
        return Check("baseline", f"{held:,} passed before, and none is worse", "passed")
    return Check("baseline", ", ".join(told), "failed", (*found.worse, *found.vanished))


def _passed_before(number: int, one: str, many: str) -> str:
    return f"{number:,} passed before and {one if number == 1 else many}"
