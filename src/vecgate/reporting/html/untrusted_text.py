"""Make untrusted text safe to display: a result stream contains what an untrusted server answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from vecgate.printable import printable
from vecgate.redaction import redact

#: A URL within a sentence, without the punctuation or bracket after it.
_URL = re.compile(r"https?://[^\s<>()\"']*[^\s<>()\"'.,;:!?…]")
#: The longest text in one place, and the longest URL.
CHARACTERS_MAX, URL_CHARACTERS_MAX = 6_000, 2_000


def make_visible(text: str) -> str:
    """Return *text* printable and without secrets, truncated to CHARACTERS_MAX."""
    escaped = printable(redact(text))
    if len(escaped) <= CHARACTERS_MAX:
        return escaped
    return f"{escaped[:CHARACTERS_MAX]}… ({len(escaped) - CHARACTERS_MAX:,} more characters)"


def sanitize(value: object) -> object:
    """Return *value* as a template may print it: strings are made visible, other values are unchanged."""
    return make_visible(value) if type(value) is str else value


def split_links(text: str) -> Iterator[tuple[str, str]]:
    """Split *text* into parts, each with the URL that it is, or with an empty string."""
    end = 0
    for match in _URL.finditer(text):
        if url := web_url(match[0]):
            yield from ((text[end : match.start()], ""), (match[0], url))
            end = match.end()
    yield text[end:], ""


def web_url(text: str) -> str:
    """Return *text* if it is an http or https URL that is safe to link, else an empty string."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    is_plain = not any(letter.isspace() or letter < "!" for letter in text)
    is_plain = is_plain and len(text) <= URL_CHARACTERS_MAX
    return text if parts.scheme in {"http", "https"} and parts.netloc and is_plain else ""
