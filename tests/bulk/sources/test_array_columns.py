"""Arrays in memory, numpy's files and HDF5: matrices with columns beside them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vecgate.bulk.sources import ColumnChoice, open_source, source_from_arrays
from vecgate.errors import SourceError

NUMBERED = ColumnChoice(row_keys=True)
SHARED_FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    """Generate a matrix of any numeric type, in C or Fortran order, with values that float32 represents
    exactly.
    """
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 4)))
    dtype = draw(st.sampled_from(["<f2", "<f4", "<f8", ">f4", "<i4", "|u1"]))
    matrix = draw(hnp.arrays(np.uint8, shape)).astype(dtype)
    return np.asfortranarray(matrix) if draw(st.booleans()) else matrix


def _save(path: Path, matrix: np.ndarray[Any, Any], **more: np.ndarray[Any, Any]) -> Path:
    if path.suffix == ".npy":
        np.save(path, matrix)
    elif path.suffix == ".npz":
        np.savez(path, allow_pickle=True, embeddings=matrix, **more)
    else:
        with h5py.File(path, "w") as file:
            file["train"] = matrix
            for name, column in more.items():
                file[name] = column
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".hdf5"])
@given(matrix=matrices(), rows=st.integers(1, 5), first=st.sampled_from([0, 7]))
@SHARED_FIXTURES
def test_matrices_are_read_completely(  # noqa: PLR0917 - given by name
    suffix: str,
    matrix: np.ndarray[Any, Any],
    rows: int,
    first: int,
    tmp_path: Path,
    gather: Callable[..., Any],
) -> None:
    """Any type, order and block size; the row number is the key if the user says so."""
    source = open_source(_save(tmp_path / f"m{suffix}", matrix), columns=NUMBERED)
    got = gather(source, rows=rows, first=first)
    assert got.vectors == matrix.astype(np.float32).tolist()
    assert got.keys == [str(first + i) for i in range(len(matrix))]
    assert (source.total, source.dimension) == matrix.shape


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_arrays_beside_the_matrix_are_keys_and_metadata(
    suffix: str, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """Arrays of the same length are used; NaN is a missing entry; other matrices and lengths are not used."""
    path = _save(
        tmp_path / f"m{suffix}",
        np.eye(3),
        ids=np.array([b"a", b"\xff", b"c"]),
        year=np.array([1, 2, 3], dtype=np.int16),
        score=np.array([0.5, np.nan, np.inf]),
        neighbors=np.ones((3, 2), dtype=np.int32),
        test=np.eye(3)[:1],
        scalar=np.array(5),
        cube=np.ones((3, 1, 1)),
    )
    source = open_source(path)
    got = gather(source)
    assert got.keys == ["a", "ff", "c"]
    assert got.metadata == [{"year": 1, "score": 0.5}, {"year": 2}, {"year": 3, "score": float("inf")}]
    vector = "train" if suffix == ".h5" else "embeddings"
    metadata = "score, year" if suffix == ".h5" else "year, score"
    unused = "cube, scalar, test" if suffix == ".h5" else "test, scalar, cube"
    assert source.describe() == (
        f'key ← "ids", vector ← "{vector}" (3 × float64), metadata ← {metadata}, '
        f"not used: neighbors, {unused}"
    )


def test_dates_and_text_are_converted(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """A date keeps its own precision, and None is a missing entry."""
    days = np.array(["2026-01-02", "NaT"], dtype="datetime64[D]")
    path = _save(
        tmp_path / "m.npz", np.eye(2), day=days, keys=np.array(["ä", "b"]), ok=np.array([True, False])
    )
    got = gather(open_source(path))
    assert got.keys == ["ä", "b"]
    assert got.metadata == [{"day": "2026-01-02", "ok": True}, {"ok": False}]


def test_text_in_hdf5_is_text(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """h5py returns it as bytes."""
    path = tmp_path / "m.hdf5"
    with h5py.File(path, "w") as file:
        file["train"] = np.eye(2, dtype=np.float32)
        file["id"] = ["a", "é"]
        file["group/inner"] = np.eye(2)
        file["nothing"] = h5py.Empty("f")
    assert gather(open_source(path)).keys == ["a", "é"]


def test_a_compressed_archive_can_be_read(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Slices are decompressed one by one."""
    path = tmp_path / "m.npz"
    np.savez_compressed(path, vectors=np.ones((5, 2)), id=np.arange(5))
    assert gather(open_source(path), rows=2).keys == ["0", "1", "2", "3", "4"]


