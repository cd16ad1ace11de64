"""Repeatable random numbers."""

from __future__ import annotations

from hashlib import blake2b


def uniform(*parts: object) -> float:
    """Return a number between 0 and 1, both exclusive. It depends on *parts* only and is uniformly
    distributed.
    """
    digest = blake2b(repr(parts).encode(), digest_size=6).digest()
    return (int.from_bytes(digest) + 0.5) / 2**48
