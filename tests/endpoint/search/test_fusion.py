from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.endpoint.search.fusion import fuse_rankings, sum_rankings

rankings = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=4)


@given(rankings=rankings)
def test_fusion_is_the_sum_of_reciprocal_ranks(rankings: list[list[str]]) -> None:
    """1 / (60 + rank) with ranks from 1, computed here without rounding."""
    exact: dict[str, Fraction] = {}
    for ranking in rankings:
        for position, key in enumerate(ranking):
            exact[key] = exact.get(key, Fraction(0)) + Fraction(1, 61 + position)
    found = fuse_rankings(rankings)
    assert dict(found) == pytest.approx({key: float(each) for key, each in exact.items()}, rel=1e-6)
    assert [key for key, _ in found] == sorted(exact, key=lambda key: (-exact[key], key))


def test_equal_sums_of_different_ranks_are_ordered_by_key() -> None:
    """1/63 + 1/126 equals 1/84 + 1/84, although floats may differ in the last digit."""
    first = [f"x{number:02}" for number in range(66)]
    other = list(first)
    first[2], first[23], first[65] = "b", "a", "-"
    other[65], other[23], other[2] = "b", "a", "+"
    order = [key for key, _ in fuse_rankings([first, other])]
    assert order.index("a") + 1 == order.index("b")


def test_scores_are_added_by_key() -> None:
    """Highest first; equal sums are ordered by key."""
    assert sum_rankings([[("a", 1.0), ("b", 0.5)], [("b", 0.5), ("c", 3.0)], []]) == [
        ("c", 3.0),
        ("a", 1.0),
        ("b", 1.0),
    ]