def test_columns_can_be_chosen(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The user's choice takes precedence, also for a matrix as metadata."""
    path = _save(
        tmp_path / "m.npz", np.eye(2), other=np.zeros((2, 1)), a=np.array([1, 2]), b=np.array([3, 4])
    )
    choice = ColumnChoice(key="b", vector="other", metadata=("embeddings", "a"), key_prefix="p")
    got = gather(open_source(path, columns=choice))
    assert (got.keys, got.vectors) == (["p3", "p4"], [[0.0], [0.0]])
    assert got.metadata == [{"embeddings": [1.0, 0.0], "a": 1}, {"embeddings": [0.0, 1.0], "a": 2}]


def test_a_wrong_dimension_rejects_every_row(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """With the service's message."""
    source = open_source(_save(tmp_path / "m.npy", np.eye(2)), columns=NUMBERED)
    assert gather(source, dimension=3).problems == [
        (0, "0", "vector must have length 3, but has length 2"),
        (1, "1", "vector must have length 3, but has length 2"),
    ]
    assert next(source.blocks(dimension=3)).vectors.shape == (0, 3)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".hdf5"])
def test_rows_are_not_numbered_unless_the_user_says_so(suffix: str, tmp_path: Path) -> None:
    """The second file of row numbers would overwrite the first, and both runs would pass."""
    path = _save(tmp_path / f"m{suffix}", np.eye(2))
    with pytest.raises(SourceError, match="is recognised as keys") as caught:
        open_source(path)
    assert "--key-prefix" in caught.value.hint
    assert "--row-keys" in caught.value.hint


@pytest.mark.parametrize("choice", [ColumnChoice(), ColumnChoice(key_prefix="p"), NUMBERED])
def test_row_numbers_do_not_say_what_to_delete(choice: ColumnChoice, tmp_path: Path) -> None:
    """Whatever the options are."""
    path = _save(tmp_path / "outliers.npy", np.eye(2))
    with pytest.raises(SourceError, match="row numbers do not say what to delete"):
        open_source(path, columns=choice, keys_only=True)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_keys_of_another_length_than_the_vectors_are_refused(count: int, tmp_path: Path) -> None:
    """Nobody knows which vector has which key."""
    ids = np.array([f"k{row}" for row in range(count)], dtype="U8")
    path = _save(tmp_path / "m.npz", np.eye(3), ids=ids)
    with pytest.raises(SourceError) as caught:
        open_source(path)
    assert str(caught.value) == f'{path} has {count} keys in "ids", but 3 rows in "embeddings"'
    with pytest.raises(SourceError, match="keys in"):
        open_source(path, columns=ColumnChoice(key="ids"))


def test_metadata_of_another_length_than_the_vectors_are_refused(tmp_path: Path) -> None:
    """Unless they belong to another matrix, or the user chose other ones."""
    path = _save(tmp_path / "m.npz", np.eye(3), year=np.arange(2), test=np.eye(2), test_year=np.arange(2))
    assert "not used: " in open_source(path, columns=replace(NUMBERED, vector="embeddings")).describe()
    path = _save(tmp_path / "m.npz", np.eye(3), year=np.arange(2))
    with pytest.raises(SourceError, match='has 2 values in "year", but 3 rows in "embeddings"'):
        open_source(path, columns=NUMBERED)
    assert open_source(path, columns=replace(NUMBERED, metadata=())).total == 3


