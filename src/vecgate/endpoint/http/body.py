"""Receives request bodies: bounded in total, and hashed while they arrive."""

from __future__ import annotations

import asyncio
import hashlib

from vecgate.s3vectors.limits import KIB, MIB

#: Bodies in memory whose sender is not yet known, in total. Beyond it, the oldest is received alone.
UNVERIFIED_BYTES_MAX = 256 * MIB
#: A body up to this size never waits for others.
SMALL_BODY_BYTES = 64 * KIB
#: Pieces of this size are hashed in a second thread while the next ones arrive.
HASHED_PIECE_BYTES = MIB


class ClientDisconnected(Exception):
    """The client disconnected before its request was complete."""


class BodyMemory:
    """Limits the total size of the bodies that are being received.

    A body that would exceed the limit waits until others are released, and its client with it: nothing is
    refused. The oldest body never waits, so there is always one that makes progress.
    """

    def __init__(self, bytes_max: int = UNVERIFIED_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        #: Sizes by body, oldest first.
        self._sizes: dict[object, int] = {}
        self._total = 0
        self._is_changed = asyncio.Event()

    @property
    def total_bytes(self) -> int:
        """The size of all bodies."""
        return self._total

    async def add(self, body: object, size: int) -> None:
        """Count *size* more bytes of *body*, and wait until it may continue."""
        self._sizes[body] = self._sizes.get(body, 0) + size
        self._total += size
        while self._must_wait(body):
            self._is_changed.clear()
            await self._is_changed.wait()

    def release(self, body: object) -> None:
        """Forget *body*: its sender is known, or it is given up."""
        if size := self._sizes.pop(body, 0):
            self._total -= size
            self._is_changed.set()

    def _must_wait(self, body: object) -> bool:
        if self._total <= self._bytes_max or self._sizes[body] <= SMALL_BODY_BYTES:
            return False
        return next(iter(self._sizes)) is not body


class BodyHash:
    """The SHA-256 of a body that arrives in parts. Large pieces are hashed in a second thread."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._hashing: asyncio.Future[None] | None = None

    async def add(self, part: bytes) -> None:
        """Add the next *part*."""
        self._pending.append(part)
        self._pending_bytes += len(part)
        if self._pending_bytes >= HASHED_PIECE_BYTES:
            await self._wait()
            piece = self._take_pending()
            self._hashing = asyncio.get_running_loop().run_in_executor(None, self._sha256.update, piece)

    async def hexdigest(self) -> str:
        """Return the hash of all parts."""
        await self._wait()
        self._sha256.update(self._take_pending())
        return self._sha256.hexdigest()

    async def _wait(self) -> None:
        if self._hashing is not None:
            await self._hashing

    def _take_pending(self) -> bytes:
        pending = self._pending
        self._pending, self._pending_bytes = [], 0
        return pending[0] if len(pending) == 1 else b"".join(pending)
