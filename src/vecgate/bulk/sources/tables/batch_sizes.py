"""Bounds on the memory of a table, before its values are decoded.

A value that a file has once may be in every row: in a dictionary, or compressed. So the size of a file says
nothing about its memory. The rows that are read at once follow from what the file states about their decoded
size, and batches are cut again by what they would take as Python values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from vecgate.bulk.sources.source import BLOCK_BYTES_MAX, block_rows, check_record_bytes
from vecgate.bulk.sources.tables.arrow_types import Array, Batch
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import KIB, MIB

#: Sizes of the values of parquet's physical types; those of texts are known from their pages.
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}
_TEXT = "BYTE_ARRAY"
#: A smaller column of a row group cannot fill the memory, even if every row had all its bytes.
_SMALL_BYTES = 64 * KIB
#: Long and short texts may be unequally distributed over a larger column: it is read a few rows at a time.
_SKEWED_BYTES, _SKEWED_ROWS = 256 * MIB, 32
#: A page is decompressed whole, and nothing says how large one is. Columns of data do not shrink so far.
_EXPANDED_BYTES, _EXPANSION_MAX = 512 * MIB, 500
#: Records of this mean size are too large for the service, whose metadata have 40 KiB. So many bytes of them
#: are read before the file is refused.
_RECORD_MEAN_MAX, _READ_MIN = 512 * KIB, 512 * MIB
#: Texts, lists and objects in a list become objects of Python, also if they are empty or null.
_OBJECT_BYTES = 64
#: A column of nulls has no byte in Arrow.
_NULL_BYTES = 8


@dataclass(frozen=True, slots=True)
class GroupRun:
    """Consecutive row groups that are read with batches of *rows*.

    merged_rows  number of rows that are handed over at once
    """

    groups: tuple[int, ...]
    rows: int
    merged_rows: int


@dataclass(frozen=True, slots=True)
class RowGroups:
    """The row groups of an open parquet file, of which the columns *names* are read.

    probe  returns the same file opened so that the given columns stay encoded as dictionaries; it is called
           again for each group, with the same columns
    """

    name: str
    file: Any
    probe: Callable[[tuple[str, ...]], Any]
    names: Sequence[str]

    def runs(self, rows: int) -> list[GroupRun]:
        """Return how to read all groups in batches of at most *rows*. Raises SourceError if a record would be
        too large.
        """
        metadata = self.file.metadata
        numbers = [n for n in range(metadata.num_row_groups) if metadata.row_group(n).num_rows]
        plans = [(number, self._rows(number, rows)) for number in numbers]
        return [
            GroupRun(tuple(number for number, _ in run), *found)
            for found, run in groupby(plans, key=itemgetter(1))
        ]

    def _rows(self, number: int, rows: int) -> tuple[int, int]:
        """Return the rows of the group to read at once, and to hand over at once."""
        group = self.file.metadata.row_group(number)
        row_bytes, largest = 0.0, 0
        used, dictionaries = frozenset(self.names), dict[str, dict[str, float]]()
        for i in range(group.num_columns):
            column = group.column(i)
            if (name := _root_in(column.path_in_schema, used)) is None:
                continue
            size, is_text = column.total_uncompressed_size, column.physical_type == _TEXT
            if size > max(_EXPANDED_BYTES, _EXPANSION_MAX * column.total_compressed_size):
                raise SourceError(
                    f'column "{column.path_in_schema}" of {self.name} has {size:,} bytes in '
                    f"{column.total_compressed_size:,} compressed ones",
                    hint="Leave the column out, or write the file again with smaller row groups.",
                )
            width = _WIDTHS.get(column.physical_type) or (0 if is_text else self.file.schema.column(i).length)
            row_bytes += max(size, column.num_values * width) / group.num_rows
            largest = max(largest, size * is_text)
            if is_text and column.has_dictionary_page and size > _SMALL_BYTES:
                values = column.num_values / group.num_rows
                dictionaries.setdefault(name, {})[column.path_in_schema] = values
        check_record_bytes(self.name, row_bytes)
        if dictionaries:
            row_bytes += self._dictionary_bytes(number, dictionaries)
            check_record_bytes(self.name, row_bytes)
        merged_rows = block_rows(rows, row_bytes)
        return min(merged_rows, _SKEWED_ROWS) if largest > _SKEWED_BYTES else merged_rows, merged_rows

    def _texts(self) -> tuple[str, ...]:
        """Return the paths of all texts in the columns."""
        schema, names = self.file.schema, frozenset(self.names)
        columns = [schema.column(i) for i in range(len(schema))]
        return tuple(
            column.path
            for column in columns
            if column.physical_type == _TEXT and _root_in(column.path, names) is not None
        )

    def _dictionary_bytes(self, number: int, dictionaries: Mapping[str, Mapping[str, float]]) -> float:
        """Return the bytes of a record with the largest entry of each dictionary. *dictionaries* has, by
        column and path, the values in a record.
        """
        encoded, size = self.probe(self._texts()), 0.0
        for name, paths in dictionaries.items():
            first = next(encoded.iter_batches(batch_size=1, row_groups=[number], columns=[name]))
            size += max(paths.values()) * sum(_largest_entries(first.column(name)))
        return size


def _root_in(path: str, names: Collection[str]) -> str | None:
    """Return the column among *names* to which the *path* of parquet's schema belongs."""
    end = len(path)
    while end > 0:
        if path[:end] in names:
            return path[:end]
        end = path.rfind(".", 0, end)
    return None


