"""`put` and `delete` take what a user has at hand; anything else is one sentence that says how to pass it."""

from __future__ import annotations

import io
from array import array
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from vecgate.bulk.sources import ColumnChoice
from vecgate.bulk.sources.in_memory.source_argument import as_source
from vecgate.errors import SourceError

MATRIX = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)


class Tensor:
    """A tensor of torch, as far as it is used: on a device, with a gradient, of a type that numpy lacks."""

    def __init__(self, values: Any, *, steps: tuple[str, ...] = ("detach", "cpu", "float")) -> None:
        self.values, self.steps = np.asarray(values), steps
        self.dtype, self.ndim = "torch.bfloat16", self.values.ndim

    def _after(self, step: str) -> Tensor:
        return Tensor(self.values, steps=tuple(left for left in self.steps if left != step))

    def detach(self) -> Tensor:
        return self._after("detach")

    def cpu(self) -> Tensor:
        return self._after("cpu")

    def float(self) -> Tensor:
        return self._after("float")

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        if self.steps:
            raise TypeError(f"can't convert: call {self.steps[0]}() first")
        return self.values


class Unreadable:
    """An array that cannot be read here."""

    dtype, ndim = "unknown", 2

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        raise TypeError("no memory of the host")


@pytest.mark.parametrize(
    "matrix", [MATRIX, MATRIX.astype(np.float64), MATRIX.tolist(), Tensor(MATRIX), MATRIX.astype(np.int8)]
)
@pytest.mark.parametrize(
    "keys", [["a", "b"], ("a", "b"), np.array(["a", "b"]), pa.array(["a", "b"]), {"a": 1, "b": 2}.keys()]
)
def test_a_matrix_has_keys_beside_it(matrix: Any, keys: Any, gather: Callable[..., Any]) -> None:
    """Of numpy, torch, or lists."""
    got = gather(as_source(matrix, keys=keys, metadata=[{"n": 1}, None]))
    assert (got.keys, got.vectors, got.metadata) == (["a", "b"], MATRIX.tolist(), [{"n": 1}, None])


def test_rows_of_any_array_are_vectors(gather: Callable[..., Any]) -> None:
    """In records too."""
    records = [
        ("a", Tensor([1.0, 2.0])),
        ("b", array("f", [3.0, 4.0])),
        ("c", Unreadable()),
        ("d", np.ones(3)),
    ]
    got = gather(as_source(records))
    assert (got.keys, got.vectors) == (["a", "b"], MATRIX.tolist())
    assert got.problems == [
        (2, "c", "vector cannot be read: no memory of the host"),
        (3, "d", "vector must have length 2, but has length 3"),
    ]
    assert [reject.vector for reject in got.rejects] == [None, [1.0, 1.0, 1.0]]


def test_integers_of_any_array_are_integers() -> None:
    """So that a column of them beside the vectors may be tags."""
    source = as_source([{"key": "a", "x": Tensor([1.5]), "tags": Tensor([1, 2])}])
    assert 'vector ← "x"' in source.describe()


