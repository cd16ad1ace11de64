"""Single requests are retried only if that may help."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.transport.retried_call import CALL_POLICY, call_with_retries
from vecgate.errors import NoCredentials, ServiceError, TransportError, VecgateError
from vecgate.testing.clock import FakeClock
from vecgate.testing.scripted_service import modelled_error

BODY = Body.of(b"{}")


class Answers:
    """A `Sender` with a list of responses; the last one repeats. Each takes a second."""

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
        """Do nothing."""


def answered(*answers: bytes | VecgateError, policy: RetryPolicy = CALL_POLICY) -> tuple[Answers, FakeClock]:
    clock = FakeClock(1_000.0)
    sender = Answers(clock, answers)
    assert (
        call_with_retries(sender, "GetIndex", BODY, policy=policy, pause=clock.wait, now_s=clock.now_s)
        == b"yes"
    )
    return sender, clock


def test_a_response_is_returned() -> None:
    """The operation and the body are sent unchanged, without waiting."""
    sender, clock = answered(b"yes")
    assert sender.calls == [("GetIndex", BODY)]
    assert clock.waits == []


@pytest.mark.parametrize(
    "failure",
    [
        modelled_error("TooManyRequestsException"),
        modelled_error("InternalServerException"),
        modelled_error("ServiceUnavailableException"),
        modelled_error("RequestTimeoutException"),
        TransportError("GetIndex", "reset"),
    ],
)
def test_a_temporary_failure_is_retried(failure: VecgateError) -> None:
    """Three times, with waits below bounds that double."""
    sender, clock = answered(failure, failure, failure, b"yes")
    assert len(sender.calls) == 4
    assert len(clock.waits) == 3
    assert all(0 <= wait_s <= bound for wait_s, bound in zip(clock.waits, (0.2, 0.4, 0.8), strict=True))


@pytest.mark.parametrize(
    ("failure", "calls"),
    [
        (modelled_error("ValidationException"), 1),
        (modelled_error("NotFoundException"), 1),
        (modelled_error("AccessDeniedException"), 1),
        (NoCredentials("none"), 1),
        (modelled_error("InternalServerException"), 4),
        (modelled_error("ServiceUnavailableException"), 4),
        (TransportError("GetIndex", "reset"), 4),
    ],
)
def test_a_permanent_failure_is_raised(failure: VecgateError, calls: int) -> None:
    """The failure itself, after one attempt or four."""
    clock = FakeClock(1_000.0)
    sender = Answers(clock, [failure])
    with pytest.raises(type(failure)) as caught:
        call_with_retries(sender, "GetIndex", BODY, pause=clock.wait, now_s=clock.now_s)
    assert caught.value is failure
    assert len(sender.calls) == calls


def test_throttled_requests_are_limited_by_time_alone() -> None:
    """A person waits half a minute, not longer."""
    clock = FakeClock(1_000.0)
    sender = Answers(clock, [modelled_error("TooManyRequestsException")])
    with pytest.raises(ServiceError):
        call_with_retries(sender, "GetIndex", BODY, pause=clock.wait, now_s=clock.now_s)
    assert len(sender.calls) > 4
    assert 20 <= clock.now_s() - 1_000 <= 30
    assert max(clock.waits) <= 5


def test_throttles_are_not_counted_as_attempts() -> None:
    """Three of them leave three attempts for other failures."""
    throttled, broken = modelled_error("TooManyRequestsException"), modelled_error("InternalServerException")
    policy = RetryPolicy(attempts_max=4, base_s=0.001, cap_s=0.001, deadline_s=30.0)
    sender, _ = answered(throttled, broken, throttled, broken, throttled, broken, b"yes", policy=policy)
    assert len(sender.calls) == 7


def test_the_wait_that_the_service_requests_is_respected() -> None:
    """It is a minimum."""
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
