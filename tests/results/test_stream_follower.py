from __future__ import annotations

from pathlib import Path

import pytest
from load_builders import plan, second
from result_builders import footer, header, result

from vecgate.results.records import Record
from vecgate.results.result_stream import StreamWriter
from vecgate.results.stream_follower import StreamFollower

RECORDS: list[Record] = [header(kind="load"), plan(), second(0, 0.01), second(1, 0.02), footer()]


def test_records_arrive_while_the_stream_is_written(tmp_path: Path) -> None:
    """Each record arrives once, and the file need not exist at first."""
    path, seen = tmp_path / "run.jsonl", list[Record]()
    with StreamFollower(path, seen.append) as follower:
        follower.poll()
        assert seen == []
        with StreamWriter(path) as stream:
            stream.write(header())
            follower.poll()
            assert seen == [header()]
            stream.write(result("a.b"))
            stream.write(result("a.c", "failed"))
            follower.poll()
            follower.poll()
        with path.open("ab") as file:
            file.write(b'{"record":"requirement","id":"a.d"')
        follower.poll()
        assert seen == [header(), result("a.b"), result("a.c", "failed")]


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_a_record_arrives_once_its_line_is_complete(tmp_path: Path, size: int) -> None:
    """It does not matter in which pieces the line was written."""
    ready, path = tmp_path / "ready.jsonl", tmp_path / "run.jsonl"
    with StreamWriter(ready) as writer:
        for record in RECORDS:
            writer.write(record)
    content, seen = ready.read_bytes(), list[Record]()
    with StreamFollower(path, seen.append) as follower, path.open("ab", buffering=0) as file:
        for start in range(0, len(content), size):
            file.write(content[start : start + size])
            follower.poll()
            assert len(seen) == content[: start + size].count(b"\n")
    assert seen == RECORDS


def test_records_of_an_unknown_type_are_skipped(tmp_path: Path) -> None:
    """A later version of the child may write some."""
    path, seen = tmp_path / "run.jsonl", list[Record]()
    path.write_bytes(
        b'{"record":"header","schema":2,"run":"r","started_at":"s","target":"t"}\n{"record":"x"}\n'
    )
    with StreamFollower(path, seen.append) as follower:
        follower.poll()
    assert [type(each).__name__ for each in seen] == ["Header"]
