from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.load.schedule.arrival_schedule import CHUNK, CHUNKS_KEPT, Schedule
from vecgate.load.schedule.rate_curves import SineRate
from vecgate.results.load.load_records import Stage, StageKind


def stage(kind: StageKind, start: float, end: float, for_s: float, **more: Any) -> Stage:
    return Stage(kind=kind, from_per_s=start, to_per_s=end, duration_s=for_s, **more)


def constant(rate: float, for_s: float) -> Stage:
    return stage("constant", rate, rate, for_s)


def build(*stages: Stage, units_per_arrival: float = 1, seed: int = 0) -> Schedule:
    return Schedule.from_stages(stages, units_per_arrival=units_per_arrival, seed=seed)


def rate_at(schedule: Schedule, time_s: float) -> float:
    """Return the arrivals per second at *time_s*, 0 before and after the schedule."""
    found = [each for each in schedule.segments if each.start_s <= time_s < each.end_s]
    return found[0].curve.rate(time_s - found[0].start_s) if found else 0.0


def rates() -> SearchStrategy[float]:
    """Generate rates with two decimals, including 0."""
    return st.integers(0, 30_000).map(lambda cents: cents / 100)


def durations() -> SearchStrategy[float]:
    return st.integers(1, 400).map(lambda tenths: tenths / 10)


def stages(*kinds: StageKind) -> SearchStrategy[Stage]:
    """Generate stages of *kinds* with any rates."""
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


def exact_integral(each: Stage, until_s: Fraction | None = None) -> Fraction:
    """Return the exact number of arrivals in the first *until_s* of a stage: its numbers have few decimals."""
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


def integral_until(plan: list[Stage], time_s: float) -> float:
    """Return the integral of the rate until *time_s*."""
    total, left = 0.0, time_s
    for each in plan:
        here = min(max(left, 0.0), each.duration_s)
        left -= each.duration_s
        if each.kind == "sine":
            swing, middle = (each.to_per_s - each.from_per_s) / 2, (each.to_per_s + each.from_per_s) / 2
            turn = 2 * math.pi / each.period_s
            total += middle * here - swing * math.sin(turn * here) / turn
        else:
            total += float(exact_integral(each, Fraction(here)))
    return total


def test_arrivals_at_a_constant_rate_are_evenly_spaced_from_the_start() -> None:
    """The first is due at 0 and none at the very end: that one would be the first of the next stage."""
    schedule = build(constant(4, 2))
    assert schedule.due_s(0, 99).tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]
    assert (schedule.total, schedule.duration_s) == (8, 2)


def test_rates_count_vectors_when_a_request_holds_several() -> None:
    """1,000 vectors/s in requests of 100 are 10 requests/s."""
    schedule = build(constant(1000, 1), units_per_arrival=100)
    assert schedule.total == 10
    assert schedule.due_s(0, 3) == pytest.approx([0, 0.1, 0.2])
    assert rate_at(schedule, 0.5) == 10


def test_arrivals_of_a_ramp_are_due_where_its_integral_is_a_whole_number() -> None:
    """From 0 to 8/s in 4 s, there are t² arrivals before time t."""
    assert build(stage("ramp", 0, 8, 4)).due_s(0, 16) == pytest.approx([math.sqrt(n) for n in range(16)])
    down = build(stage("ramp", 8, 0, 4)).due_s(0, 16)
    assert down == pytest.approx([4 - math.sqrt(16 - n) for n in range(16)])


def test_steps_have_equal_height_and_the_first_is_taken_at_the_start() -> None:
    """From 1 to 4/s in three steps: 2, 3 and 4/s."""
    schedule = build(stage("step", 1, 4, 3, steps=3))
    assert [rate_at(schedule, second) for second in (0, 0.9, 1, 2, 2.9, 3)] == [2, 2, 3, 4, 4, 0]
    assert schedule.due_s(0, 9) == pytest.approx([0, 0.5, 1, 4 / 3, 5 / 3, 2, 2.25, 2.5, 2.75])
    assert schedule.stage_at(2.5) == 0


def test_a_sine_goes_between_its_two_rates() -> None:
    """It starts at the first rate, is at the second after half a period, and averages both over a period."""
    schedule = build(stage("sine", 10, 30, 8, period_s=4))
    assert [rate_at(schedule, at) for at in (0, 1, 2, 3, 4, 6)] == pytest.approx([10, 20, 30, 20, 10, 30])
    assert schedule.total == 160
    # Half of a period's arrivals are due before its peak, and most of them near the peak.
    assert (schedule.due_before(4), schedule.due_before(2)) == (80, 40)
    assert schedule.due_before(3) - schedule.due_before(1) == pytest.approx(
        40 + 20 * 4 / (2 * math.pi), abs=1
    )


