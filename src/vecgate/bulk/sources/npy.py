"""numpy's own files: one matrix (.npy), or an archive of arrays (.npz).

They are read front to back, a slice at a time; a memory map would count as memory of this process. An array
in Fortran order has no rows to read one after another and is loaded whole. Pickled objects are never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy_format

from vecgate.bulk.sources.arrays import AnyArray, ArraysSource, Columns, arrays_source
from vecgate.bulk.sources.columns import ColumnChoice
from vecgate.bulk.sources.source import fingerprint_of, reading
from vecgate.errors import SourceError

WHAT = "a numpy file"
NPY_COLUMN = "vector"
_SUFFIX = ".npy"
_VERSION_1 = (1, 0)


@dataclass(frozen=True, slots=True)
class NpyColumn:
    """An array that is read front to back from an open file.

    whole  the array itself where it cannot be read in slices
    """

    name: str
    file: IO[bytes]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    whole: AnyArray | None = None

    def __getitem__(self, rows: slice) -> AnyArray:
        """The next rows, which those of the slice must be."""
        if self.whole is not None:
            return self.whole[rows]
        count = int(rows.stop) - int(rows.start)
        shape = (count, *self.shape[1:])
        wanted = prod(shape) * self.dtype.itemsize
        with reading(self.name, WHAT):
            data = self.file.read(wanted)
        if len(data) < wanted:
            raise SourceError(
                f"{self.name} is cut short: it ends before row {rows.stop:,} of {self.shape[0]:,}",
                hint="Write or copy it again.",
            )
        return np.frombuffer(data, dtype=self.dtype).reshape(shape)


def open_npy(path: Path, *, columns: ColumnChoice, keys_only: bool) -> ArraysSource:
    """The rows of a matrix. Raises SourceError where the file is none, or is cut short."""
    name = str(path)

    @contextmanager
    def opened() -> Iterator[Columns]:
        with reading(name, WHAT):
            file = path.open("rb")
        with file:
            yield {NPY_COLUMN: _column(name, file)}

    _check_length(path)
    return _source(path, name, opened, columns, keys_only=keys_only)


def open_npz(path: Path, *, columns: ColumnChoice, keys_only: bool) -> ArraysSource:
    """The arrays of an archive. Raises SourceError where the file is none, or its arrays do not fit."""
    name = str(path)

    @contextmanager
    def opened() -> Iterator[Columns]:
        with ExitStack() as stack:
            with reading(name, WHAT):
                archive = stack.enter_context(ZipFile(path))
                members = [member for member in archive.namelist() if member.endswith(_SUFFIX)]
                files = [stack.enter_context(archive.open(member)) for member in members]
            yield {
                member.removesuffix(_SUFFIX): _column(f"{member} in {name}", file)
                for member, file in zip(members, files, strict=True)
            }

    return _source(path, name, opened, columns, keys_only=keys_only)


def _source(path: Path, name: str, opened: Any, choice: ColumnChoice, *, keys_only: bool) -> ArraysSource:  # noqa: ANN401 - a context manager factory
    return arrays_source(name, opened, fingerprint=fingerprint_of(path), choice=choice, keys_only=keys_only)


def _column(name: str, file: IO[bytes]) -> NpyColumn:
    with reading(name, WHAT):
        version = npy_format.read_magic(file)
        read = npy_format.read_array_header_1_0 if version == _VERSION_1 else npy_format.read_array_header_2_0
        shape, is_fortran, dtype = read(file)
    if dtype.hasobject:
        raise SourceError(
            f"{name} holds pickled Python objects, which are not read",
            hint="Save text as text: np.asarray(keys, dtype=str).",
        )
    if is_fortran and len(shape) > 1:
        with reading(name, WHAT):
            data = file.read(prod(shape) * dtype.itemsize)
            whole = np.frombuffer(data, dtype=dtype).reshape(shape, order="F")
        return NpyColumn(name, file, shape, dtype, whole)
    return NpyColumn(name, file, shape, dtype)


def _check_length(path: Path) -> None:
    with path.open("rb") as file:
        column = _column(str(path), file)
        have, wanted = path.stat().st_size, prod(column.shape) * column.dtype.itemsize
        have -= file.tell() if column.whole is None else have - wanted
    if have < wanted:
        raise SourceError(
            f"{path} is cut short: {have:,} bytes of values, but its header says {wanted:,}",
            hint="Write or copy it again.",
        )
