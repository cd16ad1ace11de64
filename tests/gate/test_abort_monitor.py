from __future__ import annotations

from dataclasses import dataclass

import pytest
from load_builders import plan, second, stage, steady, stream
from msgspec.structs import replace

from vecgate.errors import UsageError
from vecgate.gate.abort_monitor import AbortMonitor
from vecgate.gate.load_verdict import judge_load
from vecgate.results.load.load_records import Event, LoadPlan, Second

HOLD = plan(
    stage("ramp", 0, 4, to_per_s=100, name="up"),
    stage(duration_s=6, name="hold"),
    thresholds=("p(99) < 500ms", "achieved >= 99%", "dropped == 0"),
)
SLOW = steady(response_s=0.640)


@dataclass
class Condition:
    expression: str
    abort_on_fail: bool = True
    grace_s: float = 0.0


def monitor(
    seconds: list[Second], *conditions: Condition, planned: LoadPlan = HOLD, max_usd: float | None = None
) -> list[str]:
    """Return what a monitor answered after each second."""
    created = AbortMonitor(conditions, planned, max_usd=max_usd)
    return [created.add(each) for each in seconds]


def abort_times(answers: list[str]) -> list[int]:
    """Return the seconds after which a monitor ended the run."""
    return [at_s for at_s, reason in enumerate(answers) if reason]


def test_a_run_ends_when_a_condition_fails() -> None:
    """It is measured over the whole run so far, and the reason is given once."""
    seconds = [*steady(3), *[second(at_s, *[2.0] * 10) for at_s in range(3, 6)]]
    answers = monitor(seconds, Condition("p(90) < 1s"))
    note = "of 40 requests, where a p90 needs 100"
    assert answers == ["", "", "", f"p(90) < 1s: 2,001 ms, 100 % above the limit, {note}", "", ""]


def test_a_condition_that_does_not_abort_is_ignored() -> None:
    """It is judged at the end of the run."""
    assert not any(monitor(SLOW, Condition("p(99) < 1ms", abort_on_fail=False)))


@pytest.mark.parametrize(("grace_s", "expected"), [(0, [0]), (1, [0]), (2, [1]), (4.5, [4]), (20, [])])
def test_a_condition_cannot_fail_during_its_grace_period(grace_s: float, expected: list[int]) -> None:
    """After it, everything since the start counts."""
    assert abort_times(monitor(SLOW, Condition("p(99) < 500ms", grace_s=grace_s))) == expected


def test_the_first_failed_condition_is_the_reason() -> None:
    """In the order in which they were written."""
    answers = monitor(SLOW, Condition("errors < 1%"), Condition("med < 1ms"), Condition("max < 2ms"))
    assert answers[0].startswith("med < 1ms: 641 ms")


def test_a_condition_of_a_stage_counts_from_the_start_of_the_stage() -> None:
    """The stage before it may be slow, and the grace period begins with the stage."""
    seconds = [*SLOW[:4], *steady(10)[4:]]
    assert not any(monitor(seconds, Condition("max{stage:hold} < 100ms")))
    assert abort_times(monitor(SLOW, Condition("max{stage:hold} < 100ms", grace_s=2))) == [5]


def test_requests_in_flight_do_not_fail_a_condition() -> None:
    """They may still succeed. Dropped requests will not."""
    waiting = second(0, *[0.04] * 2, due=10, started=10, in_flight=8)
    assert monitor([waiting], Condition("achieved >= 99%")) == [""]
    (answer,) = monitor([second(0, *[0.04] * 8, due=10, dropped=2)], Condition("achieved >= 99%"))
    assert answer == "achieved >= 99%: 80 %, 19 points below the limit"


def test_a_condition_without_data_does_not_fail() -> None:
    """The first answer may take longer than a second."""
    assert monitor([second(0, due=5, started=5)], Condition("p(99) < 1s"), Condition("errors == 0")) == [""]


def test_a_metric_that_is_known_at_the_end_only_cannot_abort() -> None:
    """The error comes before the run."""
    with pytest.raises(UsageError, match=r"recall@10 >= 0.9, count > 5 is known at the end only"):
        monitor([], Condition("recall@10 >= 0.9"), Condition("count > 5"))


@pytest.mark.parametrize(
    ("max_usd", "expected"),
    [
        (None, ["", "", "", ""]),
        (0.04, ["", "", "the run has cost $0.03 of at most $0.04", ""]),
        (0.035, ["", "the run has cost $0.02 of at most $0.035", "", ""]),
        (1.0, ["", "", "", ""]),
    ],
)
def test_a_run_ends_before_it_costs_more_than_allowed(max_usd: float | None, expected: list[str]) -> None:
    """A second costs one cent here, and the run needs two more seconds to end."""
    assert monitor(steady(4), max_usd=max_usd) == expected


def test_the_price_of_preloaded_vectors_is_no_price_per_second() -> None:
    """It counts towards the limit, but the next second will not cost as much again."""
    expensive = [second(at_s, *[0.04] * 10, usd=0.50 + (at_s + 1) * 0.01) for at_s in range(4)]
    planned = replace(HOLD, preload_usd=0.50)
    assert abort_times(monitor(expensive, planned=planned, max_usd=1.0)) == []
    assert abort_times(monitor(expensive, planned=planned, max_usd=0.54)) == [2]


def test_the_monitor_and_the_verdict_agree() -> None:
    """They measure the same, so an aborted run has failed."""
    reason = AbortMonitor([Condition("p(99) < 500ms")], HOLD).add(SLOW[0])
    aborted = stream(SLOW[0], Event(at_s=1.0, kind="aborted", text=reason), planned=HOLD)
    assert judge_load(aborted).grade == "failed"
    assert reason.startswith("p(99) < 500ms: 641 ms, 28 % above the limit")


def test_a_condition_cannot_fail_during_the_warm_up() -> None:
    """It counts from the first measured second on."""
    warmed = plan(stage(duration_s=4, name="warm", warm_up=True), stage(duration_s=6, name="hold"))
    cold = [second(at_s, *[2.0] * 10) for at_s in range(4)]
    assert abort_times(monitor([*cold, *steady()[4:]], Condition("p(99) < 1s"), planned=warmed)) == []
    assert abort_times(monitor([*cold, second(4, 2.0)], Condition("p(99) < 1s"), planned=warmed)) == [4]
