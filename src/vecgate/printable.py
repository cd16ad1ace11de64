"""Make foreign text printable: what a server, a file or the environment said, on terminals and in CI logs.

`printable` is the one function for it; the other functions add the rules of one format. Its escapes are those
of JSON, so encoded JSON that passes it still decodes to the same values.
"""

from __future__ import annotations

import re
from html import escape

#: Control characters except tab and line feed, characters that reorder or hide text, other line breaks, and
#: lone surrogates.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
#: The start of a workflow command: `::name` at the start of a line for GitHub, `##[name` and `##vso[name`
#: anywhere for GitHub, Azure and TeamCity.
_COMMAND = re.compile(r"^(?P<space>[^\S\n]*):(?=:)|#(?=#[\w.-]*\[)", re.MULTILINE)
#: Markdown that is active anywhere in a line, and at its start.
_MARKDOWN = re.compile(r"[\\`*\[\]~]")
_MARKDOWN_START = re.compile(r"^(\d+(?=[.)])|(?=[#+=-]))")
_BMP_END = 0x10000


def printable(text: str) -> str:
    """Return *text* so that it has no effect where it is printed: unprintable characters are escaped by
    their number, as in JSON, and no line is a workflow command. Tabs and line feeds stay.
    """
    text = _UNPRINTABLE.sub(lambda match: _escape(match[0]), text.replace("\r\n", "\n"))
    return _COMMAND.sub(_escape_command, text) if "::" in text or "##" in text else text


def printable_line(text: str) -> str:
    """Return *text* as one printable line."""
    return printable(" ".join(text.split("\n")).replace("\t", " "))


def printable_json(data: bytes) -> bytes:
    """Return encoded JSON in a printable form that decodes to the same values."""
    if data.isascii() and b"\x7f" not in data and b"##" not in data:
        return data
    return printable(data.decode()).encode()


def markdown_line(text: str) -> str:
    """Return *text* for a heading or a cell of Markdown, shown as it is: no markup, no HTML, no new cell."""
    line = _MARKDOWN.sub(lambda match: f"\\{match[0]}", printable_line(text).strip())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")


def markdown_text(text: str) -> str:
    """Return *text* for a paragraph or a list item of Markdown, where its start could also be markup."""
    return _MARKDOWN_START.sub(r"\1\\", markdown_line(text))


def markdown_block(text: str) -> str:
    """Return *text* as a block of Markdown that shows it line by line.

    It is HTML, which ends with its own tag only: a fence could be ended by the text.
    """
    return f"<pre>\n{escape(printable(text), quote=False)}\n</pre>"


def _escape(character: str) -> str:
    number = ord(character)
    if number < _BMP_END:
        return f"\\u{number:04x}"
    high, low = divmod(number - _BMP_END, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _escape_command(match: re.Match[str]) -> str:
    return "\\u0023" if match["space"] is None else f"{match['space']}\\u003a"
