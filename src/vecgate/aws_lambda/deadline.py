"""The time limit of an invocation, and what enforces it: a sender that stops, and work that is abandoned."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from vecgate.background import BackgroundCall
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.transport.sender import Sender
from vecgate.errors import VecgateError

T = TypeVar("T")
#: Time limit if the context has none, and the longest time limit of a Lambda function.
SECONDS_DEFAULT, SECONDS_MAX = 60.0, 900.0
#: Part of the time that is reserved for clean-up and the response.
RESERVE_RATIO, RESERVE_MIN_S, RESERVE_MAX_S = 0.2, 1.0, 10.0
#: Parts of the reserve: the timeout of one request, and the time for the response alone.
TIMEOUT_RATIO, RESPONSE_RATIO = 0.4, 0.25


class OutOfTime(VecgateError):
    """The invocation has no time left for this."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time at which the work must end, so that time remains for clean-up and the response.

    at_s       on the clock *now_s*
    reserve_s  time after it for clean-up and the response
    """

    at_s: float
    reserve_s: float
    now_s: Callable[[], float] = time.monotonic

    @classmethod
    def from_context(cls, context: Any, now_s: Callable[[], float] = time.monotonic) -> Deadline:  # noqa: ANN401 - Lambda's
        """Return the deadline of the invocation of *context*."""
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        seconds = min(remaining() / 1_000 if remaining else SECONDS_DEFAULT, SECONDS_MAX)
        reserve_s = min(max(seconds * RESERVE_RATIO, RESERVE_MIN_S), RESERVE_MAX_S)
        return cls(now_s() + seconds - reserve_s, reserve_s, now_s)

    @property
    def remaining_s(self) -> float:
        """Seconds until the work must end, at least 0."""
        return max(0.0, self.at_s - self.now_s())

    @property
    def cleanup_remaining_s(self) -> float:
        """Seconds until the clean-up must end, at least 0."""
        return max(0.0, self.at_s + self.reserve_s * (1 - RESPONSE_RATIO) - self.now_s())

    @property
    def timeout_s(self) -> float:
        """Timeout of a request, short enough that a request that hangs does not use up the reserve."""
        return self.reserve_s * TIMEOUT_RATIO


class DeadlineSender:
    """A `Sender` that starts no request after *deadline*."""

    def __init__(self, sender: Sender, deadline: Deadline) -> None:
        self._sender, self._deadline = sender, deadline

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* as *operation* once. Raises OutOfTime, and the errors of the sender."""
        if not self._deadline.remaining_s:
            raise OutOfTime(
                f"no time was left for {operation}", hint="Use a smaller request or a longer time limit."
            )
        return self._sender.send(operation, body)

    def close(self) -> None:
        """Do nothing: the caller owns the sender."""


def run_within(work: Callable[[], T], seconds: float, *, default: T) -> T:
    """Return the result of *work*, or *default* if it takes longer, for example because a server hangs.

    The thread of *work* then ends with the timeouts of its requests.
    """
    call = BackgroundCall(work)
    call.start()
    return call.result() if call.wait(seconds) else default
