"""Copies of the endpoint with chosen faults, and runs of the suite on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.conformance.mutants import IGNORED_VARIABLES, PYTEST, ROOT, read_mutants

from vecgate.results.records import ConformanceRun
from vecgate.results.result_stream import read_conformance_run

TIMEOUT_S = 1_800


def make_faulty_endpoint(folder: Path, names: Iterable[str]) -> Path:
    """Return *folder* with a copy of the suite, and of the endpoint with the mutants of these *names*."""
    shutil.copytree(ROOT / "conformance", folder / "conformance")
    shutil.copytree(ROOT / "src" / "vecgate", folder / "package" / "vecgate")
    mutants = {each.name: each for each in read_mutants()}
    for name in names:
        mutants[name].apply(folder / "package" / "vecgate")
    return folder


def run_on_faulty_endpoint(folder: Path, tests: Sequence[str], *options: str) -> ConformanceRun:
    """Return the run of *tests* in the copy in *folder*. Raises AssertionError if it does not end with failures."""
    stream = folder / f"results-{len(list(folder.glob('*.jsonl')))}.jsonl"
    environment = {name: value for name, value in os.environ.items() if name not in IGNORED_VARIABLES}
    finished = subprocess.run(
        [sys.executable, *PYTEST, *tests, *options, "--vecgate-results", str(stream)],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder / "package")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert finished.returncode == 1, finished.stdout[-2_000:] + finished.stderr[-2_000:]
    run = read_conformance_run(stream)
    assert run.footer is not None
    assert run.footer.is_complete
    return run
