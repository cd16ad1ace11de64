"""Compares two runs, or several runs of two sides: what regressed, and whether that is more than allowed.

Without limits no figure may regress beyond noise, and none may be missing. A limit allows a regression of the
figures that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.gate.compare.benchmark_changes import benchmark_changes
from vecgate.gate.compare.capacity_changes import capacity_changes, search_check
from vecgate.gate.compare.changes import GRADES, Change, RequirementChange, count_grades
from vecgate.gate.compare.conformance_changes import conformance_check, requirement_changes
from vecgate.gate.compare.load_changes import generator_check, load_changes, side_names
from vecgate.gate.compare.regression_limits import Limit, limit_checks, noise_check
from vecgate.gate.compare.repeated_runs import RUNS_MIN, repeated_changes
from vecgate.gate.compare.run_conditions import Difference, find_differences
from vecgate.gate.compare.sweep_figures import measured_check, repeated_sweep_changes, sweep_changes
from vecgate.gate.verdict import Check, Verdict, verdict_line
from vecgate.results.records import RunKind, Stream

#: Kinds of runs whose figures have no known noise.
SIDE_BY_SIDE: frozenset[RunKind] = frozenset({"scale", "peers", "bulk"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of one kind, or several of two sides.

    changes              of figures; empty for conformance runs
    requirement_changes  of requirements; empty for all other runs
    differences          between the conditions of the runs
    runs                 number of runs of the base, and of the head
    """

    kind: RunKind
    changes: tuple[Change, ...]
    requirement_changes: tuple[RequirementChange, ...]
    differences: tuple[Difference, ...]
    verdict: Verdict
    runs: tuple[int, int] = (1, 1)

    @property
    def all_changes(self) -> tuple[Change, ...] | tuple[RequirementChange, ...]:
        """All that was compared."""
        return self.requirement_changes or self.changes


def compare(base: Stream, head: Stream, limits: Sequence[Limit] = (), *, force: bool = False) -> Comparison:
    """Compare *head* with *base*; *force* also compares runs of different machines or scenarios.

    Raises UsageError if the runs cannot be compared, or if one of *limits* names no figure.
    """
    differences, kind = check_comparable(base, head, force=force), head.header.kind
    if kind == "conformance":
        return _compare_conformance(base, head, differences, limits)
    changes = CHANGES[kind](base, head)
    checks = [*_completeness([base], [head]), *_meaningfulness(kind, base, head, changes)]
    return Comparison(kind, changes, (), differences, judge_changes(changes, limits, checks))


def compare_repeated(
    base: Sequence[Stream], head: Sequence[Stream], limits: Sequence[Limit] = (), *, force: bool = False
) -> Comparison:
    """Compare the load runs or sweeps *head* with those in *base*, at least three of each.

    Raises UsageError if the runs cannot be compared, or if one of *limits* names no figure.
    """
    kind = base[0].header.kind
    if kind not in REPEATED:
        raise UsageError(f"runs of kind {kind} are compared one with one", hint="Name BASE and HEAD only.")
    if min(len(base), len(head)) < RUNS_MIN:
        raise UsageError(
            f"{len(base)} and {len(head)} runs are too few to compare sides",
            hint=f"Measure at least {RUNS_MIN} of each, in turn; or name one BASE and one HEAD.",
        )
    _check_distinct([*base, *head])
    found = [check_comparable(base[0], other, force=force) for other in (*base[1:], *head)]
    differences = tuple(dict.fromkeys(each for some in found for each in some))
    change, check = REPEATED[kind]
    changes = change(base, head)
    checks = [*_completeness(base, head), *filter(None, [check(base, head, changes)])]
    verdict = judge_changes(changes, limits, checks)
    return Comparison(kind, changes, (), differences, verdict, (len(base), len(head)))


def check_comparable(base: Stream, head: Stream, *, force: bool = False) -> tuple[Difference, ...]:
    """Return the differences between the conditions of two runs.

    Raises UsageError if one of them prevents the comparison, unless *force*, or if the kinds differ.
    """
    _check_kinds(base, head)
    differences = find_differences(base, head)
    blocking = [str(each) for each in differences if each.is_blocking]
    if blocking and not force:
        raise UsageError(
            f"these runs cannot be compared, because they differ in {'; '.join(blocking)}",
            hint="--force compares them all the same.",
        )
    return differences


