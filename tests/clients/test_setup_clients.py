"""An environment is created once, again when a version changes, and is never incomplete."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import setup_clients
from setup_clients import CLIENTS, Client, SetupFailed, find_client, install, main, run

PYTHON = Client("one", "python", {"package": "1.2.3", "other": "4.5"})
NODE = Client("two", "node", {"@scope/package": "1.2.3"})


@dataclass
class FakeInstaller:
    """Records the commands, and fails at the one numbered *fails_at*."""

    fails_at: int = -1
    commands: list[list[str]] = field(default_factory=list)

    def __call__(self, command: Sequence[str], folder: Path) -> None:
        self.commands.append([*command])
        if len(self.commands) - 1 == self.fails_at:
            raise SetupFailed("no space left")


@pytest.fixture(autouse=True)
def _every_runtime_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", "/bin/{}".format)


def test_a_python_client_gets_the_pinned_versions(tmp_path: Path) -> None:
    """In its own environment, with the pip of this one."""
    installer = FakeInstaller()
    assert install(PYTHON, root=tmp_path, run=installer) == "one: installed package 1.2.3, other 4.5"
    venv, pip = installer.commands
    assert venv == [sys.executable, "-m", "venv", "--without-pip", "."]
    assert pip[-2:] == ["package==1.2.3", "other==4.5"]
    assert PYTHON.is_ready(tmp_path)


def test_a_node_client_gets_the_pinned_versions(tmp_path: Path) -> None:
    """Without a lock file, which would contain URLs."""
    installer = FakeInstaller()
    install(NODE, root=tmp_path, run=installer)
    assert '"@scope/package": "1.2.3"' in (tmp_path / "two/package.json").read_text()
    (npm,) = installer.commands
    assert npm[:2] == ["npm", "install"]
    assert "--no-package-lock" in npm


def test_a_complete_environment_is_not_changed(tmp_path: Path) -> None:
    """A second `make clients` does nothing."""
    install(PYTHON, root=tmp_path, run=FakeInstaller())
    (tmp_path / "one/existing").touch()
    installer = FakeInstaller()
    assert install(PYTHON, root=tmp_path, run=installer) == "one: already installed"
    assert installer.commands == []
    assert (tmp_path / "one/existing").exists()


def test_another_version_replaces_the_environment(tmp_path: Path) -> None:
    """Files of the old version could be imported otherwise."""
    install(PYTHON, root=tmp_path, run=FakeInstaller())
    (tmp_path / "one/old").touch()
    newer = replace(PYTHON, pins={"package": "2"})
    assert not newer.is_ready(tmp_path)
    install(newer, root=tmp_path, run=FakeInstaller())
    assert newer.is_ready(tmp_path)
    assert not (tmp_path / "one/old").exists()


@pytest.mark.parametrize("fails_at", [0, 1])
def test_an_incomplete_environment_is_not_ready(tmp_path: Path, fails_at: int) -> None:
    """The next run creates it again."""
    with pytest.raises(SetupFailed):
        install(PYTHON, root=tmp_path, run=FakeInstaller(fails_at))
    assert not PYTHON.is_ready(tmp_path)
    install(PYTHON, root=tmp_path, run=FakeInstaller())
    assert PYTHON.is_ready(tmp_path)


def test_a_client_without_its_runtime_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command runs."""
    monkeypatch.setattr("shutil.which", {}.get)
    installer = FakeInstaller()
    message = install(NODE, root=tmp_path, run=installer)
    assert message == "two: skipped, node and its package manager are not installed"
    assert installer.commands == []


def test_a_failure_includes_the_output_of_the_installer(tmp_path: Path) -> None:
    """And its exit code."""
    with pytest.raises(SetupFailed, match=r"ended with 3:\nno such package"):
        run([sys.executable, "-c", "import sys; print('no such package'); sys.exit(3)"], tmp_path)


def test_one_failure_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code reports it."""

    def fake_install(client: Client) -> str:
        if client.name == "awscli":
            raise SetupFailed("no space left")
        return f"{client.name}: already installed"

    monkeypatch.setattr(setup_clients, "install", fake_install)
    assert main(["--compiled"]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == len(CLIENTS) - 1
    assert err == "no space left\n"


def test_every_pin_is_one_version() -> None:
    """No ranges, so the docs name exactly the tested versions."""
    pins = [pin for client in CLIENTS for pin in client.pins.values()]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", pin) for pin in pins)
    assert find_client("awscli").pins.keys() == {"awscli"}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_docs_name_the_tested_versions(client: Client) -> None:
    """With the package of each."""
    docs = (setup_clients.ROOT / "docs/clients.md").read_text(encoding="utf-8")
    name, pin = next(iter(client.pins.items()))
    assert f"`{name}` {pin}" in docs
