from __future__ import annotations

from typing import Any

import pytest
from load_builders import operation, plan, second, stage, steady, stream, unfinished
from msgspec.structs import replace
from result_builders import footer, header

from vecgate.errors import UsageError
from vecgate.gate.load_verdict import judge_load, load_verdict_line
from vecgate.results.load.load_records import Event, OperationSecond, ReadBack, Recall, Second, WorkerTotals
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream

HOLD = plan(
    stage("ramp", 0, 4, to_per_s=100, name="up"),
    stage(duration_s=6, name="hold"),
    thresholds=("p(99) < 500ms", "achieved >= 99%", "dropped == 0"),
)
BUSY = [second(at_s, *[0.04] * 10, busiest_cores=0.98, late=5) for at_s in range(10)]
FAILED = {"PutVectors": operation(0.04, errors={"Transport": 1})}
SLOW = steady(response_s=0.640)


def aborted(at_s: float, text: str) -> Event:
    return Event(at_s=at_s, kind="aborted", text=text)


def line(found: Stream) -> str:
    return load_verdict_line(judge_load(found), summarize(found))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (stream(*steady(), planned=HOLD), "PASS  100 vectors/s sustained for 6 s on local, p99 40.0 ms of 60 requests, $0.10"),
        (stream(*steady()), "PASS  100 vectors/s sustained for 10 s on local, p99 40.0 ms of 100 requests, $0.10"),
        (
            stream(*steady(), planned=plan(stage("sine", 50, to_per_s=150), unit="requests")),
            "PASS  10.0 requests/s on average over 10 s on local, p99 40.0 ms of 100 requests, $0.10",
        ),
        (
            stream(
                *steady(9),
                second(9, *[0.04] * 9, due=10, due_vectors=100, dropped=1, in_flight=8),
                planned=plan(thresholds=("achieved >= 95%",)),
            ),
            "PASS  99.0 vectors/s of 100 over 10 s on local, p99 40.0 ms of 99 requests, $0.10",
        ),
        (
            stream(*SLOW, planned=HOLD),
            "FAIL  p(99) < 500ms: 641 ms, 28 % above the limit, of 100 requests, where a p99 needs 1,000",
        ),
        (
            stream(*SLOW[:9], second(9, due=10, dropped=10, usd=0.1, in_flight=8), planned=HOLD),
            (
                "FAIL  p(99) < 500ms: 641 ms, 28 % above the limit, of 90 requests, where a p99 needs 1,000; "
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
                "FAIL  no request was answered (10 were dropped); "
                "achieved >= 99%: 0 %, 99 points below the limit; errors < 1%: no data"
            ),
        ),
        (
            unfinished(*steady(4), planned=HOLD),
            "INCONCLUSIVE  the run did not end: the stream contains 4 of 10 s",
        ),
        (
            stream(*steady(8), planned=plan(stage("ramp", 160, to_per_s=0), scheduled=80)),
            "PASS  80.0 vectors/s on average over 10 s on local, p99 40.0 ms of 80 requests, $0.08",
        ),
        (
            stream(*steady(4), planned=HOLD),
            "INCONCLUSIVE  the run did not end: the stream contains 4 of 10 s",
        ),
        (
            stream(*steady(), planned=HOLD, foot=footer(is_complete=False)),
            "INCONCLUSIVE  the run did not end: the stream contains 10 of 10 s",
        ),
        (
            stream(*steady(4), aborted(4.1, "interrupted"), planned=HOLD, foot=footer(is_complete=False)),
            "INCONCLUSIVE  the run was aborted after 4 of 10 s: interrupted",
        ),
        (
            stream(
                *SLOW[:4],
                aborted(4.1, "p(99) < 500ms: 641 ms, 28 % above the limit"),
                planned=replace(HOLD, thresholds=(" p(99) < 500ms", "med < 1ms")),
            ),
            (
                "FAIL  the run was aborted after 4 of 10 s: p(99) < 500ms: 641 ms, 28 % above the limit; "
                "med < 1ms: 641 ms, 63,951 % above the limit"
            ),
        ),
        (
            stream(*BUSY, planned=HOLD),
            (
                "INCONCLUSIVE  the load generator was the limit: in 10 of 10 seconds the busiest worker had no time left "
                "(up to 0.98 of a core, 0 ms late), and 50 % of requests started late"
            ),
        ),
    ],
    ids=[
        "held", "by-default", "not-flat", "not-held", "slow", "many", "no-recall", "errors", "nothing",
        "cut-off", "early", "short", "incomplete", "interrupted", "aborted", "generator",
    ],
)  # fmt: skip
def test_the_line_gives_the_reason(found: Stream, expected: str) -> None:
    """Passed, failed and inconclusive runs have different words, reasons and figures."""
    assert line(found) == expected
    assert bool(judge_load(found)) is expected.startswith("PASS")


