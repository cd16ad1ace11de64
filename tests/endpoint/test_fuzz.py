"""Thousands of invalid requests, or more in `make test-deep`: no 5xx, no hang, no growth of memory.

A failure reports the seed and the number of the request, which reproduce it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from botocore.credentials import Credentials
from hypothesis import settings
from mutations import DraftRequest, mutate_bytes, requests
from serving import Server, raw_request, signed_headers

from vecgate.endpoint.auth.principals import create_principal
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.http.http_app import HttpApp
from vecgate.endpoint.http.server import fastest_put_reader
from vecgate.endpoint.storage.state import State

CREDENTIALS = Credentials("KEY", "secret")
GUARDED = GatewaySettings((create_principal("KEY", "secret"),))
#: Mutated bodies and mutated raw requests, half of them for each test.
BODIES, RAW = 160 * settings().max_examples, 40 * settings().max_examples
NIGHTLY_BODIES = 1_000_000
#: The state is reset after each round, so that memory use can be compared.
ROUND = 250
GROWTH_MAX = 48 * 2**20
#: Limit for one request on a busy machine.
REQUEST_S_MAX = 5.0
INDEX = {"vectorBucketName": "bucket", "indexName": "index"}
VECTOR = {"key": "k", "data": {"float32": [0.0, 1.0]}, "metadata": {"year": 2000, "title": "x"}}
SETTING_UP: tuple[tuple[str, dict[str, Any]], ...] = (
    ("CreateVectorBucket", {"vectorBucketName": "bucket"}),
    ("CreateIndex", {**INDEX, "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}),
    ("PutVectors", {**INDEX, "vectors": [VECTOR]}),
)


def resident_bytes() -> int:
    gc.collect()
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def headers_of(request: DraftRequest, rng: random.Random, *, is_guarded: bool) -> list[tuple[bytes, bytes]]:
    """Return headers with a signature, which is sometimes mutated."""
    plain = [(b"host", b"127.0.0.1"), (b"content-length", str(len(request.body)).encode())]
    if not is_guarded:
        return plain
    # The path as a server receives it: characters that HTTP does not allow there are percent-encoded.
    url = f"http://127.0.0.1{quote(request.path, safe='/%')}{'?' if request.query else ''}{request.query}"
    headers = [*plain[1:], *signed_headers(CREDENTIALS, request.method, url, request.body)]
    if rng.random() < 0.3:
        at = rng.randrange(len(headers))
        name, value = headers[at]
        headers[at] = (name, value if name == b"content-length" else mutate_bytes(value, rng))
    if rng.random() < 0.05:
        del headers[rng.randrange(1, len(headers))]
    if rng.random() < 0.05:
        headers.append(headers[rng.randrange(1, len(headers))])
    return headers


async def respond(
    app: HttpApp, request: DraftRequest, headers: list[tuple[bytes, bytes]]
) -> tuple[int, bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": request.body}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": request.method,
        "raw_path": quote(request.path, safe="/%").encode(),
        "query_string": request.query.encode(),
        "headers": headers,
        "client": ("10.0.0.1", 1),
    }
    await app(scope, receive, send)
    start, body = sent
    return start["status"], body["body"]


async def set_up(app: HttpApp, *, is_guarded: bool) -> None:
    for operation, members in SETTING_UP:
        request = DraftRequest("POST", f"/{operation}", "", orjson.dumps(members))
        headers = headers_of(request, _NoMutation(), is_guarded=is_guarded)
        assert (await respond(app, request, headers))[0] == 200


class _NoMutation(random.Random):
    """A generator whose values never select a mutation."""

    def random(self) -> float:
        return 1.0


async def fuzz_bodies(seed: int, count: int, *, is_guarded: bool) -> Counter[int]:
    state, statuses, sizes = State(), Counter[int](), list[int]()
    app = HttpApp(state, settings=GUARDED if is_guarded else None, put_reader=fastest_put_reader())
    rng = random.Random(seed)  # noqa: S311 - a repeatable sequence
    for number, request in enumerate(islice(requests(seed), count)):
        if number % ROUND == 0:
            state.reset()
            sizes.append(resident_bytes())
            await set_up(app, is_guarded=is_guarded)
        context = (
            f"seed {seed}, request {number}: {request.method} {request.path[:80]} {request.body[:2000]!r}"
        )
        started = time.monotonic()
        try:
            status, body = await respond(app, request, headers_of(request, rng, is_guarded=is_guarded))
        except Exception as error:
            error.add_note(context)
            raise
        assert status < 500, context
        assert time.monotonic() - started < REQUEST_S_MAX, context
        assert orjson.loads(body).get("message") if status >= 400 else True, context
        statuses[status] += 1
    state.reset()
    assert resident_bytes() - sizes[len(sizes) // 4] < GROWTH_MAX, sizes
    return statuses


@pytest.mark.parametrize("is_guarded", [False, True], ids=["auth off", "auth on"])
def test_mutated_requests_get_no_5xx(*, is_guarded: bool) -> None:
    """Bodies from the model, mutated in structure and in bytes. Half are signed, with some mutated
    signatures.
    """
    statuses = asyncio.run(fuzz_bodies(1 + is_guarded, BODIES // 2, is_guarded=is_guarded))
    # Fuzzing that does not reach every kind of response tests too little.
    assert {200, 400, 404, 405, 409} <= set(statuses)
    assert (403 in statuses) == is_guarded
    assert statuses[200] > BODIES // 16


@pytest.mark.nightly
@pytest.mark.parametrize("is_guarded", [False, True], ids=["auth off", "auth on"])
def test_a_million_mutated_requests_leave_memory_flat(*, is_guarded: bool) -> None:
    """Half a million each, some five minutes."""
    seed = 101 + is_guarded
    statuses = asyncio.run(fuzz_bodies(seed, NIGHTLY_BODIES // 2, is_guarded=is_guarded))
    assert statuses[200] > NIGHTLY_BODIES // 16


HEADERS = (
    "Content-Length: 5\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Connection: close\r\n",
    "Connection: upgrade\r\nUpgrade: h2c\r\n",
    "Expect: 100-continue\r\n",
    "X: " + "y" * 9000 + "\r\n",
    "Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=f\r\n",
    "X-Amz-Date: \xff\r\n",
    " folded: x\r\n",
    ": no name\r\n",
    "Content-Encoding: gzip\r\n",
    "Host: other\r\n",
)


def raw_requests(seed: int) -> Iterator[bytes]:
    """Yield bytes that are HTTP, almost HTTP, and not HTTP."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable sequence
    for request in requests(seed):
        extra = "".join(rng.sample(HEADERS, rng.choice((0, 0, 0, 1, 2))))
        target = request.path + (f"?{request.query}" if request.query else "")
        raw = raw_request(request.method, target, request.body, headers=extra)
        if rng.random() < 0.1:
            raw += raw_request("POST", "/ListVectorBuckets", b"{}")
        for _ in range(rng.choice((0, 0, 1, 1, 3))):
            raw = mutate_bytes(raw, rng)
        yield raw


