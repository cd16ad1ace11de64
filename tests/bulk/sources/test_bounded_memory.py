"""A small file cannot fill the memory: it is read within a bound, or refused in one line."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.sources import ColumnChoice, open_source, source
from vecgate.bulk.sources.arrays import key_file
from vecgate.bulk.sources.documents import json_splitter, text_lines
from vecgate.bulk.sources.documents.key_lines import open_key_lines
from vecgate.bulk.sources.source import source_errors
from vecgate.bulk.sources.tables import arrow_messages, arrow_types, batch_sizes, table_source
from vecgate.errors import SourceError

MIB = 1024 * 1024
#: Reads the files that it is given and prints the peak memory in MiB before and after, and how each ended.
READER = """
import os, resource, sys
import pyarrow.parquet, h5py
from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.errors import SourceError

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = peak_mib()
for path in sys.argv[1:]:
    try:
        source = open_source(path, columns=ColumnChoice(row_keys=path.endswith(("npz", "hdf5"))))
        print(sum(len(block) + len(block.rejects) for block in source.blocks()))
    except SourceError as error:
        print(str(error).replace(path, "FILE"))
print(peak_mib() - before)
"""
#: Beyond what the imports need. One block has 16 MiB, one line or element 64 MiB.
PEAK_MIB = 400


def peak_of(*paths: Path) -> tuple[int, list[str]]:
    """Return the memory in MiB that reading *paths* took in another process, and how each ended."""
    limits = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    command = [sys.executable, "-c", READER, *map(str, paths)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=True, env={**os.environ, **limits}
    )
    *ends, peak = done.stdout.splitlines()
    return int(peak), ends


def vectors(rows: int) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ones(rows * 2, "f4")), 2)


def repeated(entry: object, rows: int) -> pa.Array:
    """A column that has one entry and its number in every row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "i4")), pa.array([entry]))


def texts(rows: int) -> pa.Array:
    return pa.array([f"k{row}" for row in range(rows)])


