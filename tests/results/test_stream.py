from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from runs import footer, header, result, run

from vecgate.errors import SourceError, UsageError, VecgateError
from vecgate.results.records import Record
from vecgate.results.stream import StreamWriter, begin_anew, read_run, run_of, stream_of

RESULTS = (result("a.b"), result("a.c", "failed", reason="“ü”\n2"))
RECORDS: tuple[Record, ...] = (header(lacking={"text": "no"}), *RESULTS, footer())


def written(path: Path) -> bytes:
    with StreamWriter(path) as stream:
        for record in RECORDS:
            stream.write(record)
    return path.read_bytes()


def test_a_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Writing and reading are inverse; the folder is made where it is missing."""
    path = tmp_path / "new" / "run.jsonl"
    written(path)
    assert read_run(path) == run(*RESULTS, head=header(lacking={"text": "no"}), foot=footer())


def test_each_record_is_on_disk_before_the_next(tmp_path: Path) -> None:
    """A run that is killed has lost nothing that had ended."""
    path = tmp_path / "run.jsonl"
    with StreamWriter(path) as stream:
        for number, record in enumerate(RECORDS, start=1):
            stream.write(record)
            assert path.read_bytes().count(b"\n") == number


def test_a_run_cut_off_anywhere_after_its_header_can_be_read(tmp_path: Path) -> None:
    """At every byte: whole lines count, the half one does not."""
    content = written(tmp_path / "run.jsonl")
    first = content.index(b"\n") + 1
    for end in range(first, len(content) + 1):
        got = run_of(content[:end], "cut")
        # A last line that lacks nothing but its end is whole.
        lines = content[:end].split(b"\n")
        whole = len(lines) - 1 + (lines[-1].endswith(b"}") and content[end : end + 1] == b"\n")
        assert len(got.results) + (got.footer is not None) == whole - 1


def test_records_of_an_unknown_kind_are_passed_over() -> None:
    """A later version may add some."""
    content = b'{"record":"header","run":"r","started_at":"s","target":"t"}\n{"record":"note","x":1}\n'
    assert run_of(content, "new").results == ()


def test_members_of_a_later_version_are_passed_over() -> None:
    """Added members break no reader."""
    content = b'{"record":"header","run":"r","started_at":"s","target":"t","colour":"red"}\n'
    assert run_of(content, "new").header.target == "t"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no header"),
        (b'{"record":"footer","ended_at":"x","duration_s":1}\n', "no header"),
        (b'{"record":"header","schema":99,"run":"r","started_at":"s","target":"t"}\n', "later vecgate"),
        (b"{}\n{}\n", "line 1 is no record"),
        (
            b'{"record":"header","run":"r","started_at":"s","target":"t"}\nnot json\n{}\n',
            "line 2 is no record",
        ),
        (b'{"record":"header"}\n', "line 1 is no record"),
        (b"<testsuites/>\n", "line 1 is no record"),
    ],
)
def test_what_is_no_result_stream_is_said_to_be_none(content: bytes, said: str) -> None:
    """With the line to blame."""
    with pytest.raises(SourceError, match=said):
        run_of(content, "file")


HEADER = b'{"record":"header","run":"r","started_at":"s","target":"t"}\n'
FOOTER = b'{"record":"footer","ended_at":"e","duration_s":1}\n'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"not json", "file, line 2 is no record: JSON is malformed"),
        (b"{}", "file, line 2 is no record: Object missing required field `record`"),
        (b'{"record":"requirement","id":3}', "file, line 2 is no record: Expected `str`, got `int`"),
        (b'{"record":"\xff"}', "file, line 2 is no record: "),
        (b'{"record":' + b"[" * 100_000, "file, line 2 is no record: "),
        (b'{"record":"footer"}', "file, line 2 is no record: Object missing required field `ended_at`"),
    ],
)
def test_a_line_that_is_no_record_is_named_and_the_rest_is_read(line: bytes, said: str) -> None:
    """What can be shown is shown; a run that others are measured by must be whole."""
    content = HEADER + line + b"\n" + written_result() + FOOTER
    stream = stream_of(content, "file")
    assert [each.id for each in stream.run.results] == ["a.b"]
    (problem,) = stream.problems
    assert problem.startswith(said)
    with pytest.raises(SourceError, match="line 2"):
        run_of(content, "file")


def test_nothing_is_read_from_another_run_on() -> None:
    """Two runs in one file, as `cat` makes them, are not one of twice as much."""
    run = HEADER + written_result() + FOOTER
    stream = stream_of(run + run, "file")
    assert [each.id for each in stream.run.results] == ["a.b"]
    assert (stream.problems, stream.broken) == (("file, line 4 begins another run: a stream holds one",), 1)
    with pytest.raises(SourceError, match="line 4"):
        run_of(run + run, "file")


def test_a_disk_that_takes_nothing_more_is_told_with_the_file() -> None:
    """It is no wrong usage, and nothing is tried again when the file is closed."""
    with pytest.raises(VecgateError) as caught, StreamWriter(Path("/dev/full")) as stream:
        stream.write(header())
    assert type(caught.value) is VecgateError
    assert str(caught.value) == "/dev/full cannot be written any further: No space left on device"


def test_of_many_lines_that_are_no_records_the_first_are_named() -> None:
    """The others are counted."""
    stream = stream_of(HEADER + b"x\n" * 1_000 + FOOTER, "file")
    assert (len(stream.problems), stream.broken) == (21, 1_000)
    assert stream.problems[-1] == "file: 980 more lines are no records"


def test_a_stream_that_was_cut_off_says_so_last() -> None:
    """And nothing of a half line."""
    assert stream_of(HEADER + b'{"reco', "file").problems == (
        "file was cut off: what was written until then is shown",
    )


def written_result() -> bytes:
    return msgspec.json.encode(result("a.b")) + b"\n"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """One clear line."""
    with pytest.raises(SourceError, match=r"none\.jsonl cannot be read: No such file"):
        read_run(tmp_path / "none.jsonl")


def test_a_stream_begins_anew_and_what_is_no_file_stays(tmp_path: Path) -> None:
    """An earlier run is gone, a link is followed, and a device is not replaced by a file."""
    path, link, pipe = tmp_path / "deep" / "run.jsonl", tmp_path / "link", tmp_path / "pipe"
    begin_anew(path)
    path.write_text("an earlier run")
    link.symlink_to(path)
    begin_anew(link)
    assert (link.is_symlink(), path.read_bytes()) == (True, b"")
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="pipe cannot be written: it is no file"):
        begin_anew(pipe)
    assert pipe.is_fifo()
    with pytest.raises(UsageError, match="cannot be written: it is no file"):
        begin_anew(tmp_path)
