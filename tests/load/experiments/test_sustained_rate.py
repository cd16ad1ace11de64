"""A rate is achieved only if the target kept up with it: checked on streams of a queue whose rate is known."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from vecgate.gate.load_verdict import judge_load, load_verdict_line
from vecgate.load.experiments.capacity_search import SearchGoal, TrialOutcome, find_capacity
from vecgate.load.experiments.capacity_trials import evaluate_trial
from vecgate.results.load_records import LoadPlan, OperationSecond, Second, Stage
from vecgate.results.load_summary import summarize
from vecgate.results.records import Footer, Header, Stream

DURATION_S = 10.0


def queue_stream(
    *,
    served_per_s: float,
    offered_per_s: float,
    latency_s: float = 0.0,
    duration_s: float = DURATION_S,
    jitter: float = 0.0,
    pause_s: float = 0.0,
    thresholds: tuple[str, ...] = (),
) -> Stream:
    """Return the stream of a run against a server that serves one request after the other at *served_per_s*.

    jitter   each service time varies by this share of it
    pause_s  the server does nothing for that long, in the middle of the run
    """
    count = round(offered_per_s * duration_s)
    noise = random.Random(1)  # noqa: S311 - no secret
    free_s, ends_s = 0.0, []
    for arrival in range(count):
        due_s = arrival / offered_per_s
        free_s = max(free_s, due_s) + (1 + noise.uniform(-jitter, jitter)) / served_per_s
        if pause_s and duration_s / 2 <= free_s < duration_s / 2 + pause_s:
            free_s = duration_s / 2 + pause_s
        ends_s.append(free_s + latency_s)
    ended = Counter(int(end_s) for end_s in ends_s)
    due = Counter(int(arrival / offered_per_s) for arrival in range(count))
    seconds, in_flight = [], 0
    for at_s in range(max(int(duration_s), max(ended) + 1)):
        in_flight += due[at_s] - ended[at_s]
        operations = {"QueryVectors": OperationSecond(ok=ended[at_s])} if ended[at_s] else {}
        started = due[at_s]
        seconds.append(
            Second(at_s=at_s, due=started, started=started, in_flight=in_flight, operations=operations)
        )
    stage = Stage(kind="constant", from_per_s=offered_per_s, to_per_s=offered_per_s, duration_s=duration_s)
    plan = LoadPlan(
        scenario="queue",
        unit="requests",
        operations={"QueryVectors": 1.0},
        dimension=2,
        vectors_per_request=1,
        stages=(stage,),
        duration_s=duration_s,
        scheduled=count,
        in_flight_max=100_000,
        start_deadline_s=60.0,
        thresholds=thresholds,
    )
    header = Header(kind="load", run="r", started_at="2026-11-30T00:00:00+00:00", target="queue")
    footer = Footer(ended_at="2026-11-30T00:01:00+00:00", duration_s=float(len(seconds)))
    return Stream(header, (plan, *seconds), footer)


@given(served=st.floats(20, 400), offered=st.floats(20, 400), latency_s=st.floats(0, 1))
@example(served=40.0, offered=100.0, latency_s=0.0)
@example(served=40.0, offered=160.0, latency_s=0.0)
@example(served=97.0, offered=100.0, latency_s=0.01)
def test_no_more_is_achieved_than_the_server_serves(served: float, offered: float, latency_s: float) -> None:
    """Responses that arrive while the run drains do not count for the offered rate."""
    summary = summarize(queue_stream(served_per_s=served, offered_per_s=offered, latency_s=latency_s))
    (stage,) = summary.stages
    # One request more or less ends in a second of the stage.
    allowed = served * 1.01 + 2 / DURATION_S
    for span in (summary, stage):
        assert span.achieved_per_s <= allowed
        # A backlog below the threshold of growth may still be answered late.
        assert span.achieved * span.offered_per_s <= max(allowed, served * 1.03 + 2.5)


@given(served=st.floats(20, 400), share=st.floats(0.1, 0.95), latency_s=st.floats(0, 1))
def test_a_server_that_keeps_up_has_achieved_the_rate(served: float, share: float, latency_s: float) -> None:
    """Its latency does not matter: requests in flight at the end are answered at the same pace."""
    stream = queue_stream(served_per_s=served, offered_per_s=served * share, latency_s=latency_s)
    assert summarize(stream).achieved == 1
    verdict = judge_load(stream)
    assert verdict
    assert "sustained for" in load_verdict_line(verdict, summarize(stream))


@pytest.mark.parametrize("threshold", ["achieved >= 99%", "rate >= 95 requests/s"])
def test_a_target_that_answers_while_the_run_drains_fails(threshold: str) -> None:
    """A server of 40 requests/s passed 100 requests/s."""
    stream = queue_stream(served_per_s=40, offered_per_s=100, thresholds=(threshold, "errors < 1%"))
    verdict = judge_load(stream)
    assert verdict.grade == "failed"
    assert load_verdict_line(verdict, summarize(stream)).startswith(f"FAIL  {threshold}: 39.9")


def test_a_pass_of_other_thresholds_does_not_say_sustained() -> None:
    """A scenario may allow a backlog, but its verdict line says what was answered."""
    stream = queue_stream(served_per_s=40, offered_per_s=100, thresholds=("errors < 1%",))
    verdict = judge_load(stream)
    assert load_verdict_line(verdict, summarize(stream)).startswith("PASS  39.9 requests/s of 100 over 10 s")


CAPACITIES = [40 * 1.17**step for step in range(25)]
EVEN, NOISY, PAUSED = (0.0, 0.0), (0.5, 0.0), (0.2, 0.3)


@pytest.mark.parametrize(
    ("capacity", "disturbance"),
    [(each, EVEN) for each in CAPACITIES]
    + [(each, kind) for each in CAPACITIES[::6] for kind in (NOISY, PAUSED)],
)
def test_a_search_finds_the_rate_that_is_served(capacity: float, disturbance: tuple[float, float]) -> None:
    """Within 5 % (12 % if the server pauses, which takes a part of every trial), by any thresholds."""
    goal = SearchGoal(low=20, high=8000, resolution=0.02)
    jitter, pause_s = disturbance

    def run(rate_per_s: float) -> TrialOutcome:
        stream = queue_stream(
            served_per_s=capacity,
            offered_per_s=rate_per_s,
            jitter=jitter,
            pause_s=pause_s,
            thresholds=("errors < 1%",),
        )
        return evaluate_trial(stream, rate_per_s)

    found = find_capacity(goal, run, lambda _: None)
    assert found.rate_per_s is not None
    assert abs(found.rate_per_s / capacity - 1) <= (0.12 if pause_s else 0.05)


def test_a_stall_at_the_end_is_not_growth() -> None:
    """A few requests that wait for a moment when the schedule ends are answered late, and count."""
    stream = queue_stream(served_per_s=400, offered_per_s=100)
    seconds = [each for each in stream.records if isinstance(each, Second)]
    stalled = replace(seconds[-1], in_flight=5, operations={"QueryVectors": OperationSecond(ok=95)})
    drain = Second(at_s=10, operations={"QueryVectors": OperationSecond(ok=5)})
    late = Stream(stream.header, (stream.records[0], *seconds[:-1], stalled, drain), stream.footer)
    assert summarize(late).achieved == pytest.approx(summarize(stream).achieved)
