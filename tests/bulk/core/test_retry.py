"""Retries are decided from attributes, stay within bounds, and always end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.batching import batch_of
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.delivery import Acknowledged, Departure, Failed, Rejected, deliver, drive
from vecgate.bulk.core.record_blocks import RejectedRecord
from vecgate.bulk.core.retry import (
    Attempt,
    Failure,
    Reject,
    Retry,
    RetryBudget,
    RetryDecision,
    RetryPolicy,
    Split,
    Stop,
    decide_retry,
    jittered_wait_s,
)
from vecgate.bulk.core.run_state import BulkRun
from vecgate.errors import ServiceError, TransportError
from vecgate.s3vectors.model import error_codes
from vecgate.testing.scripted_service import modelled_error
from vecgate.testing.strategies import block_of

POLICY = RetryPolicy(attempts_max=10, base_s=0.1, cap_s=20.0, deadline_s=300.0)
RESET = TransportError("PutVectors", "connection reset")
REFUSED_CONNECTION = TransportError("PutVectors", "connection refused", is_connect=True)
#: A code of a newer service, or of a proxy.
UNKNOWN = ServiceError("PutVectors", "NewException", 418, "m")
UNKNOWN_RETRYABLE = ServiceError("PutVectors", "NewException", 599, "m", is_retryable=True)
UNKNOWN_THROTTLING = ServiceError("PutVectors", "SlowDown", 503, "m", is_retryable=True, is_throttling=True)
PAYLOAD_TOO_LARGE = ServiceError("PutVectors", "RequestTooLong", 413, "too long")
SERIALIZATION = ServiceError("PutVectors", "SerializationException", 400, "")

#: A failure, and the decision for a first attempt with many records and with one.
FIRST_ATTEMPTS: list[tuple[Failure, type, type]] = [
    (modelled_error("AccessDeniedException"), Stop, Stop),
    (modelled_error("ConflictException"), Stop, Stop),
    (modelled_error("InternalServerException"), Retry, Retry),
    (modelled_error("KmsDisabledException"), Stop, Stop),
    (modelled_error("KmsInvalidKeyUsageException"), Stop, Stop),
    (modelled_error("KmsInvalidStateException"), Stop, Stop),
    (modelled_error("KmsNotFoundException"), Stop, Stop),
    (modelled_error("NotFoundException"), Stop, Stop),
    (modelled_error("RequestTimeoutException"), Retry, Retry),
    (modelled_error("ServiceQuotaExceededException"), Stop, Stop),
    (modelled_error("ServiceUnavailableException"), Retry, Retry),
    (modelled_error("TooManyRequestsException"), Retry, Retry),
    (modelled_error("ValidationException"), Split, Reject),
    (SERIALIZATION, Split, Reject),
    (PAYLOAD_TOO_LARGE, Split, Reject),
    (UNKNOWN, Stop, Stop),
    (UNKNOWN_RETRYABLE, Retry, Retry),
    (UNKNOWN_THROTTLING, Retry, Retry),
    (RESET, Retry, Retry),
    (REFUSED_CONNECTION, Retry, Retry),
]
FAILURES = [failure for failure, _, _ in FIRST_ATTEMPTS]
RETRYABLE = [failure for failure, many, _ in FIRST_ATTEMPTS if many == Retry]
COUNTED = [f for f in RETRYABLE if not (isinstance(f, ServiceError) and f.is_throttling)]
THROTTLED = [f for f in RETRYABLE if isinstance(f, ServiceError) and f.is_throttling]


def name_of(failure: Failure) -> str:
    return f"{failure.code}-{failure.status}" if isinstance(failure, ServiceError) else failure.reason


class NoFile:
    """Discards rejects."""

    path = Path("unused")

    def write(self, rejects: Sequence[RejectedRecord]) -> int:
        return 0


def attempt(
    number: int = 1,
    *,
    counted: int | None = None,
    records: int = 500,
    since_s: float = 0.0,
    others_succeed: bool = False,
) -> Attempt:
    return Attempt(number, number if counted is None else counted, records, since_s, others_succeed)


@pytest.mark.parametrize(
    ("failure", "many", "one"),
    FIRST_ATTEMPTS,
    ids=str,
)
@pytest.mark.parametrize("others_succeed", [True, False])
def test_a_first_failure_is_decided_by_its_code(
    failure: Failure, many: type, one: type, *, others_succeed: bool
) -> None:
    """Retryable ones are retried, an error that blames a record leads to that record, others stop the run."""
    assert (
        type(decide_retry(failure, attempt(others_succeed=others_succeed), POLICY, random_value=0.5)) is many
    )
    assert (
        type(
            decide_retry(failure, attempt(records=1, others_succeed=others_succeed), POLICY, random_value=0.5)
        )
        is one
    )


def test_every_code_of_the_model_is_in_the_table() -> None:
    """A code that a newer model adds needs a decision in the table."""
    assert {f.code for f in FAILURES if isinstance(f, ServiceError)} >= set(error_codes())


def test_a_rejected_record_has_the_services_message() -> None:
    """The user who corrects it reads that message."""
    invalid = modelled_error("ValidationException", "Invalid record for key 'a': why")
    assert decide_retry(invalid, attempt(records=1), POLICY, random_value=0.5) == Reject(
        "Invalid record for key 'a': why"
    )


@given(
    number=st.integers(1, 10_000),
    random_value=st.floats(0, 1),
    base_s=st.floats(0, 10),
    cap_s=st.floats(0, 100),
)
@example(1, 1.0, 0.1, 20.0)
@example(10_000, 1.0, 0.1, 20.0)
def test_waits_stay_in_bounds(number: int, random_value: float, base_s: float, cap_s: float) -> None:
    """Full jitter: between zero and a bound that doubles up to the cap."""
    policy = RetryPolicy(base_s=base_s, cap_s=cap_s)
    wait_s = jittered_wait_s(number, policy, random_value=random_value)
    assert 0 <= wait_s <= cap_s
    assert wait_s <= base_s * 2.0 ** min(number - 1, 1_000)
    assert jittered_wait_s(number, policy, random_value=0.0) == 0.0
    if number < 60:
        assert jittered_wait_s(number, policy, random_value=1.0) == min(cap_s, base_s * 2 ** (number - 1))


@pytest.mark.parametrize(
    ("number", "bound_s"), [(1, 0.1), (2, 0.2), (3, 0.4), (8, 12.8), (9, 20.0), (100, 20.0)]
)
def test_bounds_double_up_to_the_cap(number: int, bound_s: float) -> None:
    """0.1, 0.2, 0.4, … 20 s; half the random value gives half the wait; without Retry-After nothing is added."""
    throttled = modelled_error("TooManyRequestsException")
    decided = decide_retry(throttled, attempt(number), POLICY, random_value=0.5)
    assert isinstance(decided, Retry)
    assert decided.wait_s == pytest.approx(bound_s / 2)
    assert jittered_wait_s(number, POLICY, random_value=1.0) == pytest.approx(bound_s)
    assert jittered_wait_s(number, POLICY, random_value=0.5) == pytest.approx(bound_s / 2)


@given(
    failure=st.sampled_from([f for f in RETRYABLE if isinstance(f, ServiceError)]),
    requested_s=st.none() | st.floats(0, 200) | st.just(float("inf")),
    budget_wait_s=st.floats(0, 50),
    random_value=st.floats(0, 1),
)
def test_the_wait_that_the_service_requests_is_a_minimum(
    failure: ServiceError, requested_s: float | None, budget_wait_s: float, random_value: float
) -> None:
    """`Retry-After`, up to its bound, and the budget may lengthen a wait beyond the cap, never shorten it."""
    asking = ServiceError(
        "PutVectors",
        failure.code,
        failure.status,
        "m",
        is_retryable=True,
        is_throttling=failure.is_throttling,
        retry_after_s=requested_s,
    )
    decided = decide_retry(asking, attempt(2), POLICY, random_value=random_value, wait_min_s=budget_wait_s)
    assert decided == Retry(max(random_value * 0.2, min(requested_s or 0.0, 60.0), budget_wait_s))


@pytest.mark.parametrize("failure", COUNTED, ids=name_of)
def test_attempts_are_counted(failure: Failure) -> None:
    """Another attempt may follow nine failures, but not ten."""
    one = attempt(9, records=1)
    assert type(decide_retry(failure, one, POLICY, random_value=0.5)) is Retry
    assert type(decide_retry(failure, replace(one, number=10, counted=10), POLICY, random_value=0.5)) is Stop
    assert type(decide_retry(failure, replace(one, number=99, counted=9), POLICY, random_value=0.5)) is Retry


@pytest.mark.parametrize("failure", RETRYABLE, ids=name_of)
@pytest.mark.parametrize("wait_min_s", [0.0, 12.5])
def test_no_attempt_starts_after_the_deadline(failure: Failure, wait_min_s: float) -> None:
    """The wait before it counts, for whatever reason."""
    wait_s = max(0.05, wait_min_s)
    for since_s, kind in [(300.0 - wait_s, Retry), (300.001 - wait_s, Stop), (1e9, Stop)]:
        tried = attempt(1, records=1, since_s=since_s)
        assert type(decide_retry(failure, tried, POLICY, random_value=0.5, wait_min_s=wait_min_s)) is kind


@pytest.mark.parametrize("failure", THROTTLED, ids=name_of)
def test_throttled_attempts_are_not_counted(failure: Failure) -> None:
    """Only the deadline ends them, and then the run, because no record is to blame."""
    one = attempt(1_000, records=1, others_succeed=True)
    assert type(decide_retry(failure, one, POLICY, random_value=0.5)) is Retry
    assert type(decide_retry(failure, replace(one, since_s=301.0), POLICY, random_value=0.5)) is Stop


@pytest.mark.parametrize(
    ("failure", "records", "others_succeed", "kind"),
    [
        (modelled_error("InternalServerException"), 500, True, Split),
        (modelled_error("InternalServerException"), 1, True, Reject),
        (modelled_error("InternalServerException"), 500, False, Stop),
        (modelled_error("InternalServerException"), 1, False, Stop),
        (modelled_error("ServiceUnavailableException"), 1, True, Reject),
        (RESET, 500, True, Stop),
        (RESET, 1, True, Stop),
    ],
)
def test_giving_up_depends_on_the_other_requests(
    failure: Failure, records: int, kind: type, *, others_succeed: bool
) -> None:
    """If others succeed, this batch causes the failure; if none does, the service does."""
    tried = attempt(10, records=records, others_succeed=others_succeed)
    assert type(decide_retry(failure, tried, POLICY, random_value=0.5)) is kind


def test_a_record_that_is_given_up_has_a_reason() -> None:
    """It has the code and the number of attempts."""
    tried = attempt(10, records=1, others_succeed=True)
    decided = decide_retry(modelled_error("InternalServerException"), tried, POLICY, random_value=0.5)
    assert decided == Reject("still InternalServerException after 10 attempts")


@pytest.mark.parametrize("attempts_max", [3, 10])
def test_a_batch_that_keeps_getting_503_is_halved(attempts_max: int) -> None:
    """It may be too much for the service; this applies even if only three attempts are allowed."""
    policy = replace(POLICY, attempts_max=attempts_max)
    unavailable = modelled_error("ServiceUnavailableException")
    kinds = [type(decide_retry(unavailable, attempt(n), policy, random_value=0.5)) for n in (1, 2, 3)]
    assert kinds == [Retry, Retry, Split]
    assert type(decide_retry(unavailable, attempt(3, records=2), policy, random_value=0.5)) is Split
    assert type(decide_retry(unavailable, attempt(3, since_s=300.0), policy, random_value=1.0)) is Stop
    assert (
        type(decide_retry(modelled_error("InternalServerException"), attempt(3), POLICY, random_value=0.5))
        is Retry
    )
    assert type(decide_retry(unavailable, attempt(3, records=1), POLICY, random_value=0.5)) is Retry


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
def test_the_budget_limits_retries_at_every_moment(
    steps: list[tuple[float, str]], tokens_max: int, per_s: float, per_success: float
) -> None:
    """Retries so far ≤ the initial tokens + those added over time + those added per success."""
    budget = RetryBudget(tokens=tokens_max, tokens_max=tokens_max, per_success=per_success, per_s=per_s)
    now_s, successes = 0.0, 0
    retries: list[tuple[float, int]] = []
    for wait_s, step in steps:
        now_s += wait_s
        if step == "success":
            budget = budget.after_success(now_s)
            successes += 1
        else:
            budget, must_wait_s = budget.spend(now_s)
            assert must_wait_s >= 0
            retries.append((now_s + must_wait_s, successes))
        assert budget.tokens <= tokens_max
    for departs_at_s, successes_s in retries:
        possible = sum(other <= departs_at_s and known <= successes_s for other, known in retries)
        assert possible <= tokens_max + per_s * departs_at_s + per_success * successes_s + 1e-6


def test_the_defaults_are_those_of_the_documentation() -> None:
    """Ten attempts, waits from 0.1 to 20 s, five minutes."""
    policy = RetryPolicy()
    assert (policy.attempts_max, policy.base_s, policy.cap_s, policy.deadline_s) == (10, 0.1, 20.0, 300.0)


def test_a_run_draws_its_retries_from_the_budget() -> None:
    """A hundred at once, then one for half a second or two successes; none after the deadline."""
    run = BulkRun(BulkConfig(retry=POLICY, retry_for_s=0), rejects=NoFile(), now_s=50.0)
    batch = batch_of(block_of(["a"]))
    failed = Failed(modelled_error("InternalServerException"), batch, 1, 1, Departure(50.0, 0))
    waits = [run.decide_retry(failed, now_s=50.0, random_value=0.0) for _ in range(102)]
    assert waits == [Retry(0.0)] * 100 + [Retry(0.5), Retry(1.0)]
    run.pending = run.read = 2
    run.record_acknowledged(Acknowledged(batch, 10, 1, 0.1), now_s=50.0)
    run.record_acknowledged(Acknowledged(batch, 10, 1, 0.1), now_s=50.0)
    assert run.decide_retry(failed, now_s=50.0, random_value=0.0) == Retry(1.0)
    overdue = replace(failed, first=Departure(50.0 - 299.0, 0))
    assert run.decide_retry(overdue, now_s=50.0, random_value=0.0) == Reject(
        "still InternalServerException after 1 attempts"
    )


def test_a_budget_starts_with_100_and_refills() -> None:
    """Half a token per success, two per second, never more than 100; then half a second for each retry."""
    budget = RetryBudget()
    for _ in range(100):
        budget, wait_s = budget.spend(0.0)
        assert wait_s == 0.0
    budget, first_s = budget.spend(0.0)
    budget, second_s = budget.spend(0.0)
    assert (first_s, second_s) == (0.5, 1.0)
    assert budget.tokens == -2.0
    assert budget.after_success(0.0).tokens == -1.5
    assert budget.after_success(3.0).tokens == 4.5
    assert budget.at(3.0).tokens == 4.0
    assert budget.at(1e6).tokens == budget.after_success(1e6).tokens == 100.0
    assert budget.at(3.0).at(1.0) == budget.at(3.0)


@dataclass
class HopelessService:
    """Fails every request of *run* with *failure*, each after 20 ms, and checks that attempts end."""

    run: BulkRun
    failure: Failure
    random_value: float
    others_succeed: bool
    now_s: float = 0.0
    sent: int = 0

    def acquire(self, _vectors: int) -> Departure:
        return Departure(self.now_s, self.sent if self.others_succeed else 0)

    def send(self, _body: Body) -> float:
        self.now_s, self.sent = self.now_s + 0.02, self.sent + 1
        assert self.sent <= 5_000
        raise self.failure

    def decide_retry(self, failed: Failed) -> RetryDecision:
        assert self.now_s - failed.first.at_s <= 20.0 + 0.02 + 1e-9
        if self.others_succeed:
            failed = replace(failed, first=Departure(failed.first.at_s, -1))
        return self.run.decide_retry(failed, now_s=self.now_s, random_value=self.random_value)

    def pause(self, seconds: float) -> None:
        self.now_s += seconds

    def record_acknowledged(self, acknowledged: Acknowledged) -> None:
        pytest.fail(f"{acknowledged} was never sent successfully")

    def record_rejected(self, rejected: Rejected) -> None:
        self.run.record_rejected(rejected)


@pytest.mark.parametrize("failure", FAILURES, ids=name_of)
@pytest.mark.parametrize("records", [1, 7])
@pytest.mark.parametrize("others_succeed", [True, False])
@pytest.mark.parametrize("random_value", [0.0, 1.0])
def test_a_service_that_always_fails_ends_the_run(
    failure: Failure, records: int, random_value: float, *, others_succeed: bool
) -> None:
    """Attempts and time are bounded, for any jitter, whether or not other requests succeed."""
    policy = RetryPolicy(attempts_max=4, base_s=0.1, cap_s=1.0, deadline_s=20.0)
    config = BulkConfig(retry=policy, retry_for_s=0)
    run = BulkRun(config, rejects=NoFile(), now_s=0.0)
    batch = batch_of(block_of([f"k{i}" for i in range(records)]))
    run.read = run.pending = records
    service = HopelessService(run, failure, random_value, others_succeed)
    steps = deliver(batch, lambda part: Body.of(b"x" * len(part)), payload_bytes_max=1_000)
    assert drive(steps, service) is (run.stopped_by is None)
    assert run.rejected + run.pending == records
    assert run.stopped_by in {None, failure}
    assert service.now_s <= 20.1 * 2 * records
