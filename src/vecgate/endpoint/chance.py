"""Chance that repeats: a number between 0 and 1 for what it is asked about."""

from __future__ import annotations

from hashlib import blake2b


def uniform(*what: object) -> float:
    """A number between 0 and 1, both exclusive, evenly spread over everything that *what* may be."""
    digest = blake2b(repr(what).encode(), digest_size=6).digest()
    return (int.from_bytes(digest) + 0.5) / 2**48