def judge_changes(
    changes: Sequence[Change], limits: Sequence[Limit], earlier: Sequence[Check] = ()
) -> Verdict:
    """Return the verdict on *changes*. Raises UsageError if a limit names no figure."""
    # If everything is missing, the checks below say so with its name.
    is_empty = bool(changes) and all(change.grade == "missing" for change in changes)
    if not is_empty and all(change.base is None or change.head is None for change in changes):
        return Verdict((*earlier, Check("figures", "the runs have no figure in common", "failed")))
    return Verdict((*earlier, *(limit_checks(limits, changes) if limits else [noise_check(changes)])))


def comparison_line(comparison: Comparison) -> str:
    """Return the verdict in one line, with the number of changes of each grade."""
    counts = describe_counts(comparison.all_changes)
    return verdict_line(comparison.verdict, f"nothing regressed more than allowed: {counts}")


def describe_counts(changes: Iterable[Change | RequirementChange]) -> str:
    """Return the number of *changes* of each grade: `1 improved, 12 unchanged`."""
    counts = count_grades(changes)
    return ", ".join(f"{counts[grade]:,} {grade}" for grade in GRADES if counts[grade])


def _check_kinds(base: Stream, head: Stream) -> None:
    kind = head.header.kind
    if base.header.kind != kind:
        raise UsageError(f"a run of kind {base.header.kind} cannot be compared with one of kind {kind}")
    if kind in SIDE_BY_SIDE:
        raise UsageError(
            f"runs of kind {kind} cannot be compared, because the noise of their figures is unknown",
            hint="`vecgate report BASE HEAD` shows them side by side.",
        )


def _compare_conformance(
    base: Stream, head: Stream, differences: tuple[Difference, ...], limits: Sequence[Limit]
) -> Comparison:
    if limits:
        raise UsageError(
            "conformance runs have no limits", hint="What passed in the base must pass in the head."
        )
    checks = (*_completeness([base], [head]), conformance_check(base.run, head.run))
    changes = requirement_changes(base.run, head.run)
    return Comparison("conformance", (), changes, differences, Verdict(checks))


CHANGES: dict[RunKind, Callable[[Stream, Stream], tuple[Change, ...]]] = {
    "load": load_changes,
    "capacity": capacity_changes,
    "sweep": sweep_changes,
    "benchmarks": benchmark_changes,
}


#: Kinds of runs of which several are compared: their changes, and the check of their generators.
REPEATED: dict[
    RunKind,
    tuple[
        Callable[[Sequence[Stream], Sequence[Stream]], tuple[Change, ...]],
        Callable[[Sequence[Stream], Sequence[Stream], Sequence[Change]], Check | None],
    ],
] = {
    "load": (repeated_changes, generator_check),
    "sweep": (repeated_sweep_changes, measured_check),
}


def _check_distinct(streams: Sequence[Stream]) -> None:
    """Raise UsageError if two of *streams* are the same run: it would seem to have no noise."""
    runs = [stream.header.run for stream in streams]
    if repeated := {run for run in runs if runs.count(run) > 1}:
        raise UsageError(f"the run {min(repeated)} is named more than once", hint="Name each run once.")


def _completeness(base: Sequence[Stream], head: Sequence[Stream]) -> Iterator[Check]:
    for side, streams in (("base", base), ("head", head)):
        for name, stream in zip(side_names(side, len(streams)), streams, strict=True):
            if stream.footer is None or not stream.footer.is_complete:
                yield Check(f"whole {name}", f"the run in the {name} did not end", "inconclusive")


def _meaningfulness(kind: RunKind, base: Stream, head: Stream, changes: Sequence[Change]) -> Iterator[Check]:
    """Yield the reason why a complete run says nothing about its target."""
    if kind == "load" and (check := generator_check([base], [head], changes)):
        yield check
    if kind == "sweep" and (check := measured_check([base], [head], changes)):
        yield check
    if kind == "capacity" and (check := search_check(head)):
        yield check
