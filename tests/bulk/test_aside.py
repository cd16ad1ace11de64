"""Records that were not written are kept so that they can be put again."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.aside import SetAsideFile, _line
from vecgate.bulk.records import Reject
from vecgate.bulk.sources import open_source
from vecgate.errors import JournalError
from vecgate.testing.strategies import float32_values, metadata_objects, vector_keys


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_the_file_comes_into_being_with_the_first_record(tmp_path: Path) -> None:
    """A run in which nothing went wrong leaves no empty file; folders are made."""
    path = tmp_path / "a" / "b.jsonl"
    with closing(SetAsideFile(path)) as file:
        assert not path.parent.exists()
        first = file.write([Reject(0, "a", "why", [1.0, 2.0], {"y": 1})])
        assert first == path.stat().st_size
        second = file.write([Reject(1, "b", "what"), Reject(2, "", "how", None, "text")])
        assert second == path.stat().st_size > first
    assert lines_of(path) == [
        {"key": "a", "vector": [1.0, 2.0], "position": 0, "metadata": {"y": 1}, "problem": "why"},
        {"key": "b", "vector": None, "position": 1, "problem": "what"},
        {"key": "", "vector": None, "position": 2, "metadata": "text", "problem": "how"},
    ]


@given(
    key=vector_keys(),
    vector=st.lists(float32_values(), min_size=1, max_size=4),
    metadata=st.none() | metadata_objects(),
)
def test_a_line_says_what_the_record_was(
    key: str, vector: list[float], metadata: dict[str, Any] | None
) -> None:
    """Exactly, so that a mended file is the same but for the mending."""
    line = json.loads(_line(Reject(3, key, "why", vector, metadata)))
    assert (line["key"], line["vector"], line.get("metadata")) == (key, vector, metadata)


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.dates()
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(st.characters(), max_size=3) | st.integers(), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(key=st.text(st.characters()), vector=st.none() | st.lists(ODD, max_size=3), metadata=ODD)
def test_whatever_the_record_was_its_line_is_json(
    key: str, vector: list[object] | None, metadata: object
) -> None:
    """Lone surrogates, integers beyond 64 bits and foreign objects are the very reason that it is here."""
    line = _line(Reject(3, key, "why", vector, metadata))
    assert line.count(b"\n") == 1
    assert json.loads(line)["problem"] == "why"
    assert json.loads(line)["position"] == 3


def test_what_json_cannot_say_is_said_nearly() -> None:
    """A surrogate as a question mark, a number beyond 64 bits and a date as text."""
    metadata = {"a\ud800": "b\ud800", "n": 2**64, "d": date(2026, 11, 24), "l": [2**70, 1, True, None, 0.5]}
    line = json.loads(_line(Reject(0, "k\ud800", "why", (1.0, -(2**63), 2**63 - 1), metadata)))
    assert line["key"] == "k?"
    assert line["vector"] == [1.0, str(-(2**63)), 2**63 - 1]
    assert line["metadata"] == {
        "a?": "b?",
        "n": str(2**64),
        "d": "2026-11-24",
        "l": [str(2**70), 1, True, None, 0.5],
    }


def test_what_is_nested_without_end_is_cut_off() -> None:
    """A file that nobody can read again helps nobody."""
    nested: list[object] = []
    for _ in range(900):
        nested = [nested]
    line = _line(Reject(0, "k", "why", None, {"n": nested}))
    assert b"\xe2\x80\xa6" in line
    assert json.loads(line)["problem"] == "why"


def test_what_was_not_accounted_for_is_cut_off(tmp_path: Path) -> None:
    """It was written in the moment of a crash, and its records are met again."""
    path = tmp_path / "aside.jsonl"
    path.write_bytes(b"kept\ntorn")
    for kept, left in [(None, b"kept\ntorn"), (99, b"kept\ntorn"), (5, b"kept\n"), (5, b"kept\n")]:
        with closing(SetAsideFile(path, kept_bytes=kept)):
            assert path.read_bytes() == left
    with closing(SetAsideFile(path, kept_bytes=5)) as file:
        length = file.write([Reject(0, "a", "why")])
    assert length == path.stat().st_size
    assert path.read_bytes().startswith(b'kept\n{"key":"a"')


def test_nothing_is_cut_off_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It may have been moved away to be mended."""
    path = tmp_path / "aside.jsonl"
    with closing(SetAsideFile(path, kept_bytes=5)) as file:
        assert not path.exists()
        file.write([Reject(0, "a", "why")])
    assert len(lines_of(path)) == 1


@pytest.mark.parametrize("kept_bytes", [None, 0])
def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path, kept_bytes: int | None) -> None:
    """A directory, and a path through a file."""
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path, tmp_path / "file" / "aside.jsonl"):
        with (
            pytest.raises(JournalError) as caught,
            closing(SetAsideFile(path, kept_bytes=kept_bytes)) as file,
        ):
            file.write([Reject(0, "a", "why")])
        assert str(caught.value).startswith(f"the set-aside file {path} cannot be written: ")
        assert caught.value.hint


def test_a_full_disk_is_one_clear_line_and_can_be_closed() -> None:
    """What could not be written is told once; closing the file does not fail over it again."""
    with closing(SetAsideFile(Path("/dev/full"))) as file, pytest.raises(JournalError, match="No space left"):
        file.write([Reject(0, "a", "why")])


def test_a_set_aside_file_can_be_put_again(tmp_path: Path) -> None:
    """Once mended, it is a source like any other."""
    path = tmp_path / "aside.jsonl"
    with closing(SetAsideFile(path)) as file:
        file.write([Reject(7, "a", "why", [1.0, 2.0], {"year": 2026}), Reject(9, "b", "why", [3.0, 4.0])])
    block = next(open_source(path).blocks())
    assert list(block.keys) == ["a", "b"]
    assert block.vectors.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert block.metadata[0] == {"year": 2026}
    assert np.array_equal(block.positions, [0, 1])
