"""Sends a request again that a server refused because it limits the rate: that says nothing about the server.

The time that a run spends on this is limited, so that a run on a server that refuses everything ends soon.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from vecgate.bulk.transport.service_response import retry_after_s

#: Seconds that all waiting of a run may take together.
PATIENCE_S = 600.0
FIRST_WAIT_S, WAIT_S_MAX = 0.25, 5.0
#: An operation that refuses one request this often is not waited for until it answers.
ATTEMPTS_MAX = 8
#: With status 503, an answer asks for patience only by one of these codes.
BUSY_CODES = frozenset({"ServiceUnavailableException", "SlowDown"})


class ThrottlePatience:
    """Decides how long to wait before a refused request is sent again. All clients of a run share one.

    throttled  number of requests that were refused and sent again
    """

    def __init__(self, patience_s: float = PATIENCE_S, sleep: Callable[[float], None] = time.sleep) -> None:
        self._left_s, self._sleep = patience_s, sleep
        self._hopeless: set[str] = set()
        self._lock = threading.Lock()
        self.throttled: int = 0

    def wait_s(
        self, operation: str, attempt: int, *, status: int, code: str, headers: Mapping[str, str]
    ) -> float | None:
        """Return the seconds to wait after *attempt*, counted from 1, or None if its answer is final."""
        is_busy = status == HTTPStatus.SERVICE_UNAVAILABLE and code in BUSY_CODES
        if status != HTTPStatus.TOO_MANY_REQUESTS and not is_busy:
            with self._lock:
                self._hopeless.discard(operation)
            return None
        asked_s = retry_after_s(headers.get("retry-after", ""), now_s=time.time()) or 0.0
        seconds = min(max(asked_s, FIRST_WAIT_S * 2.0 ** (attempt - 1)), WAIT_S_MAX)
        with self._lock:
            if attempt >= ATTEMPTS_MAX:
                self._hopeless.add(operation)
            if operation in self._hopeless or seconds > self._left_s:
                return None
            self._left_s -= seconds
            self.throttled += 1
        return seconds

    def wait(self, operation: str, attempt: int, **answer: Any) -> bool:  # noqa: ANN401 - those of wait_s
        """Wait, and return whether the request must be sent again."""
        seconds = self.wait_s(operation, attempt, **answer)
        if seconds is not None:
            self._sleep(seconds)
        return seconds is not None

    def watch(self, client: Any) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
        """Let a boto3 *client* send a refused request again. Its own retries must be off."""
        client.meta.events.register_first("needs-retry.s3vectors", self._on_attempt)

    def _on_attempt(
        self,
        response: Any,  # noqa: ANN401 - botocore has no types
        operation: Any,  # noqa: ANN401 - as above
        attempts: int,
        **_: object,
    ) -> float | None:
        if response is None:
            return None
        answer, parsed = response
        return self.wait_s(
            operation.name,
            attempts,
            status=answer.status_code,
            code=str(parsed.get("Error", {}).get("Code") or ""),
            headers={name.lower(): value for name, value in answer.headers.items()},
        )