def npy_header(shape: tuple[int, ...], descr: str, *, is_fortran: bool = False) -> bytes:
    file = io.BytesIO()
    header = {"descr": descr, "fortran_order": is_fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def write_npz(path: Path, **members: tuple[bytes, int]) -> Path:
    """Write an archive whose members have a beginning and then zero bytes, a MiB at a time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, (head, zeros) in members.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                file.write(head)
                for start in range(0, zeros, MIB):
                    file.write(bytes(min(MIB, zeros - start)))
    return path


def one_entry_in_every_row(folder: Path, rows: int) -> list[Path]:
    """Files of some KB whose one text of 1 MB is the key, a metadata value or in a list of every row."""
    entry = "x" * 1_000_000
    lists = pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype="i4")), repeated(entry, rows))
    tables = {
        "key": pa.table({"id": repeated(entry, rows), "vector": vectors(rows)}),
        "list": pa.table({"id": texts(rows), "vector": vectors(rows), "tags": lists}),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    starts, names = pa.array(np.arange(rows + 1, dtype="i4")), pa.array(["k"] * rows)
    maps = pa.MapArray.from_arrays(starts, names, repeated(entry, rows))
    pairs = pa.FixedSizeListArray.from_arrays(repeated(entry, rows), 1)
    for name, column in (("key", repeated(entry, rows)), ("map", maps), ("pair", pairs)):
        table = pa.table(
            {"id": column if name == "key" else texts(rows), "vector": vectors(rows), "m": column}
        )
        with pa.ipc.new_file(folder / f"{name}.arrow", table.schema) as file:
            file.write_table(table)
    long = pa.table({"id": texts(rows), "vector": vectors(rows), "text": repeated("y" * 100_000, rows)})
    pq.write_table(long, folder / "text.parquet")
    refused = ("key.parquet", "list.parquet", "map.arrow", "pair.arrow", "key.arrow")
    return [folder / name for name in ("text.parquet", *refused)]


def test_a_text_that_every_row_has_is_never_decoded_as_often(tmp_path: Path) -> None:
    """Decoded, each of these files has 3 GB, in batches of 4 GB; 0.3 GB as metadata that can be read."""
    peak, ends = peak_of(*one_entry_in_every_row(tmp_path, 3_000))
    assert peak < PEAK_MIB
    assert ends[0] == "3000"
    for end in ends[1:]:
        assert re.match(r"the first \d\d\d records of FILE have [12],000,0", end)
        assert end.endswith(" bytes each, more than the service takes")


@pytest.mark.nightly
def test_larger_bombs_take_no_more_memory(tmp_path: Path) -> None:
    """Wide tables, long lines, compressed pages, and texts that are unequally long."""
    paths = one_entry_in_every_row(tmp_path, 100_000)
    wide = {f"dim_{i}": np.ones(5_000, "f4") for i in range(3_000)}
    pq.write_table(pa.table({"id": texts(5_000), **wide}), tmp_path / "wide.parquet")
    long = pa.array([f"{row}{'x' * 1_000_000}" for row in range(500)])
    large = pa.table({"id": long, "vector": vectors(500)})
    small = pa.table({"id": texts(100_000), "vector": vectors(100_000)})
    # A page is decompressed whole.
    options = {"compression": "zstd", "use_dictionary": False, "write_batch_size": 8}
    pq.write_table(large, tmp_path / "long.parquet", **options)
    pq.write_table(pa.concat_tables([small, large]), tmp_path / "skewed.parquet", **options)
    line = b'{"id":"a","vector":[1],"x":null,"t":"' + b"y" * 15_000_000 + b'"}\n'
    (tmp_path / "lines.jsonl.gz").write_bytes(gzip.compress(line, 1) * 40)
    (tmp_path / "deep.json.gz").write_bytes(gzip.compress(b"[" * MIB, 1) * 100)
    paths += [tmp_path / name for name in ("wide.parquet", "long.parquet", "skewed.parquet")]
    paths += [tmp_path / name for name in ("lines.jsonl.gz", "deep.json.gz")]
    peak, ends = peak_of(*paths)
    assert peak < 1.5 * PEAK_MIB
    assert ends[6:] == ["5000", "500", "100500", "40", "FILE is nested more than 10,000 levels deep"]


def refusal(path: Path, *, row_keys: bool = False) -> str:
    """Return why a file is refused, when it is opened or read."""
    with pytest.raises(SourceError) as refused:
        for _ in open_source(path, columns=ColumnChoice(row_keys=row_keys)).blocks():
            pass
    assert "\n" not in str(refused.value)
    return str(refused.value).replace(str(path), "FILE")


def test_a_parquet_record_of_a_billion_nulls_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file says how many values it has; they take no space."""
    monkeypatch.setattr(source, "RECORD_BYTES_MAX", MIB)
    number = 300_000
    lists = pa.ListArray.from_arrays(pa.array([0, number], "i4"), pa.nulls(number, pa.float32()))
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"id": ["a"], "vector": lists}), path)
    assert path.stat().st_size < 1_000
    assert refusal(path).startswith("FILE has records of 1,2")


