from __future__ import annotations

from dataclasses import dataclass

import pytest
from loads import cut, operation, plan, second, stage, steady, stream
from msgspec.structs import replace
from runs import footer, header

from vecgate.errors import UsageError
from vecgate.gate.load import LiveGate, judge_load, load_line_of
from vecgate.results.load import Event, Plan, Recall, Second
from vecgate.results.records import Stream
from vecgate.results.summary import summary_of

HOLD = plan(
    stage("ramp", 0, 4, to_per_s=100, name="up"),
    stage(duration_s=6, name="hold"),
    thresholds=("p(99) < 500ms", "achieved >= 99%", "dropped == 0"),
)
BUSY = [second(at_s, *[0.04] * 10, busiest_cores=0.98, late=5) for at_s in range(10)]
FAILED = {"PutVectors": operation(0.04, errors={"Transport": 1})}
SLOW = steady(response_s=0.640)


def ended(at_s: float, text: str) -> Event:
    return Event(at_s=at_s, kind="aborted", text=text)


def line(found: Stream) -> str:
    return load_line_of(judge_load(found), summary_of(found))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (stream(*steady(), planned=HOLD), "PASS  100 vectors/s held for 6 s, p99 40.03 ms, $0.10"),
        (stream(*steady()), "PASS  100 vectors/s held for 10 s, p99 40.03 ms, $0.10"),
        (
            stream(*steady(), planned=plan(stage("sine", 50, to_per_s=150), unit="requests")),
            "PASS  10 requests/s on average over 10 s, p99 40.03 ms, $0.10",
        ),
        (
            stream(
                *steady(9),
                second(9, *[0.04] * 9, due=10, due_vectors=100, dropped=1, in_flight=8),
                planned=plan(thresholds=("achieved >= 95%",)),
            ),
            "PASS  99 vectors/s of 100 over 10 s, p99 40.03 ms, $0.10",
        ),
        (
            stream(*SLOW, planned=HOLD),
            "FAIL  p(99) < 500ms: 640.5 ms, 28 % above the limit",
        ),
        (
            stream(*SLOW[:9], second(9, due=10, dropped=10, usd=0.1, in_flight=8), planned=HOLD),
            (
                "FAIL  p(99) < 500ms: 640.5 ms, 28 % above the limit; "
                "achieved >= 99%: 90 %, 9 points below the limit; dropped == 0: 10"
            ),
        ),
        (
            stream(*steady(), planned=plan(thresholds=("recall@10 >= 0.9",))),
            "FAIL  recall@10 >= 0.9: no data",
        ),
        (
            stream(second(0, 0.04, operations=FAILED), planned=plan(stage(duration_s=1))),
            (
                "FAIL  achieved >= 99%: 0 %, 99 points below the limit; "
                "errors < 1%: 100 %, 99 points above the limit"
            ),
        ),
        (
            stream(*[second(at_s, due=1, dropped=1, in_flight=8) for at_s in range(10)]),
            (
                "FAIL  nothing ran: no request was answered (10 were dropped); "
                "achieved >= 99%: 0 %, 99 points below the limit; errors < 1%: no data"
            ),
        ),
        (
            cut(*steady(4), planned=HOLD),
            "NOT JUDGED  the run did not come to its end: 4 of 10 s of it are known",
        ),
        (
            stream(*steady(8), planned=plan(stage("ramp", 160, to_per_s=0), scheduled=80)),
            "PASS  80 vectors/s on average over 10 s, p99 40.03 ms, $0.08",
        ),
        (
            stream(*steady(4), planned=HOLD),
            "NOT JUDGED  the run did not come to its end: 4 of 10 s of it are known",
        ),
        (
            stream(*steady(), planned=HOLD, foot=footer(is_complete=False)),
            "NOT JUDGED  the run did not come to its end: 10 of 10 s of it are known",
        ),
        (
            stream(*steady(4), ended(4.1, "interrupted"), planned=HOLD, foot=footer(is_complete=False)),
            "NOT JUDGED  the run was ended after 4 of 10 s: interrupted",
        ),
        (
            stream(
                *SLOW[:4],
                ended(4.1, "p(99) < 500ms: 640.5 ms, 28 % above the limit"),
                planned=replace(HOLD, thresholds=(" p(99) < 500ms", "med < 1ms")),
            ),
            (
                "FAIL  the run was ended after 4 of 10 s: p(99) < 500ms: 640.5 ms, 28 % above the limit; "
                "med < 1ms: 640.5 ms, 63,951 % above the limit"
            ),
        ),
        (
            stream(*BUSY, planned=HOLD),
            (
                "NOT JUDGED  the generator was the limit: in 10 of 10 seconds the busiest worker had no time "
                "(up to 0.98 of a core, 0 ms behind), 50 % of requests started late then"
            ),
        ),
    ],
    ids=[
        "held", "by-default", "not-flat", "not-held", "slow", "many", "no-recall", "errors", "nothing",
        "cut-off", "early", "short", "incomplete", "interrupted", "aborted", "generator",
    ],
)  # fmt: skip
def test_the_line_says_why(found: Stream, expected: str) -> None:
    """Passed, failed, and could not be judged are three things, each with its figures."""
    assert line(found) == expected
    assert bool(judge_load(found)) is expected.startswith("PASS")


