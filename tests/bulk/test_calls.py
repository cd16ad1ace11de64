"""Single calls are tried again where this may help, and only then."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from vecgate.bulk.calls import CALL_POLICY, call
from vecgate.bulk.encoding import Body
from vecgate.bulk.retry import RetryPolicy
from vecgate.errors import NoCredentials, ServiceError, TransportError, VecgateError
from vecgate.testing.clock import FakeClock
from vecgate.testing.scripted import error_of

BODY = Body.of(b"{}")


class Answers:
    """A `Sender` that answers as listed; the last answer again and again. Each takes a second."""

    def __init__(self, clock: FakeClock, answers: Iterable[bytes | VecgateError]) -> None:
        self.clock, self.answers = clock, list(answers)
        self.calls: list[tuple[str, Body]] = []

    def send(self, operation: str, body: Body) -> bytes:
        self.calls.append((operation, body))
        answer = self.answers[min(len(self.calls), len(self.answers)) - 1]
        if isinstance(answer, VecgateError):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing to close."""


def answered(*answers: bytes | VecgateError, policy: RetryPolicy = CALL_POLICY) -> tuple[Answers, FakeClock]:
    clock = FakeClock(1_000.0)
    sender = Answers(clock, answers)
    assert call(sender, "GetIndex", BODY, policy=policy, wait=clock.wait, now_s=clock.now_s) == b"yes"
    return sender, clock


def test_an_answer_is_given_back() -> None:
    """The operation and the body are sent as they are, without waiting."""
    sender, clock = answered(b"yes")
    assert sender.calls == [("GetIndex", BODY)]
    assert clock.waits == []


@pytest.mark.parametrize(
    "failure",
    [
        error_of("TooManyRequestsException"),
        error_of("InternalServerException"),
        error_of("ServiceUnavailableException"),
        error_of("RequestTimeoutException"),
        TransportError("GetIndex", "reset"),
    ],
)
def test_a_passing_trouble_is_passed_over(failure: VecgateError) -> None:
    """Three times, with waits below bounds that double."""
    sender, clock = answered(failure, failure, failure, b"yes")
    assert len(sender.calls) == 4
    assert len(clock.waits) == 3
    assert all(0 <= wait_s <= bound for wait_s, bound in zip(clock.waits, (0.2, 0.4, 0.8), strict=True))


@pytest.mark.parametrize(
    ("failure", "calls"),
    [
        (error_of("ValidationException"), 1),
        (error_of("NotFoundException"), 1),
        (error_of("AccessDeniedException"), 1),
        (NoCredentials("none"), 1),
        (error_of("InternalServerException"), 4),
        (error_of("ServiceUnavailableException"), 4),
        (TransportError("GetIndex", "reset"), 4),
    ],
)
def test_what_does_not_pass_is_raised(failure: VecgateError, calls: int) -> None:
    """The failure itself, after one attempt or four."""
    clock = FakeClock(1_000.0)
    sender = Answers(clock, [failure])
    with pytest.raises(type(failure)) as caught:
        call(sender, "GetIndex", BODY, wait=clock.wait, now_s=clock.now_s)
    assert caught.value is failure
    assert len(sender.calls) == calls


def test_throttled_calls_are_bounded_by_time_alone() -> None:
    """A person waits half a minute, not longer."""
    clock = FakeClock(1_000.0)
    sender = Answers(clock, [error_of("TooManyRequestsException")])
    with pytest.raises(ServiceError):
        call(sender, "GetIndex", BODY, wait=clock.wait, now_s=clock.now_s)
    assert len(sender.calls) > 4
    assert 20 <= clock.now_s() - 1_000 <= 30
    assert max(clock.waits) <= 5


def test_throttles_are_not_counted_as_attempts() -> None:
    """Three of them leave room for three other failures."""
    throttled, broken = error_of("TooManyRequestsException"), error_of("InternalServerException")
    policy = RetryPolicy(attempts_max=4, base_s=0.001, cap_s=0.001, deadline_s=30.0)
    sender, _ = answered(throttled, broken, throttled, broken, throttled, broken, b"yes", policy=policy)
    assert len(sender.calls) == 7


def test_what_the_service_asks_for_is_waited() -> None:
    """At least."""
    asking = ServiceError(
        "GetIndex",
        "TooManyRequestsException",
        429,
        "m",
        is_retryable=True,
        is_throttling=True,
        retry_after_s=7.0,
    )
    _, clock = answered(asking, b"yes")
    assert clock.waits == [7.0]
