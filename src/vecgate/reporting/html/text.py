"""What a stream holds, made fit to be looked at: it came from a server that nobody needs to trust."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

#: Shown as what they are, instead of doing what they do: control characters, and marks that turn text around.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
#: An address in a sentence: what ends the sentence, or the bracket that it stands in, is no part of it.
_ADDRESS = re.compile(r"https?://[^\s<>()\"']*[^\s<>()\"'.,;:!?…]")
#: The longest text in one place, and the longest address.
CHARACTERS_MAX, ADDRESS_MAX = 6_000, 2_000


def visible(text: str) -> str:
    """*text* with its unseen characters made visible, and cut where it is endless."""
    seen = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if len(seen) <= CHARACTERS_MAX:
        return seen
    return f"{seen[:CHARACTERS_MAX]}… ({len(seen) - CHARACTERS_MAX:,} more characters)"


def shown(value: object) -> object:
    """*value* as it may stand in a page."""
    return visible(value) if type(value) is str else value


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """*text* in parts, each with the address that it is, or nothing."""
    end = 0
    for found in _ADDRESS.finditer(text):
        if address := web_address(found[0]):
            yield from ((text[end : found.start()], ""), (found[0], address))
            end = found.end()
    yield text[end:], ""


def web_address(text: str) -> str:
    """*text* where it is the address of a page; else nothing, and nobody can follow it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    is_plain = not any(letter.isspace() or letter < "!" for letter in text)
    is_plain = is_plain and len(text) <= ADDRESS_MAX
    return text if parts.scheme in {"http", "https"} and parts.netloc and is_plain else ""
