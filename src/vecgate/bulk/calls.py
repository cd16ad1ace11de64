"""Single calls, such as a read or a GetIndex, tried again where the service says that this may help."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeAlias

from vecgate.bulk.encoding import Body
from vecgate.bulk.retry import Again, Attempt, RetryPolicy, verdict
from vecgate.bulk.wire import Sender
from vecgate.errors import ServiceError, TransportError

#: Waits so many seconds; true where it was told to stop.
Pause: TypeAlias = Callable[[float], object]
#: A person waits for these.
CALL_POLICY = RetryPolicy(attempts_max=4, base_s=0.2, cap_s=5.0, deadline_s=30.0)


def call(
    sender: Sender,
    operation: str,
    body: Body,
    *,
    policy: RetryPolicy = CALL_POLICY,
    wait: Pause = time.sleep,
    now_s: Callable[[], float] = time.monotonic,
) -> bytes:
    """The answer to *operation*. A *wait* that ends early ends the retries too.

    Raises the last ServiceError or TransportError when trying again is no use.
    """
    begun_s = now_s()
    number = counted = 0
    while True:
        number += 1
        try:
            return sender.send(operation, body)
        except (ServiceError, TransportError) as failure:
            counted += not (isinstance(failure, ServiceError) and failure.is_throttling)
            attempt = Attempt(number, counted, 1, now_s() - begun_s, others_do=False)
            decided = verdict(failure, attempt, policy, chance=random.random())  # noqa: S311 - jitter is no secret
            if not isinstance(decided, Again) or wait(decided.wait_s):
                raise
