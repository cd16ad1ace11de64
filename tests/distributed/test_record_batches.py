"""Record batches become records, and what is wrong with one is found before any row of it is yielded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.sources.column_mapping import GUESS, ColumnChoice
from vecgate.distributed.record_batches import BatchSource, RepeatedKeys, split_by_index
from vecgate.errors import SourceError


def batch_of(keys: list[Any], dimension: int = 2, **columns: list[Any]) -> Any:
    vectors = [[float(row)] * dimension for row in range(len(keys))]
    return pa.RecordBatch.from_pydict(
        {"key": keys, "vector": pa.array(vectors, pa.list_(pa.float32())), **columns}
    )


def read(
    batches: list[Any],
    *,
    repeated: RepeatedKeys = RepeatedKeys.REJECT,
    rows: int = 4,
    columns: ColumnChoice = GUESS,
) -> tuple[list[str], dict[int, str]]:
    """Return the keys to be written and the problems by position."""
    source = BatchSource(batches, columns=columns, repeated=repeated)
    blocks = list(source.blocks(dimension=2, rows=rows))
    positions = sorted(
        [int(each) for block in blocks for each in block.positions]
        + [reject.position for block in blocks for reject in block.rejects]
    )
    assert positions == list(range(sum(batch.num_rows for batch in batches)))
    return (
        [key for block in blocks for key in block.keys],
        {reject.position: reject.problem for block in blocks for reject in block.rejects},
    )


def test_null_keys_are_rejected() -> None:
    keys, problems = read([batch_of(["a", None, "c"])])
    assert keys == ["a", "c"]
    assert problems == {1: "key is missing"}


@given(
    batches=st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=12), max_size=4),
    rows=st.integers(1, 5),
)
def test_every_row_of_a_key_that_a_batch_has_twice_is_rejected(
    batches: list[list[str | None]], rows: int
) -> None:
    """Whatever blocks it is in. The same key in another batch is not concerned."""
    keys, problems = read([batch_of(list(each)) for each in batches], rows=rows)
    assert keys == [key for each in batches for key in each if key is not None and each.count(key) == 1]
    assert set(problems.values()) <= {"key is missing", "the key occurs several times in one batch"}


def test_the_last_of_equal_keys_may_count_instead() -> None:
    """Then the batch client decides, as for `put`."""
    keys, problems = read([batch_of(["a", "b", "a"])], repeated=RepeatedKeys.LAST)
    assert keys == ["a", "b", "a"]
    assert not problems


@pytest.mark.parametrize("values", [[1, 2, 1], [b"0123456789abcdef", b"\xff" * 16, b"0123456789abcdef"]])
def test_repeated_keys_of_other_types_are_found(values: list[Any]) -> None:
    keys, problems = read([batch_of(values)])
    assert len(keys) == 1
    assert set(problems) == {0, 2}


def test_repeated_keys_of_a_dictionary_are_found() -> None:
    batch = batch_of(["x", "x", "y"])
    keys = pa.array(["x", "x", "y"]).dictionary_encode()
    batch = pa.record_batch([keys, batch.column("vector")], names=["key", "vector"])
    assert read([batch])[0] == ["y"]


def test_vectors_as_tensors_are_read() -> None:
    """As Ray stores numpy arrays."""
    tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ones((3, 2), dtype=np.float32))
    batch = pa.record_batch([pa.array(["a", "b", "c"]), tensors], names=["key", "vector"])
    assert read([batch]) == (["a", "b", "c"], {})


def test_the_first_batch_decides_the_use_of_the_columns() -> None:
    """A batch without one of them is an error before any of its rows is yielded."""
    other = pa.RecordBatch.from_pydict({"id": ["c"], "values": [[1.0, 2.0]]})
    source = BatchSource([batch_of(["a", "b"]), other], columns=GUESS, repeated=RepeatedKeys.REJECT)
    blocks = source.blocks(dimension=2)
    assert next(blocks).keys == ["a", "b"]
    with pytest.raises(SourceError, match='has no column "key", "vector"'):
        next(blocks)
    assert [span.stop for span in source.spans] == [2, 3]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"key": pa.array([1.5]), "vector": pa.array([[1.0, 2.0]])}, "no column .* is recognised as keys"),
        ({"key": pa.array(["a"]), "text": pa.array(["x"])}, "no column with lists of numbers"),
        (
            {"key": pa.array(["a"]), "vector": pa.array([[1.0, 2.0, 3.0]], pa.list_(pa.float32(), 3))},
            'the vectors in column "vector" have 3 values, those of the index 2',
        ),
    ],
)
def test_unsuitable_columns_are_an_error(columns: dict[str, Any], problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        read([pa.RecordBatch.from_pydict(columns)])


def test_empty_batches_are_skipped() -> None:
    """Engines pass some, also without columns."""
    assert read([pa.RecordBatch.from_pydict({}), batch_of([]), batch_of(["a"])])[0] == ["a"]


def test_rows_are_split_by_the_index_that_a_column_names() -> None:
    batch = batch_of(["a", "b", "c", "d"], index=["x", None, "y", "x"])
    parts, missing = split_by_index(batch, "index")
    assert {name: part.column("key").to_pylist() for name, part in parts.items()} == {
        "x": ["a", "d"],
        "y": ["c"],
    }
    assert missing.column("key").to_pylist() == ["b"]
    assert "index" not in parts["x"].schema.names


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        ("nothing", ["x"], 'no column "nothing" with names of indexes'),
        ("index", [1], 'column "index" is of type int64; names of indexes are text'),
    ],
)
def test_an_unsuitable_index_column_is_an_error(column: str, values: list[Any], problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        split_by_index(batch_of(["a"], index=values), column)


def test_a_dictionary_may_name_the_indexes() -> None:
    batch = batch_of(["a", "b"])
    batch = batch.append_column("index", pa.array(["x", None]).dictionary_encode())
    parts, missing = split_by_index(batch, "index")
    assert list(parts) == ["x"]
    assert missing.num_rows == 1
