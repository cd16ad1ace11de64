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


def hits(count: int, total: object, **members: object) -> dict[str, object]:
    found = [{"_id": str(n), "_source": {"vector": [n, 1]}} for n in range(count)]
    return {**members, "hits": {"total": total, "hits": found}}


def page(following: object) -> dict[str, object]:
    return {"result": {"points": [RECORD], "next_page_offset": following}, "status": "ok"}


@pytest.mark.parametrize(
    ("answer", "member"),
    [
        (hits(1, {"value": 1000, "relation": "eq"}), '"hits.total.value" is 1,000, but it has 1 record'),
        (hits(2, {"relation": "gte", "value": 2}), '"hits.total.value" is 2, but it has 2 records'),
        (hits(1, 2), '"hits.total" is 2, but it has 1 record'),
        (hits(1, 1, timed_out=True), '"timed_out" is true'),
        (hits(1, 1, _shards={"total": 5, "failed": 2}), '"_shards.failed" is 2'),
        (page(7), '"result.next_page_offset" is 7'),
        ({"vectors": [RECORD], "pagination": {"next": "Tm90"}}, "\"pagination.next\" is 'Tm90'"),
        ({"nextToken": "t", "vectors": [RECORD]}, "\"nextToken\" is 't'"),
        ({"objects": [RECORD], "totalResults": 2}, '"totalResults" is 2, but it has 1 record'),
        ({"data": {"Get": {"Film": [RECORD]}}, "errors": [{"message": "x"}]}, 'it has "errors"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_document_that_says_that_it_is_a_part_is_an_error(
    answer: object, member: str, tmp_path: Path
) -> None:
    """The member is named."""
    with pytest.raises(SourceError) as caught:
        list(open_source(write(tmp_path / "f.json", answer)).blocks())
    assert str(caught.value) == f"{tmp_path / 'f.json'} says itself that it is a part: {member}"


@pytest.mark.parametrize(
    "answer",
    [
        hits(2, {"value": 2, "relation": "eq"}, timed_out=False, _shards={"failed": 0}),
        hits(1, 1),
        page(None),
        {"has_more": False, "data": [{**RECORD, "metadata": {"next": "b", "timed_out": True}}]},
    ],
)
def test_a_document_that_says_that_it_is_whole_is_read(answer: object, tmp_path: Path) -> None:
    """Members of its records say nothing about it."""
    assert list(open_source(write(tmp_path / "f.json", answer)).blocks())


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([page(7), page(None)], ""),
        ([page(None), page(7)], ""),
        ([page(7), page(8)], "next_page_offset"),
        ([hits(2, 3), hits(1, 3)], ""),
        ([hits(2, 4), hits(1, 4)], "hits.total"),
        ([hits(2, 4), hits(2, 2)], "hits.total"),
        ([hits(1, 1, timed_out=True), hits(1, 1)], "timed_out"),
    ],
)
def test_pages_may_be_whole_together(
    answers: list[object], problem: str, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """As files of a folder."""
    for number, answer in enumerate(answers):
        write(tmp_path / f"{number}.json", answer)
    if not problem:
        assert len(gather(open_source(tmp_path)).keys) == sum(
            str(answers).count(f"'{n}'") for n in ("id", "_id")
        )
        return
    with pytest.raises(SourceError, match=problem):
        list(open_source(tmp_path).blocks())


def test_keys_to_delete_may_be_in_a_document(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """They need no vectors."""
    path = write(tmp_path / "f.json", {"gone": [{"id": "a"}, {"id": "b"}]})
    assert gather(open_source(path, keys_only=True, columns=ColumnChoice())).keys == ["a", "b"]
