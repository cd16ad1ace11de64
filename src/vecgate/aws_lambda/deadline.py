"""How long an event may take, and what keeps to it: a sender, and work that is not waited for any longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from vecgate.bulk.encoding import Body
from vecgate.bulk.wire import Sender
from vecgate.errors import VecgateError

T = TypeVar("T")
#: Where nobody says how long an invocation may take, and the longest that one may.
SECONDS_DEFAULT, SECONDS_MAX = 60.0, 900.0
#: So much of the time is left for the answer and for removing what was made.
RESERVE_SHARE, RESERVE_MIN_S, RESERVE_MAX_S = 0.2, 1.0, 10.0
#: Of that, what a request may wait for its answer, and what is left for answering ourselves.
TIMEOUT_SHARE, ANSWER_SHARE = 0.4, 0.25


class OutOfTime(VecgateError):
    """The invocation has no time left for this."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the work must be done, so that there is still time to clean up and to answer.

    at_s       of the clock
    reserve_s  that is kept
    """

    at_s: float
    reserve_s: float
    now_s: Callable[[], float] = time.monotonic

    @classmethod
    def of(cls, context: Any, now_s: Callable[[], float] = time.monotonic) -> Deadline:  # noqa: ANN401 - Lambda's
        """The deadline of the invocation that *context* is of."""
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        seconds = min(remaining() / 1_000 if remaining else SECONDS_DEFAULT, SECONDS_MAX)
        reserve_s = min(max(seconds * RESERVE_SHARE, RESERVE_MIN_S), RESERVE_MAX_S)
        return cls(now_s() + seconds - reserve_s, reserve_s, now_s)

    @property
    def left_s(self) -> float:
        """Seconds until then, 0 at least."""
        return max(0.0, self.at_s - self.now_s())

    @property
    def late_s(self) -> float:
        """Seconds until what was made must be removed, 0 at least."""
        return max(0.0, self.at_s + self.reserve_s * (1 - ANSWER_SHARE) - self.now_s())

    @property
    def timeout_s(self) -> float:
        """How long a request may wait for its answer: one that hangs must not use up the reserve."""
        return self.reserve_s * TIMEOUT_SHARE


class Within:
    """A `Sender` that begins nothing after *deadline*."""

    def __init__(self, sender: Sender, deadline: Deadline) -> None:
        self._sender, self._deadline = sender, deadline

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* as *operation*, once. Raises OutOfTime, and what a sender raises."""
        if not self._deadline.left_s:
            raise OutOfTime(
                f"there was no time left for {operation}", hint="Ask for less, or allow more time."
            )
        return self._sender.send(operation, body)

    def close(self) -> None:
        """Do nothing: the sender belongs to the caller."""


def in_time(work: Callable[[], T], seconds: float, *, otherwise: T) -> T:
    """What *work* gives, or *otherwise* where that takes longer: a server that hangs must not keep us.

    Its thread is left to the timeouts of its requests.
    """
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(work).result(seconds)
    except TimeoutError:
        return otherwise
    finally:
        pool.shutdown(wait=False)
