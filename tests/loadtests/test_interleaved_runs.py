from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from loadtests.bench.interleaved_runs import (
    RUNS_FOR_DIFFERENCE,
    InterleavedRuns,
    PairLimits,
    run_interleaved,
)
from loadtests.bench.suite import Suite, SuiteRun, Timing

BASE, HEAD, SUITE = Path("base"), Path("head"), Suite(Path("bench"))
#: Returns the seconds that a benchmark takes on a side in the run of a number.
Script = Callable[[str, Path, int], float]


def timing(name: str, time_s: float) -> Timing:
    is_peer = name.startswith("peer")
    return Timing(
        f"t.py::{name}", name, "", "CPU", is_baseline=is_peer, vectors=1, iterations=1, times_s=(time_s,)
    )


class ScriptedSuite:
    """Returns timings from a script, and records the runs."""

    def __init__(self, *names: str, script: Script) -> None:
        self.names, self.script, self.runs = names, script, list[tuple[Path, tuple[str, ...]]]()

    def __call__(self, suite: Suite, sources: Path, nodes: Sequence[str]) -> SuiteRun:
        number = sum(side == sources for side, _ in self.runs)
        measured = tuple(name for name in self.names if not nodes or f"t.py::{name}" in nodes)
        self.runs.append((sources, measured))
        return SuiteRun(tuple(timing(name, self.script(name, sources, number)) for name in measured))

    def count(self, name: str) -> int:
        """Return how often each side measured *name*."""
        return sum(name in measured for _, measured in self.runs) // 2


def interleave(
    suite: ScriptedSuite,
    limits: PairLimits = PairLimits(),  # noqa: B008 - frozen
) -> tuple[InterleavedRuns, list[str]]:
    lines: list[str] = []
    return run_interleaved(SUITE, BASE, HEAD, limits=limits, on_progress=lines.append, run=suite), lines


def grades(runs: InterleavedRuns) -> dict[str, str]:
    return {change.name: change.grade for change in runs.changes}


def test_each_side_goes_first_in_every_second_pair() -> None:
    """A drift of the machine affects both sides alike."""
    suite = ScriptedSuite("a", script=lambda *_: 1.0)
    interleave(suite)
    assert [side.name for side, _ in suite.runs] == [
        *("base", "head", "head", "base", "base", "head", "head", "base", "base", "head")
    ]


def test_an_unchanged_benchmark_takes_the_fewest_pairs() -> None:
    """It is not measured again."""
    suite = ScriptedSuite("a", script=lambda *_: 1.0)
    runs, lines = interleave(suite)
    assert (grades(runs), suite.count("a")) == ({"a": "unchanged"}, 5)
    assert lines[-1] == "pair 5: 1 measured"


@pytest.mark.parametrize(("factor", "grade"), [(1.2, "regressed"), (0.8, "improved")])
def test_a_difference_is_measured_again_before_it_counts(factor: float, grade: str) -> None:
    """Alone, without the unchanged benchmarks."""

    def script(name: str, side: Path, number: int) -> float:
        return (factor if (name, side) == ("slower", HEAD) else 1.0) + number / 1e3

    suite = ScriptedSuite("slower", "steady", script=script)
    runs, lines = interleave(suite)
    assert grades(runs) == {"slower": grade, "steady": "unchanged"}
    assert (suite.count("slower"), suite.count("steady")) == (RUNS_FOR_DIFFERENCE, 5)
    assert lines[4] == "pair 5: 2 measured, 1 to be measured again"


def test_peers_are_measured_once() -> None:
    """They do not depend on the sources."""
    suite = ScriptedSuite(
        "peer", "own", script=lambda name, side, _: 2.0 if (name, side) == ("peer", HEAD) else 1.0
    )
    runs, _ = interleave(suite)
    assert grades(runs) == {"own": "unchanged"}
    assert (suite.count("peer"), suite.count("own")) == (1, 5)


def test_an_unclear_benchmark_is_measured_until_it_is_clear() -> None:
    """A few slow runs at the start are outweighed by later ones."""

    def script(name: str, side: Path, number: int) -> float:
        return 1.1 if side == HEAD and number < 3 else 1.0

    runs, _ = interleave(ScriptedSuite("a", script=script))
    assert (grades(runs), len(runs.head)) == ({"a": "unchanged"}, 7)


def test_a_benchmark_that_stays_unclear_ends_with_the_last_pair() -> None:
    """And is graded as unclear."""

    def script(name: str, side: Path, number: int) -> float:
        return 1.0 + 0.3 * (number % 2) + (0.1 if side == HEAD else 0.0)

    suite = ScriptedSuite("a", script=script)
    runs, lines = interleave(suite, PairLimits(max_pairs=7))
    assert (grades(runs), suite.count("a")) == ({"a": "unclear"}, 7)
    assert lines[-1] == "pair 7: 1 measured"


def test_a_benchmark_that_only_the_head_can_run_is_new() -> None:
    """There is nothing to compare it with, so it is not measured again."""

    def run(suite: Suite, sources: Path, nodes: Sequence[str]) -> SuiteRun:
        names = ("a",) if sources == BASE else ("a", "b")
        return SuiteRun(tuple(timing(name, 1.0) for name in names))

    runs = run_interleaved(SUITE, BASE, HEAD, limits=PairLimits(), on_progress=lambda _: None, run=run)
    assert (grades(runs), len(runs.head)) == ({"a": "unchanged", "b": "new"}, 5)


def test_the_check_of_the_first_pair_can_stop_the_run() -> None:
    """By raising."""

    def check_first(first: InterleavedRuns) -> None:
        raise LookupError(f"{len(first.base)} and {len(first.head)}")

    suite = ScriptedSuite("a", script=lambda *_: 1.0)
    with pytest.raises(LookupError, match="1 and 1"):
        run_interleaved(
            SUITE,
            BASE,
            HEAD,
            limits=PairLimits(),
            on_progress=lambda _: None,
            check_first=check_first,
            run=suite,
        )
    assert len(suite.runs) == 2


def test_sides_without_a_common_benchmark_run_once() -> None:
    """There is nothing to compare."""
    suite = ScriptedSuite("peer", script=lambda *_: 1.0)
    assert grades(interleave(suite)[0]) == {}
    assert suite.count("peer") == 1
