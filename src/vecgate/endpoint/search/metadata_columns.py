"""Metadata by key, for filters that test all rows at once.

A column holds the values of one metadata key, row by row, in arrays that numpy compares; a loop over rows in
Python would be slow. It is built when a filter first names its key and is kept up to date from then on, until
others are used more recently. So a write pays for the keys that filters use, and for no others.

Values compare as in JSON: true is not 1, 1 is 1.0, and integers beyond 2**53 are compared exactly.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.s3vectors.limits import FILTERABLE_BYTES_MAX, MIB
from vecgate.s3vectors.metadata import Metadata

Mask: TypeAlias = npt.NDArray[np.bool_]
Compare: TypeAlias = Callable[[Any, Any], Any]

ABSENT, STRING, NUMBER, BOOLEAN, ARRAY = range(5)
TYPES: Mapping[type, int] = {str: STRING, int: NUMBER, float: NUMBER, bool: BOOLEAN, list: ARRAY}
#: A column that has seen this many times as many distinct strings as it has rows is rebuilt.
STALE_STRINGS = 4
STALE_STRINGS_MIN = 10_000
#: The columns of a table are limited to as many keys as a filter may name, and in bytes to the filterable
#: metadata that the rows may have, so that filters cannot use much more memory than writes.
COLUMNS_MAX, COLUMNS_BYTES_MIN, BYTES_PER_ROW = 100, 16 * MIB, FILTERABLE_BYTES_MAX
#: The memory of an entry in a dictionary or a set, and of a dictionary's own set.
ENTRY_BYTES, SET_BYTES = 100, 250


class MetadataColumn:
    """The values of one metadata key.

    types    shape (capacity,): the type of the value in each row, `ABSENT` for none
    values   shape (capacity,): the number, 0 or 1 for a boolean, or the code of the string
    codes    the code of each string that the column has seen
    arrays   the arrays by row
    holders  for each array element, the rows whose array contains it
    inexact  the numbers that float64 rounds, by row
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self._types = np.zeros(len(values), np.uint8)
        self._values = np.zeros(len(values), np.float64)
        self._codes: dict[str, int] = {}
        self._arrays: dict[int, list[Any]] = {}
        self._holders: dict[Any, set[int]] = {}
        self._inexact: dict[int, int] = {}
        self._elements = self._text_length = 0
        # A key that few rows have, or none, costs little.
        present = [row for row, value in enumerate(values) if value is not None]
        self.put(present, [values[row] for row in present])

    @property
    def is_stale(self) -> bool:
        """The column has seen many more strings than it can hold now."""
        return len(self._codes) > max(STALE_STRINGS_MIN, STALE_STRINGS * len(self._types))

    @property
    def memory_bytes(self) -> int:
        """About how much memory the column takes."""
        entries = len(self._codes) + len(self._arrays) + len(self._inexact) + self._elements
        arrays = int(self._types.nbytes + self._values.nbytes)
        return arrays + self._text_length + ENTRY_BYTES * entries + SET_BYTES * len(self._holders)

    def put(self, rows: Sequence[int], values: Sequence[Any]) -> None:
        """Set *rows* to *values*; None is an absent value."""
        if not rows:
            return
        if self._arrays or self._inexact:
            self._clear(rows)
        self._reserve(max(rows) + 1)
        self._types[rows] = [ABSENT if value is None else TYPES[type(value)] for value in values]
        self._values[rows] = [self._encode(row, value) for row, value in zip(rows, values, strict=True)]

    def is_present(self, count: int) -> Mask:
        """Return which of the first *count* rows have a value."""
        mask: Mask = self._types[:count] != ABSENT
        return mask

    def equals_any(self, operands: Iterable[Any], count: int) -> Mask:
        """Return the rows whose value, or an element of whose array, equals one of *operands*."""
        mask = np.zeros(count, np.bool_)
        for operand in operands:
            mask |= self._equals(operand, count)
        return mask

    def compare(self, compare: Compare, operand: float, count: int) -> Mask:
        """Return the rows that hold a number for which `compare(number, operand)` is true."""
        numbers, rounded = self._types[:count] == NUMBER, to_float64(operand)
        mask: Mask = numbers & compare(self._values[:count], rounded)
        # Rounding preserves the order, except that it makes different numbers equal.
        if self._inexact or rounded != operand:
            for row in np.flatnonzero(numbers & (self._values[:count] == rounded)).tolist():
                mask[row] = compare(self._inexact.get(row, self._values.item(row)), operand)
        return mask

    def starts_with(self, prefix: str, count: int) -> Mask:
        """Return the rows that hold a string with *prefix*."""
        begins = np.fromiter((text.startswith(prefix) for text in self._codes), np.bool_, len(self._codes))
        mask: Mask = self._types[:count] == STRING
        mask[mask] = begins[self._values[:count][mask].astype(np.intp)]
        return mask

    def _equals(self, operand: Any, count: int) -> Mask:  # noqa: ANN401 - a JSON scalar
        type_ = TYPES[type(operand)]
        if type_ == NUMBER:
            mask = self.compare(operator.eq, operand, count)
        else:
            value = self._codes.get(operand, -1) if type_ == STRING else operand
            mask = (self._types[:count] == type_) & (self._values[:count] == value)
        if type_ != BOOLEAN and (holders := self._holders.get(operand)):
            mask[list(holders)] = True
        return mask

    def _encode(self, row: int, value: Any) -> float:  # noqa: ANN401 - a JSON value
        if isinstance(value, str):
            code = self._codes.setdefault(value, len(self._codes))
            if code == len(self._codes) - 1:
                self._text_length += len(value)
            return code
        if isinstance(value, list):
            self._add_array(row, value)
            return 0.0
        if value is None:
            return 0.0
        rounded = to_float64(value)
        if rounded != value:
            self._inexact[row] = value
        return rounded

    def _add_array(self, row: int, array: list[Any]) -> None:
        self._arrays[row] = array
        self._elements += len(array)
        for element in array:
            self._holders.setdefault(element, set()).add(row)

    def _clear(self, rows: Iterable[int]) -> None:
        """Remove *rows* from the dictionaries."""
        for row in rows:
            self._inexact.pop(row, None)
            array = self._arrays.pop(row, ())
            self._elements -= len(array)
            for element in array:
                self._remove_holder(row, element)

    def _remove_holder(self, row: int, element: Any) -> None:  # noqa: ANN401 - a JSON scalar
        holders = self._holders.get(element, set())  # already removed if the array repeats the element
        holders.discard(row)
        if not holders:
            self._holders.pop(element, None)

    def _reserve(self, rows: int) -> None:
        if (more := rows - len(self._types)) > 0:
            more = max(more, len(self._types))
            self._types = np.concatenate([self._types, np.zeros(more, np.uint8)])
            self._values = np.concatenate([self._values, np.zeros(more)])


