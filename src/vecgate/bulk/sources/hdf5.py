"""HDF5 files as ann-benchmarks lays them out: vectors in the dataset `train`, others beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from vecgate.bulk.sources.arrays import ArraysSource, Columns, arrays_source
from vecgate.bulk.sources.columns import ColumnChoice
from vecgate.bulk.sources.source import fingerprint_of, reading
from vecgate.errors import SourceError

WHAT = "HDF5"


def open_hdf5(path: Path, *, columns: ColumnChoice, keys_only: bool) -> ArraysSource:
    """The datasets at the root of an HDF5 file. Raises SourceError where it is none, or h5py is missing."""
    h5py = _h5py()
    name = str(path)

    @contextmanager
    def opened() -> Iterator[Columns]:
        with reading(name, WHAT):
            file = h5py.File(path, "r")
        with file:
            yield {key: _Dataset(name, data) for key, data in file.items() if isinstance(data, h5py.Dataset)}

    return arrays_source(name, opened, fingerprint=fingerprint_of(path), choice=columns, keys_only=keys_only)


class _Dataset:
    """A dataset whose read errors name the file."""

    __slots__ = ("_data", "_name", "dtype", "shape")

    def __init__(self, name: str, data: Any) -> None:  # noqa: ANN401 - h5py ships no types
        self._name, self._data = name, data
        self.shape, self.dtype = data.shape or (), data.dtype

    def __getitem__(self, rows: slice) -> Any:  # noqa: ANN401
        with reading(self._name, WHAT):
            return self._data[rows]


def _h5py() -> Any:  # noqa: ANN401
    try:
        return import_module("h5py")
    except ImportError:
        raise SourceError(
            "HDF5 files need h5py, which is not installed",
            hint="pip install 'vecgate[hdf5]'",
        ) from None