def test_a_run_that_did_not_start_is_inconclusive() -> None:
    """It was cut off before its plan."""
    verdict = judge_load(Stream(header(kind="load"), ()))
    assert [(check.measured, check.grade) for check in verdict.checks] == [
        ("the run did not start: there is no plan", "inconclusive")
    ]


def test_a_run_without_a_plan_but_with_seconds_did_start() -> None:
    """The stream is damaged, not the run."""
    verdict = judge_load(Stream(header(kind="load"), tuple(steady(3))))
    assert [(check.measured, check.grade) for check in verdict.checks] == [
        ("the plan is missing", "inconclusive")
    ]


BROKEN = replace(stream(*steady()), problems=("a.jsonl, line 4 is not a record: no", "b"), invalid_lines=2)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (BROKEN, "a.jsonl, line 4 is not a record: no, and 1 more"),
        (stream(*steady(5), *steady(10)[6:]), "second 6 follows where second 5 is expected"),
        (stream(*steady(5), *steady(10)[4:]), "second 4 follows where second 5 is expected"),
        (stream(*steady(10)[1:]), "second 1 follows where second 0 is expected"),
    ],
    ids=["a line", "missing", "twice", "the first"],
)
def test_an_incomplete_stream_is_inconclusive(found: Stream, reason: str) -> None:
    """A missing second may be the one that failed, and a repeated one would improve the figures."""
    assert judge_load(found).grade == "inconclusive"
    assert line(found) == f"INCONCLUSIVE  the result stream is incomplete: {reason}"


def test_a_problem_that_is_not_an_invalid_line_does_not_matter() -> None:
    """The stream is complete."""
    assert judge_load(replace(stream(*steady()), problems=("orphaned: a bucket",)))


def test_an_unknown_threshold_is_inconclusive() -> None:
    """A later version may have written it. The others are checked."""
    checks = judge_load(stream(*steady(), planned=plan(thresholds=("p(99) < 500ms", "joy > 3")))).checks
    assert [check.grade for check in checks] == ["passed", "inconclusive"]
    assert checks[1].measured.startswith("threshold 'joy > 3': 'joy' is not a metric")


def test_each_threshold_is_a_check() -> None:
    """With its text, the value, the margin and the grade."""
    found = stream(*steady(), Recall(k=10, queries=9, mean=0.5, lowest=0.1), planned=HOLD)
    checks = judge_load(found, ["recall@10 >= 0.9", "late == 0"], summary=summarize(found)).checks
    assert [(check.name, check.measured, check.grade) for check in checks] == [
        ("recall@10 >= 0.9", "0.500, 0.40 below the limit", "failed"),
        ("late == 0", "0", "passed"),
    ]


def test_an_empty_list_of_thresholds_replaces_those_of_the_plan() -> None:
    """A complete run with requests passes."""
    assert judge_load(stream(*SLOW, planned=HOLD), [])


def test_an_invalid_threshold_of_the_user_is_an_error() -> None:
    """It is a mistake in the command, not a verdict on the run."""
    with pytest.raises(UsageError, match="no stage 'peak'"):
        judge_load(stream(*steady(), planned=HOLD), ["late{stage:peak} == 0"])