def test_paths_may_be_several_and_of_any_type(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """As on the command line."""
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in paths:
        path.write_text(f'{{"id": "{path.stem}", "vector": [1.0]}}')
    assert (
        gather(as_source(paths)).keys == gather(as_source([str(path) for path in paths])).keys == ["a", "b"]
    )
    assert gather(as_source(tmp_path)).keys == ["a", "b"]


async def _records() -> AsyncIterator[Any]:
    yield {}


def _missing() -> None: ...


async def _awaited() -> None: ...


class Lazy:
    def collect(self) -> None: ...


class Connection:
    def execute(self) -> None: ...


@pytest.mark.parametrize(
    ("argument", "message", "hint"),
    [
        (_records(), "the records are an async_generator", "Use `await writer.put_async(records)`"),
        (Lazy(), "the records are a Lazy", "Run the query first: pass frame.collect()."),
        (Connection(), "the records are a Connection", "Pass the result of a query"),
        ({"id": ["a"], "vector": [[1.0]]}, "the records are a dict", "pyarrow.table(columns)"),
        (io.StringIO("{}"), "the records are a StringIO", "Pass its path."),
        (_missing, "the records are a function", "Call it, and pass its result."),
        (Lazy, "the records are a type", "Call it, and pass its result."),
        (None, "the records are None", "Give a path, a data frame, or a list"),
        (5, "the records are an int", "Give a path, a data frame, or a list"),
        (b"f.parquet", "the records are a bytes", "Give a path, a data frame, or a list"),
        (MATRIX, "a matrix has no keys of its own", "put(matrix, keys=ids, metadata=entries)"),
        (Tensor(MATRIX), "a matrix has no keys of its own", "put(matrix, keys=ids, metadata=entries)"),
        (
            [1, 2],
            "no usable record among the first 2: record must be a dict or a tuple",
            "A record is a dict",
        ),
        ([[1.0], [2.0]], "no usable record among the first 2", "A record is a dict"),
        ([], "an iterable holds no records", ""),
    ],
)
def test_a_wrong_argument_is_one_sentence_with_the_fix(argument: Any, message: str, hint: str) -> None:
    """Never an AttributeError or TypeError from inside."""
    with pytest.raises(SourceError) as caught:
        as_source(argument)
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_a_coroutine_is_to_be_awaited() -> None:
    """Its result may be records."""
    coroutine = _awaited()
    try:
        with pytest.raises(SourceError) as caught:
            as_source(coroutine)
        assert caught.value.hint == "Await it, and pass its result."
    finally:
        coroutine.close()


@pytest.mark.parametrize(
    ("argument", "options", "message"),
    [
        (MATRIX, {"metadata": [{}, {}]}, "metadata= belongs to a matrix with keys="),
        (pa.table({"id": ["a"]}), {"keys": ["a"]}, "keys= belongs to a matrix, but the vectors are a Table"),
        ("f.parquet", {"keys": ["a"]}, "keys= belongs to a matrix, but the vectors are a str"),
        (MATRIX, {"keys": "ab"}, "keys= is a str"),
        (MATRIX, {"keys": 5}, "keys= is an int"),
        (MATRIX, {"keys": {"a", "b"}}, "keys= is a set"),
        (MATRIX, {"keys": frozenset({"a", "b"})}, "keys= is a frozenset"),
        (MATRIX, {"keys": ["a", 2.0]}, "keys= has a float in row 1"),
        (MATRIX, {"keys": np.array([1.0, 2.0])}, "keys= has a float in row 0"),
        (MATRIX, {"keys": [True, "b"]}, "keys= has a bool in row 0"),
        (
            MATRIX,
            {"keys": np.ma.array(["a", "b"], mask=[False, True])},
            "keys= cannot be read: it has masked",
        ),
        (
            np.ma.array(MATRIX, mask=np.eye(2, dtype=bool)),
            {"keys": ["a", "b"]},
            "the vectors are no matrix: it has masked",
        ),
        (
            list(np.ma.array(MATRIX, mask=np.eye(2, dtype=bool))),
            {"keys": ["a", "b"]},
            "no matrix: it has masked",
        ),
        (MATRIX, {"keys": ["a", "b"], "metadata": {"n": 1}}, "metadata= is a dict"),
        (MATRIX, {"keys": ["a"]}, "the matrix has the shape (2, 2), but there are 1 keys and no metadata"),
        ([[1.0], [1.0, 2.0]], {"keys": ["a", "b"]}, "the vectors are no matrix: "),
        (Unreadable(), {"keys": ["a"]}, "the vectors are no matrix: no memory of the host"),
        (MATRIX[0], {"keys": ["a", "b"]}, "an array of 1 axes and type float32, not a matrix of numbers"),
        (np.array([["x"]]), {"keys": ["a"]}, "an array of 2 axes and type <U1, not a matrix of numbers"),
        (MATRIX, {"keys": ["a", "b"], "columns": ColumnChoice()}, "columns= does not apply to a matrix"),
    ],
)
def test_arguments_that_do_not_fit_together_are_one_sentence(
    argument: Any, options: dict[str, Any], message: str
) -> None:
    """Each says which argument is wrong."""
    with pytest.raises(SourceError) as caught:
        as_source(argument, **options)
    assert message in str(caught.value)
    assert caught.value.hint


def test_a_source_has_its_columns_already() -> None:
    """They are chosen where it is opened."""
    source = as_source([("a", [1.0])])
    assert as_source(source) is source
    with pytest.raises(SourceError, match="columns= does not apply to an iterable"):
        as_source(source, columns=ColumnChoice())


def test_a_text_is_no_list_of_keys(tmp_path: Path) -> None:
    """Also where it could be one."""
    for text in ("doc-1", tmp_path / "doc-1"):
        with pytest.raises(SourceError, match="there is no file"):
            as_source(text, keys_only=True)
