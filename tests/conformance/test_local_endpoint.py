"""The local endpoint against the conformance suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TIMEOUT_S = 300


@pytest.mark.timeout(TIMEOUT_S + 60)
@pytest.mark.nightly
def test_the_local_endpoint_meets_every_requirement_of_the_quick_level(tmp_path: Path) -> None:
    """700 requirements with 2,000 cases in a child process, as a user runs them."""
    finished = subprocess.run(
        [sys.executable, "-m", "vecgate", "conform", "--target", "local", "--level", "quick", "--quiet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.splitlines()[-1].startswith("PASS  7")
