"""A path becomes a source, by content or by name, or one line says why not."""

from __future__ import annotations

import bz2
import gzip
import lzma
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
from vecgate.bulk.sources.formats import FORMATS, detect_format
from vecgate.errors import SourceError


def parquet(path: Path, *keys: str, column: str = "id") -> Path:
    pq.write_table(pa.table({column: keys, "vector": [[float(len(key))] for key in keys]}), path)
    return path


def test_content_takes_precedence_over_the_name(tmp_path: Path) -> None:
    """A parquet file is recognised under any name."""
    assert detect_format(parquet(tmp_path / "x.jsonl", "a")) == "parquet"
    np.save(tmp_path / "m.npy", np.eye(2))
    (tmp_path / "m.npy").rename(tmp_path / "m")
    assert detect_format(tmp_path / "m") == ".npy"


def test_the_name_decides_if_the_content_does_not(tmp_path: Path) -> None:
    """The error of that format then says what is wrong."""
    path = tmp_path / "x.parquet"
    path.write_bytes(b"not parquet at all")
    with pytest.raises(SourceError, match="cannot be read as parquet"):
        open_source(path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(SourceError, match=r"gone\.parquet: there is no such file"):
        open_source(tmp_path / "gone.parquet")


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    """With any suffix."""
    (tmp_path / "x.jsonl").touch()
    with pytest.raises(SourceError, match=r"x\.jsonl is empty"):
        open_source(str(tmp_path / "x.jsonl"))


def test_unknown_content_lists_the_supported_formats(tmp_path: Path) -> None:
    """In the hint."""
    (tmp_path / "x.bin").write_bytes(b"\x00\x01\x02")
    with pytest.raises(SourceError, match=r"the format of .*x\.bin is unknown") as caught:
        open_source(tmp_path / "x.bin")
    assert all(name in caught.value.hint for name in FORMATS)


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the error is scripted."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "no")

    path = parquet(tmp_path / "x.parquet", "a")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match=r"x\.parquet: no permission to read it"):
        open_source(path)


