"""HDF5 files in the layout of ann-benchmarks: vectors in the dataset `train`, beside other datasets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from math import prod
from typing import Any

from vecgate.bulk.sources.array_columns import ArraySource, Columns, build_array_source
from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.remote_files import RemoteFile, SourceFile
from vecgate.bulk.sources.source import file_fingerprint, source_errors
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import MIB

FORMAT_NAME = "HDF5"
#: A chunk is decompressed whole.
CHUNK_BYTES_MAX = 256 * MIB


def open_hdf5(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> ArraySource:
    """Open the datasets at the root of an HDF5 file. Raises SourceError if that fails."""
    h5py = _h5py()
    name = str(path)

    @contextmanager
    def opened() -> Iterator[Columns]:
        with _errors(name):
            file = h5py.File(path.open("rb") if isinstance(path, RemoteFile) else path, "r")
        with file:
            with _errors(name):
                members = [(key, data) for key, data in file.items() if isinstance(data, h5py.Dataset)]
                columns = {
                    key: _Dataset(name, data, is_linked=data.file.filename != file.filename)
                    for key, data in members
                }
            yield columns

    return build_array_source(
        name, opened, fingerprint=file_fingerprint(path), choice=columns, keys_only=keys_only
    )


def read_dataset(path: str, name: str, count: int) -> Any:  # noqa: ANN401 - h5py ships no types
    """Return the first *count* rows of the dataset *name* in the file at *path*. Raises SourceError."""
    h5py = _h5py()
    with _errors(path), h5py.File(path, "r") as file:
        if not isinstance(file.get(name), h5py.Dataset):
            raise SourceError(f"{path} has no dataset {name!r}; it has {', '.join(file) or 'none'}")
        return file[name][:count]


def read_attribute(path: str, name: str) -> str:
    """Return the text of the attribute *name* of the file at *path*, or an empty text. Raises SourceError."""
    h5py = _h5py()
    with _errors(path), h5py.File(path, "r") as file:
        value = file.attrs.get(name, "")
        return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@contextmanager
def _errors(name: str) -> Iterator[None]:
    """Turn any error while the file is read into a SourceError, also those of libhdf5 for damage."""
    with source_errors(name, FORMAT_NAME):
        try:
            yield
        except RuntimeError as error:
            raise OSError(str(error)) from None


class _Dataset:
    """A dataset whose read errors name the file."""

    __slots__ = ("_data", "_is_linked", "_name", "dtype", "shape")

    def __init__(self, name: str, data: Any, *, is_linked: bool) -> None:  # noqa: ANN401 - h5py ships no types
        self._name, self._data, self._is_linked = name, data, is_linked
        self.shape, self.dtype = data.shape or (), data.dtype

    def __getitem__(self, rows: slice) -> Any:  # noqa: ANN401
        with _errors(self._name):
            if rows.start == 0:
                self._check_storage()
            return self._data[rows]

    def _check_storage(self) -> None:
        """Raise SourceError if a chunk is too large, or values were never written: they read as zeros."""
        data, label = self._data, f'the dataset "{self._data.name.lstrip("/")}" of {self._name}'
        if not data.size:
            return
        if data.is_virtual or data.external or self._is_linked:
            raise SourceError(
                f"{label} has its values in other files",
                hint="One that is missing would be read as zeros. Copy the values into one file.",
            )
        if not data.chunks:
            if not data.id.get_storage_size():
                raise SourceError(f"{label} was declared, but never written", hint="Write it again.")
            return
        if (chunk_bytes := prod(data.chunks) * data.dtype.itemsize) > CHUNK_BYTES_MAX:
            raise SourceError(
                f"{label} has chunks of {chunk_bytes:,} bytes; at most {CHUNK_BYTES_MAX:,} are read",
                hint="Write it again with chunks of some MiB.",
            )
        chunks = prod(-(-size // chunk) for size, chunk in zip(data.shape, data.chunks, strict=True))
        if (written := data.id.get_num_chunks()) < chunks:
            raise SourceError(
                f"{label} is incomplete: {written:,} of its {chunks:,} chunks were written",
                hint="The others would be read as zeros. Write it again.",
            )


def _h5py() -> Any:  # noqa: ANN401
    try:
        return import_module("h5py")
    except ImportError:
        raise SourceError(
            "HDF5 files need h5py, which is not installed",
            hint="pip install 'vecgate[hdf5]'",
        ) from None
