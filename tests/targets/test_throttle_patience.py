"""A request that was refused by a limit of the rate is sent again, within limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.targets.throttle_patience import (
    ATTEMPTS_MAX,
    FIRST_WAIT_S,
    PATIENCE_S,
    WAIT_S_MAX,
    ThrottlePatience,
)

THROTTLED: dict[str, Any] = {"status": 429, "code": "TooManyRequestsException", "headers": {}}


@pytest.mark.parametrize(
    ("status", "code", "is_sent_again"),
    [
        (429, "TooManyRequestsException", True),
        (429, "", True),
        (503, "SlowDown", True),
        (503, "ServiceUnavailableException", True),
        (503, "", False),
        (500, "InternalServerException", False),
        (400, "SlowDown", False),
        (200, "", False),
    ],
)
def test_only_a_limit_of_the_rate_is_waited_for(status: int, code: str, *, is_sent_again: bool) -> None:
    """A fault of the target is not, even one that clients of Amazon retry."""
    waited: list[float] = []
    patience = ThrottlePatience(sleep=waited.append)
    assert patience.wait("GetIndex", 1, status=status, code=code, headers={}) is is_sent_again
    assert (waited, patience.throttled) == (([FIRST_WAIT_S], 1) if is_sent_again else ([], 0))


@pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), ("86400", WAIT_S_MAX), ("soon", FIRST_WAIT_S)])
def test_it_waits_as_long_as_the_server_asks(header: str, seconds: float) -> None:
    """But not for days."""
    refusal = {**THROTTLED, "headers": {"retry-after": header}}
    assert ThrottlePatience().wait_s("GetIndex", 1, **refusal) == seconds


def test_an_operation_that_is_always_refused_is_not_waited_for() -> None:
    """Others are, and it is again after it has answered."""
    patience = ThrottlePatience()
    waits = [patience.wait_s("TagResource", attempt, **THROTTLED) for attempt in range(1, ATTEMPTS_MAX + 1)]
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, None]
    assert patience.wait_s("TagResource", 1, **THROTTLED) is None
    assert patience.wait_s("GetIndex", 1, **THROTTLED) == FIRST_WAIT_S
    assert patience.wait_s("TagResource", 1, status=200, code="", headers={}) is None
    assert patience.wait_s("TagResource", 1, **THROTTLED) == FIRST_WAIT_S


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.integers(0, 10)), max_size=200))
def test_all_waiting_together_is_limited(refusals: list[tuple[str, int, int]]) -> None:
    """In whatever order operations are refused."""
    patience = ThrottlePatience()
    waits = [
        patience.wait_s(name, attempt, **{**THROTTLED, "headers": {"retry-after": str(asked)}})
        for name, attempt, asked in refusals
    ]
    assert sum(filter(None, waits)) <= PATIENCE_S


def test_without_patience_every_answer_is_final() -> None:
    """As in a run that tests the request rates."""
    assert ThrottlePatience(0.0).wait_s("PutVectors", 1, **THROTTLED) is None