def test_a_worker_that_ended_never_fails_the_target() -> None:
    """Too many missing requests are inconclusive, a few only if a threshold fails because of them."""
    strict = plan(stage(duration_s=10, name="hold"), thresholds=("achieved >= 99.9%",))
    lenient = plan(stage(duration_s=10, name="hold"), thresholds=("achieved >= 50%",))

    def run(*, lost: int = 0, unknown: int = 0) -> list[Second]:
        ended = second(9, *[0.04] * (10 - lost - unknown), due=10, lost=lost, unknown=unknown)
        return [*steady(9), ended]

    many = stream(*run(lost=2, unknown=1), planned=lenient)
    assert line(many) == (
        "INCONCLUSIVE  the load generator was the limit: "
        "2 requests not sent and 1 request with an unknown result, because the master lost a worker"
    )
    assert judge_load(stream(*run(lost=1), planned=strict)).grade == "inconclusive"
    assert judge_load(stream(*run(lost=1), planned=lenient)).grade == "passed"


def starved(errors: dict[str, int], *, dropped: int = 0, **more: Any) -> list[Second]:
    """Return ten seconds of a worker without time: ten requests are due in each, and *errors* of them fail."""
    answered = 10 - dropped
    counts = operation(*[0.04] * answered, errors=errors)
    fields = {"due": 10, "started": answered, "late": answered, "dropped": dropped, "busiest_cores": 0.99}
    return [second(at_s, operations={"PutVectors": counts}, **fields | more) for at_s in range(10)]


@pytest.mark.parametrize(
    ("seconds", "thresholds", "grade"),
    [
        (starved({"InternalServerException": 2}), ("errors < 1%",), "failed"),
        (starved({"Protocol": 2}), ("errors < 1%",), "failed"),
        (starved({"InternalServerException": 2}, dropped=7), ("errors < 10%",), "failed"),
        # Of those due, fewer than the limit are known to have failed.
        (starved({"InternalServerException": 2}, dropped=7), ("errors < 50%",), "inconclusive"),
        (
            starved({"InternalServerException": 2}, dropped=7),
            ("errors{operation:PutVectors} < 50%",),
            "inconclusive",
        ),
        (starved({"InternalServerException": 1}), ("errors{operation:PutVectors} == 0",), "failed"),
        (starved({"InternalServerException": 1}), ("errors <= 5",), "failed"),
        (starved({"InternalServerException": 1}), ("errors <= 50",), "inconclusive"),
        # What lateness may cause: answers read late, bursts against a limit of the target.
        *(
            (starved({code: 5}), ("errors < 1%",), "inconclusive")
            for code in ("Transport", "Unanswered", "TooManyRequestsException", "429", "503", "NoCredentials")
        ),
        # Other thresholds prove nothing.
        (starved({}), ("p(99) < 1ms",), "inconclusive"),
        (starved({}, dropped=5), ("achieved >= 99%",), "inconclusive"),
        (starved({"InternalServerException": 1}), ("errors > 50%",), "inconclusive"),
    ],
)
def test_a_starved_run_fails_only_if_the_errors_are_the_targets(
    seconds: list[Second], thresholds: tuple[str, ...], grade: str
) -> None:
    """Even if all requests without an answer had succeeded, and without those that lateness may cause."""
    found = stream(*seconds, planned=plan(thresholds=thresholds))
    assert summarize(found).limited_by_generator
    assert judge_load(found).grade == grade
    assert judge_load(found, thresholds).grade == grade
    assert not judge_load(found)


def test_the_line_of_a_proven_failure_says_what_is_proven() -> None:
    """And not the thresholds that the generator may have missed."""
    found = stream(
        *starved({"InternalServerException": 2}, dropped=5),
        planned=plan(thresholds=("errors < 1%", "achieved >= 99%")),
    )
    assert line(found) == (
        "FAIL  errors < 1%: 40 %, 39 points above the limit; "
        "20 % are the target's own, whatever the load generator missed"
    )
    assert [check.is_proven for check in judge_load(found).checks] == [False, True, False]


def test_an_interrupted_run_with_errors_stays_inconclusive() -> None:
    """Its schedule did not end, so the share of errors of the whole is not known."""
    assert judge_load(unfinished(*starved({"InternalServerException": 5}))).grade == "inconclusive"


