from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.gate.noise import DRAWS, PIECES_MIN, Floats, middle_of, percentiles, shares, weights_of


@given(seconds=st.integers(PIECES_MIN, 400), seed=st.integers(0, 99))
def test_each_run_that_is_put_together_is_as_long_as_the_one_it_comes_from(seconds: int, seed: int) -> None:
    """Seconds are drawn again, none is invented, and the same seed draws the same."""
    weights = weights_of(seconds, seed=seed)
    assert weights is not None
    assert weights.shape == (DRAWS, seconds)
    assert (weights >= 0).all()
    assert (weights.sum(axis=1) == seconds).all()
    assert np.array_equal(weights, weights_of(seconds, seed=seed))  # type: ignore[arg-type]  # it is an array


def test_pieces_come_from_near() -> None:
    """The load of a ramp stays that of a ramp: no run has its end at its start."""
    seconds = 300
    weights = weights_of(seconds)
    assert weights is not None
    load = np.arange(seconds, dtype=float)
    totals = weights @ load
    assert np.abs(totals / load.sum() - 1).max() < 0.1
    assert (weights[:, : seconds // 2].sum(axis=1) / seconds > 0.4).all()


@pytest.mark.parametrize("seconds", [0, 1, PIECES_MIN - 1])
def test_a_short_run_tells_nothing_of_chance(seconds: int) -> None:
    """Rather than that there is none."""
    assert weights_of(seconds) is None


@given(
    counts=st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=6),
    weights=st.lists(st.integers(0, 4), min_size=6, max_size=6),
    percentile=st.sampled_from([50, 95, 99, 100]),
)
def test_percentiles_are_those_of_the_requests_one_by_one(
    counts: list[list[int]], weights: list[int], percentile: int
) -> None:
    """The smallest time within which so many of the requests ended."""
    times = [1.0, 2.5, 40.0]
    drawn = weights[: len(counts)]
    each = sorted(
        time
        for second, weight in zip(counts, drawn, strict=True)
        for _ in range(weight)
        for time, number in zip(times, second, strict=True)
        for _ in range(number)
    )
    found = percentiles(
        np.array(times), np.array(counts, dtype=float), np.array([drawn], dtype=float), percentile
    )
    if each:
        assert found[0] == each[-(-len(each) * percentile // 100) - 1]


def test_a_share_of_nothing_is_none() -> None:
    """A second in which nothing was due divides by nothing."""
    weights = np.array([[1.0, 0.0], [0.0, 2.0]])
    assert shares(np.array([0.0, 1.0]), np.array([0.0, 4.0]), weights).tolist() == [0.0, 0.25]


def test_the_interval_holds_nearly_all() -> None:
    """And is not led astray by a few."""
    found = middle_of(np.arange(1_001.0))
    assert (round(found.low), round(found.high)) == (5, 995)


def test_two_runs_of_the_same_seldom_differ() -> None:
    """Of a hundred pairs of runs drawn from one distribution, few have shares beyond noise of one another.

    Errors come in stretches, as they do: a bad second is followed by another with probability one half.
    """
    apart = 0
    for number in range(100):
        drawn = []
        for side in (0, 1):
            errors = errors_in_stretches(np.random.default_rng([number, side]), seconds=120)
            weights = weights_of(120, seed=side)
            assert weights is not None
            drawn.append(shares(errors, np.full(120, 100.0), weights))
        between = middle_of(drawn[1] - drawn[0])
        apart += not between.low <= 0 <= between.high
    assert apart <= 6


def errors_in_stretches(random: np.random.Generator, *, seconds: int) -> Floats:
    errors, is_bad = np.zeros(seconds), False
    for second in range(seconds):
        is_bad = random.random() < (0.5 if is_bad else 0.05)
        errors[second] = random.integers(5, 15) if is_bad else 0
    return errors
