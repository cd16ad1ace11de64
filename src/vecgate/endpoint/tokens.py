"""Page tokens: opaque, URL-safe, without padding, and of use only where they came from."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import blake2b

from vecgate.endpoint.answers import Refused, invalid

MARK_BYTES = 8


def invalid_token() -> Refused:
    """The answer to a token that is foreign, made up, or expired (this last one observed, 2026-10)."""
    return invalid("Invalid page token")


def mark_of(*parts: object) -> bytes:
    """Stands in a token for what it belongs to."""
    return blake2b(repr(parts).encode(), digest_size=MARK_BYTES).digest()


def token_of(mark: bytes, position: bytes) -> str:
    """The token for *position* in what *mark* stands for."""
    return urlsafe_b64encode(mark + position).rstrip(b"=").decode()


def token_parts(token: str) -> tuple[bytes, bytes]:
    """The mark and the position in *token*. Raises Refused for one that none of ours can be."""
    try:
        plain = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (Error, ValueError):
        raise invalid_token() from None
    return plain[:MARK_BYTES], plain[MARK_BYTES:]


def position_in(token: str, mark: bytes) -> str:
    """The name or key that *token* holds. Raises Refused where it does not belong to *mark*."""
    its_mark, position = token_parts(token)
    if its_mark != mark:
        raise invalid_token()
    return position.decode(errors="replace")
