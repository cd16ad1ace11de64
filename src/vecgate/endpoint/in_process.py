"""The in-process adapter: it answers a boto3 client without a socket.

After botocore has built and signed a request, it asks the handlers of `before-send` for a response before it
uses the network. So the client runs all of its code except the transport.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError

from vecgate.endpoint.faults.injection import DISCONNECTS
from vecgate.endpoint.gateway import Gateway, GatewaySettings
from vecgate.endpoint.requests.messages import Request, Response
from vecgate.endpoint.storage.state import State

EVENT = "before-send.s3vectors"
HANDLER_ID = "vecgate-endpoint"


class _RawBody(io.BytesIO):
    """A response body with the interface of urllib3 that botocore uses."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yield the whole body."""
        yield self.read()


class InProcessEndpoint:
    """Answers the requests of the boto3 clients that it is installed in, from any thread, one at a time.

    state     what it serves
    settings  how requests are treated. Principals have no effect: signatures are not checked here. A fault
              that breaks the connection raises botocore's ConnectionClosedError
    clock     returns the time in epoch seconds
    sleep     waits for a number of seconds
    """

    def __init__(
        self,
        state: State,
        *,
        settings: GatewaySettings | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.gateway: Gateway = Gateway(state, settings or GatewaySettings())
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()

    def respond(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Return the response to *request*. This is the handler for `before-send`."""
        received = Request.from_url(request.method, request.url, _read_body(request.body))
        gateway = self.gateway
        with self._lock:
            context = gateway.start_request(received.method, received.path)
            gateway.select_faults(context)
        delay_s = gateway.latency_s(context) + sum(fault.seconds for fault in context.faults)
        if delay_s:
            self._sleep(delay_s)
        with self._lock:
            response = context.response = gateway.respond(context, received, now=self._clock())
            fault = context.final_fault
            context.is_answered = fault is None or fault.kind not in DISCONNECTS
            gateway.finish_request(context, seconds=0.0)
        if response is None or not context.is_answered:
            raise ConnectionClosedError(endpoint_url=request.url)
        return _to_botocore(request.url, response)

    def register(self, client: Any) -> None:  # noqa: ANN401 - boto3 clients have no type
        """Answer all requests of the boto3 *client*; several clients may use one endpoint."""
        client.meta.events.register_first(EVENT, self.respond, unique_id=HANDLER_ID)


def install(
    client: Any,  # noqa: ANN401 - boto3 clients have no type
    state: State,
    *,
    settings: GatewaySettings | None = None,
    clock: Callable[[], float] = time.time,
) -> InProcessEndpoint:
    """Answer all requests of the boto3 *client* from *state*, until `uninstall`."""
    endpoint = InProcessEndpoint(state, settings=settings, clock=clock)
    endpoint.register(client)
    return endpoint


def uninstall(client: Any) -> None:  # noqa: ANN401 - boto3 clients have no type
    """Let the boto3 *client* use the network again."""
    client.meta.events.unregister(EVENT, unique_id=HANDLER_ID)


def _read_body(body: Any) -> bytes:  # noqa: ANN401 - botocore's bodies have many types
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body.read() if hasattr(body, "read") else body)


def _to_botocore(url: str, response: Response) -> AWSResponse:
    return AWSResponse(url, response.status, dict(response.headers()), _RawBody(response.body))