def test_a_table_without_any_vector_is_not_searched_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of some KB may have billions of rows."""
    monkeypatch.setattr(table_source, "ROWS_WITHOUT_VECTOR_MAX", 5_000)
    schema = pa.schema([("id", pa.string()), ("vector", pa.list_(pa.float32()))])
    columns = [pa.nulls(20_000, field.type) for field in schema]
    path = tmp_path / "nulls.parquet"
    pq.write_table(pa.table(columns, schema=schema), path)
    assert refusal(path) == 'the first 8,192 records of FILE have no vector in "vector"'


def test_a_column_of_the_type_null_is_all_missing(tmp_path: Path) -> None:
    """Arrow needs no byte for a billion of them."""
    path = tmp_path / "nulls.arrow"
    batch = pa.record_batch([texts(3), pa.nulls(3)], names=["id", "vector"])
    with pa.ipc.new_file(path, batch.schema) as file:
        file.write_batch(batch)
    (block,) = open_source(path).blocks()
    assert [reject.problem for reject in block.rejects] == ["vector is missing"] * 3


@pytest.mark.parametrize(
    ("name", "member", "problem"),
    [
        ("wide.npz", (npy_header((1, 10**8), "<f4"), 4 * 10**8), "FILE has records of 400,000,000 bytes"),
        (
            "rows.npz",
            (npy_header((10**12, 8), "<f4"), 1_000),
            "vectors.npy in FILE is truncated: 1,000 bytes of values, but its header says 32,000,000,000,000",
        ),
        (
            "fortran.npz",
            (npy_header((10**8, 3), "<f4", is_fortran=True), 12 * 10**8),
            "vectors.npy in FILE is in Fortran order, so all its 1,200,000,000 bytes would have to be in memory",
        ),
        (
            "header.npz",
            (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2 * 10**9), 1_000),
            "vectors.npy in FILE has a header of 2,000,000,000 bytes",
        ),
    ],
)
def test_an_archive_is_refused_before_it_is_decompressed(
    tmp_path: Path, name: str, member: tuple[bytes, int], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros are a thousandth of their size in it. So is this test: the directory states the size."""
    real, (head, zeros) = zipfile.ZipFile.getinfo, member

    def stated(archive: zipfile.ZipFile, member_name: str) -> zipfile.ZipInfo:
        info = real(archive, member_name)
        info.file_size = len(head) + zeros
        return info

    monkeypatch.setattr(zipfile.ZipFile, "getinfo", stated)
    path = write_npz(tmp_path / name, vectors=(head, 1_000))
    assert refusal(path, row_keys=True).startswith(problem)


def test_wide_texts_of_an_array_are_read_a_few_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest text decides the size of all."""
    monkeypatch.setattr(source, "BLOCK_BYTES_MAX", MIB // 2)
    path = write_npz(
        tmp_path / "texts.npz",
        ids=(npy_header((40,), "<U15000"), 2_400_000),
        vectors=(npy_header((40, 2), "<f4"), 320),
    )
    assert [len(block) for block in open_source(path).blocks()] == [8] * 5


def write_hdf5(path: Path, **options: object) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("train", dtype="f4", **options)
    return path


def test_an_hdf5_chunk_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    """It is decompressed whole, even for one row."""
    path = write_hdf5(tmp_path / "a.hdf5", shape=(2**26, 2), chunks=(2**26, 2), compression="gzip")
    problem = 'the dataset "train" of FILE has chunks of 536,870,912 bytes; at most 268,435,456 are read'
    assert refusal(path, row_keys=True) == problem


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"shape": (10**12, 8), "chunks": (1_000, 8)}, "is incomplete: 0 of its 1,000,000,000 chunks"),
        ({"shape": (100, 8)}, "was declared, but never written"),
        ({"shape": (4, 10**9), "chunks": (1, 10**6)}, "FILE has records of 4,000,000,000 bytes"),
    ],
)
def test_hdf5_vectors_that_were_never_written_are_no_zeros(
    tmp_path: Path, options: dict[str, object], problem: str
) -> None:
    """A program that was killed leaves them. libhdf5 reads zeros, which an index with L2 takes."""
    assert problem in refusal(write_hdf5(tmp_path / "a.hdf5", **options), row_keys=True)


def test_an_hdf5_file_that_was_written_in_part_is_refused(tmp_path: Path) -> None:
    """Its last rows would be zeros."""
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("train", (100, 4), "f4", chunks=(10, 4))
        data[:70] = 1
    assert "is incomplete: 7 of its 10 chunks were written" in refusal(path, row_keys=True)
    with h5py.File(path, "a") as file:
        file["train"][70:] = 2
    (block,) = open_source(path, columns=ColumnChoice(row_keys=True)).blocks()
    assert block.vectors.sum() == 70 * 4 + 30 * 8


def test_hdf5_data_of_other_files_is_refused(tmp_path: Path) -> None:
    """A missing part would be read as zeros, and the other file may be any that the user can read."""
    assert refusal(write_hdf5(tmp_path / "b.hdf5", shape=(0, 4)), row_keys=True) == "FILE holds no records"
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource(tmp_path / "missing.hdf5", "part", (3, 2))
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("train", layout)
    assert refusal(path, row_keys=True) == 'the dataset "train" of FILE has its values in other files'
    (tmp_path / "secret").write_bytes(bytes(24))
    write_hdf5(path, shape=(3, 2), external=[(str(tmp_path / "secret"), 0, 24)])
    assert refusal(path, row_keys=True) == 'the dataset "train" of FILE has its values in other files'


@pytest.mark.parametrize(("shape", "descr"), [((-5, 2), "<f4"), ((3,), "<U0")])
def test_an_array_whose_header_cannot_be_is_damaged(
    tmp_path: Path, shape: tuple[int, ...], descr: str
) -> None:
    """A negative number of rows would be an input without records."""
    vectors = (npy_header((3, 2), "<f4"), 24)
    path = write_npz(tmp_path / "a.npz", ids=(npy_header(shape, descr), 0), vectors=vectors)
    assert refusal(path).startswith("ids.npy in FILE is damaged: its header says values of ")


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_a_table_of_a_million_columns_is_refused_by_its_header(tmp_path: Path, suffix: str) -> None:
    """Each would cost a type, an array and a name."""
    text = ",".join(f"c{i}" for i in range(10_001)).encode() + b"\n"
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    assert refusal(path) == "FILE has 10,001 columns, more than 10,000"


def test_a_parquet_file_of_many_columns_is_refused_by_its_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bound."""
    monkeypatch.setattr(arrow_types, "COLUMNS_MAX", 100)
    path = tmp_path / "a.parquet"
    for columns in ({f"c{i}": [1] for i in range(101)}, {"c": [{f"c{i}": 1 for i in range(101)}]}):
        pq.write_table(pa.table(columns), path)
        assert refusal(path) == "FILE has 101 columns, more than 100"


