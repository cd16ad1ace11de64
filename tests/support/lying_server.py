"""A proxy before an endpoint that answers well-formed lies: what each request is answered is decided by a function."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import orjson
from hostile_server import operation_of


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    body        a JSON value
    forwarded   the body that the endpoint sent, with its bytes; a *body* that is still this one is sent as they are
    is_chunked  the body is sent as one chunk
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    code: str = ""
    content_type: str = "application/json"
    request_id: str = ""
    is_chunked: bool = False
    forwarded: tuple[Any, bytes] = (None, b"")

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        sent, content = self.forwarded
        return content if self.body is sent else orjson.dumps(self.body)


Forward: TypeAlias = Callable[[Any], Reply]
#: Gets the operation, the body of the request, and a function that sends a body on to the endpoint.
Lie: TypeAlias = Callable[[str, Any, Forward], Reply]


def honest(operation: str, body: Any, forward: Forward) -> Reply:
    """Answer as the endpoint does."""
    del operation
    return forward(body)


class OnSome:
    """Calls *lie* for some operations, and is honest about the others."""

    def __init__(self, *operations: str, lie: Lie) -> None:
        self._operations, self._lie = operations, lie

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        return self._lie(operation, body, forward) if operation in self._operations else forward(body)


class OneIn:
    """Calls *lie* for one of *every* requests."""

    def __init__(self, every: int, lie: Lie) -> None:
        self._every, self._lie, self._number, self._lock = every, lie, 0, threading.Lock()

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        with self._lock:
            self._number += 1
            is_chosen = self._number % self._every == 0
        return self._lie(operation, body, forward) if is_chosen else forward(body)


class AtFirst:
    """Calls *lie* for the first *number* requests, and *after* for all others."""

    def __init__(self, number: int, lie: Lie, after: Lie) -> None:
        self._left, self._lie, self._after, self._lock = number, lie, after, threading.Lock()

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        with self._lock:
            self._left -= 1
            is_early = self._left >= 0
        return (self._lie if is_early else self._after)(operation, body, forward)


class ForgettingMetadata:
    """Stores every hundredth vector without its metadata."""

    def __init__(self) -> None:
        self._number, self._lock = 0, threading.Lock()

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        del operation
        records = body.get("vectors") if isinstance(body, dict) else None
        if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
            return forward(body)
        stored = []
        with self._lock:
            for each in records:
                self._number += 1
                kept = each.keys() - ({"metadata"} if self._number % 100 == 0 else set())
                stored.append({name: each[name] for name in kept})
        return forward({**body, "vectors": stored})


class StaleReads:
    """Does not show a vector to the first GetVectors after it was put."""

    def __init__(self) -> None:
        self._fresh: set[str] = set()

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        reply = forward(body)
        if reply.status != HTTPStatus.OK or operation not in {"PutVectors", "GetVectors"}:
            return reply
        if operation == "PutVectors":
            self._fresh.update(each["key"] for each in body["vectors"])
            return reply
        shown = [each for each in reply.body["vectors"] if each["key"] not in self._fresh]
        self._fresh.difference_update(body["keys"])
        return replace(reply, body={**reply.body, "vectors": shown})


class DeletedIsReturned:
    """Returns a deleted vector once more, to the first GetVectors that asks for it."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, str], Any] = {}
        self._deleted: set[tuple[str, str]] = set()

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        reply = forward(body)
        if reply.status != HTTPStatus.OK or not isinstance(body, dict):
            return reply
        place = str(body.get("indexArn") or (body.get("vectorBucketName"), body.get("indexName")))
        if operation == "PutVectors":
            for each in body["vectors"]:
                self._stored[place, each["key"]] = {"metadata": {}, **each}
                self._deleted.discard((place, each["key"]))
        elif operation == "DeleteVectors":
            self._deleted.update((place, key) for key in body["keys"] if (place, key) in self._stored)
        elif operation == "GetVectors":
            shown = {"key", *(name for name in ("data", "metadata") if body.get(f"return{name.title()}"))}
            asked = [(place, key) for key in body["keys"] if (place, key) in self._deleted]
            self._deleted.difference_update(asked)
            again = [{name: self._stored[each][name] for name in shown} for each in asked]
            return replace(reply, body={**reply.body, "vectors": [*reply.body["vectors"], *again]})
        return reply