def test_a_run_that_never_began_is_not_judged() -> None:
    """It was cut before its plan."""
    verdict = judge_load(Stream(header(kind="load"), ()))
    assert [(check.measured, check.grade) for check in verdict.checks] == [
        ("the run did not begin: it has no plan", "unjudged")
    ]


def test_a_run_whose_plan_is_gone_did_begin() -> None:
    """It has seconds: something is wrong with the stream and not with the run."""
    verdict = judge_load(Stream(header(kind="load"), tuple(steady(3))))
    assert [(check.measured, check.grade) for check in verdict.checks] == [
        ("its plan is missing", "unjudged")
    ]


BROKEN = replace(stream(*steady()), problems=("a.jsonl, line 4 is no record: no", "b"), broken=2)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (BROKEN, "a.jsonl, line 4 is no record: no, and 1 more"),
        (stream(*steady(5), *steady(10)[6:]), "where second 5 belongs is second 6"),
        (stream(*steady(5), *steady(10)[4:]), "where second 5 belongs is second 4"),
        (stream(*steady(10)[1:]), "where second 0 belongs is second 1"),
    ],
    ids=["a line", "missing", "twice", "the first"],
)
def test_a_stream_that_is_not_whole_is_not_judged(found: Stream, said: str) -> None:
    """What is not there may be what failed, and what is there twice would make it look better."""
    assert judge_load(found).grade == "unjudged"
    assert line(found) == f"NOT JUDGED  the result stream is not whole: {said}"


def test_what_the_target_left_behind_does_not_make_a_stream_less_whole() -> None:
    """That is a problem, but none of its lines."""
    assert judge_load(replace(stream(*steady()), problems=("left behind: a bucket",)))


def test_a_threshold_of_a_later_version_cannot_be_judged() -> None:
    """The others are; what this one cannot read is said."""
    checks = judge_load(stream(*steady(), planned=plan(thresholds=("p(99) < 500ms", "joy > 3")))).checks
    assert [check.grade for check in checks] == ["passed", "unjudged"]
    assert checks[1].measured.startswith("threshold 'joy > 3': 'joy' is no metric")


def test_each_threshold_is_a_check() -> None:
    """Its words, what was measured, how far that is from the limit, the verdict."""
    found = stream(*steady(), Recall(k=10, queries=9, mean=0.5, lowest=0.1), planned=HOLD)
    checks = judge_load(found, ["recall@10 >= 0.9", "late == 0"], summary=summary_of(found)).checks
    assert [(check.name, check.measured, check.grade) for check in checks] == [
        ("recall@10 >= 0.9", "0.5, 0.4 below the limit", "failed"),
        ("late == 0", "0", "passed"),
    ]


def test_no_thresholds_are_no_thresholds() -> None:
    """Where somebody says so, a run that ended and did something passes."""
    assert judge_load(stream(*SLOW, planned=HOLD), [])


def test_thresholds_that_somebody_gives_must_be_some() -> None:
    """A wrong one is a mistake in the command, not a verdict on the run."""
    with pytest.raises(UsageError, match="no stage 'peak'"):
        judge_load(stream(*steady(), planned=HOLD), ["late{stage:peak} == 0"])


@dataclass
class Condition:
    expression: str
    abort_on_fail: bool = True
    grace_s: float = 0.0


def watched(
    seconds: list[Second], *conditions: Condition, planned: Plan = HOLD, max_usd: float | None = None
) -> list[str]:
    """What a gate said after each second."""
    gate = LiveGate(conditions, planned, max_usd=max_usd)
    return [gate.add(each) for each in seconds]


