"""A rate is achieved only if the target kept up with it: checked on runs against a queue of a known rate."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from queue_runs import Queue, constant, queue_stream

from vecgate.gate.load_verdict import judge_load, load_verdict_line
from vecgate.load.experiments.capacity_search import SearchGoal, TrialOutcome, find_capacity
from vecgate.load.experiments.capacity_trials import evaluate_trial
from vecgate.results.load.load_records import OperationSecond, Second, Stage
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream

RATES = st.floats(20, 300)
#: A span shorter than two seconds shows no trend, so a tenth of its requests may still be unanswered.
SHORT_S = 2.0


def allowed_per_s(served_per_s: float, duration_s: float) -> float:
    """Return what may be achieved: the service rate, and the few requests whose share cannot be told."""
    share = 1.12 if duration_s < SHORT_S else 1.03
    return served_per_s * share + 7 / duration_s


#: How many may be in flight, and how long a request waits for that before it is dropped.
LIMITS = st.tuples(st.sampled_from([1, 20, 128, 100_000]), st.sampled_from([0.5, 1.0, 5.0, 60.0]))


@given(
    served=RATES,
    offered=RATES,
    latency_s=st.floats(0, 0.5),
    duration_s=st.sampled_from([0.5, 1.0, 1.5, 2.0, 4.5, 10.0, 12.3]),
    limits=LIMITS,
)
@example(40.0, 100.0, 0.0, 10.0, (100_000, 60.0))
@example(40.0, 160.0, 0.0, 10.0, (1_000, 60.0))
@example(97.0, 100.0, 0.01, 10.0, (100_000, 60.0))
# In flight stays at its bound, while what waits for a slot grows.
@example(40.0, 100.0, 0.0, 10.0, (20, 60.0))
# What cannot start is dropped, so the backlog stays the same after some seconds.
@example(40.0, 100.0, 0.0, 10.0, (128, 1.0))
# The stage ends within a second.
@example(40.0, 100.0, 0.0, 0.5, (100_000, 60.0))
@example(40.0, 100.0, 0.0, 1.0, (100_000, 60.0))
def test_no_more_is_achieved_than_the_server_serves(
    served: float, offered: float, latency_s: float, duration_s: float, limits: tuple[int, float]
) -> None:
    """For any queue: responses that arrive while the run drains do not count for the offered rate."""
    in_flight_max, start_deadline_s = limits
    stream = queue_stream(
        Queue(served, latency_s),
        constant(offered, duration_s),
        in_flight_max=in_flight_max,
        start_deadline_s=start_deadline_s,
    )
    summary = summarize(stream)
    allowed = allowed_per_s(served, duration_s)
    for span in (summary, *summary.stages):
        # One request more or less ends in the span.
        assert span.achieved_per_s <= served * 1.001 + 2 / duration_s
        assert span.achieved * span.offered_per_s <= allowed
    if offered > allowed * 1.01:
        assert "sustained" not in load_verdict_line(judge_load(stream, ["errors < 1%"]), summary)


# A short peak at the end: most of the run kept up.
@example(40.0, 40.0, 100.0, (10.0, 2.0))
@given(served=RATES, first=RATES, second=RATES, lengths_s=st.tuples(st.floats(1, 6), st.floats(1, 6)))
def test_no_stage_achieves_more_than_the_server_serves(
    served: float, first: float, second: float, lengths_s: tuple[float, float]
) -> None:
    """What the first stage left behind is answered in the second, at the rate of the server."""
    stages = [
        constant(rate, round(length_s, 2)) for rate, length_s in zip((first, second), lengths_s, strict=True)
    ]
    summary = summarize(queue_stream(Queue(served), *stages))
    for span in (summary, *summary.stages):
        assert span.achieved_per_s <= served * 1.001 + 2 / span.duration_s
    assert summary.achieved * summary.offered_per_s <= allowed_per_s(served, summary.stages[-1].duration_s)


@given(served=st.floats(40, 300), share=st.floats(0.1, 0.9), latency_s=st.floats(0, 1))
def test_a_server_that_keeps_up_has_achieved_the_rate(served: float, share: float, latency_s: float) -> None:
    """Its latency does not matter: requests in flight at the end are answered at the same pace."""
    stream = queue_stream(Queue(served, latency_s), constant(served * share))
    assert summarize(stream).achieved == 1
    verdict = judge_load(stream)
    assert verdict
    assert "sustained for" in load_verdict_line(verdict, summarize(stream))


@pytest.mark.parametrize("kind", ["constant", "poisson"])
@pytest.mark.parametrize("seed", range(6))
def test_noise_is_not_growth(kind: str, seed: int) -> None:
    """Random arrivals and service times let the backlog vary, and it does not grow."""
    stream = queue_stream(Queue(200, 0.5, jitter=0.9), constant(150, 20, kind), seed=seed)
    assert summarize(stream).stages[0].achieved == 1
    assert not any(stage.is_growing for stage in summarize(stream).stages)


def test_a_ramp_may_have_more_in_flight_at_its_end() -> None:
    """With a latency of half a second, the backlog grows with the rate, and the target keeps up."""
    ramp = Stage(kind="ramp", from_per_s=0, to_per_s=200, duration_s=20)
    for stages in ([ramp], [constant(50, 5), ramp, constant(20, 5)]):
        assert not summarize(queue_stream(Queue(400, 0.5), *stages)).is_growing
    assert summarize(queue_stream(Queue(100), ramp)).is_growing


@pytest.mark.parametrize("threshold", ["achieved >= 99%", "rate >= 95 requests/s"])
@pytest.mark.parametrize("in_flight_max", [20, 1_000])
def test_a_target_that_answers_while_the_run_drains_fails(threshold: str, in_flight_max: int) -> None:
    """A server of 40 requests/s passed 100 requests/s."""
    stream = queue_stream(
        Queue(40), constant(100), in_flight_max=in_flight_max, thresholds=(threshold, "errors < 1%")
    )
    verdict = judge_load(stream)
    assert verdict.grade == "failed"
    assert load_verdict_line(verdict, summarize(stream)).startswith(f"FAIL  {threshold}: 39.9")


def test_a_pass_of_other_thresholds_does_not_say_sustained() -> None:
    """A scenario may allow a backlog, but its verdict line says what was answered."""
    stream = queue_stream(Queue(40), constant(100), thresholds=("errors < 1%",))
    verdict = judge_load(stream)
    assert load_verdict_line(verdict, summarize(stream)).startswith("PASS  39.9 requests/s of 100 over 10 s")


CAPACITIES = [25 * 1.1**step for step in range(25)]
KINDS = {"even": Queue(1), "noisy": Queue(1, jitter=0.5), "hole": Queue(1, jitter=0.2, hole=(4.0, 0.2))}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_a_search_finds_the_rate_that_is_served(capacity: float, kind: str) -> None:
    """Within 5 %, whatever the thresholds are: a backlog must not grow."""
    found = search(capacity, KINDS[kind], is_counted=True)
    assert found is not None
    assert abs(found / capacity - 1) <= 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_with_latencies_finds_it_as_well(kind: str) -> None:
    """With every request recorded as in a real run."""
    found = search(59.0, KINDS[kind], is_counted=False)
    assert found is not None
    assert abs(found / 59.0 - 1) <= 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_counting_requests_finds_what_recording_them_finds(kind: str) -> None:
    """The search may use the faster simulation: due, answered and waiting requests of each second agree."""
    queue = replace_rate(KINDS[kind], 60.0)
    for offered in (40.0, 59.0, 90.0):
        recorded = queue_stream(queue, constant(offered)).of(Second)
        counted = queue_stream(queue, constant(offered), is_counted=True).of(Second)
        numbers = [
            [(each.at_s, each.due, sum(op.ok for op in each.operations.values())) for each in seconds]
            for seconds in (recorded, counted)
        ]
        # The order in which both draw random numbers differs, so a noisy queue agrees on the sums.
        assert numbers[0] == numbers[1] or queue.jitter
        assert sum(ok for _, _, ok in numbers[0]) == sum(ok for _, _, ok in numbers[1])
        assert len(numbers[0]) == pytest.approx(len(numbers[1]), abs=1)


def replace_rate(queue: Queue, per_s: float) -> Queue:
    return Queue(per_s, jitter=queue.jitter, hole=queue.hole)


def search(capacity: float, kind: Queue, *, is_counted: bool) -> float | None:
    """Return the rate that a search finds against a queue like *kind* that serves *capacity*."""
    goal = SearchGoal(low=capacity / 3, high=capacity * 9, resolution=0.02)
    queue, trials = replace_rate(kind, capacity), 0

    def run(rate_per_s: float) -> TrialOutcome:
        nonlocal trials
        trials += 1
        stream = queue_stream(
            queue, constant(rate_per_s, 15), thresholds=("errors < 1%",), seed=trials, is_counted=is_counted
        )
        return evaluate_trial(stream, rate_per_s)

    return find_capacity(goal, run, lambda _: None).rate_per_s


def test_a_stall_at_the_end_is_not_growth() -> None:
    """A few requests that wait for a moment when the schedule ends are answered late, and count."""
    stream = queue_stream(Queue(400), constant(100))
    seconds = [each for each in stream.records if isinstance(each, Second)]
    stalled = replace(seconds[9], in_flight=5, operations={"QueryVectors": OperationSecond(ok=95)})
    drain = Second(at_s=10, operations={"QueryVectors": OperationSecond(ok=5)})
    late = Stream(stream.header, (stream.records[0], *seconds[:9], stalled, drain), stream.footer)
    assert summarize(late).achieved == pytest.approx(summarize(stream).achieved)
