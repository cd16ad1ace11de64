from __future__ import annotations

import io
import logging
import sys
from typing import IO, cast

import click
import pytest

from vecgate.redaction import MARK, register_secrets
from vecgate.safe_output import SafeStream, data_stream, guard_output, trusted_stream

SECRET = "a-secret-of-this-run"


@pytest.fixture(autouse=True)
def _register() -> None:
    register_secrets(SECRET)


def written(*pieces: str) -> str:
    """Return what a SafeStream writes for *pieces*."""
    stream = io.StringIO()
    safe = SafeStream(stream)
    for piece in pieces:
        assert safe.write(piece) == len(piece)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((f"said {SECRET}\x1b[2J\n",), f"said {MARK}\\u001b[2J\n"),
        (("no\n", "::error::x\n"), "no\n\\u003a:error::x\n"),
        (("no\n", "  ", "::error::x\n"), "no\n  \\u003a:error::x\n"),
        (("tests/a.py", "::test_b\n"), "tests/a.py::test_b\n"),
    ],
)
def test_written_text_is_redacted_and_printable(pieces: tuple[str, ...], expected: str) -> None:
    """Also when a line is written in pieces."""
    assert written(*pieces) == expected


def test_everything_on_the_standard_streams_is_guarded(capsys: pytest.CaptureFixture[str]) -> None:
    """Of click, logging and tracebacks; afterwards the streams are what they were."""
    before = sys.stdout, sys.stderr
    with guard_output(), guard_output():
        click.echo(f"1 {SECRET}")
        sys.stderr.write(f"2 {SECRET}\x1b\n")
        assert logging.lastResort
        logging.lastResort.handle(logging.makeLogRecord({"msg": f"3 {SECRET}"}))
        sys.excepthook(ValueError, ValueError(f"4 {SECRET}\n::error::x"), None)
    assert (sys.stdout, sys.stderr) == before
    out, err = capsys.readouterr()
    assert out == f"1 {MARK}\n"
    for part in (f"2 {MARK}\\u001b", f"3 {MARK}", f"4 {MARK}\n\\u003a:error"):
        assert part in err
    assert SECRET not in err


def test_trusted_text_keeps_its_escapes_but_no_secret() -> None:
    """A progress bar moves the cursor; an annotation is a workflow command."""
    stream = io.StringIO()
    for base in (stream, SafeStream(stream)):
        trusted_stream(cast("IO[str]", base)).write(f"\x1b[1A::error::{SECRET}\n")
    assert stream.getvalue() == f"\x1b[1A::error::{MARK}\n" * 2


def test_data_keep_what_only_looks_like_a_secret() -> None:
    """Documents about HTTP are data; the secrets of this run are not."""
    stream = io.StringIO()
    data_stream(stream).write(f'{{"text": "Authorization: Bearer of-a-document", "other": "{SECRET}\x7f"}}')
    assert stream.getvalue() == f'{{"text": "Authorization: Bearer of-a-document", "other": "{MARK}\\u007f"}}'


def test_bytes_are_refused_as_by_any_text_stream() -> None:
    """Click tells text streams from binary ones by this."""
    with pytest.raises(TypeError):
        SafeStream(io.StringIO()).write(cast("str", b""))
