"""The quick level of the suite on each server: it ends by itself, and leaves nothing behind."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import psutil
import pytest

from vecgate.process import run_child
from vecgate.results.result_stream import read_conformance_run

RUN_TIMEOUT_S = 1_200.0


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["moto", "s3mock", "local-s3"])
def test_the_quick_level_ends_with_a_verdict(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 0 or 1: what a server answers is its result, never an error of the suite."""
    programs = () if name == "moto" else ("java", "javac", "mvn")
    if missing := [program for program in programs if shutil.which(program) is None]:
        pytest.skip(f"{name} needs {', '.join(missing)}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    results = tmp_path / "results.jsonl"
    command = ["vecgate", "conform", "--target", name, "--level", "quick", "-n", "2", "-o", str(results)]
    before = set(psutil.pids())
    ended = run_child([sys.executable, "-m", *command], timeout_s=RUN_TIMEOUT_S)
    run = read_conformance_run(results)
    assert ended.code in {0, 1}, ended.output[-2_000:]
    assert run.footer is not None
    assert run.footer.is_complete
    assert run.footer.orphaned == ()
    assert name in run.header.versions
    # A failure is an assertion about an answer; anything else is an error of the suite.
    own = [
        each.id for each in run.results if each.reason.startswith(("ValueError", "TypeError", "in setup: V"))
    ]
    assert own == []
    left = [pid for pid in set(psutil.pids()) - before if _is_server(pid)]
    assert left == []


def _is_server(pid: int) -> bool:
    try:
        return "ServerLauncher" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