def exchange(server: Server, raw: bytes) -> bytes:
    """Return what the server sends for *raw* before it closes. Raises TimeoutError if it does neither."""
    received = b""
    with server.connection() as connection, suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(raw)
        with suppress(OSError):  # the server may have closed it already
            connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65_536):
            received += chunk
    return received


@pytest.mark.parametrize("is_guarded", [False, True], ids=["auth off", "auth on"])
def test_mutated_bytes_get_no_5xx(*, is_guarded: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """Mutated bytes on a socket: the server answers or closes, and continues to serve."""
    seed, statuses = 11 + is_guarded, Counter[bytes]()
    with Server(GUARDED if is_guarded else None) as server:
        sizes = []
        for number, raw in enumerate(islice(raw_requests(seed), RAW // 2)):
            if number % ROUND == 0:
                sizes.append(resident_bytes())
            try:
                received = exchange(server, raw)
            except TimeoutError as hang:
                hang.add_note(f"seed {seed}, request {number}: {raw[:2000]!r}")
                raise
            statuses[received[9:12]] += 1
            assert b"HTTP/1.1 5" not in received, f"seed {seed}, request {number}: {raw[:2000]!r}"
        assert resident_bytes() - sizes[len(sizes) // 4] < GROWTH_MAX, sizes
        assert server.send(raw_request("GET", "/health"))[0] == 200
        assert server.metrics.in_flight == 0
    assert statuses[b"400"] > RAW // 50
    assert statuses[b"403" if is_guarded else b"200"] > RAW // 50
    assert "Traceback" not in capfd.readouterr().err
