"""Projects of users with vecgate's pytest plugin, each in a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

# numpy cannot be loaded a second time in one process.
import vecgate.bulk.writer
import vecgate.fixtures.endpoint_control
import vecgate.fixtures.index_factory  # noqa: F401

PROJECTS = Path(__file__).parent / "plugin_projects"
#: The outcome, where it is not that all tests pass; and arguments.
OUTCOMES = {"blocked": {"passed": 1, "skipped": 1}}
ARGUMENTS = {"blocked": ("--vecgate-target", "http://127.0.0.1:9"), "workers": ("-n", "2")}
#: They read the profile themselves, so it must exist.
OWN_CLIENTS = {"blocked", "client_of_the_module"}
#: In a process of its own: workers, and what the process of these tests has changed already.
SEPARATE = {"workers", "beside_moto"}


def projects() -> list[Any]:
    names = sorted(
        each.name
        for each in PROJECTS.iterdir()
        if (each / "pytest.ini").exists() or [*each.glob("test_*.py")]
    )
    # Fixtures on workers are tested in `test_pytest_plugin.py`, too.
    return [pytest.param(name, marks=pytest.mark.nightly) if name == "workers" else name for name in names]


@pytest.mark.parametrize("name", projects())
def test_a_project_passes(name: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when warnings are errors, with settings for AWS that a developer has."""
    shutil.copytree(PROJECTS / name, pytester.path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(pytester.path)
    if name not in OWN_CLIENTS:
        monkeypatch.setenv("AWS_PROFILE", "of-the-developer")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.delenv("VECGATE_TARGET", raising=False)
    arguments = ("-W", "error", "-p", "no:randomly", "--strict-markers", *ARGUMENTS.get(name, ()))
    run = pytester.runpytest_subprocess if name in SEPARATE else pytester.runpytest_inprocess
    outcomes = run(*arguments).parseoutcomes()
    outcomes.pop("seconds", None)
    expected = OUTCOMES.get(name, {})
    assert expected in ({}, outcomes)
    assert expected or set(outcomes) <= {"passed", "test", "tests"}
    assert outcomes["passed"]
