"""Two runs held against each other: what got worse, and whether that is more than is allowed.

Without limits nothing may be worse beyond noise, and nothing may be gone; limits excuse what they name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.gate.changes import GRADES, Change, ChangeGrade, Turn, counts_of_changes
from vecgate.gate.compare_benchmarks import benchmark_changes
from vecgate.gate.compare_capacity import capacity_changes, search_check
from vecgate.gate.compare_conformance import conformance_check, turns_of
from vecgate.gate.compare_load import generator_check, load_changes
from vecgate.gate.conditions import Difference, differences
from vecgate.gate.limits import Limit, limit_checks, noise_check
from vecgate.gate.verdict import Check, Verdict, verdict_line
from vecgate.results.records import Kind, Stream

#: Kinds whose figures carry no noise.
SIDE_BY_SIDE: frozenset[Kind] = frozenset({"scale", "peers", "bulk"})
WORDS: dict[ChangeGrade, str] = {"doubt": "in doubt", "same": "the same"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of one kind.

    changes      of figures, *turns* of requirements: a run has the one or the other
    differences  between the conditions under which they were made
    verdict      what it comes to
    """

    kind: Kind
    changes: tuple[Change, ...]
    turns: tuple[Turn, ...]
    differences: tuple[Difference, ...]
    verdict: Verdict

    @property
    def found(self) -> tuple[Change, ...] | tuple[Turn, ...]:
        """What it compares."""
        return self.turns or self.changes


def compare(base: Stream, head: Stream, limits: Sequence[Limit] = (), *, anyway: bool = False) -> Comparison:
    """*head* held against *base*; *anyway*, although they are of different machines or scenarios.

    Raises UsageError where they cannot be compared, or one of *limits* is for nothing.
    """
    unlike, kind = checked_differences(base, head, anyway=anyway), head.header.kind
    if kind == "conformance":
        return _conformance(base, head, unlike, limits)
    changes = CHANGES[kind](base, head)
    checks = [*_whole(base, head), *_told_nothing(kind, base, head)]
    return Comparison(kind, changes, (), unlike, judged(changes, limits, checks))


def checked_differences(base: Stream, head: Stream, *, anyway: bool = False) -> tuple[Difference, ...]:
    """What the runs differ in. Raises UsageError where that forbids to compare them, unless *anyway*.

    Runs of different kinds never are.
    """
    _check_kinds(base, head)
    unlike = differences(base, head)
    decisive = [str(each) for each in unlike if each.is_decisive]
    if decisive and not anyway:
        raise UsageError(
            f"these runs cannot be compared, they differ in {'; '.join(decisive)}",
            hint="--anyway compares them all the same.",
        )
    return unlike


def judged(changes: Sequence[Change], limits: Sequence[Limit], before: Sequence[Check] = ()) -> Verdict:
    """The verdict on *changes*, after the checks *before*. Raises UsageError where a limit is for nothing."""
    # Where all is gone, that says more.
    is_lost = bool(changes) and all(change.grade == "gone" for change in changes)
    if not is_lost and all(change.base is None or change.head is None for change in changes):
        return Verdict((*before, Check("figures", "the runs have no figure in common", "failed")))
    return Verdict((*before, *(limit_checks(limits, changes) if limits else [noise_check(changes)])))


def line_of_comparison(comparison: Comparison) -> str:
    """The last line: the verdict and what it rests on."""
    return verdict_line(comparison.verdict, f"nothing is worse than allowed: {counted(comparison.found)}")


def counted(changes: Iterable[Change | Turn]) -> str:
    """How many of *changes* came out how: `1 better, 12 the same`."""
    counts = counts_of_changes(changes)
    return ", ".join(f"{counts[grade]:,} {WORDS.get(grade, grade)}" for grade in GRADES if counts[grade])


def _check_kinds(base: Stream, head: Stream) -> None:
    kind = head.header.kind
    if base.header.kind != kind:
        raise UsageError(f"a run of kind {base.header.kind} cannot be compared with one of kind {kind}")
    if kind in SIDE_BY_SIDE:
        raise UsageError(
            f"runs of kind {kind} cannot be compared: their figures carry no noise",
            hint="`vecgate report BASE HEAD` sets them side by side.",
        )


def _conformance(
    base: Stream, head: Stream, unlike: tuple[Difference, ...], limits: Sequence[Limit]
) -> Comparison:
    if limits:
        raise UsageError("conformance knows no limits", hint="What passed in the base must pass.")
    checks = (*_whole(base, head), conformance_check(base.run, head.run))
    return Comparison("conformance", (), turns_of(base.run, head.run), unlike, Verdict(checks))


CHANGES: dict[Kind, Callable[[Stream, Stream], tuple[Change, ...]]] = {
    "load": load_changes,
    "capacity": capacity_changes,
    "benchmarks": benchmark_changes,
}


def _whole(base: Stream, head: Stream) -> Iterator[Check]:
    for name, stream in (("base", base), ("head", head)):
        if stream.footer is None or not stream.footer.is_complete:
            yield Check(f"whole {name}", f"the run in the {name} did not end", "unjudged")


def _told_nothing(kind: Kind, base: Stream, head: Stream) -> Iterator[Check]:
    """Why a run that ended says nothing of its target."""
    if kind == "load" and (check := generator_check(base, head)):
        yield check
    if kind == "capacity" and (check := search_check(head)):
        yield check
