"""JSON lines, plain or gzipped, from a file or from standard input.

A line that cannot be parsed is a reject that names it, and the rest goes on; where none of the first lines
can, the input is something else. Blank lines are no records.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import orjson

from vecgate.bulk.records import Block
from vecgate.bulk.sources.columns import ColumnChoice, Layout, recognise
from vecgate.bulk.sources.objects import Unreadable, blocks_of, first_length, kinds_of
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source, fingerprint_of, reading
from vecgate.errors import SourceError

WHAT = "JSON lines"
GZIP_MAGIC = b"\x1f\x8b"
STDIN_NAME = "standard input"
#: Lines that are looked at to recognise the fields.
SAMPLE_LINES = 10
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class JsonLinesSource(Source):
    """Records, one JSON object a line."""

    name: str
    fingerprint: str
    dimension: int | None
    is_repeatable: bool
    layout: Layout
    records: Callable[[], Iterator[object]]
    total: int | None = None

    @property
    def is_identified(self) -> bool:  # type: ignore[override] # read from the other
        """A file can be told from another one, standard input cannot."""
        return self.is_repeatable

    def describe(self) -> str:
        """One line that says which field was taken for what."""
        return self.layout.describe(self.dimension, "number")

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """The records, parsed line by line."""
        yield from blocks_of(
            self.records(), self.layout, dimension=dimension or self.dimension, rows=rows, first=first
        )


def open_file(path: Path, *, columns: ColumnChoice, keys_only: bool) -> JsonLinesSource:
    """JSON lines in a file. Raises SourceError where they are none."""
    name = str(path)

    def records() -> Generator[object]:
        with path.open("rb") as file:
            yield from _records(name, _unzipped(file))

    with closing(records()) as opened:
        sample = list(islice(opened, SAMPLE_LINES))
    layout = _layout(name, sample, columns, keys_only=keys_only)
    return JsonLinesSource(
        name,
        fingerprint_of(path),
        first_length(sample, layout),
        is_repeatable=True,
        layout=layout,
        records=records,
    )


def open_stdin(*, columns: ColumnChoice, keys_only: bool, stdin: BinaryIO | None = None) -> JsonLinesSource:
    """JSON lines on standard input, which can be read once. Raises SourceError where they are none."""
    opened = _records(STDIN_NAME, _unzipped(stdin or sys.stdin.buffer))
    sample = list(islice(opened, SAMPLE_LINES))
    layout = _layout(STDIN_NAME, sample, columns, keys_only=keys_only)
    once = read_once(STDIN_NAME, chain(sample, opened))
    return JsonLinesSource(
        STDIN_NAME, "stdin", first_length(sample, layout), is_repeatable=False, layout=layout, records=once
    )


def read_once(name: str, records: Iterator[object]) -> Callable[[], Iterator[object]]:
    """Gives *records* the first time and raises SourceError the second."""
    left = [records]

    def take() -> Iterator[object]:
        if not left:
            raise SourceError(f"{name} was read already and cannot be read again")
        return left.pop()

    return take


def _records(name: str, lines: Iterator[bytes]) -> Iterator[object]:
    with reading(name, WHAT):
        for number, line in enumerate(lines, 1):
            text = line.removeprefix(_BOM) if number == 1 else line
            if not text.isspace():
                yield _record(text, number)


def _record(line: bytes, number: int) -> object:
    try:
        record = orjson.loads(line.rstrip())
    except orjson.JSONDecodeError as error:
        return Unreadable(f"line {number:,} is not JSON, from column {error.colno}")
    return record if isinstance(record, dict) else Unreadable(f"line {number:,} is not a JSON object")


def _unzipped(file: BinaryIO) -> Iterator[bytes]:
    head = file.peek(2)[:2] if hasattr(file, "peek") else b""
    return gzip.open(file) if head == GZIP_MAGIC else file


def _layout(name: str, sample: Sequence[object], choice: ColumnChoice, *, keys_only: bool) -> Layout:
    if not sample:
        raise SourceError(f"{name} holds no records")
    if all(isinstance(record, Unreadable) for record in sample):
        first = sample[0]
        assert isinstance(first, Unreadable)
        raise SourceError(
            f"{name} is not JSON lines: {first.problem}" + _all_words(len(sample)),
            hint="Each line must be one JSON object; jq -c '.[]' makes lines of an array.",
        )
    return recognise(name, kinds_of(sample), choice, keys_only=keys_only)


def _all_words(lines: int) -> str:
    return f", nor is any of the first {lines}" if lines > 1 else ""
