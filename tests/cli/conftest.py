from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from commands import Result, Vecgate
from restricted_endpoint import SignAs, administrator_client, restricted_endpoint
from suites import suite_in_process

from vecgate.cli.main import main
from vecgate.endpoint.local import LocalEndpoint


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The URL of one endpoint for all tests of the command line."""
    with LocalEndpoint() as running:
        yield running.url


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the settings of this machine, and use a temporary state folder and working folder."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VECGATE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def vecgate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vecgate:
    """Run the command line with these arguments."""

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["vecgate", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(int(exited.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def in_process() -> Iterator[None]:
    """Run the suites of `vecgate conform` in this process."""
    with suite_in_process():
        yield


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an endpoint whose principals have the policies of commands."""
    with restricted_endpoint(tmp_path_factory.mktemp("restricted")) as url:
        yield url


@pytest.fixture
def admin(restricted: str) -> Iterator[Any]:
    """A client that may do everything on the restricted endpoint."""
    with closing(administrator_client(restricted)) as client:
        yield client


@pytest.fixture
def sign_as(monkeypatch: pytest.MonkeyPatch) -> SignAs:
    """Selects the principal whose keys commands sign with."""
    return SignAs(monkeypatch)
