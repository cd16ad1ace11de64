"""A JSON document is split into the elements of its lists, and none of them is lost."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.sources.documents import json_splitter
from vecgate.bulk.sources.documents.json_splitter import JsonSplitter
from vecgate.errors import SourceError

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


class Trickle(io.BytesIO):
    """A stream that gives few bytes at a time."""

    step = 1

    def read(self, size: int | None = -1, /) -> bytes:
        del size
        return super().read(self.step)


def split(text: bytes) -> list[tuple[str, Any]]:
    return [(where, json.loads(part)) for where, part in JsonSplitter(io.BytesIO(text), "f").elements()]


@given(
    records=st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=6),
    indent=st.sampled_from([None, 2]),
    step=st.sampled_from([1, 7, 100]),
)
def test_every_element_comes_out_in_order(records: list[object], indent: int | None, step: int) -> None:
    """Wherever a chunk ends, and whatever brackets and quotes are in texts."""
    stream = Trickle(json.dumps(records, indent=indent, ensure_ascii=False).encode())
    stream.step = step
    found = [(where, json.loads(text)) for where, text in JsonSplitter(stream, "f").elements()]
    assert found == [("", record) for record in records]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b' {"a": {"b": [{"x": 1}, {"x": 2}]}, "n": [1, 2]} ', [("a.b", {"x": 1}), ("a.b", {"x": 2})]),
        (b'{"a": [{"x": [{"y": 1}]}], "b": [{}]}', [("a", {"x": [{"y": 1}]}), ("b", {})]),
        (b'{"a": [[{"x": 1}]], "b": "]"}', []),
        (b'\xef\xbb\xbf[{"a": "\\"]}"}]', [("", {"a": '"]}'})]),
        (b"[]", []),
        (b'["a", "b"]', []),
    ],
)
def test_lists_are_found_behind_objects_only(text: bytes, expected: object) -> None:
    """Their path is the names on the way."""
    assert split(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'[{"a": 1}', "f is truncated: its document does not end"),
        (b'[{"a": "x', "f is truncated: its last text does not end"),
        (b"", "f is truncated: its document does not end"),
        (b'[{"a": 1}, null]', "f has something else than an object after 1 elements of its list"),
        (b'[{"a": 1}{"b": 1}]', "f has something else than an object after 1 elements of its list"),
        (b'[{"a": 1}, [2]]', "f has something else than an object after 1 elements of its list"),
        (b'{"v": [null, {"a": 1}]}', 'f has something else than an object after 0 elements of the list "v"'),
        (b'[{"a": 1}}', "f has a wrong bracket after element 1"),
        (b'[{"a": 1}] [{"a": 1}]', "f is not one JSON document"),
        (b'[{"a": 1}] x', "f is not one JSON document"),
        (b'"text"', "f is not one JSON document"),
        (b"x [{}]", "f is not one JSON document"),
        (b"{[1]}", "f has a member without a name"),
    ],
)
def test_what_is_not_a_whole_document_is_refused(text: bytes, problem: str) -> None:
    """An element that is no object must not vanish."""
    with pytest.raises(SourceError) as caught:
        split(text)
    assert str(caught.value) == problem


def test_an_element_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a damaged document would be read into memory as a whole."""
    monkeypatch.setattr(json_splitter, "ELEMENT_BYTES_MAX", 100)
    monkeypatch.setattr(json_splitter, "_CHUNK_BYTES", 60)
    assert split(b'[{"a": "' + b"x" * 40 + b'"}, {"b": "' + b"x" * 40 + b'"}]')
    with pytest.raises(SourceError, match="f has an element of more than 100 bytes"):
        split(b'[{"a": "' + b"x" * 300 + b'"}]')