def test_a_run_that_fails_a_condition_is_to_end() -> None:
    """At the first second after which it does not hold, over all that was so far; that is told once."""
    seconds = [*steady(3), *[second(at_s, *[2.0] * 10) for at_s in range(3, 6)]]
    told = watched(seconds, Condition("p(90) < 1s"))
    assert told == ["", "", "", "p(90) < 1s: 2,001 ms, 100 % above the limit", "", ""]


def test_a_condition_that_may_not_end_the_run_does_not() -> None:
    """It is judged at the end."""
    assert not any(watched(SLOW, Condition("p(99) < 1ms", abort_on_fail=False)))


def ends(told: list[str]) -> list[int]:
    """The seconds at which a gate ended a run."""
    return [at_s for at_s, reason in enumerate(told) if reason]


@pytest.mark.parametrize(("grace_s", "expected"), [(0, [0]), (1, [0]), (2, [1]), (4.5, [4]), (20, [])])
def test_a_condition_is_not_looked_at_during_its_grace(grace_s: float, expected: list[int]) -> None:
    """Once it is over, all that was counts."""
    assert ends(watched(SLOW, Condition("p(99) < 500ms", grace_s=grace_s))) == expected


def test_the_first_that_fails_is_told() -> None:
    """In the order in which they are written."""
    told = watched(SLOW, Condition("errors < 1%"), Condition("med < 1ms"), Condition("max < 2ms"))
    assert told[0].startswith("med < 1ms: 640.5 ms")


def test_a_condition_of_a_stage_counts_from_its_beginning() -> None:
    """The ramp before it may be as slow as it likes, and its grace begins with it."""
    seconds = [*SLOW[:4], *steady(10)[4:]]
    assert not any(watched(seconds, Condition("max{stage:hold} < 100ms")))
    assert ends(watched(SLOW, Condition("max{stage:hold} < 100ms", grace_s=2))) == [5]


def test_what_is_under_way_is_not_held_against_a_run() -> None:
    """Requests that wait for an answer may still be done; those dropped will not be."""
    waiting = second(0, *[0.04] * 2, due=10, started=10, in_flight=8)
    assert watched([waiting], Condition("achieved >= 99%")) == [""]
    (told,) = watched([second(0, *[0.04] * 8, due=10, dropped=2)], Condition("achieved >= 99%"))
    assert told == "achieved >= 99%: 80 %, 19 points below the limit"


def test_no_data_yet_ends_nothing() -> None:
    """The first answer may take longer than a second."""
    assert watched([second(0, due=5, started=5)], Condition("p(99) < 1s"), Condition("errors == 0")) == [""]


def test_what_is_known_at_the_end_only_cannot_end_a_run() -> None:
    """That is said when it begins."""
    with pytest.raises(UsageError, match=r"recall@10 >= 0.9, count > 5 is known at the end only"):
        watched([], Condition("recall@10 >= 0.9"), Condition("count > 5"))


@pytest.mark.parametrize(
    ("max_usd", "told"),
    [
        (None, ["", "", "", ""]),
        (0.04, ["", "", "the run has cost $0.03 of at most $0.04", ""]),
        (0.035, ["", "the run has cost $0.02 of at most $0.035", "", ""]),
        (1.0, ["", "", "", ""]),
    ],
)
def test_a_run_ends_before_it_costs_more_than_allowed(max_usd: float | None, told: list[str]) -> None:
    """A second costs a cent here, and the run takes another two to end."""
    assert watched(steady(4), max_usd=max_usd) == told


def test_what_was_put_beforehand_is_no_step_that_goes_on() -> None:
    """It counts towards the limit, but the next second will not cost as much again."""
    dear = [second(at_s, *[0.04] * 10, usd=0.50 + (at_s + 1) * 0.01) for at_s in range(4)]
    planned = replace(HOLD, usd_before=0.50)
    assert ends(watched(dear, planned=planned, max_usd=1.0)) == []
    assert ends(watched(dear, planned=planned, max_usd=0.54)) == [2]


def test_live_and_final_agree() -> None:
    """The gate that ended a run and the verdict on it measure the same."""
    gate = LiveGate([Condition("p(99) < 500ms")], HOLD)
    text = gate.add(SLOW[0])
    found = stream(SLOW[0], ended(1.0, text), planned=HOLD)
    assert judge_load(found).grade == "failed"
    assert text == "p(99) < 500ms: 640.5 ms, 28 % above the limit"