@pytest.mark.parametrize("start", [0.0, 5.0])
def test_a_sine_that_touches_zero_can_be_inverted_there(start: float) -> None:
    """At a rate of 0 the integral is flat, and Newton steps alone would diverge."""
    sine = SineRate(start, 5 - start, 100.0, 10.0)
    times = np.linspace(0, 10, 2001)[:-1]
    integrals = np.array([sine.integral(time) for time in times])
    assert sine.invert(integrals) == pytest.approx(times, abs=2e-5)
    assert [sine.integral(time) for time in sine.invert(integrals)] == pytest.approx(integrals, abs=1e-9)


def test_nothing_is_due_while_the_rate_is_zero() -> None:
    """An arrival that falls on a pause is due with the first of the next stage."""
    schedule = build(constant(0, 5), constant(2, 1), constant(0, 5), constant(2, 1))
    assert schedule.due_s(0, 9).tolist() == [5, 5.5, 11, 11.5]
    assert [schedule.stage_at(at) for at in (-1, 0, 5, 7, 11.5, 12, 99)] == [0, 0, 1, 2, 3, 3, 3]


def test_an_arrival_at_the_very_end_of_a_stage_stays_in_it_despite_rounding() -> None:
    """It is due 2 ps before the end, which a float64 cannot represent after a million seconds."""
    schedule = build(constant(0, 1e6), constant(1000.000002, 0.001), constant(0, 1))
    first, last = schedule.due_s(0, 2)
    assert (first, schedule.stage_at(last), schedule.total) == (1e6, 1, 2)


def test_a_schedule_may_have_no_stage_or_no_arrival() -> None:
    """Empty schedules answer every question."""
    for schedule in (build(), build(constant(0, 3))):
        assert (schedule.total, schedule.due_before(2.0), schedule.due_s(0, 5).tolist()) == (0, 0, [])
        assert (rate_at(schedule, 1.0), schedule.stage_at(1.0)) == (0, 0)


@given(plan=lists_of_stages(*EXACT), units_per_arrival=st.sampled_from([1, 30, 100]))
@example(plan=[constant(0.1, 10)] * 5, units_per_arrival=1)
@example(plan=[constant(0.07, 100)], units_per_arrival=1)
@example(plan=[constant(0.07, 100), stage("ramp", 0, 0.02, 100)], units_per_arrival=1)
def test_the_number_of_arrivals_is_the_integral_rounded_up(plan: list[Stage], units_per_arrival: int) -> None:
    """Compared with exact fractions: rounding errors in sums of decimals must not add an arrival."""
    integral = sum((exact_integral(each) for each in plan), Fraction(0))
    assert build(*plan, units_per_arrival=units_per_arrival).total == math.ceil(integral / units_per_arrival)


