from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.load.arrivals import CHUNK, CHUNKS_KEPT, Schedule
from vecgate.load.curves import Wave
from vecgate.results.load import Stage, StageKind

SOME = settings(max_examples=60)


def stage(kind: StageKind, start: float, end: float, for_s: float, **more: Any) -> Stage:
    return Stage(kind=kind, from_per_s=start, to_per_s=end, duration_s=for_s, **more)


def constant(rate: float, for_s: float) -> Stage:
    return stage("constant", rate, rate, for_s)


def of(*stages: Stage, per_arrival: float = 1, seed: int = 0) -> Schedule:
    return Schedule.of(stages, per_arrival=per_arrival, seed=seed)


def rates() -> SearchStrategy[float]:
    """Rates with two decimals, 0 among them."""
    return st.integers(0, 30_000).map(lambda cents: cents / 100)


def durations() -> SearchStrategy[float]:
    return st.integers(1, 400).map(lambda tenths: tenths / 10)


def stages(*kinds: StageKind) -> SearchStrategy[Stage]:
    """Stages of *kinds* with any rates."""
    return st.builds(
        stage,
        st.sampled_from(kinds),
        rates(),
        rates(),
        durations(),
        steps=st.integers(1, 7),
        period_s=durations(),
    )


def lists_of_stages(*kinds: StageKind) -> SearchStrategy[list[Stage]]:
    return st.lists(stages(*kinds), min_size=1, max_size=5)


EXACT: tuple[StageKind, ...] = ("constant", "ramp", "step")
ALL: tuple[StageKind, ...] = (*EXACT, "sine", "poisson")


def exact_area(each: Stage, until_s: Fraction | None = None) -> Fraction:
    """What arrives in the first *until_s* of a stage, in whole numbers; rates and times have few decimals."""
    start, end = Fraction(str(each.from_per_s)), Fraction(str(each.to_per_s))
    whole = Fraction(str(each.duration_s))
    time = whole if until_s is None else until_s
    if each.kind == "constant":
        return end * time
    if each.kind == "ramp":
        return start * time + (end - start) * time * time / whole / 2
    part = whole / each.steps
    spent = [max(Fraction(0), min(part, time - part * step)) for step in range(each.steps)]
    return sum((start + (end - start) * (step + 1) / each.steps) * took for step, took in enumerate(spent))  # type: ignore[return-value]


def area_until(plan: list[Stage], time_s: float) -> float:
    """The integral of the rate until *time_s*, by sums over fine slices where it has no simple form."""
    total, left = 0.0, time_s
    for each in plan:
        here = min(max(left, 0.0), each.duration_s)
        left -= each.duration_s
        if each.kind == "sine":
            swing, middle = (each.to_per_s - each.from_per_s) / 2, (each.to_per_s + each.from_per_s) / 2
            turn = 2 * math.pi / each.period_s
            total += middle * here - swing * math.sin(turn * here) / turn
        else:
            total += float(exact_area(each, Fraction(here)))
    return total


def test_a_constant_rate_is_due_at_even_distances_from_the_start() -> None:
    """Arrival 0 at 0, and none at the very end: that one would be the next stage's first."""
    schedule = of(constant(4, 2))
    assert schedule.due_s(0, 99).tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]
    assert (schedule.total, schedule.duration_s) == (8, 2)


def test_rates_count_vectors_where_an_arrival_is_many() -> None:
    """1,000 vectors/s in hundreds are 10 requests/s."""
    schedule = of(constant(1000, 1), per_arrival=100)
    assert schedule.total == 10
    assert schedule.due_s(0, 3) == pytest.approx([0, 0.1, 0.2])
    assert schedule.rate_at(0.5) == 10


def test_a_ramp_is_due_where_its_integral_is_whole() -> None:
    """From 0 to 8/s in 4 s: t² arrivals by t."""
    assert of(stage("ramp", 0, 8, 4)).due_s(0, 16) == pytest.approx([math.sqrt(n) for n in range(16)])
    down = of(stage("ramp", 8, 0, 4)).due_s(0, 16)
    assert down == pytest.approx([4 - math.sqrt(16 - n) for n in range(16)])


def test_steps_are_equal_and_the_first_is_taken_at_once() -> None:
    """From 1 to 4/s in three steps: 2, 3 and 4/s."""
    schedule = of(stage("step", 1, 4, 3, steps=3))
    assert [schedule.rate_at(second) for second in (0, 0.9, 1, 2, 2.9, 3)] == [2, 2, 3, 4, 4, 0]
    assert schedule.due_s(0, 9) == pytest.approx([0, 0.5, 1, 4 / 3, 5 / 3, 2, 2.25, 2.5, 2.75])
    assert schedule.stage_at(2.5) == 0


