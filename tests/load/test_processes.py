"""Whether a process is still there, of real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vecgate.load.lab import processes
from vecgate.load.lab.processes import Watched, has_dead_child, whereabouts

WITHIN_S = 30.0
linux = pytest.mark.skipif(
    not Path("/proc/self/ns/pid").exists(), reason="only Linux tells where an id holds"
)


def sleeping() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


@linux
def test_a_process_that_is_killed_has_ended_though_nobody_has_waited_for_it() -> None:
    """A zombie serves nothing."""
    with sleeping() as process:
        watched = Watched(process.pid, whereabouts())
        assert not watched.has_ended()
        process.kill()
        deadline_s = time.monotonic() + WITHIN_S
        while not watched.has_ended():
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        process.wait()
        assert watched.has_ended()
        assert Watched(process.pid, whereabouts()).has_ended(), "it was gone before anybody looked"


@linux
def test_a_child_that_has_ended_is_seen() -> None:
    """Before anybody has waited for it."""
    with sleeping() as process:
        process.kill()
        deadline_s = time.monotonic() + WITHIN_S
        while not has_dead_child():
            assert time.monotonic() < deadline_s
            time.sleep(0.01)


@pytest.mark.parametrize("where", ["", "another-boot pid:[1]"])
def test_of_a_process_elsewhere_nothing_is_known(where: str) -> None:
    """Its id means another process here, or none."""
    assert not Watched(2**22 + 1, where).has_ended()


@linux
def test_here_is_the_same_for_every_process_of_one_machine() -> None:
    """And is told by the system, not made up."""
    command = [sys.executable, "-c", "from vecgate.load.lab.processes import *; print(whereabouts())"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert told == whereabouts() != ""
    assert not Watched(os.getpid(), told).has_ended()


def test_where_the_system_does_not_tell_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Then silence alone counts."""
    monkeypatch.setattr(processes, "BOOT_ID", tmp_path / "none")
    assert whereabouts() == ""
    assert not Watched(2**22 + 1, whereabouts()).has_ended()
