"""JSON documents: the list with the records is found, or the document is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.sources.documents import json_form
from vecgate.bulk.sources.formats import detect_format
from vecgate.bulk.sources.source import EmptySource
from vecgate.errors import SourceError

RECORD = {"id": "a", "vector": [1.5, 2]}


def write(path: Path, content: object, **options: Any) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, **options).encode())
    return path


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b'{"id": 1}\n{"id": 2}', "JSON lines"),
        (b'\xef\xbb\xbf\n\n {"id": 1, "vector": [1]}\n', "JSON lines"),
        (b'{"id": 1, "vector": [1], "parts": [{}]}', "JSON lines"),
        (b'{"vectors": [{"id": 1}]}', "JSON"),
        (b'{"vectors": [{"id": 1}]}\n\n', "JSON"),
        (b'{"a": {"b": [{"id": 1}]}}', "JSON"),
        (b'{"custom_id": "a", "response": {"data": [{}]}}', "JSON lines"),
        (b'{"id": 1}', "JSON lines"),
        (b'{"id": 1, "score": NaN}\n', "JSON lines"),
        (b'{"id": 1, "vector": [1,\n{"id": 2}', "JSON lines"),
        (b'{"id": "a\n{"id": 2}', "JSON lines"),
        (b"{\n", "JSON"),
        (b'{\n "a": [{}]}', "JSON"),
        (b'{"a": [\n{"id": 1}]}', "JSON"),
        (b'[{"id": 1}]', "JSON"),
    ],
)
def test_lines_and_documents_are_recognised(content: bytes, form: str, tmp_path: Path) -> None:
    """Both may have any suffix."""
    assert detect_format(write(tmp_path / "f.json", content)) == form


def test_a_very_long_line_is_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record is never that long."""
    monkeypatch.setattr(json_form, "_LINE_BYTES_MAX", 20)
    assert detect_format(write(tmp_path / "f.json", {"a": [RECORD], "b": [1] * 30})) == "JSON"


def test_a_broken_element_is_a_reject(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The others are read, and its text is kept."""
    path = write(tmp_path / "f.json", b'[{"id": "a", "vector": [1.5]}, {oops}, {"id": "b", "vector": [2]}]')
    got = gather(open_source(path))
    assert got.keys == ["a", "b"]
    assert got.problems == [(1, "", "element 2 is not JSON, from character 2")]
    assert got.rejects[0].raw == "{oops}"


def test_the_list_with_vectors_is_the_one(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Another list has no records."""
    path = write(tmp_path / "f.json", {"usage": [{"tokens": 3}] * 30, "data": [RECORD], "more": [{"x": 1}]})
    assert gather(open_source(path)).keys == ["a"]
    path = write(tmp_path / "g.json", {"data": [RECORD] * 20, "more": [{"x": 1}, {"x": 2}]})
    assert gather(open_source(path)).keys == ["a"] * 20
    path = write(tmp_path / "h.json", {"usage": [{"tokens": 3}] * 1_000, "data": [RECORD]})
    with pytest.raises(SourceError, match='has no column with lists of numbers, among "tokens"'):
        open_source(path)


@pytest.mark.parametrize("first", [1, 20])
def test_two_lists_of_records_are_refused(first: int, tmp_path: Path) -> None:
    """Also if the second one begins behind the sample; one of them would be lost."""
    path = write(tmp_path / "f.json", {"a": [RECORD] * first, "b": [RECORD]})
    with pytest.raises(SourceError, match='has several lists that could be the records: "a", "b"'):
        list(open_source(path).blocks())


def test_a_field_that_is_null_at_first_is_found(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """As in JSON lines."""
    records = [{"id": str(n), "vector": [1.5], "payload": {"x": 1} if n == 29 else None} for n in range(30)]
    got = gather(open_source(write(tmp_path / "f.json", records)))
    assert got.metadata == [None] * 29 + [{"x": 1}]


@pytest.mark.parametrize("content", [b"[]", b" [ \n ] "])
def test_an_empty_list_is_empty(content: bytes, tmp_path: Path) -> None:
    """It may be a part of a folder."""
    with pytest.raises(EmptySource, match="holds no records"):
        open_source(write(tmp_path / "f.json", content))


@pytest.mark.parametrize("content", [b'["a"]', b"[1]", b'[["a"]]', b'{\n"a": [1]}'])
def test_a_document_without_objects_is_no_empty_one(content: bytes, tmp_path: Path) -> None:
    """A folder must not pass it over."""
    with pytest.raises(SourceError, match="is JSON without a list of objects") as caught:
        open_source(write(tmp_path / "f.json", content))
    assert not isinstance(caught.value, EmptySource)


def test_a_document_without_vectors_says_what_it_has(tmp_path: Path) -> None:
    """In the words of all sources."""
    with pytest.raises(SourceError, match='has no column with lists of numbers, among "id", "x"'):
        open_source(write(tmp_path / "f.json", [{"id": "a", "x": 1}]))


def test_keys_to_delete_may_be_in_a_document(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """They need no vectors."""
    path = write(tmp_path / "f.json", {"gone": [{"id": "a"}, {"id": "b"}]})
    assert gather(open_source(path, keys_only=True, columns=ColumnChoice())).keys == ["a", "b"]