def test_a_wave_swings_between_its_rates() -> None:
    """It begins at the first, is at the other after half a period, and has their mean over a whole one."""
    schedule = of(stage("sine", 10, 30, 8, period_s=4))
    assert [schedule.rate_at(at) for at in (0, 1, 2, 3, 4, 6)] == pytest.approx([10, 20, 30, 20, 10, 30])
    assert schedule.total == 160
    # Half of a period's arrivals come until its peak, and most of them around it.
    assert (schedule.due_before(4), schedule.due_before(2)) == (80, 40)
    assert schedule.due_before(3) - schedule.due_before(1) == pytest.approx(
        40 + 20 * 4 / (2 * math.pi), abs=1
    )


@pytest.mark.parametrize("start", [0.0, 5.0])
def test_a_wave_that_touches_zero_is_inverted_there_too(start: float) -> None:
    """Where the rate is 0 the integral is flat, and Newton's steps alone would go astray."""
    wave = Wave(start, 5 - start, 100.0, 10.0)
    times = np.linspace(0, 10, 2001)[:-1]
    areas = np.array([wave.area(time) for time in times])
    assert wave.times(areas) == pytest.approx(times, abs=2e-5)
    assert [wave.area(time) for time in wave.times(areas)] == pytest.approx(areas, abs=1e-9)


def test_nothing_is_due_while_the_rate_is_zero() -> None:
    """The arrival that stands at a pause comes with the first of what follows."""
    schedule = of(constant(0, 5), constant(2, 1), constant(0, 5), constant(2, 1))
    assert schedule.due_s(0, 9).tolist() == [5, 5.5, 11, 11.5]
    assert [schedule.stage_at(at) for at in (-1, 0, 5, 7, 11.5, 12, 99)] == [0, 0, 1, 2, 3, 3, 3]


def test_an_arrival_at_the_very_end_of_a_stage_is_in_it_however_it_rounds() -> None:
    """It is due 2 ps before the end, and a million seconds on a float64 cannot tell."""
    schedule = of(constant(0, 1e6), constant(1000.000002, 0.001), constant(0, 1))
    first, last = schedule.due_s(0, 2)
    assert (first, schedule.stage_at(last), schedule.total) == (1e6, 1, 2)


def test_there_may_be_no_stage_and_no_arrival() -> None:
    """Empty schedules answer like others."""
    for schedule in (of(), of(constant(0, 3))):
        assert (schedule.total, schedule.due_before(2.0), schedule.due_s(0, 5).tolist()) == (0, 0, [])
        assert (schedule.rate_at(1.0), schedule.stage_at(1.0)) == (0, 0)


@SOME
@given(plan=lists_of_stages(*EXACT), per_arrival=st.sampled_from([1, 30, 100]))
@example(plan=[constant(0.1, 10)] * 5, per_arrival=1)
@example(plan=[constant(0.07, 100)], per_arrival=1)
@example(plan=[constant(0.07, 100), stage("ramp", 0, 0.02, 100)], per_arrival=1)
def test_the_arrivals_are_the_integral_rounded_up(plan: list[Stage], per_arrival: int) -> None:
    """Judged in whole numbers: sums of decimals that are a little off do not add an arrival."""
    area = sum((exact_area(each) for each in plan), Fraction(0))
    assert of(*plan, per_arrival=per_arrival).total == math.ceil(area / per_arrival)


