"""The argument of `put` and `delete` as a source: whatever a user has at hand, or one sentence that says how
to pass it.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterable, Iterable, KeysView, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, TypeAlias, cast
from uuid import UUID

import numpy as np

from vecgate.bulk.core.argument_types import check_instance, described
from vecgate.bulk.sources.array_columns import MATRIX_AXES, source_from_arrays
from vecgate.bulk.sources.column_mapping import GUESS, ColumnChoice
from vecgate.bulk.sources.formats import open_source
from vecgate.bulk.sources.in_memory.arrays import as_array, is_array
from vecgate.bulk.sources.iterables import source_from_records
from vecgate.bulk.sources.source import Source
from vecgate.errors import SourceError
from vecgate.extras import import_extra
from vecgate.s3vectors.metadata import Metadata

#: A path or several, a data frame, an Arrow table, a matrix, an iterable of records, or a source.
SourceArgument: TypeAlias = Any

_KEY_TYPES = (str, bytes, int, np.integer, UUID)
_ARROW = ("__arrow_c_stream__", "__arrow_c_array__")


def as_source(
    argument: SourceArgument,
    *,
    columns: ColumnChoice | None = None,
    keys: Sequence[str] | None = None,
    metadata: Sequence[Metadata | None] | None = None,
    keys_only: bool = False,
) -> Source:
    """Return *argument* of `put` or `delete` as a source.

    columns         the use of its columns; None recognises them
    keys, metadata  of the rows of a matrix

    Raises SourceError, in one sentence and with the way out, for anything else.
    """
    check_instance("columns", columns, ColumnChoice, optional=True)
    if keys is not None or metadata is not None:
        return _matrix_source(argument, keys, metadata, columns)
    if isinstance(argument, Source):
        _check_no_columns(argument.name, columns)
        return argument
    columns = columns or GUESS
    if isinstance(argument, str | os.PathLike):
        return _file(os.fspath(argument), columns, keys_only=keys_only)
    argument = _scanned(argument)
    if any(hasattr(argument, name) for name in _ARROW):
        return _frame_source(argument, columns, keys_only=keys_only)
    if is_array(argument) and (not keys_only or getattr(argument, "ndim", 1) != 1):
        raise SourceError(
            "a matrix has no keys of its own",
            hint="Pass them, one for each row: put(matrix, keys=ids, metadata=entries).",
        )
    if problem := _problem(argument):
        raise SourceError(f"the records are {described(argument)}", hint=problem)
    if not keys_only and isinstance(argument, list | tuple) and argument and _are_paths(argument):
        return open_source([os.fspath(path) for path in argument], columns=columns)
    return source_from_records(argument, columns=columns, keys_only=keys_only)


def _file(path: str | bytes, columns: ColumnChoice, *, keys_only: bool) -> Source:
    name = os.fsdecode(path)
    if keys_only and not (name == "-" or "://" in name or Path(name).exists()):
        raise SourceError(f"there is no file {name}", hint="Give keys as a list, such as ['a', 'b'].")
    return open_source(name, columns=columns, keys_only=keys_only)


def _matrix_source(
    argument: SourceArgument,
    keys: Sequence[str] | None,
    metadata: Sequence[Metadata | None] | None,
    columns: ColumnChoice | None,
) -> Source:
    if keys is None:
        raise SourceError("metadata= belongs to a matrix with keys=", hint="Pass keys=, one for each row.")
    if not (is_array(argument) or isinstance(argument, list | tuple)):
        raise SourceError(
            f"keys= belongs to a matrix, but the vectors are {described(argument)}",
            hint="Leave out keys=: records and tables have their own.",
        )
    _check_no_columns("a matrix", columns)
    try:
        matrix = as_array(argument)
    except ValueError as error:
        raise SourceError(
            f"the vectors are no matrix: {error}", hint="Each row must be a list of equally many numbers."
        ) from error
    if matrix.ndim != MATRIX_AXES or matrix.dtype.kind not in "fiu":
        raise SourceError(
            f"the vectors are an array of {matrix.ndim} axes and type {matrix.dtype}, not a matrix of "
            "numbers",
            hint="Its shape must be (number of keys, dimension).",
        )
    return source_from_arrays(_keys(keys), matrix, _listed(metadata, "metadata"))


def _keys(values: Any) -> list[Any]:  # noqa: ANN401 - see `_listed`
    keys = _listed(values, "keys") or []
    for row, key in enumerate(keys):
        # A float is not the number of a row or a document: 1.0 would be another key than 1. Null is a reject.
        if key is not None and (isinstance(key, bool) or not isinstance(key, _KEY_TYPES)):
            raise SourceError(
                f"keys= has {described(key)} in row {row:,}", hint="Keys are text, integers or UUIDs."
            )
    return keys


def _listed(values: Any, name: str) -> list[Any] | None:  # noqa: ANN401 - a list, an array or a column
    if values is None or isinstance(values, list):
        return values
    # The keys of a dict are in order, those of a set are not.
    is_unordered = isinstance(values, AbstractSet) and not isinstance(values, KeysView)
    if isinstance(values, str | bytes | Mapping) or is_unordered or not isinstance(values, Iterable):
        raise SourceError(
            f"{name}= is {described(values)}", hint="It must be a list, with one entry for each row."
        )
    if any(hasattr(values, each) for each in _ARROW):
        return cast("list[Any]", _frames(f"{name}=").column_values(values))
    try:
        return list(as_array(values).tolist() if is_array(values) else values)
    except ValueError as error:
        raise SourceError(f"{name}= cannot be read: {error}", hint="It must be a list.") from error


def _frame_source(frame: SourceArgument, columns: ColumnChoice, *, keys_only: bool) -> Source:
    frames = _frames("a table")
    if not frames.is_column(frame):
        return cast("Source", frames.source_from_frame(frame, columns=columns, keys_only=keys_only))
    if keys_only:
        return source_from_records(frames.column_values(frame), columns=columns, keys_only=True)
    raise SourceError(
        f"{frames.frame_name(frame)} is one column", hint="Pass the table, with its keys and its vectors."
    )


def _frames(use: str) -> Any:  # noqa: ANN401 - a module
    # Imported on use: pyarrow is slow to import, and not in the core.
    return import_extra("vecgate.bulk.sources.in_memory.frames", use, error=SourceError)


def _scanned(argument: SourceArgument) -> SourceArgument:
    """Return a dataset of Arrow as a stream."""
    if hasattr(argument, _ARROW[0]):
        return argument
    scanner = getattr(argument, "scanner", None)
    to_reader = getattr(scanner() if callable(scanner) else argument, "to_reader", None)
    return to_reader() if callable(to_reader) else argument


def _check_no_columns(name: str, columns: ColumnChoice | None) -> None:
    if columns is not None:
        raise SourceError(
            f"columns= does not apply to {name}", hint="Choose the columns where the source is opened."
        )


def _are_paths(values: Sequence[object]) -> bool:
    return all(isinstance(value, str | os.PathLike) for value in values)


def _problem(argument: SourceArgument) -> str:
    """Return how to pass *argument*, empty if it is an iterable of records."""
    is_iterable = isinstance(argument, Iterable)
    hints = (
        (isinstance(argument, AsyncIterable), "Use `await writer.put_async(records)` or `delete_async`."),
        (inspect.isroutine(argument) or inspect.isclass(argument), "Call it, and pass its result."),
        (inspect.iscoroutine(argument), "Await it, and pass its result."),
        (_has(argument, "collect"), "Run the query first: pass frame.collect()."),
        (isinstance(argument, Mapping), "Pass a list of records, or the columns: pyarrow.table(columns)."),
        (_has(argument, "readline"), "Pass its path."),
        (_has(argument, "execute") and not is_iterable, "Pass the result of a query, as a table or as rows."),
        (
            isinstance(argument, bytes | bytearray) or not is_iterable,
            "Give a path, a data frame, or a list such as [{'key': 'a', 'vector': [0.1, 0.2]}].",
        ),
    )
    return next((hint for applies, hint in hints if applies), "")


def _has(argument: object, method: str) -> bool:
    return callable(getattr(argument, method, None))