def test_parquet_dictionaries_are_looked_at_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their largest entry decides how many rows are read at once; nothing is lost."""
    monkeypatch.setattr(batch_sizes, "_SMALL_BYTES", 10)
    monkeypatch.setattr(source, "BLOCK_BYTES_MAX", 10_000)
    path = tmp_path / "a.parquet"
    table = pa.table({"id": texts(50), "vector": vectors(50), "t": ["y" * 1_000] * 50})
    pq.write_table(table, path, row_group_size=20)
    blocks = list(open_source(path).blocks())
    assert {len(block) for block in blocks} <= set(range(1, 10))
    assert [key for block in blocks for key in block.keys] == texts(50).to_pylist()


@pytest.mark.parametrize("suffix", ["arrow", "arrows"])
def test_compressed_arrow_batches_are_refused_by_their_sizes(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow would allocate them, also if they lie. A file may have them where its footer says."""
    monkeypatch.setattr(arrow_messages, "_EXPANDED_BYTES", 2 * MIB)
    table = pa.table({"id": repeated("a", 400_000), "vector": vectors(400_000)})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    path = tmp_path / f"a.{suffix}"
    opener = pa.ipc.new_file if suffix == "arrow" else pa.ipc.new_stream
    with opener(path, table.schema, options=options) as file:
        file.write_table(table)
    assert re.match(r"FILE has 4,8\d\d,\d\d\d bytes in a batch of [\d,]+ compressed ones", refusal(path))
    content, stated = path.read_bytes(), struct.pack("<q", 3_200_000)
    assert content.count(stated) == 1
    path.write_bytes(content.replace(stated, struct.pack("<q", 2**62)))
    assert refusal(path).startswith("FILE has 4,611,686,018,")
    with opener(path, table.schema, options=options) as file:
        file.write_table(table[:1_000])
    content = path.read_bytes()
    assert sum(len(block) for block in open_source(path).blocks()) == 1_000
    for at in range(8, len(content), 7):
        path.write_bytes(content[:at] + b"\xff\xff\xff\x7f" + content[at + 4 :])
        try:
            for _ in open_source(path).blocks():
                pass
        except SourceError as error:
            assert "\n" not in str(error)  # noqa: PT017 - some bytes mean nothing