@SOME
@given(plan=lists_of_stages(*EXACT, "sine"))
def test_an_arrival_is_due_when_the_integral_reaches_its_number(plan: list[Stage]) -> None:
    """To a millionth of an arrival."""
    schedule = of(*plan)
    numbers = sorted(
        {0, 1, schedule.total // 3, schedule.total - 2, schedule.total - 1} & {*range(schedule.total)}
    )
    due = [float(schedule.due_s(number, number + 1)[0]) for number in numbers]
    assert [area_until(plan, time) for time in due] == pytest.approx(numbers, abs=1e-6)


@SOME
@given(plan=lists_of_stages(*ALL), seed=st.integers(0, 9), data=st.data())
def test_what_is_due_before_a_time_is_what_has_an_earlier_one(
    plan: list[Stage], seed: int, data: st.DataObject
) -> None:
    """`due_before` and `due_s` are inverse, also at the very times that arrivals and stages have."""
    schedule = of(*plan, seed=seed)
    due = schedule.due_s(0, schedule.total)
    assert len(due) == schedule.total
    assert (np.diff(due) >= 0).all()
    edges = [0.0, schedule.duration_s, *np.cumsum([each.duration_s for each in plan]).tolist()]
    own = [float(each) for each in due[:: max(1, len(due) // 7)]]
    times = [*edges, *own, *(np.nextafter(each, 1e9) for each in own)]
    times.append(data.draw(st.floats(-1, schedule.duration_s + 1)))
    assert [schedule.due_before(time) for time in times] == [int((due < time).sum()) for time in times]


@SOME
@given(plan=lists_of_stages(*ALL), seed=st.integers(0, 9))
def test_every_arrival_is_in_its_stage(plan: list[Stage], seed: int) -> None:
    """From its start, included, until before its end."""
    schedule = of(*plan, seed=seed)
    due = schedule.due_s(0, schedule.total)
    for number, (start, end) in enumerate(pairwise([0.0, *np.cumsum([each.duration_s for each in plan])])):
        inside = due[schedule.due_before(float(start)) : schedule.due_before(float(end))]
        assert {schedule.stage_at(float(time)) for time in inside} <= {number}


def test_a_stage_at_random_may_be_empty() -> None:
    """Behind another that is not."""
    assert of(constant(1, 1), stage("poisson", 0, 0, 1), constant(1, 1)).due_s(0, 9).tolist() == [0, 2]


@SOME
@given(plan=lists_of_stages(*ALL), seed=st.integers(0, 9), data=st.data())
def test_any_slice_of_a_schedule_is_the_same_however_it_is_asked_for(
    plan: list[Stage], seed: int, data: st.DataObject
) -> None:
    """Workers that see other parts of it, in other orders, agree."""
    whole = of(*plan, seed=seed)
    first = data.draw(st.integers(0, whole.total))
    last = data.draw(st.integers(first, whole.total))
    assert (
        of(*plan, seed=seed).due_s(first, last).tolist() == whole.due_s(0, whole.total)[first:last].tolist()
    )


def test_stages_at_random_are_the_same_for_the_same_seed() -> None:
    """And others for another, also for two stages of one schedule."""
    half = stage("poisson", 0, 50, 10)
    one, other = of(half, half, seed=1), of(half, half, seed=2)
    assert one.due_s(0, 400).tolist() == of(half, half, seed=1).due_s(0, 400).tolist()
    assert one.due_s(0, 400).tolist() != other.due_s(0, 400).tolist()
    middle = one.due_before(10)
    assert one.due_s(0, 9) != pytest.approx(one.due_s(middle, middle + 9) - 10)


def test_the_sequence_of_a_seed_is_written_down() -> None:
    """Whoever changes it breaks runs in which two versions of vecgate work together."""
    recorded = [0.09810838630345527, 0.32561880486848577, 0.4750895090784776, 0.5006054718079133]
    assert of(stage("poisson", 0, 10, 10), seed=7).due_s(0, 4) == pytest.approx(recorded, abs=1e-12)


def test_a_stage_at_random_is_a_poisson_process() -> None:
    """Numbers in a second have mean and variance 200, distances half as much spread below their mean."""
    schedule = of(stage("poisson", 0, 200, 1000), seed=3)
    due = schedule.due_s(0, schedule.total)
    counts = np.bincount(due.astype(int), minlength=1000)
    distances = np.diff(due) * 200
    assert counts.mean() == pytest.approx(200, rel=0.01)
    assert counts.var() == pytest.approx(200, rel=0.15)
    assert distances.mean() == pytest.approx(1, rel=0.01)
    assert (distances < math.log(2)).mean() == pytest.approx(0.5, abs=0.01)


def test_a_long_schedule_is_kept_in_a_few_chunks() -> None:
    """Ten million arrivals, looked at from one end to the other."""
    schedule = of(constant(50_000, 100), stage("poisson", 0, 50_000, 100), seed=1)
    assert schedule.total == pytest.approx(10_000_000, rel=0.001)
    for time_s in np.linspace(0, 200, 41)[1:-1]:
        number = schedule.due_before(float(time_s))
        before, after = schedule.due_s(number - 1, number + 1)
        assert before < time_s <= after
    assert len(schedule._chunks) <= CHUNKS_KEPT
    assert all(len(chunk) <= CHUNK for chunk in schedule._chunks.values())


def test_a_second_is_cut_where_a_stage_ends_within_it() -> None:
    """Not at its steps, and not where the last one ends; a rounding error is no part of a second."""
    found = of(constant(10, 1.5), stage("step", 10, 20, 0.25, steps=2), constant(1, 1.25), constant(1, 0.5))
    assert [found.bounds_in(at_s) for at_s in range(4)] == [
        [0.0, 1.0],
        [1.0, 1.5, 1.75, 2.0],
        [2.0, 3.0],
        [3.0, 4.0],
    ]
    assert of(*[constant(1, 0.1)] * 10, constant(1, 5)).bounds_in(0)[-2:] == [pytest.approx(0.9), 1.0]


@SOME
@given(plan=lists_of_stages(*ALL), seed=st.integers(0, 9))
def test_what_is_due_in_the_stages_is_what_is_due(plan: list[Stage], seed: int) -> None:
    """Each arrival in one of them."""
    schedule = of(*plan, seed=seed)
    assert sum(schedule.due_in_stage(number) for number in range(len(plan))) == schedule.total
