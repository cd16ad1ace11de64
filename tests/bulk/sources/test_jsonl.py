"""JSON lines: each line is a record, and a broken line is a reject."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vecgate.bulk.core.record_blocks import RejectedRecord
from vecgate.bulk.core.record_validation import IndexRules, validate
from vecgate.bulk.rejects_file import RejectsFile
from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.sources.jsonl import open_stdin
from vecgate.errors import SourceError

SHARED_FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES = st.one_of(st.text(), st.integers(-(2**53), 2**53), st.booleans(), st.lists(st.text(), max_size=3))
#: Every finite float32 by its bits.
FLOATS = st.builds(
    lambda bits, sign: float(np.uint32(bits | sign << 31).view(np.float32)),
    st.integers(0, 0x7F7FFFFF),
    st.integers(0, 1),
)


def write(path: Path, *records: object) -> Path:
    """Write records as lines; bytes are written unchanged."""
    path.write_bytes(b"\n".join(r if isinstance(r, bytes) else orjson.dumps(r) for r in records) + b"\n")
    return path


@given(
    vectors=st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(FLOATS, min_size=width, max_size=width), min_size=1, max_size=25)
    ),
    metadata=st.lists(st.dictionaries(st.text(), VALUES, max_size=3), min_size=25, max_size=25),
    rows=st.integers(1, 9),
    is_zipped=st.booleans(),
)
@SHARED_FIXTURES
def test_records_in_the_form_of_the_service_come_back(  # noqa: PLR0917 - given by name
    vectors: list[list[float]],
    metadata: list[dict[str, object]],
    rows: int,
    is_zipped: bool,
    tmp_path: Path,
    gather: Callable[..., Any],
) -> None:
    """Zipped or not, in blocks of any size."""
    records: list[dict[str, Any]] = [
        {"key": f"k{i}", "data": {"float32": vector}, "metadata": metadata[i]}
        for i, vector in enumerate(vectors)
    ]
    path = write(tmp_path / "f.jsonl", *records)
    if is_zipped:
        path.write_bytes(gzip.compress(path.read_bytes()))
    source = open_source(path)
    got = gather(source, rows=rows)
    assert (got.keys, got.vectors) == ([r["key"] for r in records], vectors)
    assert got.metadata == metadata[: len(vectors)]
    assert source.dimension == len(vectors[0])


@pytest.mark.parametrize(
    ("record", "metadata"),
    [
        ({"id": "a", "vector": [1], "year": 3, "tag": None}, {"year": 3}),
        ({"_id": 5, "embedding": [1.5], "metadata": {"a": None, "b": 1}}, {"b": 1}),
        ({"id": "a", "values": [1], "metadata": None, "extra": 1}, None),
        ({"id": "a", "values": [1], "metadata": '{"x": [1]}'}, {"x": [1]}),
        ({"id": "a", "values": [1], "metadata": ""}, None),
        ({"id": "a", "values": [1]}, None),
        ({"id": "a", "float32": [1], "deep": {"x": 1}}, {"deep": {"x": 1}}),
        ({"key": "a", "vector": [1], "problem": "p", "position": 4}, None),
        ({"key": "a", "vector": [1], "problem": "p"}, {"problem": "p"}),
    ],
)
def test_common_forms_are_understood(
    record: dict[str, object], metadata: object, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """Metadata is one object if there is one, else all other fields; null fields are missing entries."""
    got = gather(open_source(write(tmp_path / "f.json", record)))
    assert got.metadata == [metadata]
    assert got.keys == [str(record.get("key", record.get("id", record.get("_id"))))]


@pytest.mark.parametrize(
    ("line", "key", "problem"),
    [
        (b"{oops", "", "line 2 is not JSON, from column 2"),
        (b'{"key": "\xff"}', "", "line 2 is not JSON, from column 1"),
        (b"[1]", "", "line 2 is not a JSON object"),
        ({"vector": [1, 2]}, "", "key is missing"),
        ({"key": None, "vector": [1, 2]}, "", "key is missing"),
        ({"key": 1.5, "vector": [1, 2]}, "", "key must be a string, but is a float"),
        ({"key": True, "vector": [1, 2]}, "", "key must be a string, but is a boolean"),
        ({"key": "x"}, "x", "vector is missing"),
        ({"key": "x", "vector": None}, "x", "vector is missing"),
        ({"key": "x", "vector": {"int8": [1]}}, "x", "vector is missing"),
        ({"key": "x", "vector": "text"}, "x", "vector is text that is not a list of numbers"),
        ({"key": "x", "vector": {"float32": 1}}, "x", "vector must be an array of numbers, but is a int"),
        ({"key": "x", "vector": []}, "x", "vector must have length 2, but has length 0"),
        ({"key": "x", "vector": [1, 2, 3]}, "x", "vector must have length 2, but has length 3"),
        ({"key": "x", "vector": [1, "2"]}, "x", "vector must hold numbers only, but element 1 is a string"),
        ({"key": "x", "vector": [True, 2]}, "x", "vector must hold numbers only, but element 0 is a boolean"),
        ({"key": "x", "vector": [None, 2]}, "x", "vector must hold numbers only, but element 0 is null"),
        ({"key": "x", "vector": [[1], 2]}, "x", "vector must hold numbers only, but element 0 is an array"),
        ({"key": "x", "vector": [1, 2], "metadata": 3}, "x", "Metadata must be an object"),
        ({"key": "x", "vector": [1, 2], "metadata": "["}, "x", "metadata is text that is not JSON"),
    ],
)
def test_an_invalid_record_is_a_reject_and_reading_continues(
    line: object, key: str, problem: str, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """The reject says what is wrong, and the records around it are read."""
    good = {"key": "a", "vector": [1, 2], "metadata": {"m": 1}}
    got = gather(open_source(write(tmp_path / "f.jsonl", good, line, good)))
    assert got.keys == ["a", "a"]
    assert got.problems == [(1, key, problem)]


def test_values_beyond_float32_are_infinite(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Validation rejects them."""
    got = gather(open_source(write(tmp_path / "f.jsonl", b'{"key": "a", "vector": [1e300, -1e300]}')))
    assert got.vectors == [[float("inf"), float("-inf")]]


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_tokens_that_json_does_not_have_are_named(
    token: str, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """Python's json module writes them; the reject has the key and the line, which can be repaired."""
    line = f'{{"id": "b", "vector": [1.0, {token}]}}'
    got = gather(open_source(write(tmp_path / "f.jsonl", {"id": "a", "vector": [1.5, 2]}, line.encode())))
    assert got.problems == [(1, "b", f"line 2 holds {token}, which is not JSON")]
    assert got.rejects[0].raw == line


@pytest.mark.parametrize("line", [b"{oops", b'{"key": "\xff"}', b"[1]", b"[" * 100_000])
def test_a_line_that_cannot_be_parsed_is_kept(
    line: bytes, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """The rejects file must hold what can be repaired."""
    (reject,) = gather(open_source(write(tmp_path / "f.jsonl", {"id": "a", "vector": [1.5]}, line))).rejects
    assert reject.raw == line.decode(errors="backslashreplace")


def test_a_line_that_is_too_deep_is_one_reject(tmp_path: Path) -> None:
    """The other records are written."""
    deep = b'{"id": "b", "vector": [1.5], "x": ' + b"[" * 600 + b"]" * 600 + b"}"
    block = next(open_source(write(tmp_path / "f.jsonl", {"id": "a", "vector": [1.5]}, deep)).blocks())
    good, rejects = validate(block, IndexRules(1, "euclidean"))
    assert list(good.keys) == ["a"]
    assert [(reject.key, reject.problem) for reject in rejects] == [
        ("b", 'Metadata array values must be strings or numbers: "x" is an array of arrays')
    ]


def test_a_payload_may_be_null_at_first(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The layout is that of the first records whose fields are not null."""
    few = [{"id": i, "payload": None, "vector": [1.5]} for i in range(40)]
    path = write(tmp_path / "f.jsonl", *few, {"id": 99, "payload": {"a": 1}, "vector": [2.5]})
    assert gather(open_source(path)).metadata == [None] * 40 + [{"a": 1}]
    many = [{"id": i, "payload": None, "vector": [1.5]} for i in range(1_200)]
    write(path, *many, {"id": 99, "payload": {"a": 1}, "vector": [2.5]})
    assert gather(open_source(path)).metadata == [None] * 1_200 + [{"a": 1}]


def test_a_second_vector_is_left_out_and_named(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """It is no metadata that anyone filters, and seldom fits; the user can ask for it."""
    record = {"id": "a", "embedding": [0.5], "image_embedding": [0.25], "tags": [1, 2]}
    path = write(tmp_path / "f.jsonl", record)
    source = open_source(path)
    assert gather(source).metadata == [{"tags": [1, 2]}]
    assert source.describe().endswith("metadata ← tags, not used: image_embedding")
    chosen = open_source(path, columns=ColumnChoice(metadata=("image_embedding",)))
    assert gather(chosen).metadata == [{"image_embedding": [0.25]}]


def _zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _zstd,
}


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_compressed_files_are_read_to_their_end_or_are_an_error(
    suffix: str, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """Also of several parts. A truncated one never passes for a shorter file."""
    compress = COMPRESSIONS[suffix]
    lines = [orjson.dumps({"id": i, "v": [i * 0.37] * 9}) + b"\n" for i in range(2_000)]
    halves = [compress(b"".join(lines[:1_000])), compress(b"".join(lines[1_000:]))]
    path = tmp_path / f"f.jsonl{suffix}"
    path.write_bytes(b"".join(halves))
    assert len(gather(open_source(path)).keys) == 2_000
    for cut in (1, 9, len(halves[1]) // 2):
        path.write_bytes(b"".join(halves)[:-cut])
        # The message depends on how much CPython reads ahead.
        with pytest.raises(SourceError, match=r"cannot be read as (JSON lines|a compressed file)"):
            list(open_source(path).blocks())


def test_blank_lines_and_a_byte_order_mark_are_skipped(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Positions count records, problems name lines."""
    path = write(
        tmp_path / "f", b'\xef\xbb\xbf{"id": 1, "vec": [1]}', b"  ", b"", b"{", b'{"id": 2, "vec": [1]}'
    )
    got = gather(open_source(path))
    assert (got.keys, got.positions) == (["1", "2"], [0, 2])
    assert got.problems == [(1, "", "line 4 is not JSON, from column 2")]


def test_a_field_may_be_null_at_first(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The first lines are considered together; a vector takes precedence over a list."""
    records: list[dict[str, object]] = [{"id": i, "v": [] if i == 1 else None, "x": None} for i in range(3)]
    path = write(tmp_path / "f.jsonl", *records, {"id": 9, "v": [1.0], "x": "s"})
    assert gather(open_source(path)).keys == ["9"]


def test_metadata_may_come_late(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """An object named metadata is the metadata, even if the first lines have none."""
    few = [{"id": i, "v": [1.0]} for i in range(12)]
    path = write(tmp_path / "f.jsonl", *few, {"id": 99, "v": [1.0], "metadata": {"a": 1}})
    assert gather(open_source(path)).metadata == [None] * 12 + [{"a": 1}]


@pytest.mark.parametrize(
    ("first", "late", "beside"),
    [({"source": "s"}, {"source": "q", "metadata": {"n": 7}}, "source"),
     ({}, {"source": "q", "metadata": {"n": 7}}, "source"),
     ({"metadata": {"n": 1}, "score": 2}, {"metadata": {"n": 7}, "score": 3, "source": "q"}, "source"),
     ({"metadata": {"n": 1}}, {"source": "q", "metadata": None}, "source")],
)  # fmt: skip
def test_metadata_of_two_forms_are_a_reject(
    first: dict[str, Any], late: dict[str, Any], beside: str, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """The first records decide on the form; a field that they do not have would be lost without a word."""
    records = [{"id": f"k{n}", "vector": [n, 1], **first} for n in range(12)]
    path = write(tmp_path / "a.jsonl", *records, {"id": "z", "vector": [1, 2], **late})
    got = gather(open_source(path))
    assert got.problems == [(12, "z", f'metadata is in "metadata", but the record also has "{beside}"')]
    assert {*got.rejects[0].metadata} == {*late} - {"score"}
    if "metadata" in first:
        columns = ColumnChoice(metadata=("metadata",))
        assert gather(open_source(path, columns=columns)).problems == [], "the user chose"


def test_a_vector_may_come_late(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """If the first lines have none, the first vector decides the length of the others."""
    few = [{"id": i, "vector": None} for i in range(1_005)]
    path = write(tmp_path / "f.jsonl", *few, {"id": "a", "vector": [1, 2]}, {"id": "b", "vector": [1]})
    source = open_source(path)
    assert source.dimension is None
    assert "no usable vector yet" in source.describe()
    got = gather(source, rows=500)
    assert got.keys == ["a"]
    assert got.problems[-1] == (1_006, "b", "vector must have length 2, but has length 1")


def test_the_metadata_can_be_chosen(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Only named fields, one object under another name, or no metadata."""
    path = write(tmp_path / "f.jsonl", {"id": 1, "v": [1.0], "a": 1, "b": 2, "o": {"x": 1}})

    def read(*names: str) -> object:
        return gather(open_source(path, columns=ColumnChoice(metadata=names))).metadata[0]

    assert (read("a"), read("o"), read()) == ({"a": 1}, {"x": 1}, None)


def test_keys_get_a_prefix_or_are_numbered(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The prefix precedes each key, or the row number without a key column."""
    choice = ColumnChoice(key_prefix="p-")
    with_key = write(tmp_path / "a.jsonl", {"id": 7, "v": [1.0]})
    without = write(tmp_path / "b.jsonl", {"v": [1.0]}, {"v": [1.0]})
    assert gather(open_source(with_key, columns=choice)).keys == ["p-7"]
    assert gather(open_source(without, columns=choice), first=4).keys == ["p-4", "p-5"]


def test_only_keys_are_read_for_deletes(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Other fields are ignored."""
    path = write(tmp_path / "f.jsonl", {"id": "a"}, {"id": "b", "vector": "?"}, {"x": 1})
    got = gather(open_source(path, keys_only=True))
    assert (got.keys, got.vectors) == (["a", "b"], [[], []])
    assert got.problems == [(2, "", "key is missing")]


def test_a_rejects_file_can_be_put_again(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Its columns about the problem are not metadata."""
    path = tmp_path / "rejected.jsonl"
    rejects = RejectsFile(path)
    rejects.write(
        [
            RejectedRecord(8, "a", "p", [1.0], {"m": 1}),
            RejectedRecord(9, "b", "p", [2.0]),
            RejectedRecord(10, "c", "p"),
        ]
    )
    rejects.close()
    got = gather(open_source(path))
    assert (got.keys, got.vectors, got.metadata) == (["a", "b"], [[1.0], [2.0]], [{"m": 1}, None])
    assert got.problems == [(2, "c", "vector is missing")]


def test_standard_input_is_read_once(gather: Callable[..., Any]) -> None:
    """The sample of first lines is not lost; a second reading is an error."""
    lines = b"".join(b'{"key": %d, "vector": [%d]}\n' % (i, i) for i in range(20))
    source = open_stdin(columns=ColumnChoice(), keys_only=False, stdin=io.BytesIO(lines))
    assert (source.is_repeatable, source.is_identified) == (False, False)
    assert (source.total, source.dimension) == (None, 1)
    assert gather(source).vectors == [[i] for i in range(20)]
    with pytest.raises(SourceError, match="standard input was read already and cannot be read again"):
        list(source.blocks())


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch, gather: Callable[..., Any]) -> None:
    """Zipped or not."""
    zipped = io.BufferedReader(io.BytesIO(gzip.compress(b'{"key": "a", "vector": [1]}')))
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": zipped}))
    assert gather(open_source("-")).keys == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n \n", " holds no records"),
        (b"oops\n[1]", " is not JSON lines: line 1 is not JSON, from column 1, nor is any of the first 2"),
        (b"1\n", " is not JSON lines: line 1 is not a JSON object"),
        (b"{x\n" * 30, " is not JSON lines: line 1 is not JSON, from column 2, nor is any of the first 10"),
    ],
)
def test_a_file_that_is_not_json_lines_is_an_error(content: bytes, message: str, tmp_path: Path) -> None:
    """None of the first ten lines is a record."""
    path = tmp_path / "f.jsonl"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        open_source(path)
    assert str(caught.value) == f"{path}{message}"


def test_a_truncated_zipped_file_is_an_error(tmp_path: Path) -> None:
    """Records before the end are read; then one clear line follows."""
    path = tmp_path / "f.jsonl.gz"
    lines = b"".join(orjson.dumps({"id": i, "v": [i * 0.37] * 9}) + b"\n" for i in range(9_000))
    zipped = gzip.compress(lines)
    path.write_bytes(zipped[: len(zipped) // 2])
    source = open_source(path)
    with pytest.raises(SourceError, match="cannot be read as JSON lines"):
        list(source.blocks())


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_a_line_without_an_end_is_refused(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compressed one of some KB could fill the memory. What comes before it is read."""
    monkeypatch.setattr("vecgate.bulk.sources.documents.text_lines.LINE_BYTES_MAX", 10_000)
    lines = b'{"key":"a","vector":[1]}\n' * 20 + b" " * 10_000
    file = tmp_path / "records.jsonl"
    file.write_bytes(pack(lines))
    source = open_source(file)
    with pytest.raises(SourceError, match=r"line 21 of .* has more than 10,000 bytes"):
        list(source.blocks())
    with pytest.raises(SourceError, match="line 1 of standard input has more than 10,000 bytes"):
        open_stdin(columns=ColumnChoice(), keys_only=False, stdin=io.BytesIO(b"x" * 10_000))
