from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from vecgate.testing.benching import Suite
from vecgate.testing.interleaving import BELIEVED_AFTER, Rounds, Turns, take_turns
from vecgate.testing.timings import Timing, Visit

BASE, HEAD, SUITE = Path("base"), Path("head"), Suite(Path("bench"))
#: What the visit of a number takes, by benchmark, side and number.
Script = Callable[[str, Path, int], float]


def timing(name: str, time_s: float) -> Timing:
    is_peer = name.startswith("peer")
    return Timing(
        f"t.py::{name}", name, "", "CPU", is_baseline=is_peer, vectors=1, iterations=1, times_s=(time_s,)
    )


class Bench:
    """Answers visits from a script, and remembers them."""

    def __init__(self, *names: str, script: Script) -> None:
        self.names, self.script, self.visits = names, script, list[tuple[Path, tuple[str, ...]]]()

    def __call__(self, suite: Suite, sources: Path, nodes: Sequence[str]) -> Visit:
        number = sum(side == sources for side, _ in self.visits)
        measured = tuple(name for name in self.names if not nodes or f"t.py::{name}" in nodes)
        self.visits.append((sources, measured))
        return Visit(tuple(timing(name, self.script(name, sources, number)) for name in measured))

    def measured(self, name: str) -> int:
        """How often *name* was measured, of each side."""
        return sum(name in measured for _, measured in self.visits) // 2


def turns(bench: Bench, rounds: Rounds = Rounds()) -> tuple[Turns, list[str]]:  # noqa: B008 - frozen
    said: list[str] = []
    return take_turns(SUITE, BASE, HEAD, rounds=rounds, tell=said.append, measure=bench), said


def grades(found: Turns) -> dict[str, str]:
    return {change.name: change.grade for change in found.changes}


def test_the_sides_take_turns_and_each_goes_first_as_often() -> None:
    """What drifts on the machine falls on both."""
    bench = Bench("a", script=lambda *_: 1.0)
    turns(bench)
    assert [side.name for side, _ in bench.visits] == [
        *("base", "head", "head", "base", "base", "head", "head", "base", "base", "head")
    ]


def test_what_is_the_same_is_settled_after_the_fewest_visits() -> None:
    """Nothing more is measured."""
    bench = Bench("a", script=lambda *_: 1.0)
    found, said = turns(bench)
    assert (grades(found), bench.measured("a")) == ({"a": "same"}, 5)
    assert said[-1] == "pair 5: 1 measured"


@pytest.mark.parametrize(("factor", "grade"), [(1.2, "worse"), (0.8, "better")])
def test_a_difference_is_measured_again_before_it_is_believed(factor: float, grade: str) -> None:
    """Alone: the others are not."""

    def script(name: str, side: Path, number: int) -> float:
        return (factor if (name, side) == ("slower", HEAD) else 1.0) + number / 1e3

    bench = Bench("slower", "steady", script=script)
    found, said = turns(bench)
    assert grades(found) == {"slower": grade, "steady": "same"}
    assert (bench.measured("slower"), bench.measured("steady")) == (BELIEVED_AFTER, 5)
    assert said[4] == "pair 5: 2 measured, 1 to be measured again"


def test_peers_are_measured_once() -> None:
    """They do not depend on the sources; new files of theirs would be no change of ours."""
    bench = Bench("peer", "ours", script=lambda name, side, _: 2.0 if (name, side) == ("peer", HEAD) else 1.0)
    found, _ = turns(bench)
    assert grades(found) == {"ours": "same"}
    assert (bench.measured("peer"), bench.measured("ours")) == (1, 5)


def test_doubt_is_measured_until_it_is_none() -> None:
    """Five visits that happened to lie high are followed by others."""

    def script(name: str, side: Path, number: int) -> float:
        return 1.1 if side == HEAD and number < 3 else 1.0

    found, _ = turns(Bench("a", script=script))
    assert (grades(found), len(found.head)) == ({"a": "same"}, 7)


def test_doubt_that_stays_ends_after_the_most_visits() -> None:
    """And is told as what it is."""

    def script(name: str, side: Path, number: int) -> float:
        return 1.0 + 0.3 * (number % 2) + (0.1 if side == HEAD else 0.0)

    bench = Bench("a", script=script)
    found, said = turns(bench, Rounds(most=7))
    assert (grades(found), bench.measured("a")) == ({"a": "doubt"}, 7)
    assert said[-1] == "pair 7: 1 measured"


def test_what_the_base_cannot_do_is_new() -> None:
    """It has nothing to be held against, and is not measured again."""

    def without(suite: Suite, sources: Path, nodes: Sequence[str]) -> Visit:
        names = ("a",) if sources == BASE else ("a", "b")
        return Visit(tuple(timing(name, 1.0) for name in names))

    found = take_turns(SUITE, BASE, HEAD, rounds=Rounds(), tell=lambda _: None, measure=without)
    assert (grades(found), len(found.head)) == ({"a": "same", "b": "new"}, 5)


def test_the_first_pair_is_looked_at_before_others_are_measured() -> None:
    """Whoever sees that they would be in vain, raises."""

    def look(first: Turns) -> None:
        raise LookupError(f"{len(first.base)} and {len(first.head)}")

    bench = Bench("a", script=lambda *_: 1.0)
    with pytest.raises(LookupError, match="1 and 1"):
        take_turns(SUITE, BASE, HEAD, rounds=Rounds(), tell=lambda _: None, look=look, measure=bench)
    assert len(bench.visits) == 2


def test_sides_with_nothing_in_common_are_measured_once() -> None:
    """There is nothing to find out."""
    bench = Bench("peer", script=lambda *_: 1.0)
    assert grades(turns(bench)[0]) == {}
    assert bench.measured("peer") == 1
