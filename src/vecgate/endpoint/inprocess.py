"""The in-process door: a boto3 client answered without a socket.

botocore asks the handlers of `before-send` whether one of them has the answer already, after it has built and
signed the request; so everything that the client does is as it would be, but for the network.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError

from vecgate.endpoint.answers import Answer, Refused, Request
from vecgate.endpoint.core import apply
from vecgate.endpoint.injection import ERRORS, Kind
from vecgate.endpoint.keeper import DoorSettings, Keeper, Visit
from vecgate.endpoint.state import State

EVENT = "before-send.s3vectors"
HANDLER_ID = "vecgate-endpoint"
#: Faults after which botocore has no answer.
BREAKS = frozenset({Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.LOST, Kind.TRUNCATED})


class _RawBody(io.BytesIO):
    """A body in the form in which botocore expects urllib3 to give it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """The body in one piece."""
        yield self.read()


class InProcessDoor:
    """Answers the requests of clients that it is installed in, one at a time, from any thread.

    state     what it serves
    settings  how requests are treated. Principals are not asked for: nobody else is here. A connection that
              breaks is what botocore makes of one
    clock     gives epoch seconds
    sleep     waits for some seconds
    """

    def __init__(
        self,
        state: State,
        *,
        settings: DoorSettings | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.keeper = Keeper(state, settings or DoorSettings())
        self._state, self._clock, self._sleep = state, clock, sleep
        self._turn = threading.Lock()

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """The answer to *request*; a handler of `before-send`."""
        url = urlsplit(request.url)
        asked = Request(request.method, url.path, _bytes(request.body), url.query)
        with self._turn:
            visit = self.keeper.visit(asked.method, asked.path)
            visit.faults = self.keeper.injector.next_faults(visit.operation)
        self._sleep_for(self.keeper.wait_s(visit) + sum(fault.seconds for fault in visit.faults))
        with self._turn:
            visit.answer = self._answer(asked, visit)
            visit.is_answered = visit.outcome is None or visit.outcome.kind not in BREAKS
            self.keeper.note(visit, seconds=0.0)
        if visit.answer is None or not visit.is_answered:
            raise ConnectionClosedError(endpoint_url=request.url)
        return _response(request.url, visit.answer)

    def _sleep_for(self, seconds: float) -> None:
        if seconds:
            self._sleep(seconds)

    def _answer(self, asked: Request, visit: Visit) -> Answer | None:
        now, kind = self._clock(), visit.outcome.kind if visit.outcome else None
        if kind and kind in ERRORS:
            return self.keeper.refusal(Refused(*ERRORS[kind]), now=now)
        if kind is Kind.RESET_BEFORE:
            return None
        return apply(self._state, asked, now, admit=self.keeper.admit(visit, now=now))


def install(
    client: Any,  # noqa: ANN401 - boto3 clients have no type
    state: State,
    *,
    settings: DoorSettings | None = None,
    clock: Callable[[], float] = time.time,
) -> InProcessDoor:
    """Have the boto3 *client* answered from *state*; the door, to be installed in further clients."""
    door = InProcessDoor(state, settings=settings, clock=clock)
    client.meta.events.register_first(EVENT, door, unique_id=HANDLER_ID)
    return door


def uninstall(client: Any) -> None:  # noqa: ANN401 - boto3 clients have no type
    """Let the boto3 *client* send its requests again."""
    client.meta.events.unregister(EVENT, unique_id=HANDLER_ID)


def _bytes(body: Any) -> bytes:  # noqa: ANN401 - botocore's bodies have many types
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body.read() if hasattr(body, "read") else body)


def _response(url: str, answer: Answer) -> AWSResponse:
    return AWSResponse(url, answer.status, dict(answer.headers()), _RawBody(answer.body))
