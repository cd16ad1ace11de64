"""Fields of JSON records, also nested ones, are recognised without doubt or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.errors import SourceError


def write(path: Path, *records: object) -> Path:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


def batch(key: str, *vectors: list[float]) -> dict[str, Any]:
    data = [{"embedding": vector, "index": n} for n, vector in enumerate(vectors)]
    return {"id": "r", "custom_id": key, "response": {"body": {"data": data}}, "error": None}


def test_a_record_with_several_vectors_is_rejected(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Taking the first would lose the others; a request that failed has none."""
    failed = {"id": "r", "custom_id": "c", "response": None, "error": {"code": "x"}}
    path = write(tmp_path / "f.jsonl", batch("a", [0.5, 1]), batch("b", [0.5, 1], [0.5, 2]), failed)
    got = gather(open_source(path))
    assert (got.keys, got.vectors) == (["a"], [[0.5, 1.0]])
    where = "response.body.data[0].embedding"
    assert got.problems == [
        (1, "b", f"record holds 2 vectors in response.body.data; choose one with --vector-column {where}"),
        (2, "c", "vector is missing"),
    ]
    assert orjson.loads(got.rejects[0].raw)["custom_id"] == "b"
    chosen = gather(open_source(path, columns=ColumnChoice(vector="response.body.data[1].embedding")))
    assert (chosen.keys, chosen.vectors) == (["b"], [[0.5, 2.0]])


def test_every_list_on_the_way_has_one_element(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The vectors of the other elements would be lost."""
    parts = [{"data": [{"embedding": [0.5, float(n)]}]} for n in range(3)]
    path = write(tmp_path / "f.jsonl", {"id": "a", "parts": parts[:1]}, {"id": "b", "parts": parts}, 5)
    got = gather(open_source(path))
    assert got.keys == ["a"]
    assert got.problems == [
        (
            1,
            "b",
            "record holds 3 vectors in parts; choose one with --vector-column parts[0].data[0].embedding",
        ),
        (2, "", "line 3 is not a JSON object"),
    ]


def test_a_file_of_failures_has_the_layout_of_the_first_file(
    tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """Its records are rejected, not its columns."""
    write(tmp_path / "a.jsonl", batch("a", [0.5, 1]))
    write(tmp_path / "b.jsonl", {"custom_id": "b", "response": {"status": 500}, "error": {}})
    write(tmp_path / "c.jsonl", batch("c", [0.5, 1], [1, 2]))
    got = gather(open_source(tmp_path))
    assert got.keys == ["a"]
    assert [key for _, key, _ in got.problems] == ["b", "c"]


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (
            {"id": 1, "vector": {"image": [0.5, 1], "text": [0.5, 1]}},
            'has several vectors in each record: "vector.image", "vector.text"',
        ),
        ({"id": 1, "a_vec": "[1,2]", "b_vec": "[1,2]"}, 'several vectors in each record: "a_vec", "b_vec"'),
        (
            {"id": 1, "geo": {"position": [0.5, 1.5]}},
            'has no field that is named like a vector, but lists of numbers in "geo.position"',
        ),
        ({"id": 1, "text": "x"}, "has no column with lists of numbers"),
    ],
)
def test_a_doubt_is_an_error_that_names_the_fields(
    record: dict[str, object], problem: str, tmp_path: Path
) -> None:
    """The user chooses with --vector-column."""
    with pytest.raises(SourceError, match=problem) as caught:
        open_source(write(tmp_path / "f.jsonl", record))
    assert "--vector-column" in caught.value.hint


@pytest.mark.parametrize(
    ("record", "column", "description"),
    [
        ({"id": 1, "vectors": {"v": [1, 2]}}, None, 'vector ← "vectors.v" (2 × number)'),
        (
            {"id": 1, "note": "[9,9]", "my_vec": "[1,2]"},
            None,
            'vector ← "my_vec" (2 × number), metadata ← note',
        ),
        ({"id": 1, "geo": {"p": [0.5, 1.5]}}, "geo.p", 'vector ← "geo.p" (2 × number)'),
        ({"id": 1, "a": {"b": "[1,2]"}}, "a.b", 'vector ← "a.b" (2 × number)'),
        ({"id": 1, "a.b": [0.5, 2.5]}, "a.b", 'vector ← "a.b" (2 × number)'),
        ({"_id": 1, "_source": "text", "v_vec": [0.5, 1]}, None, "metadata ← _source"),
    ],
)
def test_a_field_can_be_nested_or_text(
    record: dict[str, object],
    column: str | None,
    description: str,
    tmp_path: Path,
    gather: Callable[..., Any],
) -> None:
    """Recognised or chosen; the description says which."""
    source = open_source(write(tmp_path / "f.jsonl", record), columns=ColumnChoice(vector=column))
    assert description in source.describe()
    assert gather(source).keys == ["1"]


def test_a_path_that_no_record_has_is_an_error(tmp_path: Path) -> None:
    """Like a column that does not exist."""
    path = write(tmp_path / "f.jsonl", {"id": 1, "a": {"b": [0.5]}})
    with pytest.raises(SourceError, match=r'has no column "a.c"'):
        open_source(path, columns=ColumnChoice(vector="a.c"))


def test_the_choice_of_the_user_wins_over_an_export(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Key, vector and metadata of a batch can be others."""
    path = write(tmp_path / "f.jsonl", batch("a", [0.5, 1]))
    got = gather(open_source(path, columns=ColumnChoice(key="id", metadata=("custom_id",))))
    assert (got.keys, got.metadata) == (["r"], [{"custom_id": "a"}])
    numbered = gather(open_source(path, columns=ColumnChoice(row_keys=True)))
    assert numbered.keys == ["0"]


def test_an_export_without_its_key_is_read_as_usual(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """A GraphQL answer may lack the id."""
    path = write(tmp_path / "f.jsonl", {"key": "k", "_additional": {"vector": [0.5, 1]}})
    assert gather(open_source(path)).keys == ["k"]
