from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmark_repository import Repository
from commands import Result, Vecgate
from loadtests.bench.command import bench as bench_command

from vecgate.cli.main import run_as_program


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Vecgate:
    """Run `python -m loadtests.bench` with these arguments, in a folder of the test."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            run_as_program(bench_command, "bench")
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(int(exit_.value.code or 0), captured.out, captured.err)

    return run
