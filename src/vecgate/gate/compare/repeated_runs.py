"""Several load runs of each side: what differs between runs of one side is noise.

A single run cannot show how much the next one would differ, for example because the machine is busy. Each
figure is one number per run; for times and prices it is the logarithm, so that regressions are factors. The
interval is that of Student's t for the difference of two means. Its confidence is divided among the figures,
so that all of them together give a false alarm in at most 5 % of the comparisons of equal code. A permutation
test cannot promise that: with three runs against three, chance alone makes one division of twenty the most
extreme for any figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import exp, log

import numpy as np

from vecgate.gate.compare.changes import Change, Interval, grade_change, one_sided_change
from vecgate.gate.compare.comparable_figures import TOO_SHORT, ComparableFigure, load_figures
from vecgate.gate.compare.load_changes import LEAST_CHANGE, LEAST_PERCENTAGE_CHANGE
from vecgate.results.records import Stream

#: Fewer runs show too little of their noise.
RUNS_MIN = 3
#: Share of comparisons of equal code that may find a difference in any figure.
FALSE_ALARMS = 0.05
DRAWS = 200_000


def repeated_changes(base: Sequence[Stream], head: Sequence[Stream]) -> tuple[Change, ...]:
    """Return the change of each figure between the mean of the runs *base* and that of the runs *head*.

    Raises SourceError if one of them is not a load run.
    """
    before, now = ([load_figures(stream, seed=None) for stream in side] for side in (base, head))
    return figures_changes(before, now)


def figures_changes(
    before: Sequence[Mapping[str, ComparableFigure]], now: Sequence[Mapping[str, ComparableFigure]]
) -> tuple[Change, ...]:
    """Return the change of each figure between the means of both sides, whose runs have figures by name."""
    names = dict.fromkeys(name for figures in (*before, *now) for name in figures)
    tests = sum(all(name in figures for figures in (*before, *now)) for name in names)
    return tuple(
        figures_change(name, [each.get(name) for each in before], [each.get(name) for each in now], tests)
        for name in names
    )


def figures_change(
    name: str,
    base: Sequence[ComparableFigure | None],
    head: Sequence[ComparableFigure | None],
    tests: int = 1,
) -> Change:
    """Return the change of the figure *name*, one of *tests* that are compared at once.

    A figure that only some runs of a side have is missing there.
    """
    before, now = _complete(base), _complete(head)
    if before is None or now is None:
        some = next(figure for figure in (*base, *head) if figure)
        means = (_mean(side, some.unit) if side else None for side in (before, now))
        return one_sided_change(name, some.unit, *means)
    unit, sign = now[0].unit, now[0].sign
    is_percentage = unit == "%"
    base_mean, head_mean = _mean(before, unit), _mean(now, unit)
    if not (is_percentage or (base_mean and head_mean)):
        return Change(name, unit, base_mean, head_mean, grade="changed", reason="it was 0 in a run")
    low, middle, high = _difference(_scaled(before, unit), _scaled(now, unit), tests)
    if not is_percentage:
        low, middle, high = (exp(each) - 1 for each in (low, middle, high))
    ends = sorted((sign * low, sign * high))
    reasons = (each.reason for each in (*before, *now) if each.reason != TOO_SHORT)
    reason = next(filter(None, reasons), "")
    interval = None if reason else Interval(*ends)
    least = LEAST_PERCENTAGE_CHANGE if is_percentage else LEAST_CHANGE
    grade = grade_change(sign * middle, interval, least=least)
    return Change(name, unit, base_mean, head_mean, sign * middle, interval, grade, reason)


def _complete(figures: Sequence[ComparableFigure | None]) -> list[ComparableFigure] | None:
    present = [figure for figure in figures if figure is not None]
    return present if len(present) == len(figures) else None


def _scaled(figures: Sequence[ComparableFigure], unit: str) -> list[float]:
    return [each.value if unit == "%" else log(each.value) for each in figures]


def _mean(figures: Sequence[ComparableFigure], unit: str) -> float:
    """Return the mean of percentages, and the geometric mean of times and prices: 0 if one of them is 0."""
    if unit == "%":
        return float(np.mean([each.value for each in figures]))
    return exp(float(np.mean(_scaled(figures, unit)))) if all(each.value for each in figures) else 0.0


def _difference(base: Sequence[float], head: Sequence[float], tests: int) -> tuple[float, float, float]:
    """Return the difference of the means: the lower bound, itself, and the upper bound."""
    freedom = len(base) + len(head) - 2
    squares = sum(float(np.sum((np.array(side) - np.mean(side)) ** 2)) for side in (base, head))
    error = (squares / freedom * (1 / len(base) + 1 / len(head))) ** 0.5
    margin = student_quantile(freedom, FALSE_ALARMS / tests) * error
    middle = float(np.mean(head) - np.mean(base))
    return middle - margin, middle, middle + margin


@cache
def student_quantile(freedom: int, outside: float) -> float:
    """Return the distance from 0 beyond which the share *outside* of Student's t lies, both tails together.

    It is drawn, with 2 % precision; a library of statistics would be larger than vecgate.
    """
    drawn = np.random.default_rng(0).standard_t(freedom, DRAWS)
    return float(np.quantile(np.abs(drawn), 1 - outside))
