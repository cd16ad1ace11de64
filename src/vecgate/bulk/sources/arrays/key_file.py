"""Keys from a file of their own, for vectors from a file without keys: one key for each vector, in order.

The file is text with one key on each line, plain or compressed, a JSON list of texts or integers, or a .npy
array of either. Lines are read as they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson

from vecgate.bulk.sources.array_columns import AnyArray, ArraySource, Columns
from vecgate.bulk.sources.column_mapping import ColumnChoice, ColumnKind
from vecgate.bulk.sources.compression import decompress
from vecgate.bulk.sources.documents.text_lines import LINE_BYTES_MAX
from vecgate.bulk.sources.source import FileSource, FileState, file_fingerprint, source_errors
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import MIB

FORMAT_NAME = "a file of keys"
#: The list is parsed whole.
LIST_BYTES_MAX = 256 * MIB
_NPY_MAGIC = b"\x93NUMPY"
_BOM = b"\xef\xbb\xbf"
_TEXT_KINDS = "UT"
_INTEGER_KINDS = "iu"


class _KeyColumn:
    """Keys that are read front to back."""

    dtype = np.dtype(object)

    def __init__(self, path: Path, keys: Iterator[str], count: int) -> None:
        self._path, self._keys, self.shape = path, keys, (count,)

    def __getitem__(self, rows: slice, /) -> AnyArray:
        keys = list(islice(self._keys, int(rows.stop) - int(rows.start)))
        if len(keys) < int(rows.stop) - int(rows.start):
            raise SourceError(f"{self._path} has changed while it was read")
        column = np.empty(len(keys), dtype=object)
        column[:] = keys
        return column


def with_key_file(source: FileSource, path: Path, choice: ColumnChoice) -> ArraySource:
    """Return *source* with the keys in *path*. Raises SourceError if they are more or fewer than its vectors,
    or *source* has keys of its own.
    """
    if (
        not isinstance(source, ArraySource)
        or source.layout.others
        or source.layout.used != [source.layout.vector]
    ):
        raise SourceError(
            f"{source.name} has columns of its own, so it takes no keys from {path}",
            hint="A file of keys is for .npy, fvecs, fbin and their kin; choose a column with --key-column.",
        )
    state = FileState.of(path)
    read = _reader(path)
    with source_errors(str(path), FORMAT_NAME):
        count = sum(1 for _ in read())
        fingerprint = file_fingerprint(path)
    if count != source.total:
        raise SourceError(f"{path} has {count:,} keys, but {source.name} has {source.total:,} vectors")
    column = path.name

    @contextmanager
    def opened() -> Iterator[Columns]:
        with source.open_columns() as columns:
            yield {**columns, column: _KeyColumn(path, read(), count)}

    layout = replace(source.layout, key=column, key_kind=ColumnKind.TEXT, key_prefix=choice.key_prefix or "")
    fingerprint = f"{source.fingerprint}\n{fingerprint}"
    files = (*source.files, state)
    return replace(source, layout=layout, open_columns=opened, fingerprint=fingerprint, files=files)


def _reader(path: Path) -> Callable[[], Iterator[str]]:
    """Return a function that starts a new reading of the keys."""
    with source_errors(str(path), FORMAT_NAME), path.open("rb") as file:
        head = file.read(len(_NPY_MAGIC))
        file.seek(0)
        if head == _NPY_MAGIC:
            keys = _texts(path, np.load(file, allow_pickle=False))
            return lambda: iter(keys)
        first = decompress(file).read(64).removeprefix(_BOM).lstrip()
    if first.startswith(b"["):
        found = _list_of(path)
        return lambda: iter(found)
    return lambda: _lines(path)


def _texts(path: Path, values: Any) -> Sequence[str]:  # noqa: ANN401 - what np.load returns
    if getattr(values, "ndim", 0) != 1 or values.dtype.kind not in _TEXT_KINDS + _INTEGER_KINDS:
        raise SourceError(f"{path} has no keys: it must be one row of texts or integers")
    return [str(value) for value in values.tolist()]


def _list_of(path: Path) -> Sequence[str]:
    with source_errors(str(path), FORMAT_NAME), path.open("rb") as file:
        text = decompress(file).read(LIST_BYTES_MAX + 1)
        if len(text) > LIST_BYTES_MAX:
            raise SourceError(
                f"{path} is one list of more than {LIST_BYTES_MAX:,} bytes",
                hint="Write one key on each line: lines are read as they are needed.",
            )
        values = orjson.loads(text.removeprefix(_BOM))
    if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in values):
        raise SourceError(f"{path} has no keys: it must be one list of texts or integers")
    return [str(value) for value in values]


def _lines(path: Path) -> Iterator[str]:
    with source_errors(str(path), FORMAT_NAME), path.open("rb") as file:
        lines: BinaryIO = decompress(file)
        for number, line in enumerate(iter(partial(lines.readline, LINE_BYTES_MAX), b""), 1):
            if len(line) >= LINE_BYTES_MAX:
                raise SourceError(f"line {number:,} of {path} has more than {LINE_BYTES_MAX:,} bytes")
            key = (line.removeprefix(_BOM) if number == 1 else line).rstrip(b"\r\n").decode()
            if not key:
                raise SourceError(f"{path}: line {number:,} is empty, but must be a key")
            yield key
