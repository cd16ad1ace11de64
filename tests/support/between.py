"""A server between a client and an endpoint: it loses answers, refuses, or hangs, operation by operation."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

#: As an operation, all of them.
ALL = "*"


class Between:
    """What happens to requests; may be changed while it runs.

    url     of the server
    spoils  operations that are done, and answered with 500
    loses   operations that are done, and get no answer
    denies  operations that are refused with 403
    hangs   operations that get no answer until the end
    after   these hold only from that number of requests on, and *since* that operation came
    seen    operations, in the order in which they came
    came    is set once one of those has come that hang
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.url = ""
        self.spoils, self.loses = set[str](), set[str]()
        self.denies, self.hangs = set[str](), set[str]()
        self.after, self.since = 0, ""
        self.seen: list[str] = []
        self.came, self.ended = threading.Event(), threading.Event()

    def is_among(self, operations: set[str], operation: str) -> bool:
        """Whether *operation* is one of *operations* by now."""
        is_time = len(self.seen) > self.after and (not self.since or self.since in self.seen)
        return is_time and bool(operations & {operation, ALL})

    def forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        """The answer of the endpoint."""
        with closing(http.client.HTTPConnection(self.upstream.netloc, timeout=60)) as connection:
            connection.request(handler.command, handler.path, body, dict(handler.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.read()


@contextmanager
def between(upstream: str) -> Iterator[Between]:
    """A server in front of the endpoint at *upstream*."""
    told = Between(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            operation = self.path.strip("/").split("?")[0]
            told.seen.append(operation)
            if told.is_among(told.hangs, operation):
                told.came.set()
                told.ended.wait(60)
                self.close_connection = True
                return
            if told.is_among(told.denies, operation):
                self.answer(403, b'{"message":"not you"}', "AccessDeniedException")
                return
            status, answer = told.forward(self, body)
            if told.is_among(told.loses, operation):
                self.close_connection = True
                return
            if status == HTTPStatus.OK and told.is_among(told.spoils, operation):
                self.answer(500, b'{"message":"lost"}', "InternalServerException")
            else:
                self.answer(status, answer, "")

        do_GET = do_DELETE = do_POST  # noqa: N815 - likewise

        def answer(self, status: int, body: bytes, error: str) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            if error:
                self.send_header("x-amzn-errortype", error)
            self.end_headers()
            with suppress(OSError):  # whoever asked has given up
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        told.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
