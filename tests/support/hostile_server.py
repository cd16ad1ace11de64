"""A server that passes requests on to an endpoint, except that some operations misbehave."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ALL_OPERATIONS = "*"
TAG_OPERATIONS = {"GET": "ListTagsForResource", "POST": "TagResource", "DELETE": "UntagResource"}
#: About the year 58884, where a time in seconds is expected.
FAR_FUTURE = b"1796000000000"
SOME_OBJECT = (
    b'{"vectorBucketName":null,"vectorBucketArn":null,"creationTime":1e300,"indexName":7,"indexArn":[]}'
)


def _answer(body: bytes, *headers: str, status: int = 200) -> bytes:
    head = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*head, *headers]).encode() + b"\r\n\r\n" + body


def _error(body: bytes, status: int = 400, code: str = "ValidationException") -> bytes:
    return _answer(body, f"x-amzn-errortype: {code}", status=status)


#: Misbehaviours that send some bytes and close the connection.
BYTES: Mapping[str, bytes] = {
    "404": _answer(b"nothing here", status=404),
    "500": _answer(b"NullPointerException", status=500),
    "unknown-code": _error(b"{}", 404, "NoSuchThing"),
    "garbage": b"\x00\xff" * 1_000,
    "html": _answer(b"<html>Log in</html>"),
    "null": _answer(b"null"),
    "nulls": _answer(
        b'{"vectorBuckets":[null,%(o)b],"indexes":[%(o)b,null],"vectors":[null],"vectorBucket":%(o)b,'
        b'"index":%(o)b,"tags":null,"nextToken":null}' % {b"o": SOME_OBJECT}
    ),
    "wrong-types": _answer(
        b'{"vectorBuckets":{},"indexes":7,"vectors":"x","vectorBucket":[],"index":1,"tags":[]}'
    ),
    "far-time": _answer(
        b'{"vectorBuckets":[{"vectorBucketName":"other","creationTime":%(t)b}],"indexes":[{"indexName":"x",'
        b'"creationTime":%(t)b}],"vectorBucket":{"creationTime":%(t)b},"index":{"creationTime":%(t)b},'
        b'"vectors":[]}' % {b"t": FAR_FUTURE}
    ),
    "deep": _error(b'{"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "surrogate": _error(b'{"message":"\\ud800"}'),
    "error-200": _answer(b'{"message":"not stored","__type":"InternalServerException"}'),
    "202": _answer(b"{}", status=202),
    "truncated": b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}",
    "redirect": _answer(b"", "location: http://127.0.0.1:9/", status=307),
    "many-headers": b"HTTP/1.1 200 OK\r\n" + b"h: x\r\n" * 50_000 + b"content-length: 2\r\n\r\n{}",
    "retry-after": _answer(
        b"{}", "x-amzn-errortype: TooManyRequestsException", "retry-after: 1e9", status=429
    ),
    "other-keys": _answer(
        b'{"vectors":[{"key":"another","distance":0.5,"data":{"float32":[1,2,3,4]}}],"distanceMetric":"cosine",'
        b'"vectorBuckets":[],"indexes":[]}'
    ),
    "same-page": _answer(
        b'{"vectors":[{"key":"k0","data":{"float32":[1,2,3,4]}}],"vectorBuckets":[],"indexes":[],"nextToken":"t"}'
    ),
    "message-object": _error(b'{"message":{"a":["b"]},"fieldList":["x",{"path":null}]}'),
}
#: Misbehaviours that send a head, and then the same bytes until the client gives up.
WITHOUT_END: Mapping[str, tuple[bytes, bytes]] = {
    "endless": (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65_536),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
}
MISBEHAVIOURS = ("hang", "drip", "reset", "endless-pages", *WITHOUT_END, *BYTES)


class HostileServer:
    """The misbehaviour of each operation, which may be changed while the server runs.

    url         of the server
    misbehaves  operation, or ALL_OPERATIONS, to one of MISBEHAVIOURS
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.url = ""
        self.misbehaves: dict[str, str] = {}
        self.is_closed = threading.Event()
        self._pages = 0

    def misbehaviour_of(self, operation: str) -> str:
        """Return how *operation* misbehaves, empty if it does not."""
        return self.misbehaves.get(operation, self.misbehaves.get(ALL_OPERATIONS, ""))

    def misbehave(self, how: str, connection: socket.socket) -> None:
        """Answer a request as *how* says."""
        if how == "hang":
            self.is_closed.wait(60)
        elif how == "drip":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            while not self.is_closed.wait(0.02):
                connection.sendall(b" ")
        elif how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "endless-pages":
            self._pages += 1
            page = f'{{"vectorBuckets":[],"indexes":[],"vectors":[],"nextToken":"{self._pages}"}}'
            connection.sendall(_answer(page.encode()))
        elif how in WITHOUT_END:
            head, more = WITHOUT_END[how]
            connection.sendall(head)
            while not self.is_closed.is_set():
                connection.sendall(more)
        else:
            connection.sendall(BYTES[how])


def operation_of(method: str, path: str) -> str:
    """Return the operation of a request."""
    first = path.strip("/").split("?")[0].split("/")[0]
    return TAG_OPERATIONS.get(method, "?") if first == "tags" else first


@contextmanager
def hostile_server(upstream: str) -> Iterator[HostileServer]:
    """Run a hostile server in front of the endpoint at *upstream*."""
    hostile = HostileServer(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if how := hostile.misbehaviour_of(operation_of(self.command, self.path)):
                self.close_connection = True
                with suppress(OSError):
                    hostile.misbehave(how, self.connection)
                return
            with closing(http.client.HTTPConnection(hostile.upstream.netloc, timeout=30)) as connection:
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                response = connection.getresponse()
                answer = response.read()
            self.send_response_only(response.status)
            for name, value in response.getheaders():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the client may have given up
                self.wfile.write(answer)

        do_GET = do_DELETE = do_PUT = do_POST  # noqa: N815 - named by http.server

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that gives up is normal here."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hostile.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hostile
    finally:
        hostile.is_closed.set()
        server.shutdown()
        thread.join()
        server.server_close()
