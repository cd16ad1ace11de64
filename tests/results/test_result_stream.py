from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from result_builders import footer, header, result, run
from sample_streams import load_stream, write_stream

from vecgate.errors import SourceError, UsageError, VecgateError
from vecgate.results.records import Record
from vecgate.results.result_stream import (
    StreamWriter,
    create_empty_stream,
    parse_conformance_run,
    parse_stream,
    read_conformance_run,
    read_stream,
)

RESULTS = (result("a.b"), result("a.c", "failed", reason="“ü”\n2"))
RECORDS: tuple[Record, ...] = (header(unsupported={"text": "no"}), *RESULTS, footer())


def write(path: Path) -> bytes:
    with StreamWriter(path) as stream:
        for record in RECORDS:
            stream.write(record)
    return path.read_bytes()


def test_reading_is_the_inverse_of_writing(tmp_path: Path) -> None:
    """A missing folder is created."""
    path = tmp_path / "new" / "run.jsonl"
    write(path)
    assert read_conformance_run(path) == run(*RESULTS, head=header(unsupported={"text": "no"}), foot=footer())


def test_each_record_is_on_disk_before_the_next(tmp_path: Path) -> None:
    """A run that is killed has lost no complete result."""
    path = tmp_path / "run.jsonl"
    with StreamWriter(path) as stream:
        for number, record in enumerate(RECORDS, start=1):
            stream.write(record)
            assert path.read_bytes().count(b"\n") == number


def test_a_run_cut_off_anywhere_after_its_header_can_be_read(tmp_path: Path) -> None:
    """At every byte: complete lines count, an incomplete one does not."""
    content = write(tmp_path / "run.jsonl")
    first = content.index(b"\n") + 1
    for end in range(first, len(content) + 1):
        parsed = parse_conformance_run(content[:end], "cut")
        # A last line that lacks only its line end is complete.
        lines = content[:end].split(b"\n")
        complete = len(lines) - 1 + (lines[-1].endswith(b"}") and content[end : end + 1] == b"\n")
        assert len(parsed.results) + (parsed.footer is not None) == complete - 1


def test_records_of_an_unknown_type_are_skipped() -> None:
    """A later version may have added some."""
    content = b'{"record":"header","run":"r","started_at":"s","target":"t"}\n{"record":"note","x":1}\n'
    assert parse_conformance_run(content, "new").results == ()


def test_unknown_fields_are_ignored() -> None:
    """Added fields break no reader."""
    content = b'{"record":"header","run":"r","started_at":"s","target":"t","colour":"red"}\n'
    assert parse_conformance_run(content, "new").header.target == "t"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no header"),
        (b'{"record":"footer","ended_at":"x","duration_s":1}\n', "no header"),
        (b'{"record":"header","schema":99,"run":"r","started_at":"s","target":"t"}\n', "later vecgate"),
        (b"{}\n{}\n", "line 1 is not a record"),
        (
            b'{"record":"header","run":"r","started_at":"s","target":"t"}\nnot json\n{}\n',
            "line 2 is not a record",
        ),
        (b'{"record":"header"}\n', "line 1 is not a record"),
        (b"<testsuites/>\n", "line 1 is not a record"),
    ],
)
def test_an_invalid_result_stream_is_an_error(content: bytes, reason: str) -> None:
    """The message names the line."""
    with pytest.raises(SourceError, match=reason):
        parse_conformance_run(content, "file")


HEADER = b'{"record":"header","run":"r","started_at":"s","target":"t"}\n'
FOOTER = b'{"record":"footer","ended_at":"e","duration_s":1}\n'


@pytest.mark.parametrize(
    ("line", "start"),
    [
        (b"not json", "file, line 2 is not a record: JSON is malformed"),
        (b"{}", "file, line 2 is not a record: Object missing required field `record`"),
        (b'{"record":"requirement","id":3}', "file, line 2 is not a record: Expected `str`, got `int`"),
        (b'{"record":"\xff"}', "file, line 2 is not a record: "),
        (b'{"record":' + b"[" * 100_000, "file, line 2 is not a record: "),
        (b'{"record":"footer"}', "file, line 2 is not a record: Object missing required field `ended_at`"),
    ],
)
def test_an_invalid_line_is_named_and_the_rest_is_read(line: bytes, start: str) -> None:
    """A report shows the rest, but a baseline must be complete."""
    content = HEADER + line + b"\n" + written_result() + FOOTER
    stream = parse_stream(content, "file")
    assert [each.id for each in stream.run.results] == ["a.b"]
    (problem,) = stream.problems
    assert problem.startswith(start)
    with pytest.raises(SourceError, match="line 2"):
        parse_conformance_run(content, "file")


def test_reading_stops_at_the_next_run() -> None:
    """Two concatenated runs are not one run of twice the size."""
    run = HEADER + written_result() + FOOTER
    stream = parse_stream(run + run, "file")
    assert [each.id for each in stream.run.results] == ["a.b"]
    assert (stream.problems, stream.invalid_lines) == (
        ("file, line 4 begins another run: a stream contains only one",),
        1,
    )
    with pytest.raises(SourceError, match="line 4"):
        parse_conformance_run(run + run, "file")


def test_a_full_disk_is_an_error_that_names_the_file() -> None:
    """It is not a usage error, and closing the file does not try to write again."""
    with pytest.raises(VecgateError) as caught, StreamWriter(Path("/dev/full")) as stream:
        stream.write(header())
    assert type(caught.value) is VecgateError
    assert str(caught.value) == "writing to /dev/full failed: No space left on device"


def test_of_many_invalid_lines_the_first_are_named() -> None:
    """The message counts the others."""
    stream = parse_stream(HEADER + b"x\n" * 1_000 + FOOTER, "file")
    assert (len(stream.problems), stream.invalid_lines) == (21, 1_000)
    assert stream.problems[-1] == "file: 980 more lines are not records"


def test_a_stream_that_was_cut_off_has_that_as_its_last_problem() -> None:
    """An incomplete last line is not another problem."""
    assert parse_stream(HEADER + b'{"reco', "file").problems == (
        "file was cut off: the records written before are shown",
    )


def written_result() -> bytes:
    return msgspec.json.encode(result("a.b")) + b"\n"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """In one clear line."""
    with pytest.raises(SourceError, match=r"none\.jsonl cannot be read: No such file"):
        read_conformance_run(tmp_path / "none.jsonl")


def test_an_existing_stream_is_emptied_but_a_device_stays(tmp_path: Path) -> None:
    """A link is followed, and a device or folder is not replaced by a file."""
    path, link, pipe = tmp_path / "deep" / "run.jsonl", tmp_path / "link", tmp_path / "pipe"
    create_empty_stream(path)
    path.write_text("an earlier run")
    link.symlink_to(path)
    create_empty_stream(link)
    assert (link.is_symlink(), path.read_bytes()) == (True, b"")
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="pipe cannot be written: it is not a file"):
        create_empty_stream(pipe)
    assert pipe.is_fifo()
    with pytest.raises(UsageError, match="cannot be written: it is not a file"):
        create_empty_stream(tmp_path)


def test_a_stream_is_read_by_its_name(tmp_path: Path) -> None:
    """As a path or as a text."""
    path = write_stream(tmp_path / "run.jsonl", load_stream(4))
    assert read_stream(str(path)) == read_stream(path)
