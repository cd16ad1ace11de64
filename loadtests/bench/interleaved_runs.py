"""Measures two revisions alternately on one machine, until it is clear which benchmarks differ.

Disturbances of the machine affect both sides alike: each side goes first in every second pair of runs.
Benchmarks that seem to differ are measured again, alone, so that chance has little effect. Peers and floors
do not depend on the revision, and are measured in the first pair only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.bench_stream import compute_medians, group_timings
from loadtests.bench.suite import Suite, SuiteRun, Timing, run_suite

from vecgate.gate.compare.benchmark_changes import RUNS_MIN, interleaved_changes
from vecgate.gate.compare.changes import Change

#: Runs of each side that a difference needs before it counts.
RUNS_FOR_DIFFERENCE = 8


@dataclass(frozen=True, slots=True)
class PairLimits:
    """The least and the most pairs of runs."""

    min_pairs: int = RUNS_MIN
    max_pairs: int = 12


@dataclass(slots=True)
class InterleavedRuns:
    """The runs so far of the *base* and of the *head*."""

    base: list[SuiteRun] = field(default_factory=list)
    head: list[SuiteRun] = field(default_factory=list)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The change of each benchmark that depends on the revision."""
        return interleaved_changes(
            compute_medians(_revision_timings(self.base)), compute_medians(_revision_timings(self.head))
        )

    def find_unclear_nodes(self) -> list[str]:
        """Return the nodes of the benchmarks that need more runs."""
        timings = _revision_timings(self.head)
        return [
            timings[change.name][0].node
            for change in self.changes
            if change.grade == "unclear"
            or (change.grade in {"regressed", "improved"} and len(timings[change.name]) < RUNS_FOR_DIFFERENCE)
        ]

    def find_common_nodes(self) -> list[str]:
        """Return the nodes of the benchmarks that depend on the revision and run on both sides."""
        base = _revision_timings(self.base)
        return [timings[0].node for name, timings in _revision_timings(self.head).items() if name in base]


def _revision_timings(runs: Sequence[SuiteRun]) -> dict[str, list[Timing]]:
    return {name: timings for name, timings in group_timings(runs).items() if not timings[0].is_baseline}


def run_interleaved(
    suite: Suite,
    base: Path,
    head: Path,
    *,
    limits: PairLimits,
    on_progress: Callable[[str], None],
    check_first: Callable[[InterleavedRuns], None] = lambda _: None,
    run: Callable[[Suite, Path, Sequence[str]], SuiteRun] = run_suite,
) -> InterleavedRuns:
    """Run *suite* alternately on *base* and *head*, two folders of sources.

    *on_progress* receives a line after each pair. *check_first* receives the first pair, and raises if more
    pairs would be useless.
    """
    runs, nodes = InterleavedRuns(), list[str]()
    for number in range(1, limits.max_pairs + 1):
        sides = [(runs.base, base), (runs.head, head)]
        for side, sources in sides if number % 2 else reversed(sides):
            side.append(run(suite, sources, nodes))
        if number == 1:
            check_first(runs)
        is_enough = number >= limits.min_pairs
        nodes = runs.find_unclear_nodes() if is_enough else runs.find_common_nodes()
        line = f"pair {number}: {len(runs.head[-1].timings):,} measured"
        if nodes and is_enough and number < limits.max_pairs:
            line += f", {len(nodes):,} to be measured again"
        on_progress(line)
        if not nodes:
            break
    return runs
