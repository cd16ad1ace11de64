"""JSON lines, plain or compressed, from a file or from standard input.

A line that cannot be parsed becomes a reject that names it, and reading goes on. If none of the first lines
can be parsed, the input is not JSON lines. Blank lines are skipped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import BinaryIO

import orjson

from vecgate.bulk.sources.column_mapping import ColumnChoice, Layout
from vecgate.bulk.sources.compression import decompress
from vecgate.bulk.sources.documents.record_layout import recognise
from vecgate.bulk.sources.documents.text_lines import (
    VALUES_MAX,
    ByteCount,
    has_too_many_values,
    numbered_lines,
)
from vecgate.bulk.sources.object_records import (
    ObjectSource,
    UnreadableRecord,
    draw_sample,
    first_length,
    single_pass,
)
from vecgate.bulk.sources.remote_files import SourceFile
from vecgate.bulk.sources.source import EmptySource, file_fingerprint, source_errors
from vecgate.errors import SourceError

FORMAT_NAME = "JSON lines"
STDIN_NAME = "standard input"


def open_jsonl(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> ObjectSource:
    """Open a file of JSON lines. Raises SourceError if it is not one."""
    name, count = str(path), ByteCount()

    def records() -> Generator[object]:
        with path.open("rb") as file:
            yield from _records(name, decompress(file), count)

    with closing(records()) as opened:
        sample = draw_sample(opened, count)
    layout, check = _layout(name, sample, columns, keys_only=keys_only)
    dimension, fingerprint = first_length(sample, layout), file_fingerprint(path)

    def checked() -> Iterator[object]:
        return map(check, records())

    return ObjectSource(
        *(name, None, fingerprint, dimension, layout, checked),
        is_repeatable=True,
        is_identified=True,
        count=count,
    )


def open_stdin(*, columns: ColumnChoice, keys_only: bool, stdin: BinaryIO | None = None) -> ObjectSource:
    """Open standard input as JSON lines, which can be read once. Raises SourceError for other input."""
    if stdin is None and sys.stdin is None:
        raise SourceError(
            "standard input is closed", hint="Pipe JSON lines into the command, or name a file."
        )
    count = ByteCount()
    lines = _records(STDIN_NAME, decompress(stdin or sys.stdin.buffer), count)
    sample = draw_sample(lines, count)
    layout, check = _layout(STDIN_NAME, sample, columns, keys_only=keys_only)
    records = single_pass(STDIN_NAME, map(check, chain(sample, lines)))
    dimension = first_length(sample, layout)
    return ObjectSource(
        *(STDIN_NAME, None, "stdin", dimension, layout, records),
        is_repeatable=False,
        is_identified=False,
        count=count,
    )


def _records(name: str, lines: BinaryIO, count: ByteCount) -> Generator[object]:
    with source_errors(name, FORMAT_NAME):
        for number, line in numbered_lines(lines, name, count):
            yield _record(line, number)


def _record(line: bytes, number: int) -> object:
    if has_too_many_values(line):
        return _unreadable(line, number, f"has more than {VALUES_MAX:,} values")
    try:
        record = orjson.loads(line.rstrip())
    except orjson.JSONDecodeError as error:
        return _unreadable(line, number, f"is not JSON, from column {error.colno}")
    return record if isinstance(record, dict) else _unreadable(line, number, "is not a JSON object")


def _unreadable(line: bytes, number: int, problem: str) -> UnreadableRecord:
    """Return the line as an unreadable record, whose problem names NaN and Infinity if it has them."""
    raw = line.rstrip(b"\r\n").decode(errors="backslashreplace")
    tokens: list[str] = []
    members = None
    if (b"NaN" in line or b"Infinity" in line) and not has_too_many_values(line):
        try:
            members = json.loads(line, parse_constant=tokens.append)
        except (ValueError, RecursionError):
            tokens.clear()
    if not tokens or not isinstance(members, dict):
        return UnreadableRecord(f"line {number:,} {problem}", raw)
    return UnreadableRecord(f"line {number:,} holds {tokens[0]}, which is not JSON", raw, members)


def _layout(
    name: str, sample: Sequence[object], choice: ColumnChoice, *, keys_only: bool
) -> tuple[Layout, Callable[[object], object]]:
    if not sample:
        raise EmptySource(f"{name} holds no records")
    if all(isinstance(record, UnreadableRecord) for record in sample):
        first = sample[0]
        assert isinstance(first, UnreadableRecord)
        others = f", nor is any of the first {len(sample)}" if len(sample) > 1 else ""
        raise SourceError(
            f"{name} is not JSON lines: {first.problem}{others}",
            hint="Each line must be one JSON object; jq -c '.[]' makes lines of an array.",
        )
    return recognise(name, sample, choice, keys_only=keys_only)
