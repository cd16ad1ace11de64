"""Page tokens: opaque, URL-safe, without padding, and valid only for the list or query that issued them.

A token is the id of that list or query, followed by a position in it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import blake2b

from vecgate.endpoint.requests.messages import ApiError, invalid

SCOPE_ID_BYTES = 8


def invalid_token() -> ApiError:
    """Return the error for a token that is foreign, invented or expired (the last observed, 2026-10)."""
    return invalid("Invalid page token")


def scope_id(*parts: object) -> bytes:
    """Return the id of the list or query that *parts* describe."""
    return blake2b(repr(parts).encode(), digest_size=SCOPE_ID_BYTES).digest()


def encode_token(scope: bytes, position: bytes) -> str:
    """Return the token for *position* in the list or query of *scope*."""
    return urlsafe_b64encode(scope + position).rstrip(b"=").decode()


def decode_token(token: str) -> tuple[bytes, bytes]:
    """Return the scope id and the position in *token*. Raises ApiError if no token can look like this."""
    try:
        plain = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (Error, ValueError):
        raise invalid_token() from None
    return plain[:SCOPE_ID_BYTES], plain[SCOPE_ID_BYTES:]


def read_position(token: str, scope: bytes) -> str:
    """Return the name or key that *token* holds. Raises ApiError if it was not issued for *scope*."""
    token_scope, position = decode_token(token)
    if token_scope != scope:
        raise invalid_token()
    return position.decode(errors="replace")