def test_keys_and_row_numbers_exclude_each_other(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """With row numbers a column of keys is metadata."""
    path = _save(tmp_path / "m.npz", np.eye(2), ids=np.array(["a", "b"]))
    got = gather(open_source(path, columns=NUMBERED))
    assert (got.keys, got.metadata) == (["0", "1"], [{"ids": "a"}, {"ids": "b"}])
    with pytest.raises(SourceError, match="not both"):
        open_source(path, columns=ColumnChoice(key="ids", row_keys=True))


def test_only_keys_are_read_for_deletes(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """With or without a matrix beside them."""
    path = tmp_path / "m.npz"
    np.savez(path, ids=np.array(["a", "b"]))
    source = open_source(path, keys_only=True)
    assert (source.dimension, source.describe()) == (None, 'key ← "ids"')
    assert gather(source).keys == ["a", "b"]
    both = open_source(_save(tmp_path / "n.npz", np.eye(2), ids=np.array([3, 4])), keys_only=True)
    assert (gather(both).keys, gather(both).vectors) == (["3", "4"], [[], []])


def test_arrays_in_memory_are_a_source(gather: Callable[..., Any]) -> None:
    """Keys and metadata are optional; the fingerprint is that of the values."""
    matrix = np.eye(2)
    source = source_from_arrays(["a", "b"], matrix, [{"x": [1]}, None])
    got = gather(source, rows=1)
    assert (got.keys, got.vectors, got.metadata) == (["a", "b"], matrix.tolist(), [{"x": [1]}, None])
    assert gather(source_from_arrays(None, matrix)).keys == ["0", "1"]
    assert source.is_repeatable
    assert source.fingerprint == source_from_arrays(None, matrix.copy()).fingerprint
    assert source.fingerprint != source_from_arrays(None, matrix * 2).fingerprint


def test_a_missing_key_is_a_reject(gather: Callable[..., Any]) -> None:
    """None is not a key."""
    got = gather(source_from_arrays([None, "b"], np.eye(2)))  # type: ignore[list-item] # the wrong type is the test
    assert got.problems == [(0, "", "key is missing")]


def test_values_beyond_float32_are_infinite(gather: Callable[..., Any]) -> None:
    """Validation rejects them."""
    assert gather(source_from_arrays(None, np.array([[1e300]]))).vectors == [[float("inf")]]


@pytest.mark.parametrize(
    ("keys", "matrix", "message"),
    [
        (["a"], np.eye(2), "the matrix has the shape (2, 2), but there are 1 keys and no metadata"),
        (None, np.ones(3), "the matrix has the shape (3,), but there are no keys and no metadata"),
        (None, np.ones((0, 3)), "arrays holds no records"),
        (None, np.ones((3, 0)), "arrays holds vectors without values: its shape is (3, 0)"),
        (
            None,
            np.array([["a"]]),
            "arrays has neither vectors nor keys",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_an_error(
    keys: list[str] | None, matrix: np.ndarray[Any, Any], message: str
) -> None:
    """The message has the shapes."""
    with pytest.raises(SourceError) as caught:
        source_from_arrays(keys, matrix)
    assert str(caught.value) == message


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_truncated_matrix_is_an_error(order: Any, tmp_path: Path) -> None:
    """It is found before the first row is read."""
    path = tmp_path / "m.npy"
    np.save(path, np.ones((100, 3), order=order))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(SourceError, match=r"is truncated|cannot be read as a numpy file"):
        open_source(path)


def test_an_archive_with_fewer_rows_than_its_header_is_an_error(tmp_path: Path) -> None:
    """It is found before it is read."""
    whole = tmp_path / "m.npy"
    np.save(whole, np.ones((100, 3)))
    path = tmp_path / "m.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vectors.npy", whole.read_bytes()[:-8])
    with pytest.raises(SourceError, match=r"is truncated: 2,392 bytes of values, but its header says 2,400"):
        list(open_source(path, columns=NUMBERED).blocks())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.npy", b"\x93NUMPY\x01\x00", "cannot be read as a numpy file"),
        ("m.npz", b"PK\x03\x04nope", "cannot be read as a numpy file"),
        ("m.hdf5", b"\x89HDF\r\n\x1a\nnope", "cannot be read as HDF5"),
    ],
)
def test_a_damaged_file_is_one_clear_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    """It is never a traceback of the library."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        open_source(path)
    assert "\n" not in str(caught.value)


def test_pickled_objects_are_never_read(tmp_path: Path) -> None:
    """Unpickling runs code."""
    path = tmp_path / "m.npz"
    np.savez(path, vectors=np.eye(2), ids=np.array(["a", "b"], dtype=object))
    with pytest.raises(SourceError, match="has pickled Python objects, which are never read"):
        open_source(path)


def test_no_matrix_is_an_error(tmp_path: Path) -> None:
    """Keys alone can be deleted, not put."""
    path = tmp_path / "m.npz"
    np.savez(path, ids=np.array(["a"]))
    with pytest.raises(SourceError, match="has no column with lists of numbers"):
        open_source(path)


def test_newer_headers_are_understood(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Version 2 of the format has a longer header."""
    path = tmp_path / "m.npy"
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.eye(2), version=(2, 0))
    assert gather(open_source(path, columns=NUMBERED)).vectors == [[1, 0], [0, 1]]


def test_a_missing_h5py_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint has the extra that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    path = tmp_path / "m.hdf5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(SourceError, match="HDF5 files need h5py, which is not installed") as caught:
        open_source(path)
    assert caught.value.hint == "pip install 'vecgate[hdf5]'"
