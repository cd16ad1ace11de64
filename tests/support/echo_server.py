"""A hostile server that repeats each request, with its headers and its credentials, in whatever it answers."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Text that takes effect on a terminal, in a CI log, in Markdown and in HTML.
EVIL = (
    "\x1b]0;PWNED\x07\x1b[2J\x9b31m\u202egnp\n::set-output name=verdict::passed\n ##[error]pwned\r::error::x\n"
    "`````\n</details>\n# PWNED\n| a | b |\n![x](http://evil.example/p.png)</script><script>alert(1)</script>"
)
#: The first part of a path, and the operations that are answered well under it.
GOOD_OPERATIONS = {
    "refused": frozenset[str](),
    "invalid": frozenset({
        *("GetIndex", "ListVectorBuckets", "GetVectorBucket", "CreateVectorBucket", "CreateIndex"),
        *("DeleteIndex", "DeleteVectorBucket", "ListIndexes"),
    }),
    "answers": frozenset({"*"}),
}  # fmt: skip
STATUSES = {"refused": (403, "AccessDeniedException"), "invalid": (400, "ValidationException")}


class EchoServer:
    """The server while it runs.

    url         of the server; the first part of a path says how it behaves, see GOOD_OPERATIONS
    signatures  that it has received
    """

    def __init__(self, url: str) -> None:
        self.url, self.signatures = url, set[str]()


@contextmanager
def echo_server() -> Iterator[EchoServer]:
    """Run the server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            running.signatures.update(re.findall("Signature=([0-9a-f]+)", str(self.headers)))
            echo = (
                f"{EVIL} you sent {self.requestline}\n{self.headers}\n{body[:2000].decode(errors='replace')}"
            )
            mode, _, operation = self.path.strip("/").partition("/")
            good = GOOD_OPERATIONS.get(mode, frozenset())
            if good & {"*", operation}:
                self.respond(200, _answer(operation, body, echo), echo)
            else:
                status, code = STATUSES.get(mode, (404, "NotFoundException"))
                self.respond(status, {"message": echo, "__type": f"{code}:{echo}"}, echo)

        do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - named by http.server

        def respond(self, status: int, answer: dict[str, Any], echo: str) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.send_header("x-amzn-requestid", str(self.headers.get("x-amz-security-token")))
            self.send_header("x-echo", re.sub(r"[^ -~]", " ", echo))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = EchoServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(operation: str, body: bytes, echo: str) -> dict[str, Any]:
    """Return an answer that the model allows, with *echo* in each field that is a text."""
    request = json.loads(body or b"{}")
    bucket, index = str(request.get("vectorBucketName", "bucket")), str(request.get("indexName", "index"))
    arn = f"arn:aws:s3vectors:us-east-1:123456789012:bucket/{bucket}"
    described = {
        "vectorBucketName": bucket,
        "indexName": index,
        "indexArn": f"{arn}/index/{index}",
        "dataType": "float32",
        "dimension": 4,
        "distanceMetric": "cosine",
        "creationTime": 1_700_000_000,
    }
    metadata = {"text": echo, f"name {EVIL}": "x"}
    keys = request.get("keys") or [f"a {echo}"[:900], "b"]
    vectors = [{"key": key, "data": {"float32": [1.0, 2.0, 3.0, 4.0]}, "metadata": metadata} for key in keys]
    hits = [{"key": key, "distance": 0.5, "metadata": metadata} for key in keys]
    listed = {
        "vectorBucketName": f"vg-{echo}",
        "vectorBucketArn": f"vg-{echo}",
        "creationTime": 1_700_000_000,
    }
    answers: dict[str, dict[str, Any]] = {
        "GetIndex": {"index": described},
        "CreateIndex": {"indexArn": described["indexArn"]},
        "ListVectorBuckets": {"vectorBuckets": [listed]},
        "ListIndexes": {"indexes": [{**listed, "indexName": echo, "indexArn": echo}]},
        "CreateVectorBucket": {"vectorBucketArn": arn},
        "ListTagsForResource": {"tags": {"vecgate-run": echo}},
        "GetVectors": {"vectors": vectors},
        "ListVectors": {"vectors": vectors},
        "QueryVectors": {"vectors": hits, "distanceMetric": "cosine"},
    }
    return answers.get(operation, {})