def test_null_and_empty_entries_of_a_list_count_as_objects() -> None:
    """They have no byte in Arrow, and 64 in Python."""
    for inner in (pa.nulls(10), pa.nulls(10, pa.string()), pa.array([[]] * 10, pa.list_(pa.int8()))):
        lists = pa.ListArray.from_arrays(pa.array([0, 10], "i4"), inner)
        assert batch_sizes.decoded_bytes(lists) == 640
        maps = pa.MapArray.from_arrays(pa.array([0, 10], "i4"), texts(10), inner)
        assert batch_sizes.decoded_bytes(maps) == 640
    assert batch_sizes.decoded_bytes(pa.array([{"a": None, "b": None}] * 5)) == 640


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_a_document_of_brackets_is_refused_at_a_depth(tmp_path: Path, bracket: bytes) -> None:
    """Each open bracket is kept until it closes."""
    path = tmp_path / "a.json"
    path.write_bytes(b"[\n" + bracket * 10_000)
    assert refusal(path) == "FILE is nested more than 10,000 levels deep"


def test_an_archive_that_is_shorter_than_it_says_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noticed while it is read."""
    path = write_npz(tmp_path / "a.npz", vectors=(npy_header((100, 2), "<f4"), 500))
    monkeypatch.setattr("vecgate.bulk.sources.numpy_files._check_size", lambda *_: None)
    assert refusal(path, row_keys=True) == ("vectors.npy in FILE is truncated: it ends before row 100 of 100")


def test_a_parquet_column_that_is_all_one_value_is_refused_by_its_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of it is decompressed whole, and may be all of it."""
    monkeypatch.setattr(batch_sizes, "_EXPANDED_BYTES", MIB)
    path = tmp_path / "a.parquet"
    table = pa.table({"id": ["x" * 500_000] * 9, "vector": vectors(9)})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    assert re.fullmatch(r'column "id" of FILE has 4,5..,... bytes in [\d,]+ compressed ones', refusal(path))


def test_records_of_ever_new_fields_are_refused(tmp_path: Path) -> None:
    """The fields are recognised from several records, of which each may have others."""
    fields = (",".join(f'"f{row}_{i}":1' for i in range(600)) for row in range(40))
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"id":"a","vector":[1],"x":null,{text}}}\n' for text in fields))
    assert refusal(path).startswith("FILE has 12,003 different fields in its first 20 records")


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_blank_lines_cost_no_more_than_reading_them(tmp_path: Path, name: str) -> None:
    """Two million take milliseconds. The numbers of lines count them."""
    text = b"\n" * 1_000_000 + b'{"id":"a","vector":[1]}\n' + b" \r\n" * 1_000_000 + b"x\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(text, 1) if name.endswith("gz") else text)
    (block,) = open_source(path).blocks()
    assert block.keys == ["a"]
    assert block.rejects[0].problem.startswith("line 2,000,002 is not JSON")
    path.write_bytes(gzip.compress(b"\n" * MIB) * 3)
    assert refusal(path) == "FILE holds no records"


def test_keys_on_lines_keep_their_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of spaces is a key; an empty one is not."""
    path = tmp_path / "keys.txt.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf\r\n" + b"\n\r\n" * 100_000 + b"  \na\r\n\n b\n"))
    (block,) = open_key_lines(path).blocks()
    assert block.keys == ["  ", "a", " b"]
    monkeypatch.setattr(text_lines, "LINE_BYTES_MAX", 1_000)
    path.write_bytes(gzip.compress(b"x" * 1_001, 1))
    with pytest.raises(SourceError, match=r"line 1 of .* has more than 1,000 bytes"):
        open_key_lines(path)


@pytest.mark.parametrize("make", ["\n".join, lambda k: str(list(k)).replace("'", '"')])
def test_a_file_of_keys_is_bounded(
    tmp_path: Path, make: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One list is parsed whole, one line is one key."""
    np.save(tmp_path / "v.npy", np.ones((3, 2), "f4"))
    ids = tmp_path / "ids.txt"
    ids.write_text(make("abc"))
    monkeypatch.setattr(key_file, "LIST_BYTES_MAX", 4)
    monkeypatch.setattr(key_file, "LINE_BYTES_MAX", 2)
    with pytest.raises(SourceError, match=r"more than [24] bytes"):
        open_source(tmp_path / "v.npy", ids=ids)