class Cached:
    """Answers a request that was answered before as it was then."""

    def __init__(self) -> None:
        self._answers: dict[bytes, Reply] = {}

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        key = orjson.dumps([operation, body])
        if key not in self._answers:
            self._answers[key] = forward(body)
        return self._answers[key]


class OfAnother:
    """Answers a request with the answer to the one before it, if that was a success."""

    def __init__(self) -> None:
        self._last: Reply | None = None

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        del operation
        own = forward(body)
        shown, self._last = self._last, own
        return shown if shown is not None and shown.status == own.status == HTTPStatus.OK else own


def without_last_record(operation: str, body: Any, forward: Forward) -> Reply:
    """Store all vectors of a request but the last."""
    del operation
    records = body.get("vectors") if isinstance(body, dict) else None
    if isinstance(records, list) and len(records) > 1:
        body = {**body, "vectors": records[:-1]}
    return forward(body)


def without(member: str) -> Lie:
    """Return a lie that ignores *member* of a request."""

    def lie(operation: str, body: Any, forward: Forward) -> Reply:
        del operation
        return forward({name: value for name, value in body.items() if name != member} if body else body)

    return lie


def losing_one_per_page(operation: str, body: Any, forward: Forward) -> Reply:
    """Leave out the last vector of a page that is not the last page."""
    del operation
    reply = forward(body)
    is_page = reply.status == HTTPStatus.OK and reply.body.get("nextToken")
    return replace(reply, body={**reply.body, "vectors": reply.body["vectors"][:-1]}) if is_page else reply


class RepeatingOnePerPage:
    """Begins each page with the last item of the one before. *member* contains the items."""

    def __init__(self, member: str = "vectors") -> None:
        self._member = member
        self._last: dict[str, Any] = {}

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        del operation
        reply = forward(body)
        if reply.status != HTTPStatus.OK:
            return reply
        before = self._last.pop(str(body.get("nextToken")), None)
        items = reply.body[self._member]
        if token := reply.body.get("nextToken"):
            self._last[token] = items[-1]
        return replace(reply, body={**reply.body, self._member: [before, *items] if before else items})


def with_rounded_distances(operation: str, body: Any, forward: Forward) -> Reply:
    """Return distances with two digits, as a server does that compares compressed vectors."""
    del operation
    reply = forward(body)
    if reply.status != HTTPStatus.OK:
        return reply
    rounded = [
        {**each, "distance": round(each["distance"], 2)} if "distance" in each else each
        for each in reply.body["vectors"]
    ]
    return replace(reply, body={**reply.body, "vectors": rounded})


def with_distances_off(operation: str, body: Any, forward: Forward) -> Reply:
    """Return distances that are a thousandth too large."""
    del operation
    reply = forward(body)
    vectors = [
        {**each, "distance": each["distance"] + 1e-3} if "distance" in each else each
        for each in reply.body.get("vectors", [])
    ]
    return reply if reply.status != HTTPStatus.OK else replace(reply, body={**reply.body, "vectors": vectors})


def finding_no_text(operation: str, body: Any, forward: Forward) -> Reply:
    """Answer a search by text without results."""
    del operation
    reply = forward(body)
    is_found = reply.status == HTTPStatus.OK and "queryTexts" in body
    return replace(reply, body={**reply.body, "vectors": []}) if is_found else reply


def plausible(operation: str, body: Any, forward: Forward) -> Reply:
    """Answer every request with success and a body of the right form, without storing anything."""
    del forward
    asked = body if isinstance(body, dict) else {}
    bucket, index = asked.get("vectorBucketName") or "some", asked.get("indexName") or "some"
    arn = f"arn:aws:s3vectors:us-east-1:123456789012:bucket/{bucket}"
    a_bucket = {"vectorBucketName": bucket, "vectorBucketArn": arn, "creationTime": 1_796_000_000}
    an_index = {
        "vectorBucketName": bucket, "indexName": index, "indexArn": f"{arn}/index/{index}",
        "creationTime": 1_796_000_000, "dataType": "float32", "dimension": 2, "distanceMetric": "cosine",
    }  # fmt: skip
    keys = asked.get("keys") or [f"k{number}" for number in range(min(asked.get("topK") or 3, 3))]
    vectors = [
        {"key": key, "data": {"float32": [1.0, 0.0]}, "metadata": {}, "distance": 0.1 * number}
        for number, key in enumerate(keys)
    ]
    return Reply(
        body={
            "CreateVectorBucket": {"vectorBucketArn": arn},
            "GetVectorBucket": {"vectorBucket": a_bucket},
            "ListVectorBuckets": {"vectorBuckets": [a_bucket]},
            "CreateIndex": {"indexArn": an_index["indexArn"]},
            "GetIndex": {"index": an_index},
            "ListIndexes": {"indexes": [an_index]},
            "GetVectors": {"vectors": vectors},
            "ListVectors": {"vectors": vectors},
            "QueryVectors": {"vectors": vectors, "distanceMetric": "cosine"},
            "GetVectorBucketPolicy": {"policy": "{}"},
            "ListTagsForResource": {"tags": {}},
        }.get(operation, {})
    )