@given(plan=lists_of_stages(*EXACT, "sine"))
def test_an_arrival_is_due_when_the_integral_reaches_its_number(plan: list[Stage]) -> None:
    """To a millionth of an arrival."""
    schedule = build(*plan)
    numbers = sorted(
        {0, 1, schedule.total // 3, schedule.total - 2, schedule.total - 1} & {*range(schedule.total)}
    )
    due = [float(schedule.due_s(number, number + 1)[0]) for number in numbers]
    assert [integral_until(plan, time) for time in due] == pytest.approx(numbers, abs=1e-6)


@given(plan=lists_of_stages(*ALL), seed=st.integers(0, 9), data=st.data())
def test_due_before_counts_the_arrivals_with_an_earlier_due_time(
    plan: list[Stage], seed: int, data: st.DataObject
) -> None:
    """`due_before` and `due_s` are inverse, even at the exact times of arrivals and stage boundaries."""
    schedule = build(*plan, seed=seed)
    due = schedule.due_s(0, schedule.total)
    assert len(due) == schedule.total
    assert (np.diff(due) >= 0).all()
    edges = [0.0, schedule.duration_s, *np.cumsum([each.duration_s for each in plan]).tolist()]
    own = [float(each) for each in due[:: max(1, len(due) // 7)]]
    times = [*edges, *own, *(np.nextafter(each, 1e9) for each in own)]
    times.append(data.draw(st.floats(-1, schedule.duration_s + 1)))
    assert [schedule.due_before(time) for time in times] == [int((due < time).sum()) for time in times]


@given(plan=lists_of_stages(*ALL), seed=st.integers(0, 9))
def test_every_arrival_is_due_within_its_stage(plan: list[Stage], seed: int) -> None:
    """From its start, included, to its end, excluded."""
    schedule = build(*plan, seed=seed)
    due = schedule.due_s(0, schedule.total)
    for number, (start, end) in enumerate(pairwise([0.0, *np.cumsum([each.duration_s for each in plan])])):
        inside = due[schedule.due_before(float(start)) : schedule.due_before(float(end))]
        assert {schedule.stage_at(float(time)) for time in inside} <= {number}


def test_a_poisson_stage_may_be_empty() -> None:
    """Also between stages that are not."""
    assert build(constant(1, 1), stage("poisson", 0, 0, 1), constant(1, 1)).due_s(0, 9).tolist() == [0, 2]


@given(plan=lists_of_stages(*ALL), seed=st.integers(0, 9), data=st.data())
def test_a_slice_of_the_schedule_does_not_depend_on_earlier_reads(
    plan: list[Stage], seed: int, data: st.DataObject
) -> None:
    """Workers that read other slices in another order get the same times."""
    whole = build(*plan, seed=seed)
    first = data.draw(st.integers(0, whole.total))
    last = data.draw(st.integers(first, whole.total))
    assert (
        build(*plan, seed=seed).due_s(first, last).tolist()
        == whole.due_s(0, whole.total)[first:last].tolist()
    )


def test_poisson_stages_are_the_same_for_the_same_seed() -> None:
    """They differ for another seed, and between two stages of one schedule."""
    half = stage("poisson", 0, 50, 10)
    one, other = build(half, half, seed=1), build(half, half, seed=2)
    assert one.due_s(0, 400).tolist() == build(half, half, seed=1).due_s(0, 400).tolist()
    assert one.due_s(0, 400).tolist() != other.due_s(0, 400).tolist()
    middle = one.due_before(10)
    assert one.due_s(0, 9) != pytest.approx(one.due_s(middle, middle + 9) - 10)


def test_the_times_of_a_seed_never_change() -> None:
    """A change would break runs in which two versions of vecgate work together."""
    recorded = [0.09810838630345527, 0.32561880486848577, 0.4750895090784776, 0.5006054718079133]
    assert build(stage("poisson", 0, 10, 10), seed=7).due_s(0, 4) == pytest.approx(recorded, abs=1e-12)


def test_a_poisson_stage_is_a_poisson_process() -> None:
    """Counts per second have mean and variance 200; half of the distances are below ln 2 of their mean."""
    schedule = build(stage("poisson", 0, 200, 1000), seed=3)
    due = schedule.due_s(0, schedule.total)
    counts = np.bincount(due.astype(int), minlength=1000)
    distances = np.diff(due) * 200
    assert counts.mean() == pytest.approx(200, rel=0.01)
    assert counts.var() == pytest.approx(200, rel=0.15)
    assert distances.mean() == pytest.approx(1, rel=0.01)
    assert (distances < math.log(2)).mean() == pytest.approx(0.5, abs=0.01)


def test_a_long_schedule_keeps_only_a_few_chunks() -> None:
    """Ten million arrivals, read from one end to the other."""
    schedule = build(constant(50_000, 100), stage("poisson", 0, 50_000, 100), seed=1)
    assert schedule.total == pytest.approx(10_000_000, rel=0.001)
    for time_s in np.linspace(0, 200, 41)[1:-1]:
        number = schedule.due_before(float(time_s))
        before, after = schedule.due_s(number - 1, number + 1)
        assert before < time_s <= after
    assert len(schedule._chunks) <= CHUNKS_KEPT
    assert all(len(chunk) <= CHUNK for chunk in schedule._chunks.values())


def test_a_second_is_split_at_the_ends_of_stages_within_it() -> None:
    """Also of the last one; not at steps, and not for a rounding error."""
    found = build(
        constant(10, 1.5), stage("step", 10, 20, 0.25, steps=2), constant(1, 1.25), constant(1, 0.5)
    )
    assert [found.split_second(at_s) for at_s in range(4)] == [
        [0.0, 1.0],
        [1.0, 1.5, 1.75, 2.0],
        [2.0, 3.0],
        [3.0, 3.5, 4.0],
    ]
    assert build(*[constant(1, 0.1)] * 10, constant(1, 5)).split_second(0)[-2:] == [pytest.approx(0.9), 1.0]


@given(plan=lists_of_stages(*ALL), seed=st.integers(0, 9))
def test_the_arrivals_of_all_stages_add_up_to_the_total(plan: list[Stage], seed: int) -> None:
    """Each arrival belongs to one stage."""
    schedule = build(*plan, seed=seed)
    assert sum(schedule.due_in_stage(number) for number in range(len(plan))) == schedule.total
