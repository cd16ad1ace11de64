"""20,000 requests that nobody should send: never a 5xx, never a hang, no growth of memory.

A failure names the seed and the number of the request; both give it again.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from botocore.credentials import Credentials
from mutations import Asked, bent_bytes, requests
from serving import Server, raw_request, signed_headers

from vecgate.endpoint.access import new_principal
from vecgate.endpoint.http import HttpDoor
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.server import quick_read
from vecgate.endpoint.state import State

CREDENTIALS = Credentials("KEY", "secret")
GUARDED = DoorSettings((new_principal("KEY", "secret"),))
BODIES, RAW = 16_000, 4_000
#: Nothing is kept between rounds, so that memory can be compared.
ROUND = 250
GROWTH_MAX = 48 * 2**20
#: One request may take this long on a busy machine; all of them are stopped when they take too long.
REQUEST_S_MAX, ALL_S_MAX = 5.0, 300.0
INDEX = {"vectorBucketName": "bucket", "indexName": "index"}
VECTOR = {"key": "k", "data": {"float32": [0.0, 1.0]}, "metadata": {"year": 2000, "title": "x"}}
SETTING_UP: tuple[tuple[str, dict[str, Any]], ...] = (
    ("CreateVectorBucket", {"vectorBucketName": "bucket"}),
    ("CreateIndex", {**INDEX, "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}),
    ("PutVectors", {**INDEX, "vectors": [VECTOR]}),
)


@contextmanager
def bounded() -> Iterator[None]:
    """A hang ends the process and says where."""
    faulthandler.dump_traceback_later(ALL_S_MAX, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def resident_bytes() -> int:
    gc.collect()
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def headers_of(asked: Asked, chance: random.Random, *, is_guarded: bool) -> list[tuple[bytes, bytes]]:
    """Signed in order, or bent somewhere."""
    plain = [(b"host", b"127.0.0.1"), (b"content-length", str(len(asked.body)).encode())]
    if not is_guarded:
        return plain
    # As it arrives: what HTTP cannot carry in a path comes percent-encoded.
    url = f"http://127.0.0.1{quote(asked.path, safe='/%')}{'?' if asked.query else ''}{asked.query}"
    headers = [*plain[1:], *signed_headers(CREDENTIALS, asked.method, url, asked.body)]
    if chance.random() < 0.3:
        at = chance.randrange(len(headers))
        name, value = headers[at]
        headers[at] = (name, value if name == b"content-length" else bent_bytes(value, chance))
    if chance.random() < 0.05:
        del headers[chance.randrange(1, len(headers))]
    if chance.random() < 0.05:
        headers.append(headers[chance.randrange(1, len(headers))])
    return headers


async def answer_of(door: HttpDoor, asked: Asked, headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": asked.body}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": asked.method,
        "raw_path": quote(asked.path, safe="/%").encode(),
        "query_string": asked.query.encode(),
        "headers": headers,
        "client": ("10.0.0.1", 1),
    }
    await door(scope, receive, send)
    start, body = sent
    return start["status"], body["body"]


async def set_up(door: HttpDoor, *, is_guarded: bool) -> None:
    for operation, members in SETTING_UP:
        asked = Asked("POST", f"/{operation}", "", orjson.dumps(members))
        headers = headers_of(asked, _Never(), is_guarded=is_guarded)
        assert (await answer_of(door, asked, headers))[0] == 200


class _Never(random.Random):
    """Chance by which nothing is bent."""

    def random(self) -> float:
        return 1.0


async def fuzz_bodies(seed: int, count: int, *, is_guarded: bool) -> Counter[int]:
    state, statuses, sizes = State(), Counter[int](), list[int]()
    door = HttpDoor(state, settings=GUARDED if is_guarded else None, quick_read=quick_read())
    chance = random.Random(seed)  # noqa: S311 - it is to repeat
    for number, asked in enumerate(islice(requests(seed), count)):
        if number % ROUND == 0:
            state.reset()
            sizes.append(resident_bytes())
            await set_up(door, is_guarded=is_guarded)
        where = f"seed {seed}, request {number}: {asked.method} {asked.path[:80]} {asked.body[:2000]!r}"
        began = time.monotonic()
        try:
            status, body = await answer_of(door, asked, headers_of(asked, chance, is_guarded=is_guarded))
        except Exception as error:
            error.add_note(where)
            raise
        assert status < 500, where
        assert time.monotonic() - began < REQUEST_S_MAX, where
        assert orjson.loads(body).get("message") if status >= 400 else True, where
        statuses[status] += 1
    state.reset()
    assert resident_bytes() - sizes[len(sizes) // 4] < GROWTH_MAX, sizes
    return statuses


@pytest.mark.parametrize("is_guarded", [False, True], ids=["auth off", "auth on"])
def test_bent_requests_get_no_5xx(*, is_guarded: bool) -> None:
    """Bodies from the model, bent in structure and in bytes; half of them signed, some of these bent too."""
    with bounded():
        statuses = asyncio.run(fuzz_bodies(1 + is_guarded, BODIES // 2, is_guarded=is_guarded))
    # Without answers of every kind it would be no fuzzing.
    assert {200, 400, 404, 405, 409} <= set(statuses)
    assert (403 in statuses) == is_guarded
    assert statuses[200] > 1_000


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
    """Bytes that are HTTP, nearly HTTP, and not."""
    chance = random.Random(seed)  # noqa: S311 - it is to repeat
    for asked in requests(seed):
        extra = "".join(chance.sample(HEADERS, chance.choice((0, 0, 0, 1, 2))))
        target = asked.path + (f"?{asked.query}" if asked.query else "")
        raw = raw_request(asked.method, target, asked.body, headers=extra)
        if chance.random() < 0.1:
            raw += raw_request("POST", "/ListVectorBuckets", b"{}")
        for _ in range(chance.choice((0, 0, 1, 1, 3))):
            raw = bent_bytes(raw, chance)
        yield raw


def exchange(server: Server, raw: bytes) -> bytes:
    """What the server says to *raw* before it closes. Raises TimeoutError where it does neither."""
    got = b""
    with server.connection() as connection, suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(raw)
        with suppress(OSError):  # it has been closed meanwhile
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65_536):
            got += piece
    return got


@pytest.mark.parametrize("is_guarded", [False, True], ids=["auth off", "auth on"])
def test_bent_bytes_get_no_5xx(*, is_guarded: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """Requests bent on the wire, against a server on a socket: it answers, or closes, and goes on."""
    seed, first = 11 + is_guarded, Counter[bytes]()
    with bounded(), Server(GUARDED if is_guarded else None) as server:
        sizes = []
        for number, raw in enumerate(islice(raw_requests(seed), RAW // 2)):
            if number % ROUND == 0:
                sizes.append(resident_bytes())
            try:
                got = exchange(server, raw)
            except TimeoutError as hang:
                hang.add_note(f"seed {seed}, request {number}: {raw[:2000]!r}")
                raise
            first[got[9:12]] += 1
            assert b"HTTP/1.1 5" not in got, f"seed {seed}, request {number}: {raw[:2000]!r}"
        assert resident_bytes() - sizes[len(sizes) // 4] < GROWTH_MAX, sizes
        assert server.send(raw_request("GET", "/health"))[0] == 200
        assert server.metrics.in_flight == 0
    assert first[b"400"] > 100
    assert first[b"403" if is_guarded else b"200"] > 100
    assert "Traceback" not in capfd.readouterr().err
