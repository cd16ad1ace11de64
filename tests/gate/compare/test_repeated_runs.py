from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from sample_streams import capacity_stream, load_stream, truncated

from vecgate.errors import UsageError
from vecgate.gate.compare.comparable_figures import TOO_SHORT, ComparableFigure
from vecgate.gate.compare.comparison import compare_repeated
from vecgate.gate.compare.repeated_runs import figures_change, student_quantile
from vecgate.reporting.text.comparison_text import comparison_text
from vecgate.results.records import Stream

FIGURES, PAIRS = 8, 200
#: Runs per side, and by how much runs of equal code differ, for which a change of 20 % must be found.
DETECTABLE = [(3, 0.02), (5, 0.04)]


def side(
    random: np.random.Generator, *, runs: int, noise: float, median: float = 10.0
) -> list[ComparableFigure]:
    times = median * np.exp(random.normal(0, noise, runs))
    return [ComparableFigure("ms", time, None, reason=TOO_SHORT) for time in times]


@pytest.mark.parametrize(("runs", "noise"), [*DETECTABLE, (3, 0.3)])
def test_runs_of_equal_code_rarely_differ(runs: int, noise: float) -> None:
    """In any of eight figures, however noisy the machine is."""
    random = np.random.default_rng(runs)
    alarms = 0
    for _ in range(PAIRS):
        sides = [[side(random, runs=runs, noise=noise) for _ in "ab"] for _ in range(FIGURES)]
        grades = {figures_change("p99", base, head, FIGURES).grade for base, head in sides}
        alarms += bool(grades & {"regressed", "improved"})
    # 5 % are allowed; with 200 pairs, more than 17 would be by chance once in a hundred.
    assert alarms <= 17


@pytest.mark.parametrize(("runs", "noise"), DETECTABLE)
def test_a_regression_of_20_percent_is_found(runs: int, noise: float) -> None:
    """In 95 % of all comparisons."""
    random = np.random.default_rng(runs)
    grades = [
        figures_change(
            "p99",
            side(random, runs=runs, noise=noise),
            side(random, runs=runs, noise=noise, median=12.0),
            FIGURES,
        ).grade
        for _ in range(PAIRS)
    ]
    assert grades.count("regressed") >= 0.95 * PAIRS


@pytest.mark.parametrize(
    ("freedom", "outside", "expected"), [(4, 0.05, 2.776), (8, 0.05, 2.306), (4, 0.01, 4.604)]
)
def test_the_quantile_is_that_of_the_tables(freedom: int, outside: float, expected: float) -> None:
    """Within 3 %."""
    assert student_quantile(freedom, outside) == pytest.approx(expected, rel=0.03)


def test_an_achieved_rate_that_falls_regresses() -> None:
    """More is better, and percentages are compared in points."""
    base, head = (
        [ComparableFigure("%", each, None, sign=-1) for each in values]
        for values in ((1, 1, 1), (0.9, 0.91, 0.9))
    )
    change = figures_change("achieved", base, head)
    assert change.grade == "regressed"
    assert change.interval is not None
    assert change.interval.low < change.regression < change.interval.high
    assert change.regression == pytest.approx(0.0967, abs=1e-3)


def test_a_percentile_of_too_few_requests_is_unclear() -> None:
    """Even if it doubled in all runs."""
    few = "the noise of a p99 needs 1,000 requests, there are 700"
    base, head = ([ComparableFigure("ms", each, None, reason=few)] * 3 for each in (10.0, 20.0))
    change = figures_change("p99", base, head)
    assert (change.grade, change.interval, change.reason) == ("unclear", None, few)


def test_a_figure_that_one_run_lacks_is_missing() -> None:
    """A run without any successful query has no latency."""
    base = [ComparableFigure("ms", 10.0, None)] * 3
    assert figures_change("p99", base, [base[0], None, base[0]]).grade == "missing"
    assert figures_change("p99", [base[0], None, base[0]], base).grade == "new"
    free = [ComparableFigure("$", 0.0, None)] * 3
    assert figures_change("cost", free, free).reason == "it was 0 in a run"


def runs_of(prefix: str, **options: Any) -> list[Stream]:
    """Return three runs that differ only in their ids."""
    stream = load_stream(60, **options)
    return [replace(stream, header=replace(stream.header, run=f"{prefix}{number}")) for number in range(3)]


def test_sides_of_several_runs_are_compared() -> None:
    """A fault in all runs of the head is found, and the text says how many runs there were."""
    found = compare_repeated(runs_of("a"), runs_of("b", throttled_from=20))
    grades = {change.name: change.grade for change in found.changes}
    assert found.verdict.grade == "failed"
    assert grades["throttled(PutVectors)"] == "regressed"
    assert "base (3 runs)   head (3 runs)" in comparison_text(found)
    assert compare_repeated(runs_of("a"), runs_of("b")).verdict.grade == "passed"


def test_one_incomplete_run_makes_it_inconclusive() -> None:
    """It is named."""
    head = runs_of("b")
    head[1] = truncated(head[1], 50)
    verdict = compare_repeated(runs_of("a"), head).verdict
    assert verdict.grade == "inconclusive"
    assert "the run in the head 2 did not end" in [check.measured for check in verdict.checks]


@pytest.mark.parametrize(
    ("base", "head", "message"),
    [
        (runs_of("a")[:2], runs_of("b"), "2 and 3 runs are too few"),
        (runs_of("a"), [*runs_of("b")[:2], runs_of("a")[0]], "the run a0 is named more than once"),
        ([capacity_stream()] * 3, [capacity_stream()] * 3, "runs of kind capacity are compared one with one"),
    ],
)
def test_what_cannot_be_compared_is_refused(base: list[Stream], head: list[Stream], message: str) -> None:
    """A run that counts twice would hide the noise."""
    with pytest.raises(UsageError, match=message):
        compare_repeated(base, head)
