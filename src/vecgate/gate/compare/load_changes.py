"""Two load runs of one scenario: latencies, achieved requests, errors and the price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vecgate.gate.compare.changes import Change, Interval, grade_change, one_sided_change
from vecgate.gate.compare.comparable_figures import ComparableFigure, load_figures
from vecgate.gate.compare.noise import Floats, central_interval
from vecgate.gate.verdict import Check
from vecgate.results.load.generator_health import describe_late_starts
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream

#: Runs of the same code on one machine differ by this much: relative for times and prices, else the
#: difference.
LEAST_CHANGE, LEAST_PERCENTAGE_CHANGE = 0.05, 0.001


def load_changes(base: Stream, head: Stream) -> tuple[Change, ...]:
    """Return the change of each figure of either run. Raises SourceError if one of them is not a load run."""
    before, now = load_figures(base, seed=0), load_figures(head, seed=1)
    return tuple(compare_figures(name, before.get(name), now.get(name)) for name in {**before, **now})


def generator_check(
    base: Sequence[Stream], head: Sequence[Stream], changes: Sequence[Change] = ()
) -> Check | None:
    """Return a check if the generator was the limit of a run: that run says nothing about the target.

    A generator that started requests late although it could have started them adds that to their response
    times. It may be the reason why one of *changes*, a time, is beyond noise.
    """
    names = [*side_names("base", len(base)), *side_names("head", len(head))]
    summaries = {name: summarize(run) for name, run in zip(names, (*base, *head), strict=True)}
    limited = {name: each.limited_by_generator for name, each in summaries.items()}
    if reasons := [f"in the {name} {reason}" for name, reason in limited.items() if reason]:
        return Check("generator", f"the load generator was the limit: {'; '.join(reasons)}", "inconclusive")
    moved = [each.name for each in changes if each.unit == "ms" and each.grade in {"regressed", "improved"}]
    if not moved:
        return None
    late = {name: describe_late_starts(each.seconds, each.plan) for name, each in summaries.items()}
    reasons = [f"in the {name} {reason}" for name, reason in late.items() if reason]
    if not reasons:
        return None
    return Check("generator", f"cannot tell: {'; '.join(reasons)}", "inconclusive", tuple(moved))


def side_names(side: str, runs: int) -> list[str]:
    """Return a name for each of *runs* of the base or the head."""
    return [side] if runs == 1 else [f"{side} {number}" for number in range(1, runs + 1)]


def compare_figures(name: str, base: ComparableFigure | None, head: ComparableFigure | None) -> Change:
    """Return the change of the figure *name*, which one of the runs may not have."""
    if base is None or head is None:
        unit = base.unit if base else head.unit if head else ""
        return one_sided_change(name, unit, base.value if base else None, head.value if head else None)
    is_percentage = head.unit == "%"
    if not is_percentage and not base.value:
        return Change(name, head.unit, base.value, head.value, grade="changed", reason="it was 0 in the base")
    regression = head.sign * (head.value - base.value) / (1 if is_percentage else base.value)
    interval = _interval(base, head, is_percentage=is_percentage)
    reason = "" if interval else base.reason or head.reason or "it was 0 for most of the base"
    least = LEAST_PERCENTAGE_CHANGE if is_percentage else LEAST_CHANGE
    grade = grade_change(regression, interval, least=least)
    return Change(name, head.unit, base.value, head.value, regression, interval, grade, reason)


def _interval(base: ComparableFigure, head: ComparableFigure, *, is_percentage: bool) -> Interval | None:
    if base.resampled is None or head.resampled is None:
        return None
    # A resampled run whose seconds contain no request has no latency and no price.
    known = np.ones_like(base.resampled, bool) if is_percentage else base.resampled > 0
    if not known.any():
        return None
    before, now = base.resampled[known], head.resampled[known]
    changes: Floats = now - before if is_percentage else now / before - 1
    return central_interval(head.sign * changes)
