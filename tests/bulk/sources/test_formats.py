"""A path becomes a source: by content, by name, or one line that says why not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.sources.formats import FORMATS, format_of
from vecgate.errors import SourceError


def parquet(path: Path, *keys: str, column: str = "id") -> Path:
    pq.write_table(pa.table({column: keys, "vector": [[float(len(key))] for key in keys]}), path)
    return path


def test_content_beats_the_name(tmp_path: Path) -> None:
    """A parquet file is one whatever it is called."""
    assert format_of(parquet(tmp_path / "x.jsonl", "a")) == "parquet"
    np.save(tmp_path / "m.npy", np.eye(2))
    (tmp_path / "m.npy").rename(tmp_path / "m")
    assert format_of(tmp_path / "m") == ".npy"


def test_the_name_decides_where_content_says_nothing(tmp_path: Path) -> None:
    """Then the format's own error says what is wrong."""
    path = tmp_path / "x.parquet"
    path.write_bytes(b"not parquet at all")
    with pytest.raises(SourceError, match="cannot be read as parquet"):
        open_source(path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(SourceError, match=r"gone\.parquet: there is no such file"):
        open_source(tmp_path / "gone.parquet")


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    """Whatever its suffix."""
    (tmp_path / "x.jsonl").touch()
    with pytest.raises(SourceError, match=r"x\.jsonl is empty"):
        open_source(str(tmp_path / "x.jsonl"))


def test_unknown_content_is_answered_with_what_is_known(tmp_path: Path) -> None:
    """The formats are listed."""
    (tmp_path / "x.bin").write_bytes(b"\x00\x01\x02")
    with pytest.raises(SourceError, match=r"x\.bin has no format that is understood") as caught:
        open_source(tmp_path / "x.bin")
    assert all(name in caught.value.hint for name in FORMATS)


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the refusal is scripted."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "no")

    path = parquet(tmp_path / "x.parquet", "a")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match=r"x\.parquet: no permission to read it"):
        open_source(path)


def test_a_directory_is_read_in_the_order_of_names(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Positions go on from file to file; files of other programs are passed over."""
    (tmp_path / "day=2").mkdir()
    parquet(tmp_path / "b.parquet", "b1", "b2")
    parquet(tmp_path / "a.parquet", "a1")
    parquet(tmp_path / "day=2" / "part.parquet", "d1")
    for other in ("_SUCCESS", ".a.parquet.crc", "README.txt"):
        (tmp_path / other).write_text("x")
    source = open_source(tmp_path)
    got = gather(source, rows=1, first=10)
    assert got.keys == ["a1", "b1", "b2", "d1"]
    assert got.positions == [10, 11, 12, 13]
    assert (source.total, source.dimension) == (4, 1)
    assert source.is_repeatable
    assert source.is_identified
    assert source.describe().endswith("metadata ← none, in 3 files")


def test_row_numbers_go_on_from_file_to_file(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Else the second file would overwrite the first."""
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", np.eye(2))
    paths: list[str | Path] = [tmp_path / "b.npy", str(tmp_path / "a.npy")]
    assert gather(open_source(paths)).keys == ["0", "1", "2", "3"]


def test_lines_of_unknown_number_have_no_total(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """One part that does not know its total, and the sum is unknown; the first dimension counts for all."""
    (tmp_path / "a.jsonl").write_text('{"id": "a", "vector": null}\n')
    (tmp_path / "b.jsonl").write_text('{"id": "b", "vector": [1, 2]}\n{"id": "c", "vector": [1]}\n')
    source = open_source(tmp_path)
    assert (source.total, source.dimension) == (None, 2)
    assert gather(source).problems == [
        (0, "a", "vector is missing"),
        (2, "c", "vector must have length 2, but has length 1"),
    ]


def test_several_formats_are_refused(tmp_path: Path) -> None:
    """With an example of each."""
    parquet(tmp_path / "a.parquet", "a")
    (tmp_path / "b.jsonl").write_text("{}")
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds files of several formats: "
        f"parquet in {tmp_path}/a.parquet, JSON lines in {tmp_path}/b.jsonl"
    )


def test_a_directory_without_files_is_refused(tmp_path: Path) -> None:
    """Nothing to put is not a success."""
    with pytest.raises(SourceError, match="is a directory without files of a format that is understood"):
        open_source(tmp_path)


def test_no_path_is_refused() -> None:
    """An empty list is a mistake."""
    with pytest.raises(SourceError, match="no file was given"):
        open_source([])


def test_a_wrong_column_lists_the_columns(tmp_path: Path) -> None:
    """The way out stands in the hint."""
    with pytest.raises(SourceError, match='has no column "ident"') as caught:
        open_source(parquet(tmp_path / "a.parquet", "a"), columns=ColumnChoice(key="ident"))
    assert caught.value.hint == 'It has "id", "vector".'


def test_a_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    """Neither path nor time matter; one byte does."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "v": [1]}')
    before = open_source(path).fingerprint
    os.utime(path, (1, 1))
    moved = path.rename(tmp_path / "b.jsonl")
    assert open_source(moved).fingerprint == before
    moved.write_text('{"id": 2, "v": [1]}')
    assert open_source(moved).fingerprint != before
    large = tmp_path / "c.jsonl"
    large.write_text('{"id": 1, "v": [1]}\n' * 20_000)
    whole = open_source(large).fingerprint
    large.write_text('{"id": 1, "v": [1]}\n' * 20_000 + " ")
    assert open_source([large, moved]).fingerprint != whole != open_source(large).fingerprint


def test_pyarrow_is_imported_on_use() -> None:
    """It takes a while, and JSON lines need none of it."""
    code = "import sys, vecgate.bulk.sources; sys.exit('pyarrow' in sys.modules or 'h5py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