def test_a_directory_is_read_in_the_order_of_names(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Positions continue from file to file; files that are no data by their names are skipped."""
    (tmp_path / "day").mkdir()
    parquet(tmp_path / "b.parquet", "b1", "b2")
    parquet(tmp_path / "a.parquet", "a1")
    parquet(tmp_path / "day" / "part.parquet", "d1")
    for other in ("_SUCCESS", ".a.parquet.crc"):
        (tmp_path / other).write_text("x")
    source = open_source(tmp_path)
    got = gather(source, rows=1, first=10)
    assert got.keys == ["a1", "b1", "b2", "d1"]
    assert source.notes == ("skipped by name: .a.parquet.crc, _SUCCESS",)
    assert got.positions == [10, 11, 12, 13]
    assert (source.total, source.dimension) == (4, 1)
    assert source.is_repeatable
    assert source.is_identified
    assert source.describe().endswith("metadata ← none, in 3 files")


@pytest.mark.parametrize("name", ["a.jsonl.rejected.jsonl", "a.jsonl.set-aside.jsonl"])
def test_a_directory_skips_rejects_files(tmp_path: Path, name: str, gather: Callable[..., Any]) -> None:
    """Also those of earlier versions, which had another name; either can be put by its path."""
    line = '{{"key": "{}", "vector": [1.0], "position": 3, "problem": "p"}}\n'
    (tmp_path / "a.jsonl").write_text(line.format("good"))
    (tmp_path / name).write_text(line.format("rejected"))
    assert gather(open_source(tmp_path)).keys == ["good"]
    assert gather(open_source(tmp_path / name)).keys == ["rejected"]


def test_row_numbers_continue_from_file_to_file(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Otherwise the second file would overwrite the first."""
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", np.eye(2))
    paths: list[str | Path] = [tmp_path / "b.npy", str(tmp_path / "a.npy")]
    assert gather(open_source(paths, columns=ColumnChoice(row_keys=True))).keys == ["0", "1", "2", "3"]


def test_a_part_without_a_total_leaves_the_total_unknown(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The first dimension applies to all parts."""
    (tmp_path / "a.jsonl").write_text('{"id": "a", "vector": null}\n')
    (tmp_path / "b.jsonl").write_text('{"id": "b", "vector": [1, 2]}\n{"id": "c", "vector": [1]}\n')
    source = open_source(tmp_path)
    assert (source.total, source.dimension) == (None, 2)
    assert gather(source).problems == [
        (0, "a", "vector is missing"),
        (2, "c", "vector must have length 2, but has length 1"),
    ]


def test_several_formats_are_rejected(tmp_path: Path) -> None:
    """The message has an example of each."""
    parquet(tmp_path / "a.parquet", "a")
    (tmp_path / "b.jsonl").write_text("{}")
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has files of several formats: "
        f"parquet in {tmp_path}/a.parquet, JSON lines in {tmp_path}/b.jsonl"
    )


def test_a_directory_without_files_is_rejected(tmp_path: Path) -> None:
    """An input without records is not a success."""
    with pytest.raises(SourceError, match=r"no file in the directory .* has a supported format"):
        open_source(tmp_path)


def test_an_empty_list_of_paths_is_rejected() -> None:
    """It is a mistake of the caller."""
    with pytest.raises(SourceError, match="no file is given"):
        open_source([])


def test_a_wrong_column_lists_the_columns(tmp_path: Path) -> None:
    """In the hint."""
    with pytest.raises(SourceError, match='has no column "ident"') as caught:
        open_source(parquet(tmp_path / "a.parquet", "a"), columns=ColumnChoice(key="ident"))
    assert caught.value.hint == 'It has "id", "vector".'


def test_a_fingerprint_is_that_of_the_file(tmp_path: Path) -> None:
    """Its folder does not change it; its name, its time and any sampled byte do."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"id":1,"v": [0.5]}')
    os.utime(path, ns=(10**18 + 7, 10**18 + 7))
    before = open_source(path).fingerprint
    assert before.startswith("a.jsonl of 19 bytes, changed 2001-09-09 01:46:40.000000007 UTC, content ")
    (tmp_path / "other").mkdir()
    moved = path.rename(tmp_path / "other" / "a.jsonl")
    assert open_source(moved).fingerprint == before
    moved.write_text('{"id":2,"v": [0.5]}')
    os.utime(moved, ns=(10**18 + 7, 10**18 + 7))
    assert open_source(moved).fingerprint != before
    os.utime(moved, ns=(10**18 + 7, 10**18 + 8))
    later = open_source(moved).fingerprint
    renamed = moved.rename(tmp_path / "b.jsonl")
    assert later != open_source(renamed).fingerprint
    assert open_source([renamed, renamed]).fingerprint.splitlines() == [open_source(renamed).fingerprint] * 2


@pytest.mark.parametrize("at", [0, 0.3, 0.5, 1])
def test_a_change_of_same_size_and_time_is_found_by_samples(tmp_path: Path, at: float) -> None:
    """Of a file of up to 256 KB every byte is one."""
    path = tmp_path / "a.jsonl"
    lines = bytearray(b'{"id":1,"v": [0.5]}\n' * 12_000)
    path.write_bytes(lines)
    os.utime(path, (1, 1))
    before = open_source(path).fingerprint
    lines[min(int(len(lines) * at), len(lines) - 1)] = 32
    path.write_bytes(lines)
    os.utime(path, (1, 1))
    assert open_source(path).fingerprint != before


def test_one_layout_for_all_files(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The second file has columns that would be preferred if it were read alone; they are named."""
    pq.write_table(pa.table({"id": ["a"], "embedding": [[1.5]], "title": ["A"]}), tmp_path / "a.parquet")
    more = {"key": ["wrong"], "id": ["b"], "embedding": [[2.5]], "title": ["B"], "vector": [[9.5]]}
    pq.write_table(pa.table(more), tmp_path / "b.parquet")
    source = open_source(tmp_path)
    got = gather(source)
    assert (got.keys, got.vectors) == (["a", "b"], [[1.5], [2.5]])
    assert got.metadata == [{"title": "A"}, {"title": "B"}]
    assert source.notes == (
        (
            "columns that the first file does not have are not used: "
            f'"key" of {tmp_path / "b.parquet"}, "vector" of {tmp_path / "b.parquet"}'
        ),
    )


@pytest.mark.parametrize("missing", ["id", "embedding", "title"])
def test_a_file_without_a_column_of_the_first_one_stops_the_run(tmp_path: Path, missing: str) -> None:
    """The file and the column are named, before anything is read."""
    columns = {"id": ["a"], "embedding": [[1.5]], "title": ["A"]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    other = {f"{name}2" if name == missing else name: values for name, values in columns.items()}
    pq.write_table(pa.table(other | {"key": ["k"], "vector": [[1.5]]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path)
    path = tmp_path / "b.parquet"
    assert str(caught.value) == f'{path} has no column "{missing}", which the files before it have'


def test_lines_of_json_may_lack_metadata_but_not_keys(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Fields of metadata are often missing; a file of other names is another mapping."""
    (tmp_path / "a.jsonl").write_text('{"id": "a", "v": [1.5], "title": "A"}\n')
    (tmp_path / "b.jsonl").write_text('{"id": "b", "v": [2.5], "year": 3}\n')
    assert gather(open_source(tmp_path)).metadata == [{"title": "A"}, {"year": 3}]
    (tmp_path / "c.jsonl").write_text('{"key": "c", "v": [2.5]}\n')
    with pytest.raises(SourceError, match=r'c\.jsonl has no column "id"'):
        open_source(tmp_path)
    (tmp_path / "c.jsonl").unlink()
    (tmp_path / "0.jsonl").write_text('{"id": "0", "v": [1.5], "metadata": {"title": "A"}}\n')
    with pytest.raises(SourceError, match=r'a\.jsonl has no column "metadata"'):
        open_source(tmp_path)


def test_files_of_unknown_formats_are_named_and_stop_the_run(
    tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """Half of a data set may be in them; the user can do without."""
    parquet(tmp_path / "a.parquet", "a1")
    (tmp_path / "b.parquet.enc").write_bytes(b"\x00\x01")
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path)
    assert str(caught.value) == (f"{tmp_path} has 1 file of unknown formats: {tmp_path / 'b.parquet.enc'}")
    assert "--skip-unreadable" in caught.value.hint
    source = open_source(tmp_path, skip_unreadable=True)
    assert gather(source).keys == ["a1"]
    assert source.notes == (f"skipped, unknown format: {tmp_path / 'b.parquet.enc'}",)


def test_a_damaged_part_stops_the_run_also_with_skip_unreadable(tmp_path: Path) -> None:
    """Its format is known, so it is data."""
    parquet(tmp_path / "a.parquet", "a1")
    for content in (b"", b"PAR1 cut off", b"neither"):
        (tmp_path / "b.parquet").write_bytes(content)
        with pytest.raises(SourceError, match=r"b\.parquet"):
            open_source(tmp_path, skip_unreadable=True)


@pytest.mark.parametrize("folder", [".ipynb_checkpoints", "_temporary", ".hidden/deep"])
def test_hidden_folders_are_skipped_and_said(tmp_path: Path, folder: str, gather: Callable[..., Any]) -> None:
    """Notebooks keep copies there, and Spark unfinished parts."""
    parquet(tmp_path / "part.parquet", "a1")
    (tmp_path / folder).mkdir(parents=True)
    parquet(tmp_path / folder / "part-checkpoint.parquet", "copy")
    source = open_source(tmp_path)
    assert gather(source).keys == ["a1"]
    assert source.notes == (f"skipped by name: {Path(folder).parts[0]}/",)


def test_links_are_followed_and_broken_ones_stop_the_run(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """A linked folder is data like any other."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    elsewhere.mkdir()
    parquet(data / "a.parquet", "a1")
    parquet(elsewhere / "b.parquet", "b1")
    (data / "linked").symlink_to(elsewhere)
    assert gather(open_source(data)).keys == ["a1", "b1"]
    (data / "gone.parquet").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SourceError, match=r"gone\.parquet: there is no such file"):
        open_source(data)
    (data / "gone.parquet").unlink()
    (elsewhere / "loop").symlink_to(data)
    with pytest.raises(SourceError, match="is a link to a folder that contains it"):
        open_source(data)


def test_partitions_become_typed_metadata(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Of a folder, or of several files; an entry of the record itself wins."""
    files = []
    for number, (year, lang) in enumerate(
        [("2024", "de"), ("2025", "7"), ("__HIVE_DEFAULT_PARTITION__", "a%2Fb")]
    ):
        folder = tmp_path / f"year={year}" / f"lang={lang}"
        folder.mkdir(parents=True)
        files.append(parquet(folder / "part-0.parquet", f"k{number}"))
    expected = [{"year": 2024, "lang": "de"}, {"year": 2025, "lang": "7"}, {"lang": "a/b"}]
    for path in (tmp_path, files):
        source = open_source(path)
        assert gather(source).metadata == expected
        assert "from folders: year, lang" in source.describe()
    pq.write_table(pa.table({"id": ["a", "b"], "vector": [[1.5], None], "year": ["own", None]}), files[0])
    for path in files[1:]:
        path.unlink()
    got = gather(open_source(tmp_path))
    assert got.metadata == [{"year": "own", "lang": "de"}]
    assert got.rejects[0].metadata == {"year": 2024, "lang": "de"}
    assert open_source(tmp_path, keys_only=True).describe() == 'key ← "id", in 1 file'


def test_empty_parts_are_fine(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Spark writes them; they decide nothing about the columns."""
    pq.write_table(pa.table({"other": pa.array([], pa.string())}), tmp_path / "0.parquet")
    parquet(tmp_path / "1.parquet", "a1")
    source = open_source(tmp_path)
    assert gather(source).keys == ["a1"]
    assert source.notes == (f"skipped, no records: {tmp_path / '0.parquet'}",)
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "0.jsonl").touch()
    (tmp_path / "lines" / "1.jsonl").write_text('{"id": "b", "vector": [1]}\n')
    assert gather(open_source(tmp_path / "lines")).keys == ["b"]
    (tmp_path / "lines" / "1.jsonl").write_text("\n")
    with pytest.raises(SourceError, match="holds no records"):
        open_source(tmp_path / "lines")


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_compressed_parts_are_read(tmp_path: Path, suffix: str, gather: Callable[..., Any]) -> None:
    """Beside plain ones."""
    compress: dict[str, Callable[[bytes], bytes]] = {
        ".gz": gzip.compress,
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".zst": lambda data: bytes(pa.compress(data, codec="zstd", asbytes=True)),
    }
    (tmp_path / "a.jsonl").write_text('{"id": "a", "vector": [1]}\n')
    (tmp_path / f"b.jsonl{suffix}").write_bytes(compress[suffix](b'{"id": "b", "vector": [2]}\n'))
    assert gather(open_source(tmp_path)).keys == ["a", "b"]


def test_pyarrow_is_imported_on_use() -> None:
    """It is slow to import, and JSON lines do not need it."""
    code = "import sys, vecgate.bulk.sources; sys.exit('pyarrow' in sys.modules or 'h5py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("name", ["records.jsonl", "records.parquet", "records"])
def test_a_pipe_is_refused_and_does_not_hang(tmp_path: Path, name: str) -> None:
    """Its other end may never be opened. Also in a folder."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError, match=f"{name} is not a regular file") as refused:
        open_source(tmp_path / name)
    assert "vecgate put -" in refused.value.hint
    parquet(tmp_path / "whole.parquet", "a")
    with pytest.raises(SourceError, match=name):
        open_source(tmp_path)


def test_a_device_without_an_end_is_refused(tmp_path: Path) -> None:
    """Also by a link of another name."""
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    with pytest.raises(SourceError, match="is not a regular file"):
        open_source(tmp_path / "zero.jsonl")


@pytest.mark.parametrize("given", ["t/year=2024", "t/year=2024/month=1/x.jsonl"])
def test_partitions_above_the_given_path_are_metadata(
    given: str, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """One file or partition has the same metadata as the whole table gives it."""
    path = tmp_path / "t/year=2024/month=1/x.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text('{"id": "a", "vector": [1.0]}\n')
    assert gather(open_source(tmp_path / given)).metadata == [{"year": 2024, "month": 1}]


@pytest.mark.parametrize("log", ["_delta_log/0.json", ".hoodie/x", "metadata/v1.metadata.json"])
@pytest.mark.parametrize("given", [".", "t", "t/year=2024"])
def test_tables_with_a_log_are_refused(log: str, given: str, tmp_path: Path) -> None:
    """Their folders also have files that the log has removed."""
    for name in (log, "year=2024/x.jsonl"):
        path = tmp_path / "t" / name
        path.parent.mkdir(parents=True)
        path.write_text('{"id": "a", "vector": [1.0]}\n')
    with pytest.raises(SourceError, match="table, whose log says which of its files are current"):
        open_source(tmp_path / given)
