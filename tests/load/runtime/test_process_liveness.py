"""The end of real processes is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from child_processes import WITHIN_S, child_process, wait_until

from vecgate.load.runtime import process_liveness as processes
from vecgate.load.runtime.process_liveness import WatchedProcess, count_live_children, pid_namespace

linux = pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="only Linux has PID namespaces")


SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@linux
def test_a_killed_process_has_ended_before_it_is_waited_for() -> None:
    """A zombie sends no requests."""
    with child_process(SLEEP) as process:
        watched = WatchedProcess(process.pid, pid_namespace())
        assert not watched.has_ended()
        process.kill()
        wait_until(watched.has_ended)
        process.wait(WITHIN_S)
        assert watched.has_ended()
        assert WatchedProcess(process.pid, pid_namespace()).has_ended(), "it had ended before it was watched"


@linux
def test_ended_children_are_not_counted() -> None:
    """Neither as zombies nor after they were waited for."""
    before = count_live_children()
    with child_process(SLEEP) as first, child_process(SLEEP) as second:
        assert count_live_children() == before + 2
        first.kill()
        wait_until(lambda: count_live_children() == before + 1)
        second.kill()
        second.wait(WITHIN_S)
        assert count_live_children() == before


@pytest.mark.parametrize("namespace", ["", "another-boot pid:[1]"])
def test_the_end_of_a_process_in_another_namespace_is_not_noticed(namespace: str) -> None:
    """Its id means another process here, or none."""
    assert not WatchedProcess(2**22 + 1, namespace).has_ended()


@linux
def test_all_processes_of_a_machine_have_the_same_namespace() -> None:
    """The system provides it."""
    command = [
        sys.executable,
        "-c",
        "from vecgate.load.runtime.process_liveness import *; print(pid_namespace())",
    ]
    namespace = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=WITHIN_S
    ).stdout.strip()
    assert namespace == pid_namespace() != ""
    assert not WatchedProcess(os.getpid(), namespace).has_ended()


def test_without_namespaces_no_end_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Then a worker is lost by its silence alone."""
    monkeypatch.setattr(processes, "BOOT_ID", tmp_path / "none")
    assert pid_namespace() == ""
    assert not WatchedProcess(2**22 + 1, pid_namespace()).has_ended()
