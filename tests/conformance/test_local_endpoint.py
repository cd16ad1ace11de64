"""The local endpoint against the conformance suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vecgate.cli.runs.conform_run import estimate_requests
from vecgate.results.result_stream import read_conformance_run
from vecgate.s3vectors.pricing import requests_usd

TIMEOUT_S = 600


@pytest.mark.timeout(TIMEOUT_S + 60)
@pytest.mark.nightly
@pytest.mark.parametrize("level", ["quick", "full"])
def test_the_local_endpoint_meets_every_requirement(tmp_path: Path, level: str) -> None:
    """In a child process, as a user runs them. A run on Amazon costs no more than its plan says."""
    command = ["vecgate", "conform", "--target", "local", "--level", level, "--quiet", "-o", "run.jsonl"]
    finished = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.splitlines()[-1].startswith("PASS  ")
    run = read_conformance_run(tmp_path / "run.jsonl")
    assert run.footer is not None
    planned_usd = requests_usd(estimate_requests(len(run.results), level=level))
    assert planned_usd * 0.8 < requests_usd(run.footer.requests) <= planned_usd
