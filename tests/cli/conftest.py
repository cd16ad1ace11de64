from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Result, Vecgate

from vecgate.cli.main import main
from vecgate.endpoint.local import LocalEndpoint


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The URL of one endpoint for all tests of the command line."""
    with LocalEndpoint() as running:
        yield running.url


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of this machine, state in a folder of the test's own, and that folder to work in."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VECGATE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def vecgate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vecgate:
    """Run the command line with these words."""

    def run(*words: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["vecgate", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(int(left.value.code or 0), captured.out, captured.err)

    return run
