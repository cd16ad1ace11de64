"""CSV and TSV with a header, plain or compressed, read by pyarrow as text and converted here.

The file is read twice. The first time finds the type of each column from all its values, counts the rows, and
proves that each has as many cells as the header, before anything is sent. A column is of integers, numbers or
booleans if all its cells are, without ambiguity: `007` makes a column of text. An empty cell is missing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.compression import decompress
from vecgate.bulk.sources.documents.text_lines import next_line
from vecgate.bulk.sources.documents.vector_text import is_vector_text
from vecgate.bulk.sources.remote_files import SourceFile
from vecgate.bulk.sources.source import EmptySource, source_errors
from vecgate.bulk.sources.tables.arrow_types import Array, ArrowType, Batch, check_column_count
from vecgate.bulk.sources.tables.dimension_columns import dimension_groups
from vecgate.bulk.sources.tables.table_source import TableSource, open_table
from vecgate.errors import SourceError
from vecgate.formatting import format_count
from vecgate.s3vectors.limits import MIB

FORMAT_NAME = "CSV"
DELIMITERS = (",", ";", "\t")
_CHUNK_BYTES = 2 * MIB
_ROW_BYTES_MAX = 16 * MIB
_NULLS = ["", "\\N"]
_INTEGER = r"^(-?[1-9][0-9]{0,18}|0)$"
_LONG_INTEGER = r"^-?(0|[1-9][0-9]*)$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_NAN = r"^(?i:nan)$"
_BOOLEAN = r"^(?i:true|false)$"
#: The possible types of a column, the first that fits. Integers of more than 64 bits stay text: as floating
#: point numbers, several would become the same one.
_PATTERNS = {
    pa.int64(): _INTEGER,
    pa.string(): _LONG_INTEGER,
    pa.float64(): f"{_NUMBER}|{_NAN}",
    pa.bool_(): _BOOLEAN,
}
#: A value of a vector, also as other programs write it.
_DIMENSION = r"^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$|^(?i:[-+]?(nan|inf(inity)?))$"
_WRONG_ROW = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_COLUMN_NUMBER = re.compile(r"column #(\d+)")
_HEADER_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class CsvForm:
    """The delimiter and the names of the columns."""

    delimiter: str
    names: tuple[str, ...]


def open_csv(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> TableSource:
    """Open a CSV or TSV file. Raises SourceError if its rows do not fit its header, or no column fits."""
    form = _read_form(path)
    types, total = _find_types(path, form)
    if not total:
        raise EmptySource(f"{path} holds no records")
    long_integers = [name for name, kind in types.items() if kind == pa.string()]
    types = {name: kind for name, kind in types.items() if kind != pa.string()}
    types = _with_chosen_types(str(path), types, columns)
    schema = pa.schema([(name, types.get(name, pa.string())) for name in form.names])

    def read_batches(names: list[str], rows: int) -> Iterator[Batch]:
        for batch in _text_batches(path, form, names or form.names[:1]):
            arrays = [_typed(batch.column(name), schema.field(name).type) for name in batch.schema.names]
            typed = pa.record_batch(arrays, names=batch.schema.names)
            for start in range(0, typed.num_rows, rows):
                yield typed.slice(start, rows)

    source = open_table(path, schema, read_batches, total=total, choice=columns, keys_only=keys_only)
    numeric = tuple(name for name in form.names if types.get(name, pa.string()) != pa.string())
    texts = tuple(name for name in form.names if name not in numeric)
    kept = tuple(name for name in texts if name in {*columns.text_columns, *long_integers})
    return replace(source, layout=replace(source.layout, numeric=numeric, texts=texts, kept_as_text=kept))


def _read_form(path: SourceFile) -> CsvForm:
    with source_errors(str(path), FORMAT_NAME), path.open("rb") as file:
        lines = decompress(file)
        first = next_line(lines, _ROW_BYTES_MAX)
        text = re.split("[\r\n]", first.decode("utf-8-sig"), maxsplit=1)[0]
    is_tsv = any(suffix in path.name.lower() for suffix in (".tsv", ".tab"))
    bare = _QUOTED.sub("", text)
    delimiter = "\t" if is_tsv else max(DELIMITERS, key=bare.count)
    check_column_count(str(path), bare.count(delimiter) + 1)
    try:
        names = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise SourceError(
            f"{path} has a header that cannot be read", hint="Its first line must name the columns."
        ) from None
    if not names:
        raise EmptySource(f"{path} holds no records")
    _check_header(path, names)
    return CsvForm(delimiter, tuple(names))


def _check_header(path: SourceFile, names: Sequence[str]) -> None:
    numbered = {member for members in dimension_groups(names).values() for member in members}
    values = [name for name in names if name not in numbered]
    if any(_HEADER_NUMBER.fullmatch(name.strip()) or is_vector_text(name) for name in values):
        raise SourceError(
            f"{path} has no header: its first line has numbers instead of names of columns",
            hint="Add a first line with the names of the columns, such as id,embedding,title.",
        )
    if len({*names}) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise SourceError(f'{path} has several columns "{repeated}"')


def _text_batches(path: SourceFile, form: CsvForm, names: Sequence[str]) -> Generator[Batch]:
    """Yield the columns *names* as text, null for an empty cell.

    Raises SourceError for a row with more or fewer cells than the header, or a quote that is not closed.
    """
    first_row = 1
    with source_errors(str(path), FORMAT_NAME), path.open("rb") as file:
        for number, rows in enumerate(_row_blocks(path, decompress(file))):
            table = _parse(path, form, rows, names, first_row, has_header=not number)
            first_row += table.num_rows + (not number)
            yield from table.to_batches()


def _row_blocks(path: SourceFile, stream: BinaryIO) -> Iterator[bytes]:
    """Yield the text of *stream* in blocks of whole rows.

    The streaming reader of pyarrow is not used: it reads ahead in another thread, which can hang the end of
    the process.
    """
    rest = b""
    # As much again as a row has so far, because its beginning is searched again.
    while chunk := stream.read(max(_CHUNK_BYTES, len(rest))):
        rest += chunk
        end = _last_row_end(rest)
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > _ROW_BYTES_MAX:
            raise SourceError(
                f"{path} has a row of more than {_ROW_BYTES_MAX:,} bytes, or a quote that is not closed"
            )
    if rest.count(b'"') % 2:
        raise SourceError(
            f"{path} has a quote that is not closed, in a cell up to the end of the file",
            hint='The file may be truncated. A quote within a cell is written as "".',
        )
    if rest.strip():
        # pyarrow refuses a header without a line end.
        yield rest + b"\n"


def _last_row_end(text: bytes) -> int:
    """Return the end of the last whole row of *text*, or 0. A line end in quotes ends no row."""
    line_end = b"\n" if b"\n" in text else b"\r"
    end, quotes = len(text), text.count(b'"')
    while True:
        if quotes % 2:
            # In quotes, which may have millions of lines.
            end, quotes = text.rfind(b'"', 0, end), quotes - 1
        found = text.rfind(line_end, 0, end)
        quotes -= text.count(b'"', max(found, 0), end)
        if found < 0 or not quotes % 2:
            return found + 1
        end = found


def _parse(
    path: SourceFile, form: CsvForm, rows: bytes, names: Sequence[str], first_row: int, *, has_header: bool
) -> Any:  # noqa: ANN401 - pyarrow ships no types
    try:
        return pacsv.read_csv(
            pa.BufferReader(rows),
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=len(rows) + 1,
                column_names=None if has_header else list(form.names),
            ),
            parse_options=pacsv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=list(names),
                null_values=_NULLS,
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _csv_error(path, str(error), first_row - 1) from None


def _csv_error(path: SourceFile, message: str, rows_before: int) -> SourceError:
    """Return the error for one of pyarrow, whose message quotes cells."""
    if wrong := _WRONG_ROW.search(message):
        row, expected, found = map(int, wrong.groups())
        row += rows_before
        return SourceError(
            f"{path}: row {row:,} has {format_count(found, 'cell')}, but the header, row 1, has {expected:,}",
            hint="The file may be truncated, or a cell with a delimiter is not in quotes.",
        )
    if column := _COLUMN_NUMBER.search(message):
        problem = f"column {int(column[1]) + 1:,} is not UTF-8"
        return SourceError(f"{path} cannot be read as CSV: {problem}", hint="Save it as UTF-8.")
    return SourceError(f"{path} cannot be read as CSV", hint="The file may be damaged or truncated.")


def _find_types(path: SourceFile, form: CsvForm) -> tuple[dict[str, ArrowType], int]:
    """Return the type of each column that is not text, and the number of rows."""
    with closing(_text_batches(path, form, form.names)) as batches:
        first = next(batches, None)
    if first is None:
        return {}, 0
    dimensions = _dimension_columns(first)
    candidates = {
        name: fitting
        for name in form.names
        if name not in dimensions and (fitting := _fitting(first.column(name), _PATTERNS))
    }
    seen: set[str] = set()
    total = 0
    # A batch needs a column to have rows.
    for batch in _text_batches(path, form, [*candidates] or form.names[:1]):
        total += batch.num_rows
        for name, fitting in list(candidates.items()):
            column = batch.column(name)
            candidates[name] = _fitting(column, fitting)
            seen |= {name} if column.null_count < len(column) else set()
            if not candidates[name]:
                del candidates[name]
    types = {name: next(iter(fitting)) if name in seen else pa.null() for name, fitting in candidates.items()}
    return types | dict.fromkeys(dimensions, pa.float64()), total


def _fitting(column: Array, patterns: Mapping[ArrowType, str]) -> dict[ArrowType, str]:
    """Return those of *patterns* that all cells of *column* have."""
    return {
        kind: pattern
        for kind, pattern in patterns.items()
        if _fits(column, pattern) and (kind != pa.int64() or _fits_int64(column))
    }


def _fits_int64(column: Array) -> bool:
    try:
        column.cast(pa.int64())
    except pa.ArrowInvalid:
        return False
    return True


def _dimension_columns(batch: Batch) -> set[str]:
    """Return the columns of *batch* that belong to vectors of one column for each dimension."""
    groups = dimension_groups(batch.schema.names).values()
    return {name for group in groups if _holds_vectors(batch, group) for name in group}


def _holds_vectors(batch: Batch, names: Sequence[str]) -> bool:
    """Return True if the columns *names* have numbers throughout in one row at least."""
    is_number: Any = pa.scalar(True)  # noqa: FBT003 - a scalar of Arrow
    for name in names:
        is_number = pc.and_(is_number, pc.match_substring_regex(batch.column(name), _DIMENSION))
    return bool(pc.any(is_number, min_count=0).as_py())


def _fits(column: Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(column, pattern), skip_nulls=True, min_count=0).as_py())


def _typed(column: Array, target: ArrowType) -> Array:
    """Return a column of text as one of *target*. Cells that are no numbers become null."""
    if target == pa.string():
        return column
    if target == pa.null():
        return pa.nulls(len(column))
    try:
        return column.cast(target)
    except pa.ArrowInvalid:
        return pa.array([_number(text) for text in column.to_pylist()], target)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None or "_" in text else float(text)
    except ValueError:
        return None


def _with_chosen_types(
    name: str, types: Mapping[str, ArrowType], choice: ColumnChoice
) -> dict[str, ArrowType]:
    """Return *types*, with text for the columns that the user, or the file before this one, has as text.

    Raises SourceError if a column has numbers in the file before this one and texts here.
    """
    texts = {*choice.text_columns, *(choice.layout.texts if choice.layout else ())}
    numeric = choice.layout.numeric if choice.layout else ()
    if mixed := [column for column in numeric if column in choice.layout.used and column not in types]:  # type: ignore[union-attr]
        raise SourceError(
            f'column "{mixed[0]}" of {name} holds text, but numbers in the files before it',
            hint=f"Read it as text everywhere with --text-columns {mixed[0]}.",
        )
    return {column: pa.string() if column in texts else kind for column, kind in types.items()}
