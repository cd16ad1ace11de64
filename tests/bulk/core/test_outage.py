"""An outage holds requests back, lets one at a time probe, and ends with an answer."""

from __future__ import annotations

import pytest

from vecgate.bulk.core.outage import FAILURES_MIN, PROBE_WAIT_MAX_S, Outage, is_unavailable
from vecgate.bulk.core.retry import Failure, RetryPolicy
from vecgate.errors import ServiceError, TransportError, UnexpectedResponse
from vecgate.testing.scripted_service import modelled_error

RESET = TransportError("PutVectors", "reset")
THROTTLED = modelled_error("TooManyRequestsException")


def after(outage: Outage, failure: Failure = RESET, *, now_s: float = 0.0, **options: bool) -> Outage:
    """Return *outage* after one more failure; the next probe is 2 seconds later."""
    is_probe, gives_up = options.get("is_probe", False), options.get("gives_up", False)
    return outage.after_failure(failure, is_probe=is_probe, gives_up=gives_up, wait_s=2.0, now_s=now_s)


def active(*, now_s: float = 10.0) -> Outage:
    """Return an outage that began at *now_s*."""
    outage = Outage()
    for _ in range(FAILURES_MIN):
        outage = after(outage, now_s=now_s)
    return outage


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (RESET, True),
        (TransportError("PutVectors", "refused", is_connect=True), True),
        (UnexpectedResponse("PutVectors", "a web page"), True),
        (modelled_error("ServiceUnavailableException"), True),
        (modelled_error("InternalServerException"), True),
        (THROTTLED, False),
        (modelled_error("AccessDeniedException"), False),
        (modelled_error("RequestTimeoutException"), False),
    ],
)
def test_some_failures_say_that_the_target_is_unavailable(failure: Failure, *, expected: bool) -> None:
    """A throttle, a refusal and a slow request come from a target that is there."""
    assert is_unavailable(failure) is expected


def test_failures_in_a_row_begin_an_outage() -> None:
    """Two are not enough, and throttles do not count."""
    outage = after(after(after(Outage()), THROTTLED))
    assert not outage.is_active
    assert outage.hold_s(now_s=0.0) == 0.0
    assert after(outage).is_active


def test_a_request_that_gives_up_begins_an_outage() -> None:
    """For example after its only attempt, or when every request is throttled for minutes."""
    assert after(Outage(), THROTTLED, gives_up=True).is_active


def test_one_request_at_a_time_probes() -> None:
    """The others wait until it is answered; then the next one may depart after the wait."""
    outage = active(now_s=10.0)
    assert outage.hold_s(now_s=10.5) == 1.5
    assert outage.hold_s(now_s=12.0) == 0.0
    probing = outage.after_departure()
    assert probing.hold_s(now_s=100.0) > 0
    failed = after(probing, is_probe=True, now_s=20.0)
    assert (failed.hold_s(now_s=20.0), failed.probes) == (2.0, 1)
    assert failed.elapsed_s(now_s=20.0) == 10.0


def test_requests_that_were_in_flight_do_not_delay_the_probe() -> None:
    """They departed before the outage, and their failure says nothing new."""
    outage = after(active(now_s=10.0), now_s=11.0)
    assert outage.hold_s(now_s=11.0) == 1.0
    probing = after(outage.after_departure(), now_s=13.0)
    assert probing.is_probing


@pytest.mark.parametrize("random_value", [0.0, 1.0])
def test_waits_between_probes_are_bounded(random_value: float) -> None:
    """They double up to the bound, and jitter takes at most half of it."""
    outage, waits = Outage(is_active=True, since_s=0.0), []
    for _ in range(8):
        waits.append(outage.probe_wait_s(RESET, RetryPolicy(), random_value=random_value))
        outage = after(outage, is_probe=True)
    factor = (1 + random_value) / 2
    assert waits == [factor * bound for bound in (0.5, 1.0, 2.0, 4.0, *[PROBE_WAIT_MAX_S] * 4)]


def test_the_wait_that_the_service_asks_for_is_kept() -> None:
    """Up to the limit of the policy."""
    for asked_s, expected_s in ((8.0, 8.0), (3_600.0, 60.0)):
        busy = ServiceError("PutVectors", "Busy", 503, "m", is_retryable=True, retry_after_s=asked_s)
        assert Outage().probe_wait_s(busy, RetryPolicy(), random_value=0.0) == expected_s
