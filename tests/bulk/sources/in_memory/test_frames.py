"""Data frames, Arrow tables and database relations are sources, without a copy in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow.dataset import dataset

from vecgate.bulk.sources import ColumnChoice
from vecgate.bulk.sources.in_memory.source_argument import as_source
from vecgate.errors import SourceError

TABLE = pa.table(
    {"id": ["a", "b", "c"], "embedding": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "year": [1, 2, 3]}
)
WANTED = (["a", "b", "c"], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [{"year": 1}, {"year": 2}, {"year": 3}])


class CapsuleStream:
    """A table of another library: it has the PyCapsule interface and nothing else."""

    def __init__(self, table: Any = TABLE) -> None:
        self.table, self.readings, self.schema = table, 0, ()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        self.readings += 1
        return self.table.__arrow_c_stream__(requested_schema)


class CapsuleArray:
    """A record batch of another library."""

    def __init__(self, batch: Any) -> None:
        self.batch, self.schema = batch, ()

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self.batch.__arrow_c_array__(requested_schema)


class BrokenFrame:
    """A frame whose library fails."""

    schema = ()

    def __init__(self, message: str = "out of\nmemory") -> None:
        self.message = message

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise RuntimeError(self.message)


def _pandas(table: Any) -> Any:
    return pytest.importorskip("pandas").DataFrame(table.to_pydict())


def _polars(table: Any) -> Any:
    return pytest.importorskip("polars").DataFrame(table.to_pydict())


def _duckdb(table: Any) -> Any:
    connection = pytest.importorskip("duckdb").connect()
    connection.register("given", table)
    return connection.sql("select * from given order by id")


@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize(
    "make",
    [
        lambda table: table,
        lambda table: table.combine_chunks().to_batches()[0],
        lambda table: table.to_reader(),
        dataset,
        lambda table: dataset(table).scanner(),
        lambda table: pa.concat_tables([table.slice(0, 0), table.slice(0, 1), table.slice(1)]),
        CapsuleStream,
        lambda table: CapsuleArray(table.combine_chunks().to_batches()[0]),
        _pandas,
        _polars,
        _duckdb,
    ],
)
def test_a_table_of_any_library_is_a_source(
    make: Callable[[Any], Any], rows: int, gather: Callable[..., Any]
) -> None:
    """The sample that recognises the columns is not lost."""
    source = as_source(make(TABLE))
    got = gather(source, rows=rows)
    assert (got.keys, got.vectors, got.metadata) == WANTED
    assert source.dimension == 2


@pytest.mark.parametrize("make", [lambda table: table, _pandas, _polars])
def test_a_table_in_memory_can_be_read_again_and_knows_its_length(
    make: Callable[[Any], Any], gather: Callable[..., Any]
) -> None:
    """But nothing proves that it is the same table in a later run."""
    source = as_source(make(TABLE))
    assert (source.total, source.is_repeatable, source.is_identified) == (3, True, False)
    assert gather(source) == gather(source)


@pytest.mark.parametrize("make", [lambda table: table.to_reader(), CapsuleStream, _duckdb])
def test_a_stream_is_read_once(make: Callable[[Any], Any], gather: Callable[..., Any]) -> None:
    """A database must not run its query twice, and not to count the rows."""
    frame = make(TABLE)
    source = as_source(frame)
    assert (source.total, source.is_repeatable) == (None, False)
    assert len(gather(source).keys) == 3
    if isinstance(frame, CapsuleStream):
        assert frame.readings == 1
    with pytest.raises(SourceError, match="was read already and cannot be read again"):
        gather(source)


def test_the_first_rows_identify_a_table() -> None:
    """Another one has another fingerprint."""
    assert as_source(TABLE).fingerprint == as_source(TABLE.slice(0)).fingerprint
    assert as_source(TABLE).fingerprint != as_source(TABLE.slice(1)).fingerprint
    assert as_source(TABLE).fingerprint != as_source(TABLE.drop(["year"])).fingerprint


def test_a_vector_may_come_late(gather: Callable[..., Any]) -> None:
    """Batches are looked at until one has a vector."""
    parts = [
        pa.record_batch({"id": [key], "vec": pa.array([vector], pa.list_(pa.float32()))})
        for key, vector in (("a", None), ("b", []), ("c", [1.0]))
    ]
    reader = pa.RecordBatchReader.from_batches(parts[0].schema, parts)
    got = gather(as_source(reader))
    assert (got.keys, [key for _, key, _ in got.problems]) == (["c"], ["a", "b"])


def test_a_table_without_any_vector_is_all_rejects(gather: Callable[..., Any]) -> None:
    """The whole of a stream is looked at, and none of it is lost."""
    schema = pa.schema({"id": pa.string(), "vec": pa.list_(pa.float32())})
    parts = [pa.record_batch({"id": [key], "vec": [None]}, schema) for key in "ab"]
    source = as_source(pa.RecordBatchReader.from_batches(schema, parts))
    assert source.dimension is None
    assert [problem for *_, problem in gather(source).problems] == ["vector is missing"] * 2


def test_columns_can_be_chosen(gather: Callable[..., Any]) -> None:
    """As for a file."""
    columns = ColumnChoice(key="year", metadata=("id=name",), key_prefix="k")
    got = gather(as_source(TABLE, columns=columns))
    assert (got.keys, got.metadata[0]) == (["k1", "k2", "k3"], {"name": "a"})


def test_the_index_of_a_data_frame_may_have_the_keys(gather: Callable[..., Any]) -> None:
    """An index of text. Its numbers are refused, because they are the numbers of the rows."""
    frame = _pandas(TABLE)
    assert gather(as_source(frame.set_index("id"))).keys == ["a", "b", "c"]
    unnamed = frame.set_index("id").rename_axis(None)
    got = gather(as_source(unnamed))
    assert (got.keys, got.metadata) == (["a", "b", "c"], WANTED[2])
    filtered = frame[frame.year > 1].drop(columns=["id"])
    with pytest.raises(SourceError, match="is recognised as keys"):
        as_source(filtered)
    assert gather(as_source(frame[frame.year > 1])).metadata == WANTED[2][1:]


def test_types_of_polars_and_pandas_are_understood(gather: Callable[..., Any]) -> None:
    """Categories, arrays of a fixed size, rows of numpy, times."""
    polars, pandas = pytest.importorskip("polars"), pytest.importorskip("pandas")
    frame = _polars(TABLE).with_columns(
        polars.Series("embedding", WANTED[1], dtype=polars.Array(polars.Float32, 2)),
        polars.Series("category", ["x", "y", "x"], dtype=polars.Categorical),
    )
    got = gather(as_source(frame))
    assert got.metadata[1] == {"year": 2, "category": "y"}
    frame = _pandas(TABLE).assign(
        embedding=list(np.array(WANTED[1], dtype=np.float32)), at=pandas.to_datetime(["2026-01-02"] * 3)
    )
    source = as_source(frame)
    assert gather(source).metadata[0] == {"year": 1, "at": "2026-01-02T00:00:00"}
    assert source.conversions


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (TABLE["id"], "pyarrow ChunkedArray is one column"),
        (TABLE.slice(0, 0), "pyarrow Table holds no records"),
        (
            TABLE.drop(["embedding"]),
            'pyarrow Table has no column with lists of numbers, among "id", "year"',
        ),
        (BrokenFrame(), "BrokenFrame cannot be read as an Arrow table: out of"),
        (BrokenFrame(""), "BrokenFrame cannot be read as an Arrow table: RuntimeError"),
        (CapsuleArray(pa.array([1])), "CapsuleArray cannot be read as an Arrow table: "),
    ],
)
def test_what_is_no_table_of_vectors_is_one_sentence(frame: Any, message: str) -> None:
    """It names the type, whatever its library raised."""
    with pytest.raises(SourceError) as caught:
        as_source(frame)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stream_that_breaks_is_one_sentence(gather: Callable[..., Any]) -> None:
    """After its first rows too."""

    def batches() -> Any:
        yield from TABLE.to_batches()
        raise OSError("connection lost")

    source = as_source(pa.RecordBatchReader.from_batches(TABLE.schema, batches()))
    with pytest.raises(
        SourceError, match=r"RecordBatchReader cannot be read as an Arrow table: .*connection lost"
    ):
        gather(source)


@pytest.mark.parametrize(
    "make",
    [
        lambda table: table,
        lambda table: table["id"],
        lambda table: table["id"].combine_chunks(),
        lambda table: _pandas(table)["id"],
        lambda table: _polars(table)["id"],
        lambda _: np.array(["a", "b", "c"]),
    ],
)
def test_deletes_take_the_keys_of_a_table_or_a_column(
    make: Callable[[Any], Any], gather: Callable[..., Any]
) -> None:
    """Vectors are not read."""
    got = gather(as_source(make(TABLE), keys_only=True))
    assert (got.keys, got.vectors) == (["a", "b", "c"], [[], [], []])
