"""The memory of a table is bounded by what its values take when they are decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vecgate.bulk.sources import open_source
from vecgate.bulk.sources.tables import batch_sizes
from vecgate.bulk.sources.tables.batch_sizes import BatchCutter, RowGroups, decoded_bytes, merged
from vecgate.errors import SourceError


def encoded(values: pa.Array, rows: int = 10) -> pa.Array:
    """A column that has the first of *values* in every row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "i1")), values)


TEXTS = [
    pa.array(["x" * 1_000]),
    pa.array([b"x" * 1_000]),
    pa.array(["x" * 1_000], pa.large_string()),
    pa.array([b"x" * 1_000], pa.large_binary()),
    pa.array(["x" * 1_000], pa.string_view()),
]


@pytest.mark.parametrize("values", TEXTS, ids=lambda values: str(values.type))
def test_the_entries_of_a_dictionary_count_as_often_as_they_occur(values: pa.Array) -> None:
    """Also in lists and objects."""
    column = encoded(values)
    assert decoded_bytes(column) == 10 + 10 * 1_000
    lists = pa.ListArray.from_arrays(pa.array([0, 4, 10], "i4"), column)
    assert decoded_bytes(lists) == 10_010
    assert decoded_bytes(pa.StructArray.from_arrays([column, pa.nulls(10)], ["a", "b"])) >= 10_010
    assert decoded_bytes(column.slice(2, 3)) == 3_003


def test_other_columns_count_what_they_have() -> None:
    """Numbers in a dictionary are not much larger than their indices."""
    numbers = pa.array([1.0, 2.0])
    assert decoded_bytes(numbers) == 16
    assert decoded_bytes(encoded(numbers)) == encoded(numbers).nbytes
    assert decoded_bytes(pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2))) >= 16
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)], pa.binary(16)))
    assert decoded_bytes(uuids) == 16
    assert decoded_bytes(pa.array([{"a": 1.0}])) >= 8
    lists = pa.ListArray.from_arrays(pa.array([0, 1], "i4"), uuids)
    assert decoded_bytes(lists) >= 16


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["x" * 1_000] * 500 + ["y"] * 500),
        pa.array([["x" * 1_000]] * 1_000),
        pa.array([{"a": {"b": "x" * 1_000, "c": 1}}] * 1_000),
        pa.array([["x" * 1_000]] * 1_000, pa.list_(pa.string(), 1)),
        pa.array([[("k", "x" * 1_000)]] * 1_000, pa.map_(pa.string(), pa.string())),
    ],
    ids=lambda column: str(column.type),
)
def test_parquet_is_read_by_the_largest_entry_of_its_dictionaries(
    column: pa.Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that fit a block follow from it, however the texts are nested."""
    monkeypatch.setattr(batch_sizes, "_SMALL_BYTES", 10)
    monkeypatch.setattr("vecgate.bulk.sources.source.BLOCK_BYTES_MAX", 100_000)
    pq.write_table(pa.table({"m": column, "other": ["z" * 5_000] * 1_000}), tmp_path / "a.parquet")
    with pq.ParquetFile(tmp_path / "a.parquet") as file:

        def probe(texts: tuple[str, ...]) -> pq.ParquetFile:
            return pq.ParquetFile(tmp_path / "a.parquet", read_dictionary=list(texts))

        (run,) = RowGroups("a", file, probe, ["m"]).runs(4_096)
        assert 40 < run.rows == run.merged_rows < 100
        (all_rows,) = RowGroups("a", file, probe, ["x"]).runs(4_096)
        assert all_rows.rows == 4_096


def test_texts_of_very_different_length_are_read_a_few_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their mean says nothing. What is small is handed over together; groups are read as one if they can."""
    monkeypatch.setattr(batch_sizes, "_SKEWED_BYTES", 10_000)
    table = pa.table({"id": [f"k{row}" for row in range(1_000)], "vector": [[1.0, 2.0]] * 1_000})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=100, use_dictionary=False)
    assert [len(block) for block in open_source(path).blocks()] == [1_000]
    monkeypatch.setattr(batch_sizes, "_SKEWED_BYTES", 100)
    assert [len(block) for block in open_source(path).blocks(rows=100)] == [
        96,
        96,
        96,
        96,
        96,
        96,
        96,
        96,
        96,
        96,
        40,
    ]


def test_merged_batches_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """By rows and by bytes, and no row is lost."""
    batches = [pa.record_batch([pa.array(np.arange(10))], names=["n"])] * 7
    assert [batch.num_rows for batch in merged(iter(batches), 25)] == [20, 20, 20, 10]
    monkeypatch.setattr(batch_sizes, "BLOCK_BYTES_MAX", 300)
    assert [batch.num_rows for batch in merged(iter(batches), 1_000)] == [30, 30, 10]
    assert list(merged(iter([]), 10)) == []


def test_batches_are_cut_until_they_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row is the smallest. A table of such rows only is refused after some of them."""
    monkeypatch.setattr(batch_sizes, "BLOCK_BYTES_MAX", 3_500)
    batch = pa.record_batch([encoded(TEXTS[0])], names=["t"])
    assert [part.num_rows for part in BatchCutter("films").cut(batch)] == [2, 3, 2, 3]
    monkeypatch.setattr(batch_sizes, "BLOCK_BYTES_MAX", 500)
    assert [part.num_rows for part in BatchCutter("films").cut(batch)] == [1] * 10
    monkeypatch.setattr(batch_sizes, "_READ_MIN", 3_000)
    monkeypatch.setattr(batch_sizes, "_RECORD_MEAN_MAX", 900)
    cutter = BatchCutter("films")
    with pytest.raises(SourceError, match="the first 3 records of films have 1,001 bytes each"):
        list(cutter.cut(batch))
    assert list(BatchCutter("films").cut(batch.slice(0, 0))) == [batch.slice(0, 0)]
