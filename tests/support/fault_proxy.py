"""A proxy in front of an endpoint that drops answers, denies requests or hangs, operation by operation."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ALL_OPERATIONS = "*"


class FaultProxy:
    """The faults of a proxy. They may be changed while it runs.

    url            of the proxy
    fails_after    operations that are applied, and answered with 500
    drops_answers  operations that are applied, and get no answer
    denies         operations that are answered with 403
    hangs          operations that get no answer before the end
    misses         operations that are answered with 404, and how often
    swallows       operations that are acknowledged and not applied, and how often
    after          the faults apply after this number of requests, and once the operation *since* was seen
    seen           operations in the order in which they arrived
    is_hanging     set when one of the operations in *hangs* has arrived
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.url = ""
        self.fails_after, self.drops_answers = set[str](), set[str]()
        self.denies, self.hangs = set[str](), set[str]()
        self.misses: dict[str, int] = {}
        self.swallows: dict[str, int] = {}
        self.after, self.since = 0, ""
        self.seen: list[str] = []
        self.is_hanging, self.is_closed = threading.Event(), threading.Event()

    def applies(self, operations: set[str], operation: str) -> bool:
        """Return whether a fault of *operations* applies to *operation* now."""
        is_active = len(self.seen) > self.after and (not self.since or self.since in self.seen)
        return is_active and bool(operations & {operation, ALL_OPERATIONS})

    def own_answer(self, operation: str) -> tuple[int, bytes, str] | None:
        """Return the answer to an *operation* that is not passed on: status, body and error code."""
        not_found = b'{"message":"The specified index could not be found"}'
        for numbers, answer in (
            (self.misses, (404, not_found, "NotFoundException")),
            (self.swallows, (200, b"{}", "")),
        ):
            if numbers.get(operation, 0) > 0:
                numbers[operation] -= 1
                return answer
        return None

    def forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        """Return the answer of the endpoint."""
        with closing(http.client.HTTPConnection(self.upstream.netloc, timeout=60)) as connection:
            connection.request(handler.command, handler.path, body, dict(handler.headers.items()))
            response = connection.getresponse()
            return response.status, response.read()


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Run a proxy in front of the endpoint at *upstream*."""
    proxy = FaultProxy(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            operation = self.path.strip("/").split("?")[0]
            proxy.seen.append(operation)
            if proxy.applies(proxy.hangs, operation):
                proxy.is_hanging.set()
                proxy.is_closed.wait(60)
                self.close_connection = True
                return
            if proxy.applies(proxy.denies, operation):
                self.respond(403, b'{"message":"not you"}', "AccessDeniedException")
                return
            if answer := proxy.own_answer(operation):
                self.respond(*answer)
                return
            status, response = proxy.forward(self, body)
            if proxy.applies(proxy.drops_answers, operation):
                self.close_connection = True
                return
            if status == HTTPStatus.OK and proxy.applies(proxy.fails_after, operation):
                self.respond(500, b'{"message":"lost"}', "InternalServerException")
            else:
                self.respond(status, response, "")

        do_GET = do_DELETE = do_POST  # noqa: N815 - named by http.server

        def respond(self, status: int, body: bytes, error: str) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            if error:
                self.send_header("x-amzn-errortype", error)
            self.end_headers()
            with suppress(OSError):  # the client may have given up
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        proxy.is_closed.set()
        server.shutdown()
        thread.join()
        server.server_close()
