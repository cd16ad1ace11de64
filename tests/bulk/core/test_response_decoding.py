from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.response_decoding import decode_hits, decode_vectors, new_parser
from vecgate.errors import ProtocolError

FLT_MAX, SMALLEST = 3.4028234663852886e38, 1.401298464324817e-45
PARSERS = [None, new_parser()]

float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)
metadata = st.none() | st.dictionaries(
    st.text(max_size=5),
    st.text(max_size=5) | st.integers(-(2**70), 2**70) | st.booleans() | st.lists(float32s, max_size=3),
)


@st.composite
def pages(draw: st.DrawFn) -> list[tuple[str, list[float], dict[str, Any] | None]]:
    """Generate keys, rows of one dimension, and optional metadata."""
    dimension = draw(st.integers(0, 4))
    rows = st.lists(float32s | st.integers(-(2**24), 2**24), min_size=dimension, max_size=dimension)
    return draw(st.lists(st.tuples(st.text(min_size=1, max_size=5), rows, metadata), min_size=1, max_size=4))


def page(items: Any, **members: Any) -> bytes:
    vectors = [
        {"key": key, "data": {"float32": row}, **({} if document is None else {"metadata": document})}
        for key, row, document in items
    ]
    return json.dumps({"vectors": vectors, **members}).encode()


@pytest.mark.parametrize("parser", PARSERS, ids=["orjson", "simdjson"])
@given(items=pages())
@example(items=[("a", [0.0, -0.0, SMALLEST, -SMALLEST, FLT_MAX, -FLT_MAX], None)])
@example(items=[("a", [1, 0, -1], {"long": 2**60})])
def test_a_page_becomes_columns_bit_for_bit(parser: Any, items: Any) -> None:
    """Keys, float32 rows and metadata come in the order of the response, with exact numbers."""
    found, token = decode_vectors(page(items, nextToken="t"), parser)
    assert token == "t"
    assert found.keys == [key for key, _, _ in items]
    assert found.vectors is not None
    assert found.vectors.dtype == np.float32
    assert found.vectors.tobytes() == np.array([row for _, row, _ in items], np.float32).tobytes()
    assert [document and sorted(document) for document in found.metadata] == [
        document and sorted(document) for _, _, document in items
    ]


@given(items=pages())
def test_both_parsers_give_the_same_result(items: Any) -> None:
    """The extra [fast] changes only the speed."""
    slow, fast = decode_vectors(page(items))[0], decode_vectors(page(items), new_parser())[0]
    assert (slow.keys, slow.metadata) == (fast.keys, fast.metadata)
    assert slow.vectors is not None
    assert fast.vectors is not None
    assert slow.vectors.tobytes() == fast.vectors.tobytes()


@pytest.mark.parametrize("parser", PARSERS, ids=["orjson", "simdjson"])
@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (b'{"vectors": []}', []),
        (b'{"vectors": [{"key": "a"}, {"key": "b", "data": null}], "nextToken": null}', ["a", "b"]),
    ],
)
def test_without_data_there_is_no_matrix(parser: Any, body: bytes, keys: list[str]) -> None:
    """A page with keys alone, or without vectors, is valid; it may be the last one."""
    found, token = decode_vectors(body, parser)
    assert (found.keys, found.vectors, token, len(found)) == (keys, None, "", len(keys))


MALFORMED = [
    b"",
    b"[]",
    b"{}",
    b"<html>",
    b'{"vectors": null}',
    b'{"vectors": [7]}',
    b'{"vectors": [{"data": {"float32": [1]}}]}',
    b'{"vectors": [{"key": 7}]}',
    b'{"vectors": [{"key": "a", "metadata": [1]}]}',
    b'{"vectors": [], "nextToken": 7}',
    b'{"vectors": [], "__type": "InternalServerException"}',
    b'{"vectors": [{"key": "a", "data": {"float64": [1]}}]}',
    b'{"vectors": [{"key": "a", "data": {"float32": ["1"]}}]}',
    b'{"vectors": [{"key": "a", "data": {"float32": [null]}}]}',
    b'{"vectors": [{"key": "a", "data": {"float32": [[1, 2]]}}]}',
    b'{"vectors": [{"key": "a", "data": {"float32": [3.5e38]}}]}',
    b'{"vectors": [{"key": "a", "data": {"float32": [1]}}, {"key": "b"}]}',
    b'{"vectors": [{"key": "a", "data": {"float32": [1]}}, {"key": "b", "data": {"float32": [1, 2]}}]}',
]


@pytest.mark.parametrize("parser", PARSERS, ids=["orjson", "simdjson"])
@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_page_is_a_protocol_error(parser: Any, body: bytes) -> None:
    """Missing or mistyped members, mixed dimensions, and numbers beyond float32 give one error."""
    with pytest.raises(ProtocolError):
        decode_vectors(body, parser)


def test_a_parser_can_be_used_after_a_malformed_response() -> None:
    """It decodes the next response."""
    parser = new_parser()
    with pytest.raises(ProtocolError):
        decode_vectors(b'{"vectors": [{"key": 7}]}', parser)
    assert decode_vectors(b'{"vectors": [{"key": "a"}]}', parser)[0].keys == ["a"]


def test_without_the_extra_there_is_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orjson then decodes."""
    monkeypatch.setitem(sys.modules, "simdjson", None)
    assert new_parser() is None


def test_hits_become_columns() -> None:
    """Keys, float32 distances and metadata, nearest first; a whole-number distance is a float."""
    hits = [{"key": "a", "distance": 0, "metadata": {"n": 1}}, {"key": "b", "distance": 0.10000000149011612}]
    body = json.dumps({"vectors": hits, "distanceMetric": "euclidean", "nextToken": "t"}).encode()
    found, token = decode_hits(body)
    assert (found.keys, found.metadata, found.metric, token) == (
        ["a", "b"],
        [{"n": 1}, None],
        "euclidean",
        "t",
    )
    assert found.distances is not None
    assert found.distances.tobytes() == np.array([0, 0.1], np.float32).tobytes()
    assert len(found) == 2


@pytest.mark.parametrize("hits", [[], [{"key": "a"}]])
def test_without_distances_there_is_no_column(hits: list[Any]) -> None:
    """Distances come only if they were requested."""
    found, token = decode_hits(json.dumps({"vectors": hits, "distanceMetric": "cosine"}).encode())
    assert (found.distances, token) == (None, "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"vectors": []}',
        b'{"vectors": [{}], "distanceMetric": "cosine"}',
        b'{"vectors": [], "distanceMetric": "cosine", "__type": "InternalServerException"}',
        b'{"vectors": [{"key": "a", "distance": "0"}], "distanceMetric": "cosine"}',
        b'{"vectors": [{"key": "a", "distance": 1}, {"key": "b"}], "distanceMetric": "cosine"}',
    ],
)
def test_malformed_hits_are_a_protocol_error(body: bytes) -> None:
    """As for pages of vectors."""
    with pytest.raises(ProtocolError):
        decode_hits(body)