def test_long_lines_make_short_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that their texts are not in memory at once; the sample for the fields ends too."""
    monkeypatch.setattr("vecgate.bulk.sources.object_records.TEXT_BYTES_MAX", 2_500)
    monkeypatch.setattr("vecgate.bulk.sources.documents.json_document.TEXT_BYTES_MAX", 2_500)
    record = '{"id":"a","vector":[1],"x":null,"t":"' + "y" * 1_000 + '"}'
    (tmp_path / "a.jsonl").write_text(f"{record}\n" * 10)
    (tmp_path / "a.json").write_text(f"[{','.join([record] * 10)}]")
    for name in ("a.jsonl", "a.json"):
        assert [len(block) for block in open_source(tmp_path / name).blocks()] == [3, 3, 3, 1]


def test_a_record_of_a_million_values_is_rejected_unparsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take twenty times the memory of their text."""
    monkeypatch.setattr(text_lines, "VALUES_MAX", 50)
    good, bad = '{"id":"a","vector":[1]}', '{"id":"b","vector":[1],"m":[' + "{}," * 50 + "NaN]}"
    (tmp_path / "a.jsonl").write_text(f"{good}\n{bad}\n")
    (tmp_path / "a.json").write_text(f"[{good},{bad}]")
    for name, where in (("a.jsonl", "line"), ("a.json", "element")):
        (block,) = open_source(tmp_path / name).blocks()
        assert block.keys == ["a"]
        (reject,) = block.rejects
        assert (reject.problem, reject.raw) == (f"{where} 2 has more than 1,000,000 values", bad)


@pytest.mark.parametrize(
    "text", ['{"a":{"b":{}},', '{"a":[{}],', "[[],", '{"' + "n" * 90 + '":1,"a":{},', '{"a":[1,"x",[]],']
)
def test_a_document_is_bounded_outside_of_its_records(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bracket costs a step, and 160 KB may have 50 million of them."""
    monkeypatch.setattr(json_splitter, "OUTSIDE_BYTES_MAX", 1_000)
    path = tmp_path / "a.json"
    path.write_text(text[0] + "\n" + text[1:] * 100)
    assert refusal(path) == "FILE is too large outside of its list of records"


@given(
    records=st.lists(
        st.dictionaries(
            st.text('"\\[]{},:a', max_size=3),
            st.recursive(st.integers() | st.text('"\\[]{},:a', max_size=3), st.lists, max_leaves=5),
        ),
        min_size=1,
    ),
    chunk=st.integers(1, 40),
)
def test_elements_are_split_wherever_the_chunks_end(records: list[object], chunk: int) -> None:
    """Lists and texts inside of an element are passed over at once, and may have any brackets."""
    with mock.patch.object(json_splitter, "_CHUNK_BYTES", chunk):
        splitter = json_splitter.JsonSplitter(io.BytesIO(json.dumps(records).encode()), "FILE")
        assert [json.loads(text) for _, text in splitter.elements()] == records


def test_lines_in_a_quote_that_is_not_closed_are_searched_once(tmp_path: Path) -> None:
    """A cell may have lines; 17 million of them took minutes."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b'id,vector\na,"') + gzip.compress(b"\n" * MIB) * 20)
    assert refusal(path).startswith("FILE has a row of more than 16,777,216 bytes, or a quote that is not")


def test_memory_that_is_not_there_is_named() -> None:
    """Any other lack of memory ends in one line, too."""
    with (
        pytest.raises(SourceError, match="films needs more memory than there is"),
        source_errors("films", "x"),
    ):
        raise MemoryError
