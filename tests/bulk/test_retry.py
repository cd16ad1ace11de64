"""Retries are decided from attributes, kept within bounds, and always come to an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.batching import batch_of
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.delivery import Departure, Failed, Leave, Pause, Refused, Send, Taken, deliver
from vecgate.bulk.encoding import Body
from vecgate.bulk.records import Reject
from vecgate.bulk.retry import (
    Again,
    Attempt,
    Failure,
    Narrow,
    RetryBudget,
    RetryPolicy,
    SetAside,
    Stop,
    Verdict,
    jittered_wait_s,
    verdict,
)
from vecgate.bulk.run import Run
from vecgate.errors import ServiceError, TransportError
from vecgate.s3vectors.model import error_codes
from vecgate.testing.scripted import error_of
from vecgate.testing.strategies import block_of

POLICY = RetryPolicy(attempts_max=10, base_s=0.1, cap_s=20.0, deadline_s=300.0)
CONFUSED = TransportError("PutVectors", "connection reset")
REFUSED_CONNECTION = TransportError("PutVectors", "connection refused", is_connect=True)
#: A code of a newer service, or of a proxy.
UNKNOWN = ServiceError("PutVectors", "NewException", 418, "m")
UNKNOWN_RETRYABLE = ServiceError("PutVectors", "NewException", 599, "m", is_retryable=True)
UNKNOWN_THROTTLING = ServiceError("PutVectors", "SlowDown", 503, "m", is_retryable=True, is_throttling=True)
PAYLOAD_TOO_LARGE = ServiceError("PutVectors", "RequestTooLong", 413, "too long")
SERIALIZATION = ServiceError("PutVectors", "SerializationException", 400, "")

AGAIN, NARROW, STOP = "again", "narrow", "stop"
ASIDE = "set aside"

#: Failure, and what becomes of a first attempt with many records and with one.
FIRST_ATTEMPTS: list[tuple[Failure, str, str]] = [
    (error_of("AccessDeniedException"), STOP, STOP),
    (error_of("ConflictException"), STOP, STOP),
    (error_of("InternalServerException"), AGAIN, AGAIN),
    (error_of("KmsDisabledException"), STOP, STOP),
    (error_of("KmsInvalidKeyUsageException"), STOP, STOP),
    (error_of("KmsInvalidStateException"), STOP, STOP),
    (error_of("KmsNotFoundException"), STOP, STOP),
    (error_of("NotFoundException"), STOP, STOP),
    (error_of("RequestTimeoutException"), AGAIN, AGAIN),
    (error_of("ServiceQuotaExceededException"), STOP, STOP),
    (error_of("ServiceUnavailableException"), AGAIN, AGAIN),
    (error_of("TooManyRequestsException"), AGAIN, AGAIN),
    (error_of("ValidationException"), NARROW, ASIDE),
    (SERIALIZATION, NARROW, ASIDE),
    (PAYLOAD_TOO_LARGE, NARROW, ASIDE),
    (UNKNOWN, STOP, STOP),
    (UNKNOWN_RETRYABLE, AGAIN, AGAIN),
    (UNKNOWN_THROTTLING, AGAIN, AGAIN),
    (CONFUSED, AGAIN, AGAIN),
    (REFUSED_CONNECTION, AGAIN, AGAIN),
]
FAILURES = [failure for failure, _, _ in FIRST_ATTEMPTS]
RETRYABLE = [failure for failure, many, _ in FIRST_ATTEMPTS if many == AGAIN]
COUNTED = [f for f in RETRYABLE if not (isinstance(f, ServiceError) and f.is_throttling)]
THROTTLED = [f for f in RETRYABLE if isinstance(f, ServiceError) and f.is_throttling]


def name_of(failure: Failure) -> str:
    return f"{failure.code}-{failure.status}" if isinstance(failure, ServiceError) else failure.reason


class NoFile:
    """Takes rejects and forgets them."""

    path = Path("unused")

    def write(self, rejects: Sequence[Reject]) -> int:
        return 0


def attempt(
    number: int = 1,
    *,
    counted: int | None = None,
    records: int = 500,
    since_s: float = 0.0,
    others_do: bool = False,
) -> Attempt:
    return Attempt(number, number if counted is None else counted, records, since_s, others_do)


def kind_of(decided: Verdict) -> str:
    return {Again: AGAIN, Narrow: NARROW, SetAside: ASIDE, Stop: STOP}[type(decided)]


@pytest.mark.parametrize(
    ("failure", "many", "one"),
    FIRST_ATTEMPTS,
    ids=str,
)
@pytest.mark.parametrize("others_do", [True, False])
def test_a_first_failure_is_judged_by_its_code(
    failure: Failure, many: str, one: str, *, others_do: bool
) -> None:
    """Retryable ones come again, a refusal that blames a record leads to it, others stop the run."""
    assert kind_of(verdict(failure, attempt(others_do=others_do), POLICY, chance=0.5)) == many
    assert kind_of(verdict(failure, attempt(records=1, others_do=others_do), POLICY, chance=0.5)) == one


def test_every_code_of_the_model_is_in_the_table() -> None:
    """A code that a newer model adds is judged in the table too."""
    assert {f.code for f in FAILURES if isinstance(f, ServiceError)} >= set(error_codes())


def test_a_refused_record_is_set_aside_with_the_services_words() -> None:
    """The person who mends it reads what the service said."""
    refused = error_of("ValidationException", "Invalid record for key 'a': why")
    assert verdict(refused, attempt(records=1), POLICY, chance=0.5) == SetAside(
        "Invalid record for key 'a': why"
    )


@given(
    number=st.integers(1, 10_000), chance=st.floats(0, 1), base_s=st.floats(0, 10), cap_s=st.floats(0, 100)
)
@example(1, 1.0, 0.1, 20.0)
@example(10_000, 1.0, 0.1, 20.0)
def test_waits_stay_in_bounds(number: int, chance: float, base_s: float, cap_s: float) -> None:
    """Full jitter: between nothing and a bound that doubles up to the cap."""
    policy = RetryPolicy(base_s=base_s, cap_s=cap_s)
    wait_s = jittered_wait_s(number, policy, chance=chance)
    assert 0 <= wait_s <= cap_s
    assert wait_s <= base_s * 2.0 ** min(number - 1, 1_000)
    assert jittered_wait_s(number, policy, chance=0.0) == 0.0
    if number < 60:
        assert jittered_wait_s(number, policy, chance=1.0) == min(cap_s, base_s * 2 ** (number - 1))


@pytest.mark.parametrize(
    ("number", "bound_s"), [(1, 0.1), (2, 0.2), (3, 0.4), (8, 12.8), (9, 20.0), (100, 20.0)]
)
def test_bounds_double_up_to_the_cap(number: int, bound_s: float) -> None:
    """0.1, 0.2, 0.4, … 20 s; half the chance, half the wait; nothing is added where nobody asks."""
    throttled = error_of("TooManyRequestsException")
    decided = verdict(throttled, attempt(number), POLICY, chance=0.5)
    assert isinstance(decided, Again)
    assert decided.wait_s == pytest.approx(bound_s / 2)
    assert jittered_wait_s(number, POLICY, chance=1.0) == pytest.approx(bound_s)
    assert jittered_wait_s(number, POLICY, chance=0.5) == pytest.approx(bound_s / 2)


@given(
    failure=st.sampled_from([f for f in RETRYABLE if isinstance(f, ServiceError)]),
    asked_s=st.none() | st.floats(0, 200),
    least_s=st.floats(0, 50),
    chance=st.floats(0, 1),
)
def test_what_the_service_asks_for_is_a_minimum(
    failure: ServiceError, asked_s: float | None, least_s: float, chance: float
) -> None:
    """`Retry-After` and the budget may lengthen a wait beyond the cap, never shorten it."""
    asking = ServiceError(
        "PutVectors",
        failure.code,
        failure.status,
        "m",
        is_retryable=True,
        is_throttling=failure.is_throttling,
        retry_after_s=asked_s,
    )
    decided = verdict(asking, attempt(2), POLICY, chance=chance, wait_least_s=least_s)
    assert decided == Again(max(chance * 0.2, asked_s or 0.0, least_s))


@pytest.mark.parametrize("failure", COUNTED, ids=name_of)
def test_attempts_are_counted(failure: Failure) -> None:
    """Nine failures may be followed by another attempt, ten may not."""
    one = attempt(9, records=1)
    assert kind_of(verdict(failure, one, POLICY, chance=0.5)) == AGAIN
    assert kind_of(verdict(failure, replace(one, number=10, counted=10), POLICY, chance=0.5)) == STOP
    assert kind_of(verdict(failure, replace(one, number=99, counted=9), POLICY, chance=0.5)) == AGAIN


@pytest.mark.parametrize("failure", RETRYABLE, ids=name_of)
@pytest.mark.parametrize("wait_least_s", [0.0, 12.5])
def test_no_attempt_begins_after_the_deadline(failure: Failure, wait_least_s: float) -> None:
    """The wait before it counts, whoever asked for it."""
    wait_s = max(0.05, wait_least_s)
    for since_s, kind in [(300.0 - wait_s, AGAIN), (300.001 - wait_s, STOP), (1e9, STOP)]:
        tried = attempt(1, records=1, since_s=since_s)
        assert kind_of(verdict(failure, tried, POLICY, chance=0.5, wait_least_s=wait_least_s)) == kind


@pytest.mark.parametrize("failure", THROTTLED, ids=name_of)
def test_throttled_attempts_are_not_counted(failure: Failure) -> None:
    """Only the deadline ends it, and then the run, since no record is to blame."""
    one = attempt(1_000, records=1, others_do=True)
    assert kind_of(verdict(failure, one, POLICY, chance=0.5)) == AGAIN
    assert kind_of(verdict(failure, replace(one, since_s=301.0), POLICY, chance=0.5)) == STOP


@pytest.mark.parametrize(
    ("failure", "records", "others_do", "kind"),
    [
        (error_of("InternalServerException"), 500, True, NARROW),
        (error_of("InternalServerException"), 1, True, ASIDE),
        (error_of("InternalServerException"), 500, False, STOP),
        (error_of("InternalServerException"), 1, False, STOP),
        (error_of("ServiceUnavailableException"), 1, True, ASIDE),
        (CONFUSED, 500, True, STOP),
        (CONFUSED, 1, True, STOP),
    ],
)
def test_who_is_given_up_on_depends_on_the_others(
    failure: Failure, records: int, kind: str, *, others_do: bool
) -> None:
    """While others get through, the trouble is in this batch; while none does, it is the service."""
    tried = attempt(10, records=records, others_do=others_do)
    assert kind_of(verdict(failure, tried, POLICY, chance=0.5)) == kind


def test_a_record_that_is_given_up_on_says_why() -> None:
    """With the code and the number of attempts."""
    tried = attempt(10, records=1, others_do=True)
    decided = verdict(error_of("InternalServerException"), tried, POLICY, chance=0.5)
    assert decided == SetAside("still InternalServerException after 10 attempts")


@pytest.mark.parametrize("attempts_max", [3, 10])
def test_a_batch_that_keeps_drawing_503_is_halved(attempts_max: int) -> None:
    """It may be too much for the service; also where only three attempts are allowed."""
    policy = replace(POLICY, attempts_max=attempts_max)
    unavailable = error_of("ServiceUnavailableException")
    kinds = [kind_of(verdict(unavailable, attempt(n), policy, chance=0.5)) for n in (1, 2, 3)]
    assert kinds == [AGAIN, AGAIN, NARROW]
    assert kind_of(verdict(unavailable, attempt(3, records=2), policy, chance=0.5)) == NARROW
    assert kind_of(verdict(unavailable, attempt(3, since_s=300.0), policy, chance=1.0)) == STOP
    assert kind_of(verdict(error_of("InternalServerException"), attempt(3), POLICY, chance=0.5)) == AGAIN
    assert kind_of(verdict(unavailable, attempt(3, records=1), POLICY, chance=0.5)) == AGAIN


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 5) | st.just(0.0), st.sampled_from(["retry", "retry", "success"])), max_size=60
    ),
    tokens_max=st.integers(0, 8),
    per_s=st.floats(0.1, 5),
    per_success=st.floats(0, 2),
)
@example([(0.0, "retry")] * 20, 3, 2.0, 0.5)
@example([(0.0, "success")] * 20 + [(0.0, "retry")] * 20, 3, 2.0, 0.5)
def test_the_budget_holds_at_every_moment(
    steps: list[tuple[float, str]], tokens_max: int, per_s: float, per_success: float
) -> None:
    """Retries that may have left ≤ tokens to begin with + a trickle with time + some per success."""
    budget = RetryBudget(tokens=tokens_max, tokens_max=tokens_max, per_success=per_success, per_s=per_s)
    now_s, successes = 0.0, 0
    retries: list[tuple[float, int]] = []
    for wait_s, step in steps:
        now_s += wait_s
        if step == "success":
            budget = budget.at(now_s).after_success()
            successes += 1
        else:
            budget, must_wait_s = budget.spend(now_s)
            assert must_wait_s >= 0
            retries.append((now_s + must_wait_s, successes))
        assert budget.tokens <= tokens_max
    for leaves_at_s, seen in retries:
        made = sum(other <= leaves_at_s and known <= seen for other, known in retries)
        assert made <= tokens_max + per_s * leaves_at_s + per_success * seen + 1e-6


def test_the_defaults_are_those_of_the_documentation() -> None:
    """Ten attempts, waits from 0.1 to 20 s, five minutes."""
    policy = RetryPolicy()
    assert (policy.attempts_max, policy.base_s, policy.cap_s, policy.deadline_s) == (10, 0.1, 20.0, 300.0)


def test_a_run_draws_its_retries_from_the_budget() -> None:
    """A hundred at once, then one for half a second or two successes; none beyond the deadline."""
    run = Run(BulkConfig(retry=POLICY), aside=NoFile(), now_s=50.0)
    batch = batch_of(block_of(["a"]))
    broken = Failed(error_of("InternalServerException"), batch, 1, 1, Departure(50.0, 0))
    waits = [run.judge(broken, now_s=50.0, chance=0.0) for _ in range(102)]
    assert waits == [Again(0.0)] * 100 + [Again(0.5), Again(1.0)]
    run.pending = run.read = 2
    run.taken(Taken(batch, 10, 1, 0.1), now_s=50.0)
    run.taken(Taken(batch, 10, 1, 0.1), now_s=50.0)
    assert run.judge(broken, now_s=50.0, chance=0.0) == Again(1.0)
    late = replace(broken, first=Departure(50.0 - 299.0, 0))
    assert run.judge(late, now_s=50.0, chance=0.0) == SetAside(
        "still InternalServerException after 1 attempts"
    )


def test_a_budget_begins_with_100_and_refills() -> None:
    """Half a token for a success, two a second, never more than 100; then half a second for each retry."""
    budget = RetryBudget()
    for _ in range(100):
        budget, wait_s = budget.spend(0.0)
        assert wait_s == 0.0
    budget, first_s = budget.spend(0.0)
    budget, second_s = budget.spend(0.0)
    assert (first_s, second_s) == (0.5, 1.0)
    assert budget.tokens == -2.0
    assert budget.after_success().tokens == -1.5
    assert budget.at(3.0).tokens == 4.0
    assert budget.at(1e6).tokens == budget.at(1e6).after_success().tokens == 100.0
    assert budget.at(3.0).at(1.0) == budget.at(3.0)


@pytest.mark.parametrize("failure", FAILURES, ids=name_of)
@pytest.mark.parametrize("records", [1, 7])
@pytest.mark.parametrize("others_do", [True, False])
@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_service_that_always_fails_comes_to_an_end(
    failure: Failure, records: int, chance: float, *, others_do: bool
) -> None:
    """Whatever others do and however the dice fall: within bounded attempts and time."""
    config = BulkConfig(retry=RetryPolicy(attempts_max=4, base_s=0.1, cap_s=1.0, deadline_s=20.0))
    run = Run(config, aside=NoFile(), now_s=0.0)
    batch = batch_of(block_of([f"k{i}" for i in range(records)]))
    run.read = run.pending = records
    steps = deliver(batch, lambda part: Body.of(b"x" * len(part)), payload_bytes_max=1_000)
    now_s, sent, answer = 0.0, 0, None
    first_s: dict[tuple[str, ...], float] = {}
    effect = next(steps)
    try:
        while True:
            error: Failure | None = None
            reply: object = None
            match effect:
                case Leave():
                    reply = Departure(now_s, sent if others_do else 0)
                case Send():
                    now_s, sent, error = now_s + 0.02, sent + 1, failure
                case Failed() as failed:
                    tried = (
                        failed if not others_do else replace(failed, first=Departure(failed.first.at_s, -1))
                    )
                    reply = run.judge(tried, now_s=now_s, chance=chance)
                    first_s.setdefault(tuple(failed.batch.block.keys), failed.first.at_s)
                    assert now_s - failed.first.at_s <= 20.0 + 0.02 + 1e-9
                case Pause(seconds):
                    now_s += seconds
                case Refused() as refused:
                    run.refused(refused)
                case Taken():
                    pytest.fail("nothing is ever taken")
            assert sent <= 5_000
            effect = steps.throw(error) if error else steps.send(reply)
    except StopIteration as end:
        answer = end.value
    assert answer is (run.stopped_by is None)
    assert run.set_aside + run.pending == records
    assert run.stopped_by in {None, failure}
    assert now_s <= 20.1 * 2 * records