def closed(operation: str, body: Any, forward: Forward) -> Reply:
    """Close the connection without an answer, as a process that has crashed."""
    del body, forward
    raise ConnectionError(operation)


def with_ties_reversed(operation: str, body: Any, forward: Forward) -> Reply:
    """Return vectors of equal distance in the opposite order. No document promises one, so it is true."""
    del operation
    reply = forward(body)
    vectors = list(reply.body.get("vectors", []))
    if not body or "queryTexts" in body or not all("distance" in each for each in vectors):
        return reply
    vectors.reverse()
    vectors.sort(key=lambda each: each["distance"])
    return replace(reply, body={**reply.body, "vectors": vectors})


def without_in(operation: str, body: Any, forward: Forward) -> Reply:
    """Accept filters with `$in`, and ignore that part of them."""
    del operation

    def strip(value: Any) -> Any:
        if isinstance(value, list):
            return [strip(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            name: strip(each)
            for name, each in value.items()
            if not (isinstance(each, dict) and "$in" in each)
        }

    given = body.get("filter") if isinstance(body, dict) else None
    if given is None or "$in" not in orjson.dumps(given).decode():
        return forward(body)
    # The endpoint refuses a malformed filter, and this server does, too.
    if (reply := forward(body)).status != HTTPStatus.OK:
        return reply
    changed = strip(given)
    rest = {name: value for name, value in body.items() if name != "filter"}
    accepted = forward({**rest, "filter": changed} if changed else rest)
    return accepted if accepted.status == HTTPStatus.OK else reply


def rewritten(**fields: Any) -> Lie:
    """Return a lie that is true, in an answer with other *fields* of Reply."""
    return lambda _operation, body, forward: replace(forward(body), **fields)


def answer(reply: Reply) -> Lie:
    """Return a lie that is always the same, without any effect."""
    return lambda _operation, _body, _forward: reply


def parse(content: bytes) -> Any:
    """Return the JSON value in *content*, or None without one."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def answer_from(upstream: str, method: str, path: str, headers: Mapping[str, str], data: bytes) -> Reply:
    """Send a request to *upstream* and return its answer."""
    sent = {name: value for name, value in headers.items() if name.lower() != "content-length"}
    with closing(http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=30)) as connection:
        connection.request(method, path, data, sent)
        response = connection.getresponse()
        content = response.read()
    body = parse(content) or {}
    return Reply(
        response.status,
        body,
        response.getheader("x-amzn-errortype") or "",
        response.getheader("content-type") or "",
        response.getheader("x-amzn-requestid") or "",
        forwarded=(body, content),
    )


@contextmanager
def lying_server(upstream: str, lie: Lie) -> Iterator[str]:
    """Yield the URL of a server that answers as *lie* says. A request without JSON reaches it as None."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one segment
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            body = parse(content)

            def forward(changed: Any) -> Reply:
                data = content if changed is body else orjson.dumps(changed)
                return answer_from(upstream, self.command, self.path, dict(self.headers.items()), data)

            reply = lie(operation_of(self.command, self.path), body, forward)
            data = reply.content
            self.send_response_only(reply.status)
            self.send_header("content-type", reply.content_type)
            if reply.is_chunked:
                self.send_header("transfer-encoding", "chunked")
                data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
            else:
                self.send_header("content-length", str(len(data)))
            if reply.request_id:
                self.send_header("x-amzn-requestid", reply.request_id)
            if reply.code:
                self.send_header("x-amzn-errortype", reply.code)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(data)
                self.wfile.flush()

        do_GET = do_DELETE = do_PUT = do_POST  # noqa: N815 - named by http.server

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A request that the endpoint does not answer is a connection that is closed."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
