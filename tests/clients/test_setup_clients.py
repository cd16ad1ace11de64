"""The environments are made once, anew when a version changes, and never half."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import setup_clients
from setup_clients import CLIENTS, Client, SetupFailed, client_named, install, main, run

PYTHON = Client("one", "python", {"package": "1.2.3", "other": "4.5"})
NODE = Client("two", "node", {"@scope/package": "1.2.3"})


@dataclass
class Installers:
    """Notes what is run, and fails where told to."""

    fails_at: int = -1
    commands: list[list[str]] = field(default_factory=list)

    def __call__(self, command: Sequence[str], folder: Path) -> None:
        self.commands.append([*command])
        if len(self.commands) - 1 == self.fails_at:
            raise SetupFailed("no space left")


@pytest.fixture(autouse=True)
def _every_runtime_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", "/bin/{}".format)


def test_a_python_client_gets_the_pinned_versions(tmp_path: Path) -> None:
    """In an environment of its own, with the pip of this one."""
    installers = Installers()
    assert install(PYTHON, home=tmp_path, run=installers) == "one: installed package 1.2.3, other 4.5"
    venv, pip = installers.commands
    assert venv == [sys.executable, "-m", "venv", "--without-pip", "."]
    assert pip[-2:] == ["package==1.2.3", "other==4.5"]
    assert PYTHON.is_ready(tmp_path)


def test_a_node_client_gets_the_pinned_versions(tmp_path: Path) -> None:
    """And no lock file, which would hold addresses."""
    installers = Installers()
    install(NODE, home=tmp_path, run=installers)
    assert '"@scope/package": "1.2.3"' in (tmp_path / "two/package.json").read_text()
    (npm,) = installers.commands
    assert npm[:2] == ["npm", "install"]
    assert "--no-package-lock" in npm


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """A second `make clients` does nothing."""
    install(PYTHON, home=tmp_path, run=Installers())
    (tmp_path / "one/kept").touch()
    installers = Installers()
    assert install(PYTHON, home=tmp_path, run=installers) == "one: is there"
    assert installers.commands == []
    assert (tmp_path / "one/kept").exists()


def test_another_version_is_made_anew(tmp_path: Path) -> None:
    """From nothing: what is left of the old one could be imported."""
    install(PYTHON, home=tmp_path, run=Installers())
    (tmp_path / "one/old").touch()
    newer = replace(PYTHON, pins={"package": "2"})
    assert not newer.is_ready(tmp_path)
    install(newer, home=tmp_path, run=Installers())
    assert newer.is_ready(tmp_path)
    assert not (tmp_path / "one/old").exists()


@pytest.mark.parametrize("fails_at", [0, 1])
def test_what_failed_half_way_is_not_ready(tmp_path: Path, fails_at: int) -> None:
    """The next run starts it again."""
    with pytest.raises(SetupFailed):
        install(PYTHON, home=tmp_path, run=Installers(fails_at))
    assert not PYTHON.is_ready(tmp_path)
    install(PYTHON, home=tmp_path, run=Installers())
    assert PYTHON.is_ready(tmp_path)


def test_a_missing_runtime_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is run."""
    monkeypatch.setattr("shutil.which", {}.get)
    installers = Installers()
    said = install(NODE, home=tmp_path, run=installers)
    assert said == "two: passed over, there is no node with its package manager here"
    assert installers.commands == []


def test_a_failure_says_what_the_installer_said(tmp_path: Path) -> None:
    """With its exit code."""
    with pytest.raises(SetupFailed, match=r"ended with 3:\nno such package"):
        run([sys.executable, "-c", "import sys; print('no such package'); sys.exit(3)"], tmp_path)


def test_one_failure_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code tells of it."""

    def installed(client: Client) -> str:
        if client.name == "awscli":
            raise SetupFailed("no space left")
        return f"{client.name}: is there"

    monkeypatch.setattr(setup_clients, "install", installed)
    assert main() == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == len(CLIENTS) - 1
    assert err == "no space left\n"


def test_every_pin_is_one_version() -> None:
    """No ranges: what is tested is what the docs say."""
    pins = [pin for client in CLIENTS for pin in client.pins.values()]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", pin) for pin in pins)
    assert client_named("awscli").pins.keys() == {"awscli"}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_docs_name_the_tested_versions(client: Client) -> None:
    """Each with its package."""
    docs = (setup_clients.ROOT / "docs/clients.md").read_text(encoding="utf-8")
    name, pin = next(iter(client.pins.items()))
    assert f"`{name}` {pin}" in docs