def _largest_entries(array: Array) -> Iterator[int]:
    """Yield the size of the largest entry of each dictionary in *array*."""
    if pt.is_dictionary(array.type):
        yield _largest(array.dictionary)
    elif pt.is_struct(array.type):
        for i in range(array.type.num_fields):
            yield from _largest_entries(array.field(i))
    elif pt.is_map(array.type):
        for part in (array.keys, array.items):
            yield from _largest_entries(part)
    elif pt.is_list(array.type) or pt.is_large_list(array.type) or pt.is_fixed_size_list(array.type):
        yield from _largest_entries(array.values)


def _largest(dictionary: Array) -> int:
    lengths = _lengths(dictionary)
    return 0 if lengths is None else pc.max(lengths).as_py() or 0


def _lengths(values: Array) -> Array | None:
    """Return the bytes of each text, None if *values* have one size."""
    if any(
        test(values.type) for test in (pt.is_string, pt.is_binary, pt.is_large_string, pt.is_large_binary)
    ):
        return pc.binary_length(values)
    if pt.is_string_view(values.type) or pt.is_binary_view(values.type):
        return pc.binary_length(values.cast(pa.large_binary()))
    return None


def decoded_bytes(array: Array) -> int:
    """Return the bytes of *array* as values of Python, with entries of dictionaries in place of indices."""
    if isinstance(array, pa.ExtensionArray):
        return decoded_bytes(array.storage)
    if pt.is_dictionary(array.type):
        lengths = _lengths(array.dictionary)
        if lengths is None:
            return int(array.nbytes)
        return int(array.indices.nbytes) + int(pc.sum(lengths.take(array.indices)).as_py() or 0)
    if pt.is_map(array.type):
        entries = pa.StructArray.from_arrays([array.keys, array.items], ["key", "value"])
        array = pa.ListArray.from_arrays(array.offsets, entries)
    if pt.is_list(array.type) or pt.is_large_list(array.type) or pt.is_fixed_size_list(array.type):
        inner = array.flatten()
        size = int(array.nbytes) if _is_plain(inner.type) else decoded_bytes(inner)
        return size if pt.is_primitive(inner.type) else max(size, _OBJECT_BYTES * len(inner))
    if pt.is_struct(array.type):
        return sum(max(decoded_bytes(field), _OBJECT_BYTES * len(field)) for field in array.flatten())
    return int(array.nbytes)


def _is_plain(arrow_type: Any) -> bool:  # noqa: ANN401
    """Return True if no dictionary is in the type."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        return _is_plain(arrow_type.storage_type)
    if pt.is_dictionary(arrow_type):
        return False
    return all(_is_plain(arrow_type.field(i).type) for i in range(arrow_type.num_fields))


def merged(batches: Iterator[Batch], rows: int) -> Iterator[Batch]:
    """Yield the rows of *batches* in batches of at most *rows*, as long as they stay small."""
    held: list[Batch] = []
    count = size = 0
    for batch in batches:
        if held and (count + batch.num_rows > rows or size + batch.nbytes > BLOCK_BYTES_MAX):
            yield pa.concat_batches(held)
            held, count, size = [], 0, 0
        held.append(batch)
        count, size = count + batch.num_rows, size + batch.nbytes
    if held:
        yield pa.concat_batches(held)


class BatchCutter:
    """Cuts the batches of one reading so that each is small when it is decoded."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rows = self._bytes = 0

    def cut(self, batch: Batch) -> Iterator[Batch]:
        """Yield the rows of *batch*. Raises SourceError for a table whose records are far too large."""
        size = sum(max(decoded_bytes(column), _NULL_BYTES * len(column)) for column in batch.columns)
        if size <= BLOCK_BYTES_MAX or batch.num_rows == 1:
            check_record_bytes(self._name, size / max(1, batch.num_rows))
            self._rows, self._bytes = self._rows + batch.num_rows, self._bytes + size
            if self._bytes > _READ_MIN and self._bytes / self._rows > _RECORD_MEAN_MAX:
                raise SourceError(
                    f"the first {self._rows:,} records of {self._name} have {self._bytes // self._rows:,} "
                    "bytes each, more than the service takes",
                    hint="Choose the columns of key, vector and metadata, or write the file again.",
                )
            yield batch
            return
        half = batch.num_rows // 2
        yield from self.cut(batch.slice(0, half))
        yield from self.cut(batch.slice(half))
