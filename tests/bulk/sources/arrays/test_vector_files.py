"""fvecs, fbin and their kin: the size must fit, and every vector has the same dimension."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from source_forms import DIMENSION, MATRIX, binary, vecs

from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.sources.formats import detect_format
from vecgate.bulk.sources.source import EmptySource
from vecgate.errors import SourceError

ROW_KEYS = ColumnChoice(row_keys=True)


def test_the_name_decides_where_the_bytes_say_nothing(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """A dimension of 123 is the bracket with which JSON begins."""
    path = tmp_path / "f.fvecs"
    row = np.concatenate([np.array([123], "<i4").view("<f4"), np.arange(123, dtype="<f4")])
    path.write_bytes(np.tile(row, 3).tobytes())
    assert path.read_bytes()[:1] == b"{"
    assert detect_format(path) == "fvecs"
    got = gather(open_source(path, columns=ROW_KEYS), rows=2)
    assert got.vectors == [list(map(float, range(123)))] * 3


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x01\x00", "is truncated: it ends within its first 4 bytes"),
        (bytes(8), "is not fvecs: its vectors would have 0 values"),
        (b"\xff" * 8, "is not fvecs: its vectors would have 4,294,967,295 values"),
        (b"\x02\x00\x00\x00" + bytes(9), "its 13 bytes are no multiple of the 12 of a vector of 2 values"),
        (b"", "is empty"),
    ],
)
def test_a_file_whose_size_does_not_fit_is_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    """Before anything is sent."""
    (tmp_path / "f.fvecs").write_bytes(content)
    with pytest.raises(SourceError, match=problem):
        open_source(tmp_path / "f.fvecs", columns=ROW_KEYS)


def test_a_vector_of_another_dimension_stops_the_reading(tmp_path: Path) -> None:
    """Its row is named; what follows would be read at wrong places."""
    path = tmp_path / "f.fvecs"
    vecs("<f4")(path)
    data = bytearray(path.read_bytes())
    data[3 * (4 + 4 * DIMENSION)] = 7
    path.write_bytes(data)
    with pytest.raises(SourceError, match="row 3 has 7 values, but row 0 has 8"):
        list(open_source(path, columns=ROW_KEYS).blocks())


@pytest.mark.parametrize(("change", "problem"), [(-1, "is truncated"), (1, "is too long")])
def test_the_header_of_fbin_must_fit_the_size(change: int, problem: str, tmp_path: Path) -> None:
    """Both ways: a file that is too long is of another type."""
    path = tmp_path / "f.fbin"
    binary("<f4")(path)
    data = path.read_bytes()
    path.write_bytes(data[:change] if change < 0 else data + b"x")
    with pytest.raises(
        SourceError, match=f"{problem}: it has .* bytes, but its header says 6 vectors of 8 values"
    ):
        open_source(path, columns=ROW_KEYS)


def test_a_file_of_no_vectors_is_empty(tmp_path: Path) -> None:
    """It may be a part of a folder."""
    (tmp_path / "f.fbin").write_bytes(np.array([0, 4], "<u4").tobytes())
    with pytest.raises(EmptySource):
        open_source(tmp_path / "f.fbin", columns=ROW_KEYS)


def test_compressed_vectors_are_refused_with_the_way_out(tmp_path: Path) -> None:
    """Only text is read compressed."""
    import gzip  # noqa: PLC0415 - used here only

    path = tmp_path / "f.fvecs.gz"
    path.write_bytes(gzip.compress(MATRIX.tobytes()))
    with pytest.raises(SourceError, match="is compressed fvecs, which is read uncompressed only") as caught:
        open_source(path)
    assert "gunzip" in caught.value.hint
    (tmp_path / "f.gz").write_bytes(gzip.compress(b"PAR1 and so on"))
    with pytest.raises(SourceError, match="is compressed parquet"):
        open_source(tmp_path / "f.gz")
    (tmp_path / "empty.csv.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(EmptySource):
        open_source(tmp_path / "empty.csv.gz")
