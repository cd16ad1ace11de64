"""Metadata by key: what a filter asks of all rows at once.

A column holds the values that one metadata key has, row by row, in arrays: for numpy to compare, where Python
would go through the rows one by one. It is made when a filter first names its key and kept up to date from
then on, so a write costs something for the keys that filters use, and nothing for the others.

Values mean what they mean in JSON: true is not 1, 1 is 1.0, and integers beyond 2**53 are compared exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.s3vectors.metadata import Metadata

Mask: TypeAlias = npt.NDArray[np.bool_]
Compare: TypeAlias = Callable[[Any, Any], Any]

ABSENT, STRING, NUMBER, BOOLEAN, ARRAY = range(5)
KINDS: Mapping[type, int] = {str: STRING, int: NUMBER, float: NUMBER, bool: BOOLEAN, list: ARRAY}
#: A column that has come to know this many times as many strings as it has rows is made anew.
STALE_STRINGS = 4
STALE_STRINGS_MIN = 10_000


class Column:
    """The values of one metadata key.

    kinds    shape (capacity,): what a row holds there, a string, a number, ... or nothing
    values   shape (capacity,): the number, 0 or 1 for a boolean, or the code of the string
    codes    the code of each string that ever stood here
    arrays   the rows that hold an array, and the array
    holders  for each element of an array, the rows whose array holds it
    inexact  the rows whose number float64 rounds, and the number
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self._kinds = np.zeros(len(values), np.uint8)
        self._values = np.zeros(len(values), np.float64)
        self._codes: dict[str, int] = {}
        self._arrays: dict[int, list[Any]] = {}
        self._holders: dict[Any, set[int]] = {}
        self._inexact: dict[int, int] = {}
        self.put(range(len(values)), values)

    @property
    def is_stale(self) -> bool:
        """Whether most of the strings that it knows are gone."""
        return len(self._codes) > max(STALE_STRINGS_MIN, STALE_STRINGS * len(self._kinds))

    def put(self, rows: Sequence[int], values: Sequence[Any]) -> None:
        """Set *rows* to *values*, where None stands for no value."""
        if not rows:
            return
        if self._arrays or self._inexact:
            self._forget(rows)
        self._reserve(max(rows) + 1)
        self._kinds[rows] = [ABSENT if value is None else KINDS[type(value)] for value in values]
        self._values[rows] = [self._coded(row, value) for row, value in zip(rows, values, strict=True)]

    def present(self, count: int) -> Mask:
        """The rows, of the first *count*, that have any value."""
        mask: Mask = self._kinds[:count] != ABSENT
        return mask

    def equal_to_any(self, operands: Iterable[Any], count: int) -> Mask:
        """The rows whose value, or one of the elements of whose array, is one of *operands*."""
        mask = np.zeros(count, np.bool_)
        for operand in operands:
            mask |= self._equal_to(operand, count)
        return mask

    def compared(self, compare: Compare, operand: float, count: int) -> Mask:
        """The rows that hold a number for which `compare(number, operand)` is true."""
        numbers, rounded = self._kinds[:count] == NUMBER, to_float64(operand)
        mask: Mask = numbers & compare(self._values[:count], rounded)
        # Rounding keeps order but for what it makes equal.
        if self._inexact or rounded != operand:
            for row in np.flatnonzero(numbers & (self._values[:count] == rounded)).tolist():
                mask[row] = compare(self._inexact.get(row, self._values.item(row)), operand)
        return mask

    def starting_with(self, prefix: str, count: int) -> Mask:
        """The rows that hold a string that begins with *prefix*."""
        begins = np.fromiter((text.startswith(prefix) for text in self._codes), np.bool_, len(self._codes))
        mask: Mask = self._kinds[:count] == STRING
        mask[mask] = begins[self._values[:count][mask].astype(np.intp)]
        return mask

    def _equal_to(self, operand: Any, count: int) -> Mask:  # noqa: ANN401 - a JSON scalar
        kind = KINDS[type(operand)]
        if kind == NUMBER:
            mask = self.compared(lambda value, wanted: value == wanted, operand, count)
        else:
            value = self._codes.get(operand, -1) if kind == STRING else operand
            mask = (self._kinds[:count] == kind) & (self._values[:count] == value)
        if kind != BOOLEAN and (holders := self._holders.get(operand)):
            mask[list(holders)] = True
        return mask

    def _coded(self, row: int, value: Any) -> float:  # noqa: ANN401 - a JSON value
        if isinstance(value, str):
            return self._codes.setdefault(value, len(self._codes))
        if isinstance(value, list):
            self._hold(row, value)
            return 0.0
        if value is None:
            return 0.0
        rounded = to_float64(value)
        if rounded != value:
            self._inexact[row] = value
        return rounded

    def _hold(self, row: int, array: list[Any]) -> None:
        self._arrays[row] = array
        for element in array:
            self._holders.setdefault(element, set()).add(row)

    def _forget(self, rows: Iterable[int]) -> None:
        """Forget what stands outside the two arrays about *rows*."""
        for row in rows:
            self._inexact.pop(row, None)
            for element in self._arrays.pop(row, ()):
                self._let_go(row, element)

    def _let_go(self, row: int, element: Any) -> None:  # noqa: ANN401 - a JSON scalar
        holders = self._holders.get(element, set())  # none where an array repeats an element
        holders.discard(row)
        if not holders:
            self._holders.pop(element, None)

    def _reserve(self, rows: int) -> None:
        if (more := rows - len(self._kinds)) > 0:
            more = max(more, len(self._kinds))
            self._kinds = np.concatenate([self._kinds, np.zeros(more, np.uint8)])
            self._values = np.concatenate([self._values, np.zeros(more)])


class Columns:
    """The columns of a table that filters have asked for, by metadata key."""

    def __init__(self) -> None:
        self._made: dict[str, Column] = {}

    def of(self, name: str, metadata: Sequence[Metadata | None]) -> Column:
        """The column of *name* over all rows of *metadata*."""
        column = self._made.get(name)
        if column is None or column.is_stale:
            column = self._made[name] = Column(values_of(name, metadata))
        return column

    def put(self, rows: Sequence[int], metadata: Sequence[Metadata | None]) -> None:
        """*rows* have new *metadata*."""
        for name, column in self._made.items():
            column.put(rows, values_of(name, metadata))


def values_of(name: str, metadata: Iterable[Metadata | None]) -> list[Any]:
    """What stands under *name*, row by row, None for nothing: metadata holds no null."""
    return [each.get(name) if each else None for each in metadata]


def to_float64(number: float) -> float:
    """The nearest float, infinite for an integer beyond all of them."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
