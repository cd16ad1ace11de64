"""Sends single requests, such as a read or a GetIndex, and retries them if the service says that this may
help.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeAlias

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.retry import Attempt, Retry, RetryPolicy, decide_retry
from vecgate.bulk.transport.sender import Sender
from vecgate.errors import ServiceError, TransportError

#: Waits the given seconds. Returns true if the caller should give up.
Pause: TypeAlias = Callable[[float], object]
#: Short, because a person waits for these requests.
CALL_POLICY = RetryPolicy(attempts_max=4, base_s=0.2, cap_s=5.0, deadline_s=30.0)


def call_with_retries(
    sender: Sender,
    operation: str,
    body: Body,
    *,
    policy: RetryPolicy = CALL_POLICY,
    pause: Pause = time.sleep,
    now_s: Callable[[], float] = time.monotonic,
) -> bytes:
    """Return the response to *operation*. A *pause* that returns true ends the retries.

    Raises the last ServiceError or TransportError when another attempt would not help.
    """
    begun_s = now_s()
    number = counted = 0
    while True:
        number += 1
        try:
            return sender.send(operation, body)
        except (ServiceError, TransportError) as failure:
            counted += not (isinstance(failure, ServiceError) and failure.is_throttling)
            attempt = Attempt(number, counted, 1, now_s() - begun_s, others_succeed=False)
            decision = decide_retry(failure, attempt, policy, random_value=random.random())  # noqa: S311 - jitter is no secret
            if not isinstance(decision, Retry) or pause(decision.wait_s):
                raise
