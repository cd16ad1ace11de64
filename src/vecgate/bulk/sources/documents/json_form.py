"""Recognises lines of JSON and JSON documents, which both begin with a bracket."""

from __future__ import annotations

from typing import BinaryIO

import orjson

from vecgate.bulk.sources.documents.record_layout import EXPORTS
from vecgate.bulk.sources.documents.text_lines import LINE_BYTES_MAX, next_line

LINES, DOCUMENT = "JSON lines", "JSON"
#: A longer first line is a document.
_LINE_BYTES_MAX = LINE_BYTES_MAX
_BOM = b"\xef\xbb\xbf"


def json_form(lines: BinaryIO) -> str:
    """Return LINES or DOCUMENT for a stream of JSON, LINES if it is neither: its errors say why."""
    first = next_line(lines, _LINE_BYTES_MAX).removeprefix(_BOM).strip()
    if first.startswith(b"["):
        # A list in one line, and another in the next, is neither.
        return DOCUMENT
    if len(first) >= _LINE_BYTES_MAX:
        return DOCUMENT
    second = next_line(lines, _LINE_BYTES_MAX).strip()
    try:
        record = orjson.loads(first)
    except orjson.JSONDecodeError:
        # A document that is indented breaks its first line after a bracket or a comma.
        is_open = first.endswith(b"[") or (first.endswith((b"{", b",")) and not second.startswith(b'{"'))
        return DOCUMENT if is_open else LINES
    return LINES if second or not isinstance(record, dict) or not _is_envelope(record) else DOCUMENT


def _is_envelope(record: dict[str, object]) -> bool:
    """Return True for an object that has a list of objects, and is no record itself."""
    if any(export.fields <= record.keys() for export in EXPORTS):
        return False
    if any(
        isinstance(value, list) and value and isinstance(value[0], int | float) for value in record.values()
    ):
        return False
    return _has_objects(record)


def _has_objects(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict)
    return isinstance(value, dict) and any(map(_has_objects, value.values()))
