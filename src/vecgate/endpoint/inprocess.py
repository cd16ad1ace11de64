"""The in-process door: a boto3 client answered without a socket.

botocore asks the handlers of `before-send` whether one of them has the answer already, after it has built and
signed the request; so everything that the client does is as it would be, but for the network.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from vecgate.endpoint.answers import Answer, Request
from vecgate.endpoint.core import apply
from vecgate.endpoint.state import State

EVENT = "before-send.s3vectors"
HANDLER_ID = "vecgate-endpoint"


class _RawBody(io.BytesIO):
    """A body in the form in which botocore expects urllib3 to give it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """The body in one piece."""
        yield self.read()


@dataclass(frozen=True, slots=True)
class InProcessDoor:
    """Answers the requests of clients that it is installed in, one at a time, from any thread.

    state  what it serves
    clock  gives epoch seconds
    """

    state: State
    clock: Callable[[], float] = time.time
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """The answer to *request*; a handler of `before-send`."""
        url = urlsplit(request.url)
        asked = Request(request.method, url.path, _bytes(request.body), url.query)
        with self._turn:
            answer = apply(self.state, asked, self.clock())
        return _response(request.url, answer)


def install(client: Any, state: State, *, clock: Callable[[], float] = time.time) -> InProcessDoor:  # noqa: ANN401
    """Have the boto3 *client* answered from *state*; the door, to be installed in further clients."""
    door = InProcessDoor(state, clock)
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
