from __future__ import annotations

import asyncio
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import Server, read_response

from vecgate.endpoint.auth.principals import create_principal
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.http import body as bodies
from vecgate.endpoint.http.body import SMALL_BODY_BYTES, BodyHash, BodyMemory

LARGE = SMALL_BODY_BYTES + 1


def test_a_body_waits_until_others_are_released() -> None:
    """The oldest one never waits, and a small one neither."""

    async def check() -> None:
        memory = BodyMemory(bytes_max=2 * LARGE)
        await memory.add("oldest", LARGE)
        await memory.add("second", LARGE)
        waiting = asyncio.create_task(memory.add("third", LARGE))
        await asyncio.sleep(0)  # it begins
        await asyncio.wait_for(memory.add("small", 1), 10)
        await asyncio.wait_for(memory.add("oldest", LARGE), 10)
        assert not waiting.done()
        assert memory.total_bytes == 4 * LARGE + 1
        memory.release("oldest")
        assert not waiting.done()
        memory.release("second")
        await asyncio.wait_for(waiting, 10)
        memory.release("third")
        memory.release("small")
        memory.release("unknown")
        assert memory.total_bytes == 0

    asyncio.run(check())


def test_waiting_bodies_do_not_block_each_other() -> None:
    """However many there are: the oldest finishes, then the next."""

    async def check() -> None:
        memory, done = BodyMemory(bytes_max=LARGE), list[int]()

        async def receive(name: int) -> None:
            for _ in range(5):
                await memory.add(name, LARGE)
                await asyncio.sleep(0)
            memory.release(name)
            done.append(name)

        await asyncio.wait_for(asyncio.gather(*map(receive, range(20))), 30)
        assert done == list(range(20))
        assert memory.total_bytes == 0

    asyncio.run(check())


@given(parts=st.lists(st.binary(max_size=50), max_size=30))
def test_a_hash_does_not_depend_on_the_parts(parts: list[bytes]) -> None:
    """Nor on the thread that hashes them."""

    async def hexdigest() -> str:
        body_hash = BodyHash()
        for part in parts:
            await body_hash.add(part)
        return await body_hash.hexdigest()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "HASHED_PIECE_BYTES", 100)
        assert asyncio.run(hexdigest()) == hashlib.sha256(b"".join(parts)).hexdigest()


SIGNED = (
    "Authorization: AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/s3vectors/aws4_request, "
    "SignedHeaders=host, Signature=00\r\nX-Amz-Date: 20260101T000000Z\r\n"
)


@pytest.mark.parametrize(
    "headers", ["", "Authorization: x\r\n", SIGNED.format("NOBODY"), SIGNED.format("KEY")]
)
def test_the_headers_of_a_signature_are_judged_before_the_body(headers: str) -> None:
    """The refusal arrives although the body does not; what follows of it is skipped."""
    head = f"POST /PutVectors HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n{headers}\r\n".encode()
    with (
        Server(GatewaySettings((create_principal("KEY", "secret"),))) as server,
        server.connection() as connection,
    ):
        connection.sendall(head)
        assert read_response(connection)[0] in {400, 403}
        assert server.app._body_memory.total_bytes == 0
        connection.sendall(b"x" * 1_000_000 + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_response(connection)[0] == 200
