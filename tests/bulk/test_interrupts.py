"""Ctrl-C at any moment ends a run: nothing hangs, and the journal is true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "support" / "interrupted_runs.py"
TIMEOUT_S = 120


@pytest.mark.parametrize(
    ("operation", "runs"),
    [
        ("put", 30),
        ("delete", 20),
        ("scale", 15),
        ("scan", 20),
        ("put-in-thread", 15),
        ("scan-in-thread", 10),
    ],
)
def test_interrupted_runs_end_with_a_true_journal(operation: str, runs: int) -> None:
    """At random moments, with 1 to 8 requests in flight, in the main thread and as in a notebook.

    Every record that the service acknowledged is in the journal after KeyboardInterrupt reaches the caller.
    """
    ended = subprocess.run(
        [sys.executable, str(PROGRAM), operation, str(runs), "7"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["runs"] == runs
