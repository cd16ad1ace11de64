"""Two states of the sources measured in turn on one machine, until it is clear what differs.

What disturbs the machine disturbs both alike: each goes first in every second pair. What seems to differ is
measured again, alone, so that little of it is chance. Peers and floors are the same on both sides, and are
measured in the first pair only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vecgate.gate.changes import Change
from vecgate.gate.compare_benchmarks import VISITS_MIN, visit_changes
from vecgate.testing.benching import Suite, visit
from vecgate.testing.timings import Timing, Visit
from vecgate.testing.visits import by_name, medians

#: A difference is believed after so many visits of each side.
BELIEVED_AFTER = 8


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often each side is visited: at least *least* times, and no more than *most*."""

    least: int = VISITS_MIN
    most: int = 12


@dataclass(slots=True)
class Turns:
    """What the visits have found so far: those of the *base* and of the *head*."""

    base: list[Visit] = field(default_factory=list)
    head: list[Visit] = field(default_factory=list)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What became of each benchmark that is ours."""
        return visit_changes(medians(_ours(self.base)), medians(_ours(self.head)))

    def undecided(self) -> list[str]:
        """The nodes of the benchmarks to be measured again."""
        timings = _ours(self.head)
        return [
            timings[change.name][0].node
            for change in self.changes
            if change.grade == "doubt"
            or (change.grade in {"worse", "better"} and len(timings[change.name]) < BELIEVED_AFTER)
        ]

    def shared(self) -> list[str]:
        """The nodes of the benchmarks that are ours and that both sides can measure."""
        base = _ours(self.base)
        return [timings[0].node for name, timings in _ours(self.head).items() if name in base]


def _ours(visits: Sequence[Visit]) -> dict[str, list[Timing]]:
    return {name: each for name, each in by_name(visits).items() if not each[0].is_baseline}


def take_turns(
    suite: Suite,
    base: Path,
    head: Path,
    *,
    rounds: Rounds,
    tell: Callable[[str], None],
    look: Callable[[Turns], None] = lambda _: None,
    measure: Callable[[Suite, Path, Sequence[str]], Visit] = visit,
) -> Turns:
    """Visit *base* and *head*, folders of sources, in turn; *tell* is told of each pair.

    *look* is shown what the first has found, and raises where others would be measured in vain.
    """
    turns, nodes = Turns(), list[str]()
    for number in range(1, rounds.most + 1):
        sides = [(turns.base, base), (turns.head, head)]
        for found, sources in sides if number % 2 else reversed(sides):
            found.append(measure(suite, sources, nodes))
        if number == 1:
            look(turns)
        nodes = turns.undecided() if number >= rounds.least else turns.shared()
        tell(f"pair {number}: {len(turns.head[-1].timings):,} measured{_told(number, rounds, nodes)}")
        if not nodes:
            break
    return turns


def _told(number: int, rounds: Rounds, nodes: Sequence[str]) -> str:
    if number < rounds.least:
        return ""
    return f", {len(nodes):,} to be measured again" if nodes and number < rounds.most else ""
