"""Vectors as text: `[0.1,0.2]` of pgvector and JSON, `{0.1,0.2}` of PostgreSQL, `[0.1 0.2]` of numpy."""

from __future__ import annotations

import re

_BRACKETS = {"[": "]", "{": "}", "(": ")"}
#: Fewer numbers without brackets may be anything, such as a version or a date.
_BARE_NUMBERS_MIN = 8
_ABBREVIATED = re.compile(r"\s*\[\s*[-+]?\d*\.?\d+")
NOT_A_VECTOR = "vector is text that is not a list of numbers"
ABBREVIATED = 'vector is text that was abbreviated with "..." when it was written'


def parse_vector_text(text: str) -> list[float] | str:
    """Return the numbers in *text*, or why it is not a vector. A single number needs brackets."""
    body = text.strip()
    if "..." in body or "…" in body:
        return ABBREVIATED
    closing = _BRACKETS.get(body[:1])
    if closing is not None:
        if len(body) == 1 or not body.endswith(closing):
            return NOT_A_VECTOR
        body = body[1:-1].strip()
    separator = next((mark for mark in ",;" if mark in body), None)
    parts = body.split(separator) if body else []
    # Python alone reads underscores in numbers.
    if "_" in body or (closing is None and len(parts) <= 1):
        return NOT_A_VECTOR
    try:
        return [float(part) for part in parts]
    except ValueError:
        return NOT_A_VECTOR


def is_vector_text(value: object) -> bool:
    """Return True for text that is a vector without doubt: several numbers in brackets, or many of them."""
    if not isinstance(value, str) or not value:
        return False
    numbers = parse_vector_text(value)
    is_bracketed = value.strip()[:1] in _BRACKETS
    if numbers == ABBREVIATED:
        return bool(_ABBREVIATED.match(value))
    return not isinstance(numbers, str) and len(numbers) >= (2 if is_bracketed else _BARE_NUMBERS_MIN)