class MetadataColumns:
    """The columns of a table that filters have used, by metadata key; the least recently used are dropped."""

    def __init__(self) -> None:
        self._columns: OrderedDict[str, MetadataColumn] = OrderedDict()

    @property
    def memory_bytes(self) -> int:
        """About how much memory all columns take."""
        return sum(column.memory_bytes for column in self._columns.values())

    def get(self, name: str, metadata: Sequence[Metadata | None]) -> MetadataColumn:
        """Return the column of *name* for all rows of *metadata*."""
        column = self._columns.get(name)
        if column is None or column.is_stale:
            column = self._columns[name] = MetadataColumn(extract_values(name, metadata))
            self._drop_unused(max(COLUMNS_BYTES_MIN, BYTES_PER_ROW * len(metadata)), kept=name)
        self._columns.move_to_end(name)
        return column

    def put(self, rows: Sequence[int], metadata: Sequence[Metadata | None]) -> None:
        """Update all columns with the new *metadata* of *rows*."""
        for name, column in self._columns.items():
            column.put(rows, extract_values(name, metadata))

    def _drop_unused(self, bytes_max: int, *, kept: str) -> None:
        """Drop columns down to the limits, except *kept*."""
        total = self.memory_bytes
        while len(self._columns) > COLUMNS_MAX or total > bytes_max:
            name = next((each for each in self._columns if each != kept), None)
            if name is None:
                return
            total -= self._columns.pop(name).memory_bytes


def extract_values(name: str, metadata: Iterable[Metadata | None]) -> list[Any]:
    """Return the values of *name*, row by row; None if absent, because metadata holds no null."""
    return [each.get(name) if each else None for each in metadata]


def to_float64(number: float) -> float:
    """Return the nearest float, infinity for an integer that exceeds all of them."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
