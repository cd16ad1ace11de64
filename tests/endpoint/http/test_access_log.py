from __future__ import annotations

import io
from pathlib import Path

import orjson
import pytest

from vecgate.cli.commands.serve import _open_for_append
from vecgate.endpoint.gateway import RequestContext
from vecgate.endpoint.http.access_log import AccessLog

CONTEXT = RequestContext("ListVectorBuckets", 1)


class FullDisk(io.StringIO):
    """A stream that cannot be written while the disk is full."""

    is_full = True

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def write(log: AccessLog, times: int) -> None:
    for _ in range(times):
        log.write(CONTEXT, now=0.0, seconds=0.0)


def test_a_full_disk_is_one_warning_and_no_error() -> None:
    """Not one for each request. The end is another one, with the number of lost lines."""
    stream, warnings = FullDisk(), io.StringIO()
    log = AccessLog(stream, warnings=warnings)
    write(log, 1_000)
    assert warnings.getvalue() == (
        "warning: cannot write the access log: No space left on device; its lines are lost\n"
    )
    stream.is_full = False
    write(log, 2)
    assert warnings.getvalue().splitlines()[1:] == [
        "warning: the access log can be written again; 1,000 of its lines are lost"
    ]
    assert [orjson.loads(line)["operation"] for line in stream.getvalue().splitlines()] == [
        "ListVectorBuckets"
    ] * 2


def test_a_stderr_on_the_same_disk_is_no_error() -> None:
    """The request is answered nevertheless."""
    write(AccessLog(FullDisk(), warnings=FullDisk()), 3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_file_on_a_full_disk_is_closed_without_an_error() -> None:
    """Nothing is left in a buffer that closing it would write."""
    warnings = io.StringIO()
    with _open_for_append("/dev/full") as stream:
        write(AccessLog(stream, warnings=warnings), 10_000)
    assert len(warnings.getvalue().splitlines()) == 1
