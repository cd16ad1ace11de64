"""100,000 invalid requests, and a million in `make test-deep`: no 5xx, no hang, no growth of memory.

A failure reports the seed and the number of the request, which reproduce it.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import hashlib
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from botocore.credentials import Credentials
from hypothesis import settings
from mutations import DraftRequest, mutate_bytes, requests, variants
from serving import Server, raw_request, signed_headers

from vecgate.bulk.transport.signing import SigningKey, amz_date, authorization
from vecgate.endpoint.auth.principals import create_principal
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.http.http_app import HttpApp
from vecgate.endpoint.http.server import fastest_put_reader
from vecgate.endpoint.storage.state import State

CREDENTIALS, HOST = Credentials("KEY", "secret"), "127.0.0.1"
GUARDED = GatewaySettings((create_principal("KEY", "secret"),))
#: Requests within this process, and on a socket.
BODIES, BODIES_NIGHTLY, RAW = 100_000, 1_000_000, max(1_000, 40 * settings().max_examples)
#: Of BODIES; a signature costs twice as much as the rest of a request.
SIGNED = 10_000
#: Cheap mutations of each generated request.
VARIANTS = 12
#: The state is reset after each round, so that memory use can be compared.
ROUND = 250
#: Rounds between two measurements of the memory.
ROUNDS_PER_SIZE = 40
GROWTH_MAX = 32 * 2**20
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
    """Return the memory of this process, without what the allocator keeps for later: a process that has once
    decoded a large body has a larger heap from then on.
    """
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def check_growth(sizes: list[int]) -> None:
    """Assert that the memory does not grow after the first quarter of a test."""
    assert resident_bytes() - sizes[len(sizes) // 4] < GROWTH_MAX, sizes


def headers_of(request: DraftRequest, rng: random.Random, *, is_guarded: bool) -> list[tuple[bytes, bytes]]:
    """Return headers with a signature, which is sometimes mutated."""
    headers = [(b"content-length", str(len(request.body)).encode()), (b"host", HOST.encode())]
    if not is_guarded:
        return headers
    headers += sign(request)
    if rng.random() < 0.3:
        at = rng.randrange(1, len(headers))
        name, value = headers[at]
        headers[at] = (name, mutate_bytes(value, rng))
    if rng.random() < 0.05:
        del headers[rng.randrange(1, len(headers))]
    if rng.random() < 0.05:
        headers.append(headers[rng.randrange(1, len(headers))])
    return headers


def sign(request: DraftRequest) -> list[tuple[bytes, bytes]]:
    """Return the headers of a signature: by the batch client, whose requests have no query, or by botocore."""
    if request.query or request.method != "POST":
        # The path as a server receives it: characters that HTTP does not allow there are percent-encoded.
        url = f"http://{HOST}{quote(request.path, safe='/%')}{'?' if request.query else ''}{request.query}"
        return signed_headers(CREDENTIALS, request.method, url, request.body)[1:]
    date = amz_date(time.time())
    key = signing_key(date[:8])
    headers = {"host": HOST, "x-amz-date": date}
    path, sha256 = quote(request.path, safe="/%"), hashlib.sha256(request.body).hexdigest()
    authorized = authorization(key, path=path, headers=headers, body_sha256=sha256)
    return [(b"x-amz-date", date.encode()), (b"authorization", authorized.encode())]


@cache
def signing_key(day: str) -> SigningKey:
    return SigningKey.derive("KEY", "secret", day=day, region="us-east-1")


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
    drafts = chain.from_iterable(variants(draft, rng, VARIANTS) for draft in requests(seed))
    for number, request in enumerate(islice(drafts, count)):
        if number % ROUND == 0:
            state.reset()
            if number % (ROUNDS_PER_SIZE * ROUND) == 0:
                sizes.append(resident_bytes())
            await set_up(app, is_guarded=is_guarded)
        started = time.monotonic()
        try:
            status, body = await respond(app, request, headers_of(request, rng, is_guarded=is_guarded))
            assert status < 500
            assert time.monotonic() - started < REQUEST_S_MAX
            assert status < 400 or orjson.loads(body)["message"]
        except Exception as error:
            sent = f"{request.method} {request.path[:80]} {request.body[:2000]!r}"
            error.add_note(f"seed {seed}, request {number}: {sent}")
            raise
        statuses[status] += 1
    state.reset()
    check_growth(sizes)
    return statuses


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("seed", "count", "is_guarded"),
    [
        *((seed, (BODIES - SIGNED) // 3, False) for seed in (1, 2, 3)),
        (4, SIGNED, True),
        pytest.param(101, BODIES_NIGHTLY // 2, False, marks=pytest.mark.nightly),
        pytest.param(102, BODIES_NIGHTLY // 2, True, marks=pytest.mark.nightly),
    ],
)
def test_mutated_requests_get_no_5xx_and_leave_memory_flat(
    seed: int, count: int, *, is_guarded: bool
) -> None:
    """Bodies from the model, mutated in structure and in bytes. Some are signed, with some mutated
    signatures.
    """
    statuses = asyncio.run(fuzz_bodies(seed, count, is_guarded=is_guarded))
    # Fuzzing that does not reach every kind of response tests too little.
    assert {200, 400, 404, 405, 409} <= set(statuses)
    assert (403 in statuses) == is_guarded
    assert statuses[200] > count // 40


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
        check_growth(sizes)
        assert server.send(raw_request("GET", "/health"))[0] == 200
        assert server.metrics.in_flight == 0
    assert statuses[b"400"] > RAW // 50
    assert statuses[b"403" if is_guarded else b"200"] > RAW // 50
    assert "Traceback" not in capfd.readouterr().err
