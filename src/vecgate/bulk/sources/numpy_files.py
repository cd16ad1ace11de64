"""numpy's own files: one matrix (.npy), or an archive of arrays (.npz).

Files are read front to back, a slice at a time; a memory map would count as memory of this process. An array
in Fortran order does not store rows one after another and is loaded whole, up to 768 MiB. Pickled objects are
never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import IO, Any
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy_format

from vecgate.bulk.sources.array_columns import AnyArray, ArraySource, Columns, build_array_source
from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.remote_files import SourceFile
from vecgate.bulk.sources.source import file_bytes, file_fingerprint, source_errors
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import MIB

FORMAT_NAME = "a numpy file"
NPY_COLUMN = "vector"
_SUFFIX = ".npy"
_VERSION_1 = (1, 0)
_WHOLE_BYTES_MAX = 768 * MIB
#: numpy parses no longer header, but reads it.
_HEADER_BYTES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class NpyColumn:
    """An array that is read front to back from an open file.

    whole  the array itself if it cannot be read in slices
    """

    name: str
    file: IO[bytes]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    whole: AnyArray | None = None

    def __getitem__(self, rows: slice) -> AnyArray:
        """Read the next rows of the file. *rows* must start where the last slice ended."""
        if self.whole is not None:
            return self.whole[rows]
        count = int(rows.stop) - int(rows.start)
        shape = (count, *self.shape[1:])
        expected_bytes = prod(shape) * self.dtype.itemsize
        with source_errors(self.name, FORMAT_NAME):
            data = self.file.read(expected_bytes)
        if len(data) < expected_bytes:
            raise SourceError(
                f"{self.name} is truncated: it ends before row {rows.stop:,} of {self.shape[0]:,}",
                hint="Write or copy it again.",
            )
        return np.frombuffer(data, dtype=self.dtype).reshape(shape)


def open_npy(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> ArraySource:
    """Open a .npy file. Raises SourceError if it is not a matrix, or is truncated."""
    name = str(path)

    @contextmanager
    def opened() -> Iterator[Columns]:
        with source_errors(name, FORMAT_NAME):
            file = path.open("rb")
        with file:
            yield {NPY_COLUMN: _column(name, file)}

    _check_length(path)
    return _source(path, name, opened, columns, keys_only=keys_only)


def open_npz(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> ArraySource:
    """Open a .npz archive. Raises SourceError if it is not one, or its arrays do not fit together."""
    name = str(path)

    @contextmanager
    def opened() -> Iterator[Columns]:
        with ExitStack() as stack:
            with source_errors(name, FORMAT_NAME):
                archive = stack.enter_context(ZipFile(stack.enter_context(path.open("rb"))))
                members = [member for member in archive.namelist() if member.endswith(_SUFFIX)]
                files = [stack.enter_context(archive.open(member)) for member in members]
                sizes = [archive.getinfo(member).file_size for member in members]
            yield {
                member.removesuffix(_SUFFIX): _column(f"{member} in {name}", file, size)
                for member, file, size in zip(members, files, sizes, strict=True)
            }

    return _source(path, name, opened, columns, keys_only=keys_only)


def _source(
    path: SourceFile,
    name: str,
    opened: Callable[[], AbstractContextManager[Columns]],
    choice: ColumnChoice,
    *,
    keys_only: bool,
) -> ArraySource:
    return build_array_source(
        name, opened, fingerprint=file_fingerprint(path), choice=choice, keys_only=keys_only
    )


def _column(name: str, file: IO[bytes], size: int | None = None) -> NpyColumn:
    """Return the array in *file*, which has *size* bytes if that is known."""
    with source_errors(name, FORMAT_NAME):
        version = npy_format.read_magic(file)
        is_first = version == _VERSION_1
        length = file.read(2 if is_first else 4)
        if (header_bytes := int.from_bytes(length, "little")) > _HEADER_BYTES_MAX:
            raise SourceError(f"{name} has a header of {header_bytes:,} bytes, which no array needs")
        read = npy_format.read_array_header_1_0 if is_first else npy_format.read_array_header_2_0
        shape, is_fortran, dtype = read(BytesIO(length + file.read(header_bytes)))
    if min(shape, default=0) < 0 or not dtype.itemsize:
        raise SourceError(f"{name} is damaged: its header says values of {dtype} in the shape {shape}")
    if dtype.hasobject:
        raise SourceError(
            f"{name} has pickled Python objects, which are never read",
            hint="Save text as text: np.asarray(keys, dtype=str).",
        )
    if size is not None:
        _check_size(name, size - file.tell(), shape, dtype)
    if is_fortran and len(shape) > 1:
        if (whole_bytes := prod(shape) * dtype.itemsize) > _WHOLE_BYTES_MAX:
            raise SourceError(
                f"{name} is in Fortran order, so all its {whole_bytes:,} bytes would have to be in memory",
                hint="Save it in C order: np.save(path, np.ascontiguousarray(vectors)).",
            )
        with source_errors(name, FORMAT_NAME):
            data = file.read(prod(shape) * dtype.itemsize)
            whole = np.frombuffer(data, dtype=dtype).reshape(shape, order="F")
        return NpyColumn(name, file, shape, dtype, whole)
    return NpyColumn(name, file, shape, dtype)


def _check_length(path: SourceFile) -> None:
    with path.open("rb") as file:
        _column(str(path), file, file_bytes(path))


def _check_size(name: str, size: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise SourceError if an array of *size* bytes is shorter or longer than its shape."""
    expected = prod(shape) * dtype.itemsize
    if size > expected:
        raise SourceError(
            f"{name} is too long: {size:,} bytes of values, but its header says {expected:,}",
            hint="Write each array to its own file.",
        )
    if size < expected:
        raise SourceError(
            f"{name} is truncated: {size:,} bytes of values, but its header says {expected:,}",
            hint="Write or copy it again.",
        )
