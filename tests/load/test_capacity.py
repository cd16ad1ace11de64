"""The search for the highest rate that holds, against targets whose capacity is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, log2

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.errors import ConfigError
from vecgate.load.capacity import Found, Goal, TrialOutcome, between, find_capacity
from vecgate.results.load import Capacity, Trial


@dataclass
class FakeTarget:
    """Holds what *holds* says of a rate, and keeps what was tried."""

    holds: Callable[[float], bool]
    tried: list[tuple[float, bool]] = field(default_factory=list)

    def __call__(self, rate_per_s: float) -> TrialOutcome:
        held = self.holds(rate_per_s)
        self.tried.append((rate_per_s, held))
        return TrialOutcome(held, achieved_per_s=rate_per_s, reason="" if held else "p(99) < 500ms: 612 ms")


def found_on(target: Callable[[float], TrialOutcome], goal: Goal) -> tuple[Found, list[Trial | Capacity]]:
    records: list[Trial | Capacity] = []
    return find_capacity(goal, target, records.append), records


@st.composite
def goals(draw: st.DrawFn, *, trials_max: int = 40) -> Goal:
    low = draw(st.floats(0.5, 1_000))
    return Goal(
        low=low,
        high=low * draw(st.floats(1, 1_000)),
        resolution=draw(st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.3])),
        confirmations=draw(st.integers(1, 4)),
        chances=draw(st.integers(1, 3)),
        trials_max=trials_max,
    )


@given(goal=goals(trials_max=200), share=st.floats(1e-9, 1))
@example(goal=Goal(100, 4_000), share=1.0)
def test_the_answer_is_below_what_the_target_holds_by_no_more_than_the_resolution(
    goal: Goal, share: float
) -> None:
    """Of a target that holds every rate up to its capacity and none above."""
    capacity = goal.low + (goal.high - goal.low) * share
    target = FakeTarget(lambda rate: rate <= capacity)
    found, _ = found_on(target, goal)
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
    assert len(target.tried) <= (1 + doublings + bisections) * goal.chances + goal.confirmations


@given(goal=goals(), answers=st.lists(st.booleans(), min_size=40, max_size=40))
def test_a_rate_is_found_only_once_it_has_held_as_often_as_was_asked(goal: Goal, answers: list[bool]) -> None:
    """On a target that answers as it likes, and within the trials that were allowed."""
    script = iter(answers)
    target = FakeTarget(lambda _: next(script))
    found, records = found_on(target, goal)
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
    for end in range(goal.chances, len(target.tried) + 1):
        row = target.tried[end - goal.chances : end]
        if set(row) == {(row[0][0], False)}:
            assert all(rate < row[0][0] for rate, _ in target.tried[end:])
    assert found.failed_per_s in {None, *(rate for rate, held in target.tried if not held)}


@given(goal=goals(), share=st.floats(0, 1), chances=st.randoms(use_true_random=False))
def test_noise_around_the_capacity_leads_to_a_rate_that_held_each_time(
    goal: Goal, share: float, chances: object
) -> None:
    """Near its capacity such a target holds by chance: what is reported held once more than was asked for."""
    capacity = goal.low + (goal.high - goal.low) * share
    target = FakeTarget(lambda rate: rate * chances.uniform(0.8, 1.25) <= capacity)  # type: ignore[attr-defined] # random.Random
    found, _ = found_on(target, goal)
    if found.rate_per_s is not None:
        assert found.rate_per_s <= capacity * 1.25
        assert target.tried.count((found.rate_per_s, True)) == 1 + goal.confirmations


def test_the_path_is_doubling_then_bisecting_then_confirming() -> None:
    """Every trial is told as it ends, with its phase and why it did not hold."""
    target = FakeTarget(lambda rate: rate <= 1_900)
    found, records = found_on(target, Goal(500, 4_000, resolution=0.10, chances=1))
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
    assert found == Found("found", 1_830.0, 2_000.0, 1_830.0, "p(99) < 500ms: 612 ms")


def test_a_confirmation_that_fails_lowers_the_bracket_and_the_search_goes_on() -> None:
    """The rate below it that held is the new floor, and what failed the new ceiling."""
    answers = iter([True, True, False, True, False, True, True, True, True])
    target = FakeTarget(lambda _: next(answers))
    found, _ = found_on(target, Goal(100, 400, resolution=0.5, chances=1))
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


def test_one_bad_moment_does_not_make_a_rate_one_that_fails() -> None:
    """It is tried again at once; what fails as often as it may is given up."""
    answers = iter([True, False, True, False, False, True, True, True])
    target = FakeTarget(lambda _: next(answers))
    found, _ = found_on(target, Goal(100, 400, resolution=0.5))
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


def test_a_target_that_does_not_hold_the_lowest_rate_has_no_capacity_that_we_know() -> None:
    """Nothing is claimed, and nothing else is tried."""
    target = FakeTarget(lambda _: False)
    found, records = found_on(target, Goal(100, 4_000, chances=3))
    assert found == Found("too-low", None, 100, None, "p(99) < 500ms: 612 ms")
    assert len(records) == 3


def test_the_highest_rate_is_found_where_it_holds() -> None:
    """Then nothing is known to fail."""
    found, records = found_on(FakeTarget(lambda _: True), Goal(300, 1_000))
    assert found == Found("found", 1_000, None, 1_000)
    assert records[-1] == Capacity(rate_per_s=1_000, confirmations=2)


def test_a_trial_in_which_the_generator_was_the_limit_ends_the_search() -> None:
    """It says nothing of the target; what held until then is told, and not claimed."""

    def trial(rate_per_s: float) -> TrialOutcome:
        is_limit = rate_per_s > 500
        return TrialOutcome(held=True, is_invalid=is_limit, reason="its cores were full" if is_limit else "")

    found, records = found_on(trial, Goal(200, 4_000))
    assert found == Found("invalid", None, None, 400, "its cores were full")
    assert isinstance(records[-1], Trial)
    assert (records[-1].is_invalid, records[-1].held) == (True, False)


def test_a_search_that_runs_out_of_trials_says_so() -> None:
    """With what it knows by then."""
    found, _ = found_on(FakeTarget(lambda rate: rate <= 1_900), Goal(500, 4_000, chances=1, trials_max=4))
    assert found == Found("exhausted", None, 2_000, 1_410, "4 trials were not enough")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"low": 0.0}, "the rates go from 0 to 4,000"),
        ({"low": 5_000.0}, "the rates go from 5,000 to 4,000"),
        ({"high": 2e6}, "from 100 to 2,000,000, allowed is upward from above 0 to 1,000,000"),
        ({"low": float("nan")}, "the rates go from nan to 4,000"),
        ({"resolution": 0.9}, "resolution is 90.0%, allowed is 0.1% to 50.0%"),
        ({"confirmations": 0}, "confirmations is 0, allowed is 1 to 10"),
        ({"chances": 11}, "chances is 11, allowed is 1 to 10"),
        ({"trials_max": 0}, "trials is 0, allowed is 1 to 1,000"),
    ],
)
def test_a_goal_out_of_range_is_refused(settings: dict[str, float], said: str) -> None:
    """With every problem at once."""
    with pytest.raises(ConfigError, match=said):
        Goal(**{"low": 100.0, "high": 4_000.0, **settings})  # type: ignore[arg-type] # any number, to keep the table short
    with pytest.raises(ConfigError, match=r"from 9 to 1, .*; resolution is 0\.0%"):
        Goal(9, 1, resolution=0)


@given(low=st.floats(1e-3, 1e9), ratio=st.floats(1.001, 10))
def test_a_rate_between_two_is_between_them(low: float, ratio: float) -> None:
    """Rounding for people never leaves the bracket, or the search would not end."""
    assert low < between(low, low * ratio) < low * ratio
