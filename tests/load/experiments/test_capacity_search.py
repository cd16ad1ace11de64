"""The search for the highest sustained rate, on fake targets with a known capacity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from math import ceil, log2

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.errors import ConfigError
from vecgate.load.experiments.capacity_search import (
    SearchGoal,
    SearchResult,
    TrialOutcome,
    between,
    find_capacity,
)
from vecgate.results.load.load_records import Capacity, Trial


@dataclass
class FakeTarget:
    """Sustains a rate if *holds* returns True, and keeps all trials."""

    holds: Callable[[float], bool]
    tried: list[tuple[float, bool]] = field(default_factory=list)

    def __call__(self, rate_per_s: float) -> TrialOutcome:
        held = self.holds(rate_per_s)
        self.tried.append((rate_per_s, held))
        return TrialOutcome(held, achieved_per_s=rate_per_s, reason="" if held else "p(99) < 500ms: 612 ms")


def search_on(
    target: Callable[[float], TrialOutcome], goal: SearchGoal
) -> tuple[SearchResult, list[Trial | Capacity]]:
    records: list[Trial | Capacity] = []
    return find_capacity(goal, target, records.append), records


@st.composite
def goals(draw: st.DrawFn, *, trials_max: int = 40) -> SearchGoal:
    low = draw(st.floats(0.5, 1_000))
    return SearchGoal(
        low=low,
        high=low * draw(st.floats(1, 1_000)),
        resolution=draw(st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.3])),
        confirmations=draw(st.integers(1, 4)),
        max_failures=draw(st.integers(1, 3)),
        trials_max=trials_max,
    )


@given(goal=goals(trials_max=200), fraction=st.floats(1e-9, 1))
@example(goal=SearchGoal(100, 4_000), fraction=1.0)
def test_the_result_is_below_the_capacity_by_at_most_the_resolution(
    goal: SearchGoal, fraction: float
) -> None:
    """On a target that sustains every rate up to its capacity and none above."""
    capacity = goal.low + (goal.high - goal.low) * fraction
    target = FakeTarget(lambda rate: rate <= capacity)
    found, _ = search_on(target, goal)
    assert found.ending == "found"
    assert found.rate_per_s is not None
    assert found.rate_per_s <= capacity
    if found.failed_per_s is None:
        assert found.rate_per_s == goal.high == capacity
    else:
        assert found.failed_per_s > capacity
        assert found.failed_per_s <= found.rate_per_s * (1 + goal.resolution)
    doublings = ceil(log2(goal.high / goal.low)) if goal.high > goal.low else 0
    bisections = ceil(log2(1 / log2(1 + goal.resolution))) + 1
    assert len(target.tried) <= (1 + doublings + bisections) * goal.max_failures + goal.confirmations


@given(goal=goals(), answers=st.lists(st.booleans(), min_size=40, max_size=40))
def test_a_rate_is_found_only_after_all_confirmations(goal: SearchGoal, answers: list[bool]) -> None:
    """On a target with random outcomes, and within the allowed trials."""
    script = iter(answers)
    target = FakeTarget(lambda _: next(script))
    found, records = search_on(target, goal)
    assert len(target.tried) <= goal.trials_max
    assert all(goal.low <= rate <= goal.high for rate, _ in target.tried)
    if found.ending == "found":
        assert target.tried[-goal.confirmations :] == [(found.rate_per_s, True)] * goal.confirmations
        assert target.tried.count((found.rate_per_s, True)) == 1 + goal.confirmations  # type: ignore[arg-type] # found, so no None
        assert isinstance(records[-1], Capacity)
        assert records[-1].confirmations == goal.confirmations
    else:
        assert found.rate_per_s is None
        assert not any(isinstance(record, Capacity) for record in records)
    for end in range(goal.max_failures, len(target.tried) + 1):
        row = target.tried[end - goal.max_failures : end]
        if set(row) == {(row[0][0], False)}:
            assert all(rate < row[0][0] for rate, _ in target.tried[end:])
    assert found.failed_per_s in {None, *(rate for rate, held in target.tried if not held)}


@given(goal=goals(), fraction=st.floats(0, 1), random=st.randoms(use_true_random=False))
def test_noise_near_the_capacity_leads_to_a_rate_that_always_held(
    goal: SearchGoal, fraction: float, random: object
) -> None:
    """Near its capacity such a target sustains a rate by luck; the reported one held in every trial."""
    capacity = goal.low + (goal.high - goal.low) * fraction
    target = FakeTarget(lambda rate: rate * random.uniform(0.8, 1.25) <= capacity)  # type: ignore[attr-defined] # random.Random
    found, _ = search_on(target, goal)
    if found.rate_per_s is not None:
        assert found.rate_per_s <= capacity * 1.25
        assert target.tried.count((found.rate_per_s, True)) == 1 + goal.confirmations


def test_the_path_is_doubling_then_bisecting_then_confirming() -> None:
    """Each trial is recorded when it ends, with its phase and the reason of a failure."""
    target = FakeTarget(lambda rate: rate <= 1_900)
    found, records = search_on(target, SearchGoal(500, 4_000, resolution=0.10, max_failures=1))
    trials = [record for record in records if isinstance(record, Trial)]
    assert [(trial.number, trial.phase, trial.rate_per_s, trial.held) for trial in trials] == [
        (1, "bracket", 500.0, True),
        (2, "bracket", 1_000.0, True),
        (3, "bracket", 2_000.0, False),
        (4, "bisect", 1_410.0, True),
        (5, "bisect", 1_680.0, True),
        (6, "bisect", 1_830.0, True),
        (7, "confirm", 1_830.0, True),
        (8, "confirm", 1_830.0, True),
    ]
    assert [trial.reason for trial in trials if trial.reason] == ["p(99) < 500ms: 612 ms"]
    assert records[-1] == Capacity(rate_per_s=1_830.0, failed_per_s=2_000.0, confirmations=2)
    assert found == SearchResult("found", 1_830.0, 2_000.0, 1_830.0, "p(99) < 500ms: 612 ms")


def test_a_failed_confirmation_lowers_the_bracket() -> None:
    """The next lower rate that held is the new lower bound, and the failed one the upper bound."""
    answers = iter([True, True, False, True, False, True, True, True, True])
    target = FakeTarget(lambda _: next(answers))
    found, _ = search_on(target, SearchGoal(100, 400, resolution=0.5, max_failures=1))
    assert target.tried == [
        (100, True),
        (200, True),
        (400, False),
        (283.0, True),
        (283.0, False),
        (200, True),
        (200, True),
    ]
    assert (found.rate_per_s, found.failed_per_s) == (200, 283.0)


def test_one_failure_does_not_give_up_a_rate() -> None:
    """It is tried again at once; after the allowed number of failures it is given up."""
    answers = iter([True, False, True, False, False, True, True, True])
    target = FakeTarget(lambda _: next(answers))
    found, _ = search_on(target, SearchGoal(100, 400, resolution=0.5))
    assert target.tried == [
        (100, True),
        (200, False),
        (200, True),
        (400, False),
        (400, False),
        (283.0, True),
        (283.0, True),
        (283.0, True),
    ]
    assert (found.rate_per_s, found.failed_per_s) == (283.0, 400)


def test_a_target_that_fails_at_the_lowest_rate_has_no_known_capacity() -> None:
    """No capacity is reported, and no other rate is tried."""
    target = FakeTarget(lambda _: False)
    found, records = search_on(target, SearchGoal(100, 4_000, max_failures=3))
    assert found == SearchResult("too-low", None, 100, None, "p(99) < 500ms: 612 ms")
    assert len(records) == 3


def test_the_highest_rate_is_found_if_it_is_sustained() -> None:
    """Then no rate is known to fail."""
    found, records = search_on(FakeTarget(lambda _: True), SearchGoal(300, 1_000))
    assert found == SearchResult("found", 1_000, None, 1_000)
    assert records[-1] == Capacity(rate_per_s=1_000, confirmations=2)


def test_trials_in_which_the_generator_is_the_limit_end_the_search() -> None:
    """Three in a row. They say nothing about the target; the rates sustained so far are reported, but not as a capacity."""

    def trial(rate_per_s: float) -> TrialOutcome:
        is_limit = rate_per_s > 500
        return TrialOutcome(
            held=True, is_inconclusive=is_limit, reason="its cores were full" if is_limit else ""
        )

    found, records = search_on(trial, SearchGoal(200, 4_000))
    assert found == SearchResult("inconclusive", None, None, 400, "its cores were full")
    trials = [each for each in records if isinstance(each, Trial)]
    assert [each.is_inconclusive for each in trials] == [False, False, True, True, True]
    assert not any(each.held for each in trials[2:])


@given(capacity=st.floats(100, 4_000), noisy=st.sets(st.integers(0, 39)))
def test_noisy_trials_do_not_change_the_result(capacity: float, noisy: set[int]) -> None:
    """As long as no three follow one another."""
    numbers = count()
    isolated = {number for number in noisy if number % 3}

    def trial(rate_per_s: float) -> TrialOutcome:
        return TrialOutcome(held=rate_per_s <= capacity, is_inconclusive=next(numbers) in isolated)

    goal = SearchGoal(100, 4_000, trials_max=200)
    quiet, _ = search_on(lambda rate_per_s: TrialOutcome(held=rate_per_s <= capacity), goal)
    assert search_on(trial, goal)[0] == quiet


def test_a_search_without_further_trials_is_exhausted() -> None:
    """With the results so far."""
    found, _ = search_on(
        FakeTarget(lambda rate: rate <= 1_900), SearchGoal(500, 4_000, max_failures=1, trials_max=4)
    )
    assert found == SearchResult("exhausted", None, 2_000, 1_410, "4 trials were not enough")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"low": 0.0}, "the rates are 0 to 4,000"),
        ({"low": 5_000.0}, "the rates are 5,000 to 4,000"),
        ({"high": 2e6}, "the rates are 100 to 2,000,000, allowed are two rates above 0, up to 1,000,000"),
        ({"low": float("nan")}, "the rates are nan to 4,000"),
        ({"resolution": 0.9}, "resolution is 90.0%, allowed is 0.1% to 50.0%"),
        ({"confirmations": 0}, "confirmations is 0, allowed is 1 to 10"),
        ({"max_failures": 11}, "max_failures is 11, allowed is 1 to 10"),
        ({"trials_max": 0}, "trials is 0, allowed is 1 to 1,000"),
    ],
)
def test_a_goal_out_of_range_is_rejected(settings: dict[str, float], said: str) -> None:
    """With all problems at once."""
    with pytest.raises(ConfigError, match=said):
        SearchGoal(**{"low": 100.0, "high": 4_000.0, **settings})  # type: ignore[arg-type] # any number, to keep the table short
    with pytest.raises(ConfigError, match=r"are 9 to 1, .*; resolution is 0\.0%"):
        SearchGoal(9, 1, resolution=0)


@given(low=st.floats(1e-3, 1e9), ratio=st.floats(1.001, 10))
def test_the_rate_between_two_is_between_them(low: float, ratio: float) -> None:
    """Rounding never leaves the bracket, or the search would not end."""
    assert low < between(low, low * ratio) < low * ratio
