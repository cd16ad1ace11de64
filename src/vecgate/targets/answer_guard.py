"""A circuit breaker for a server that hangs, never stops sending, or is so slow that a run would take days.

Each answer has the limits of `response_limits`. An operation that was not answered UNANSWERED_MAX times, or
whose slow answers have taken SLOW_OPERATION_S_MAX, is no longer sent, so that a run on such a server ends.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from vecgate.bulk.transport.response_limits import (
    ResponseLimitExceeded,
    ResponseLimits,
    limit_responses,
    limited,
)
from vecgate.bulk.transport.service_response import (
    ERROR_STATUS_MIN,
    MISSING_MEMBERS,
    ServiceResponse,
    check_acknowledged,
)
from vecgate.errors import TransportError, UnexpectedResponse

TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
#: Requests of one operation without a complete answer, after which it is no longer sent.
UNANSWERED_MAX = 3
#: The same for requests of any operation without an answer to another one between them.
UNANSWERED_IN_A_ROW_MAX = 6
#: An answer that takes longer is slow. A suite sends some 10,000 requests.
SLOW_S = 1.0
#: Seconds that the slow answers to one operation, or to all of them, may take together.
SLOW_OPERATION_S_MAX = 300.0
SLOW_TARGET_S_MAX = 900.0


#: Key of the time in the context of a boto3 request.
STARTED = "vecgate_started_s"
#: Errors by a limit. All others cost no time.
LIMITS = (TimeoutError, ResponseLimitExceeded, ReadTimeoutError, ConnectTimeoutError)


class AnswerGuard:
    """Limits the answers to the requests of some clients, and stops operations that are not answered.

    timeout_s  seconds until the last byte of an answer must have arrived
    bytes_max  largest body of an answer
    """

    def __init__(self, *, timeout_s: float = TIMEOUT_S, bytes_max: int | None = None) -> None:
        self.timeout_s = timeout_s
        default = ResponseLimits(deadline_s=timeout_s)
        self._limits = default if bytes_max is None else ResponseLimits(bytes_max, timeout_s)
        self._unanswered: Counter[str] = Counter()
        self._in_a_row = 0
        self._slow_s: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def client_settings(self) -> dict[str, Any]:
        """The timeouts of a boto3 client, as settings of botocore's Config."""
        return {"connect_timeout": min(CONNECT_TIMEOUT_S, self.timeout_s), "read_timeout": self.timeout_s}

    def watch(self, client: Any, *, is_strict: bool = False) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
        """Apply the limits to all further requests of *client*.

        is_strict  a success that the rule of acknowledgement does not accept is raised as UnexpectedResponse;
                   a missing member is not: it is a fault of its own, which one requirement finds
        """
        limit_responses(client, self._limits)
        events = client.meta.events
        events.register_first("before-parameter-build.s3vectors", self._on_request)
        events.register("request-created.s3vectors", self._on_send)
        events.register("response-received.s3vectors", self._on_answer)
        if is_strict:
            # Last: other handlers record the answer, and what it has created.
            events.register_last("response-received.s3vectors", _check_acknowledged)

    def connection(self, host: str, port: int | None, context: ssl.SSLContext | None) -> HTTPConnection:
        """Return a connection with the limits, over TLS if there is a *context*."""
        settings = {} if context is None else {"context": context}
        kind = limited(HTTPConnection if context is None else HTTPSConnection, self._limits)
        connection: HTTPConnection = kind(host, port, timeout=self.timeout_s, **settings)
        return connection

    def check(self, operation: str) -> None:
        """Raise TransportError if *operation* is no longer sent."""
        if self._unanswered[operation] >= UNANSWERED_MAX:
            reason = f"the operation does not answer: {UNANSWERED_MAX} requests {self._without_answer}"
        elif self._in_a_row >= UNANSWERED_IN_A_ROW_MAX:
            reason = f"the target does not answer: {UNANSWERED_IN_A_ROW_MAX} requests {self._without_answer}"
        elif self._slow_s.get(operation, 0.0) >= SLOW_OPERATION_S_MAX:
            reason = f"the operation is too slow: its {_slow_answers(self._slow_s[operation])}"
        elif (total_s := sum(self._slow_s.values())) >= SLOW_TARGET_S_MAX:
            reason = f"the target is too slow: its {_slow_answers(total_s)}"
        else:
            return
        raise TransportError(operation, f"{reason}, so it is no longer sent", is_connect=True)

    def count(self, operation: str, error: BaseException | None, *, took_s: float = 0.0) -> None:
        """Count a request of *operation* that ended with *error*, or was answered after *took_s*."""
        with self._lock:
            if error is None:
                self._in_a_row = 0
                if took_s > SLOW_S:
                    self._slow_s[operation] = self._slow_s.get(operation, 0.0) + took_s
            elif _is_unanswered(error):
                self._unanswered[operation] += 1
                self._in_a_row += 1

    @property
    def _without_answer(self) -> str:
        size = self._limits.bytes_max
        return f"got no complete answer of at most {size:,} bytes within {self.timeout_s:g} s"

    def _on_request(self, model: Any, **_: object) -> None:  # noqa: ANN401 - boto3 has no types
        self.check(model.name)

    def _on_send(self, request: Any, **_: object) -> None:  # noqa: ANN401 - as above
        # Of each attempt: the time that a client waits between two is not the server's.
        request.context[STARTED] = time.monotonic()

    def _on_answer(
        self, exception: Exception | None, event_name: str, context: dict[str, Any], **_: object
    ) -> None:
        now_s = time.monotonic()
        took_s = now_s - context.get(STARTED, now_s)
        self.count(event_name.rsplit(".", 1)[-1], exception, took_s=took_s)


def _slow_answers(seconds: float) -> str:
    return f"answers that took more than {SLOW_S:g} s each took {seconds:,.0f} s in all"


def _check_acknowledged(
    response_dict: dict[str, Any] | None = None,
    event_name: str = "",
    **_: object,
) -> None:
    if response_dict is None or response_dict["status_code"] >= ERROR_STATUS_MIN:
        return
    response = ServiceResponse(response_dict["status_code"], response_dict["headers"], response_dict["body"])
    try:
        check_acknowledged(event_name.rsplit(".", 1)[-1], response, parse=True)
    except UnexpectedResponse as error:
        if not error.reason.startswith(MISSING_MEMBERS):
            raise


def _is_unanswered(error: BaseException) -> bool:
    """Return whether *error* is one of LIMITS, or was caused by one."""
    seen: list[BaseException] = [error]
    while seen:
        each = seen.pop()
        if isinstance(each, LIMITS):
            return True
        nested = [*each.args, *getattr(each, "kwargs", {}).values(), each.__cause__]
        seen += [cause for cause in nested if isinstance(cause, BaseException)]
    return False
