"""Markdown as CI shows it: tables, text that stays text, and a length that is still read."""

from __future__ import annotations

from collections.abc import Sequence

#: GitHub takes 1 MiB for a step; what is longer than this nobody reads there.
BYTES_MAX = 200_000


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def cell(text: str) -> str:
    """*text* as it may stand in a cell or a heading."""
    return escaped(text).replace("|", "\\|").replace("\n", " ")


def escaped(text: str) -> str:
    """*text* that is no markup, whatever is in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str) -> str:
    """*text*, or as much of it as is below BYTES_MAX."""
    data = text.encode()
    if len(data) <= BYTES_MAX:
        return text
    end = "\n\n… cut off here; the result stream has it all.\n"
    return data[: BYTES_MAX - len(end.encode())].decode(errors="ignore") + end
