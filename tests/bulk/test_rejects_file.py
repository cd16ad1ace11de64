"""Rejected records are stored so that they can be put again."""

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

from vecgate.bulk.core.record_blocks import RejectedRecord
from vecgate.bulk.rejects_file import RejectsFile, _line
from vecgate.bulk.sources import open_source
from vecgate.errors import JournalError
from vecgate.testing.strategies import float32_values, metadata_objects, vector_keys


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_the_first_record_creates_the_file(tmp_path: Path) -> None:
    """A run without rejects leaves no empty file; folders are created."""
    path = tmp_path / "a" / "b.jsonl"
    with closing(RejectsFile(path)) as file:
        assert not path.parent.exists()
        first = file.write([RejectedRecord(0, "a", "why", [1.0, 2.0], {"y": 1})])
        assert first == path.stat().st_size
        second = file.write([RejectedRecord(1, "b", "what"), RejectedRecord(2, "", "how", None, "text")])
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
def test_a_line_has_the_whole_record(key: str, vector: list[float], metadata: dict[str, Any] | None) -> None:
    """Exactly, so that a corrected file differs only in the correction."""
    line = json.loads(_line(RejectedRecord(3, key, "why", vector, metadata)))
    assert (line["key"], line["vector"], line.get("metadata")) == (key, vector, metadata)


UNUSUAL = st.recursive(
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


@given(key=st.text(st.characters()), vector=st.none() | st.lists(UNUSUAL, max_size=3), metadata=UNUSUAL)
def test_the_line_of_any_record_is_json(key: str, vector: list[object] | None, metadata: object) -> None:
    """Lone surrogates, integers beyond 64 bits and foreign objects may be the reason for the rejection."""
    line = _line(RejectedRecord(3, key, "why", vector, metadata))
    assert line.count(b"\n") == 1
    assert json.loads(line)["problem"] == "why"
    assert json.loads(line)["position"] == 3


def test_values_that_json_cannot_represent_are_approximated() -> None:
    """A surrogate becomes a question mark, a number beyond 64 bits and a date become text."""
    metadata = {"a\ud800": "b\ud800", "n": 2**64, "d": date(2026, 11, 24), "l": [2**70, 1, True, None, 0.5]}
    line = json.loads(_line(RejectedRecord(0, "k\ud800", "why", (1.0, -(2**63), 2**63 - 1), metadata)))
    assert line["key"] == "k?"
    assert line["vector"] == [1.0, str(-(2**63)), 2**63 - 1]
    assert line["metadata"] == {
        "a?": "b?",
        "n": str(2**64),
        "d": "2026-11-24",
        "l": [str(2**70), 1, True, None, 0.5],
    }


def test_endless_nesting_is_cut_off() -> None:
    """The file must stay readable."""
    nested: list[object] = []
    for _ in range(900):
        nested = [nested]
    line = _line(RejectedRecord(0, "k", "why", None, {"n": nested}))
    assert b"\xe2\x80\xa6" in line
    assert json.loads(line)["problem"] == "why"


def reject_a_and_b(path: Path) -> None:
    with closing(RejectsFile(path)) as file:
        length = file.write([RejectedRecord(0, "a", "why"), RejectedRecord(1, "b", "why")])
    assert length == path.stat().st_size


def test_a_repeated_run_appends_nothing_twice(tmp_path: Path) -> None:
    """A line that is there already is not written again, whatever else the file has."""
    path = tmp_path / "rejected.jsonl"
    path.write_bytes(b"mine\r\n")
    reject_a_and_b(path)
    once = path.read_bytes()
    assert once.startswith(b"mine\r\n")
    reject_a_and_b(path)
    assert path.read_bytes() == once


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_torn_by_a_crash_is_written_again_whole(tmp_path: Path, cut: int) -> None:
    """Its record is read again by the resumed run."""
    path = tmp_path / "rejected.jsonl"
    reject_a_and_b(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    reject_a_and_b(path)
    assert path.read_bytes() == whole


def test_a_last_line_without_an_end_is_kept(tmp_path: Path) -> None:
    """An editor may have left it so."""
    path = tmp_path / "rejected.jsonl"
    path.write_bytes(b'{"key": "mended"}')
    reject_a_and_b(path)
    assert path.read_bytes().startswith(b'{"key": "mended"}\n{"key":"a"')
    assert len(lines_of(path)) == 3


def test_a_path_that_cannot_be_written_is_one_clear_message(tmp_path: Path) -> None:
    """A directory, and a path through a file."""
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path, tmp_path / "file" / "rejected.jsonl"):
        with pytest.raises(JournalError) as caught, closing(RejectsFile(path)) as file:
            file.write([RejectedRecord(0, "a", "why")])
        assert str(caught.value).startswith(f"the rejects file {path} cannot be written: ")
        assert caught.value.hint


def test_a_record_that_could_not_be_parsed_is_kept_as_text(tmp_path: Path) -> None:
    """Otherwise there is nothing to repair."""
    path = tmp_path / "rejected.jsonl"
    with closing(RejectsFile(path)) as file:
        file.write([RejectedRecord(4, "", "line 5 is not JSON", raw='{"key": oops}')])
    assert lines_of(path)[0]["raw"] == '{"key": oops}'


def test_a_full_disk_is_one_clear_message_and_the_file_can_be_closed() -> None:
    """The error is raised once; closing the file does not raise it again."""
    with closing(RejectsFile(Path("/dev/full"))) as file, pytest.raises(JournalError, match="No space left"):
        file.write([RejectedRecord(0, "a", "why")])


def test_a_rejects_file_can_be_put(tmp_path: Path) -> None:
    """After correction it is a source like any other."""
    path = tmp_path / "rejected.jsonl"
    with closing(RejectsFile(path)) as file:
        file.write(
            [
                RejectedRecord(7, "a", "why", [1.0, 2.0], {"year": 2026}),
                RejectedRecord(9, "b", "why", [3.0, 4.0]),
            ]
        )
    block = next(open_source(path).blocks())
    assert list(block.keys) == ["a", "b"]
    assert block.vectors.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert block.metadata[0] == {"year": 2026}
    assert np.array_equal(block.positions, [0, 1])
