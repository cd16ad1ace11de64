"""Ranges are sets of positions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.position_ranges import Ranges, runs

PAIRS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 8)).map(lambda p: (p[0], p[0] + p[1])), max_size=12
)


@given(pairs=PAIRS)
@example([])
@example([(0, 1), (1, 2)])
@example([(5, 9), (0, 10), (9, 10)])
def test_a_union_contains_the_positions_of_its_pairs(pairs: list[tuple[int, int]]) -> None:
    """For pairs in any order, overlapping or not; each position counts once."""
    members = {position for start, stop in pairs for position in range(start, stop)}
    ranges = Ranges.of(pairs)
    assert ranges.contains(np.arange(-2, 60)).tolist() == [position in members for position in range(-2, 60)]
    assert len(ranges) == len(members)


@given(pairs=PAIRS)
def test_ranges_are_disjoint_ascending_and_minimal(pairs: list[tuple[int, int]]) -> None:
    """Adjacent ranges are merged: a long run stays one range."""
    ranges = Ranges.of(pairs)
    assert (ranges.starts < ranges.stops).all()
    assert (ranges.stops[:-1] < ranges.starts[1:]).all()


@given(positions=st.sets(st.integers(0, 60)))
@example(set())
@example({0})
@example({3, 4, 5})
def test_positions_and_their_runs_are_the_same(positions: set[int]) -> None:
    """There are as few pairs as possible, ascending."""
    ordered = sorted(positions)
    pairs = runs(np.array(ordered, dtype=np.int64))
    assert [position for start, stop in pairs for position in range(start, stop)] == ordered
    assert all(stop < start for (_, stop), (start, _) in pairwise(pairs))
    assert all(isinstance(edge, int) for pair in pairs for edge in pair)


def test_positions_beyond_32_bits_are_kept() -> None:
    """An index may have two billion vectors, an input more."""
    first = 2**40
    assert runs(np.array([first, first + 1], dtype=np.int64)) == [(first, first + 2)]
    assert Ranges.of([(first, first + 2)]).contains(np.array([first + 1, first + 2])).tolist() == [
        True,
        False,
    ]