def test_a_worker_whose_credentials_are_refused_is_named() -> None:
    """The same errors of every worker are those of the target."""
    counts = operation(*[0.04] * 10, errors={"AccessDeniedException": 5})
    seconds = [second(at, *[0.04] * 10, operations={"PutVectors": counts}) for at in range(10)]
    refused = WorkerTotals(
        worker="worker-2", operations={"PutVectors": OperationSecond(errors={"AccessDeniedException": 50})}
    )
    accepted = WorkerTotals(worker="worker-1", operations={"PutVectors": OperationSecond(ok=50)})
    assert line(stream(*seconds, accepted, refused)) == (
        "INCONCLUSIVE  the load generator was the limit: the target refused 50 requests of worker-2 "
        "(AccessDeniedException), and accepts other workers: check its credentials"
    )
    assert judge_load(stream(*seconds, refused)).grade == "failed"


def test_credentials_that_expire_are_not_the_targets_fault() -> None:
    """Even if every worker has the same ones, so that every later request is refused."""
    counts = operation(*[0.04] * 5, errors={"ExpiredTokenException": 5})
    found = stream(
        *steady(5), *[second(at, *[0.04] * 10, operations={"PutVectors": counts}) for at in range(5, 10)]
    )
    assert line(found) == (
        "INCONCLUSIVE  the load generator was the limit: the credentials had expired in 25 requests"
    )


def test_a_worker_that_left_is_named() -> None:
    """Requests that were due on it are not the target's."""
    seconds = [*steady(9), second(9, *[0.04] * 5, due=10, lost=5)]
    left = WorkerTotals(worker="worker-2", lost_at_s=8.0)
    assert "because the master lost worker-2" in line(stream(*seconds, left))
    assert line(stream(*seconds, left)).startswith("INCONCLUSIVE")


def test_a_warm_up_decides_nothing() -> None:
    """A run that begins slowly passes, and one that ends in its warm-up does not."""
    warmed = plan(
        stage(duration_s=4, name="warm", warm_up=True),
        stage(duration_s=6, name="hold"),
        thresholds=("p(99) < 50ms", "achieved >= 99%"),
    )
    cold = [second(at, *[0.9] * 10) for at in range(4)]
    assert judge_load(stream(*cold, *steady()[4:], planned=warmed)).grade == "passed"
    assert (
        judge_load(
            stream(*steady()[:4], *[second(at, *[0.9] * 10) for at in range(4, 10)], planned=warmed)
        ).grade
        == "failed"
    )
    assert judge_load(unfinished(*steady(3), planned=warmed)).grade != "passed"


LOST = ReadBack(acknowledged=1_000, looked_up=100, missing=12, remaining=1, deleted_looked_up=3)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            stream(*steady(), LOST),
            (
                "FAIL  12 of 100 acknowledged vectors that were looked up are not stored; "
                "1 of 3 acknowledged deletes that were looked up left their vectors stored"
            ),
        ),
        # Whatever else the run could not show.
        (
            stream(*BUSY, replace(LOST, remaining=0)),
            "FAIL  12 of 100 acknowledged vectors that were looked up are not stored",
        ),
        (
            stream(*steady(), ReadBack(acknowledged=10, problem="403 AccessDenied")),
            "INCONCLUSIVE  the acknowledged writes could not be looked up: 403 AccessDenied",
        ),
        (
            stream(*SLOW, ReadBack(acknowledged=10, problem="503"), planned=HOLD),
            "FAIL  p(99) < 500ms: 641 ms, 28 % above the limit, of 100 requests, where a p99 needs 1,000",
        ),
        (
            stream(*steady(), ReadBack(acknowledged=10, looked_up=10, usd=0.01)),
            "PASS  100 vectors/s sustained for 10 s on local, p99 40.0 ms of 100 requests, $0.11",
        ),
        (
            stream(second(0, *[0.04] * 9, due=9, due_vectors=90), planned=plan(stage(duration_s=0.9))),
            "PASS  100 vectors/s over 0.9 s on local, p99 40.0 ms of 9 requests, $0.01",
        ),
    ],
)
def test_a_rate_counts_only_if_what_was_acknowledged_is_stored(found: Stream, expected: str) -> None:
    """A sample of it was looked up at the end. And a rate is not sustained if it comes from a few requests."""
    assert line(found) == expected
