from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.gate.compare.noise import (
    BLOCKS_MIN,
    RESAMPLES,
    Floats,
    bootstrap_weights,
    central_interval,
    resample_percentiles,
    resample_ratios,
)


@given(seconds=st.integers(BLOCKS_MIN, 400), seed=st.integers(0, 99))
def test_each_resampled_run_is_as_long_as_the_original(seconds: int, seed: int) -> None:
    """Seconds may repeat, none is invented, and the same seed gives the same runs."""
    weights = bootstrap_weights(seconds, seed=seed)
    assert weights is not None
    assert weights.shape == (RESAMPLES, seconds)
    assert (weights >= 0).all()
    assert (weights.sum(axis=1) == seconds).all()
    assert np.array_equal(weights, bootstrap_weights(seconds, seed=seed))  # type: ignore[arg-type]  # it is an array


def test_blocks_come_from_nearby() -> None:
    """A ramp stays a ramp: no resampled run has its end at its start."""
    seconds = 300
    weights = bootstrap_weights(seconds)
    assert weights is not None
    load = np.arange(seconds, dtype=float)
    totals = weights @ load
    assert np.abs(totals / load.sum() - 1).max() < 0.1
    assert (weights[:, : seconds // 2].sum(axis=1) / seconds > 0.4).all()


@pytest.mark.parametrize("seconds", [0, 1, BLOCKS_MIN - 1])
def test_the_noise_of_a_short_run_is_unknown(seconds: int) -> None:
    """It is not zero."""
    assert bootstrap_weights(seconds) is None


@given(
    counts=st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=6),
    weights=st.lists(st.integers(0, 4), min_size=6, max_size=6),
    percentile=st.sampled_from([50, 95, 99, 100]),
)
def test_percentiles_equal_those_of_the_single_requests(
    counts: list[list[int]], weights: list[int], percentile: int
) -> None:
    """The smallest time within which that share of the requests ended."""
    times = [1.0, 2.5, 40.0]
    used = weights[: len(counts)]
    each = sorted(
        time
        for second, weight in zip(counts, used, strict=True)
        for _ in range(weight)
        for time, number in zip(times, second, strict=True)
        for _ in range(number)
    )
    found = resample_percentiles(
        np.array(times), np.array(counts, dtype=float), np.array([used], dtype=float), percentile
    )
    if each:
        assert found[0] == each[-(-len(each) * percentile // 100) - 1]


def test_a_share_of_nothing_is_zero() -> None:
    """A second in which nothing was due does not divide by zero."""
    weights = np.array([[1.0, 0.0], [0.0, 2.0]])
    assert resample_ratios(np.array([0.0, 1.0]), np.array([0.0, 4.0]), weights).tolist() == [0.0, 0.25]


def test_the_interval_contains_nearly_all_values() -> None:
    """The most extreme ones are outside."""
    found = central_interval(np.arange(1_001.0))
    assert (round(found.low), round(found.high)) == (5, 995)


def test_two_runs_of_one_distribution_rarely_differ() -> None:
    """Of a hundred pairs of runs from one distribution, few differ beyond noise.

    Errors come in bursts, as in reality: a bad second is followed by another with probability one half.
    """
    apart = 0
    for number in range(100):
        resampled = []
        for side in (0, 1):
            errors = bursts_of_errors(np.random.default_rng([number, side]), seconds=120)
            weights = bootstrap_weights(120, seed=side)
            assert weights is not None
            resampled.append(resample_ratios(errors, np.full(120, 100.0), weights))
        interval = central_interval(resampled[1] - resampled[0])
        apart += not interval.low <= 0 <= interval.high
    assert apart <= 6


def bursts_of_errors(random: np.random.Generator, *, seconds: int) -> Floats:
    errors, is_bad = np.zeros(seconds), False
    for second in range(seconds):
        is_bad = random.random() < (0.5 if is_bad else 0.05)
        errors[second] = random.integers(5, 15) if is_bad else 0
    return errors
