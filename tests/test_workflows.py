"""The workflows of the project, and those that pages of the documentation show: pinned, with few permissions.

`make check-workflows` has zizmor and actionlint check the same files.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
#: `uses:` of another action: a commit, and the version that it is, for people.
USES = re.compile(r"^\s*(?:- )?uses: (.+)$", re.MULTILINE)
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
PLACEHOLDER = "OWNER/vecgate@COMMIT"
#: Values that nobody outside of the project chooses, so that they may be part of a script.
TRUSTED = re.compile(r"\$\{\{ (?:matrix|runner)\.[\w-]+ \}\}")


def load_program(name: str) -> ModuleType:
    """Import a program of `.ci`."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXTRACT, RELEASE = load_program("extract_workflows"), load_program("check_release")
SHOWN = dict(EXTRACT.shown_workflows())
OWN = {path.stem: path.read_text() for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
ALL = [pytest.param(text, id=name) for name, text in (*OWN.items(), *SHOWN.items())]


def test_every_kind_of_workflow_is_found() -> None:
    """Whole ones, jobs, and steps."""
    assert {"docs", "nightly", "release", "tests"} <= OWN.keys()
    assert {name.rpartition("-")[0] for name in SHOWN} >= {"aws", "ci", "endpoint", "maintainers"}
    assert len(SHOWN) >= 6
    assert EXTRACT.complete("gate:\n  image: python:3.13\n") == ""  # of GitLab


@pytest.mark.parametrize("text", ALL)
def test_an_action_of_others_is_pinned(text: str) -> None:
    """To a commit, because a tag can be moved; the version is beside it."""
    placeholder = PLACEHOLDER.replace(PLACEHOLDER, EXTRACT.COMMIT)
    called = [each for each in USES.findall(text) if not each.startswith(placeholder)]
    assert [each for each in called if not PINNED.fullmatch(each)] == []


@pytest.mark.parametrize("text", ALL)
def test_a_job_has_the_permissions_that_it_names(text: str) -> None:
    """The workflow itself gives none, or only to read the contents."""
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] in ({}, {"contents": "read"}, {"contents": "read", "id-token": "write"})
    for job in workflow["jobs"].values():
        assert "write-all" not in str(job.get("permissions", ""))
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("text", OWN.values(), ids=OWN)
def test_a_workflow_of_the_project_ends_in_time(text: str) -> None:
    """And its jobs name their permissions, and no image that changes."""
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 180
        assert job["permissions"]
        assert "latest" not in job["runs-on"]


@pytest.mark.parametrize("text", ALL)
def test_no_script_contains_what_others_choose(text: str) -> None:
    """It could run commands; values reach a script as environment variables."""
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    scripts = [TRUSTED.sub("", step["run"]) for step in steps if "run" in step]
    assert [script for script in scripts if "${{" in script] == []


def test_the_shown_calls_of_the_action_are_valid() -> None:
    """They pass only inputs that exist."""
    called = [
        step
        for text in SHOWN.values()
        for job in yaml.safe_load(text)["jobs"].values()
        for step in job["steps"]
        if step.get("uses") == EXTRACT.COMMIT
    ]
    assert len(called) >= 4
    assert [sorted(step["with"].keys() - ACTION["inputs"].keys()) for step in called] == [[]] * len(called)


def test_the_matrix_has_every_python_of_the_classifiers() -> None:
    """On both processors; and the oldest and newest packages are tested."""
    jobs = yaml.safe_load(OWN["tests"])["jobs"]
    project = (ROOT / "pyproject.toml").read_text()
    assert jobs["test"]["strategy"]["matrix"]["python"] == re.findall(r":: Python :: (3\.\d+)", project)
    assert jobs["test"]["strategy"]["matrix"]["processor"] == ["x86-64", "arm64"]
    versions = {each["resolution"] for each in jobs["versions"]["strategy"]["matrix"]["include"]}
    assert versions == {"lowest", "newest"}


def test_a_release_needs_agreeing_versions_and_an_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tag, project and changelog agree, the base image is one that cannot change, and no address is a placeholder."""
    monkeypatch.setattr(RELEASE, "ROOT", tmp_path)
    pinned = f"ARG BASE=docker.io/library/python:3.13-slim@sha256:{'0123abcd' * 8}\n"
    files = {
        "pyproject.toml": '[project]\nversion = "1.2.0"\n',
        "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n## 1.2.0 (2027-01-31)\n",
        "Containerfile": pinned,
        "docs/ci.md": "https://github.com/acme/vecgate",
    }

    def problems(tag: str = "v1.2.0", **changed: str) -> list[str]:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(changed.get(Path(name).stem, text))
        code = RELEASE.main(tag)
        lines = capsys.readouterr().out.splitlines()
        assert code == (0 if lines == [f"{tag} can be released"] else 1)
        return lines if code else []

    assert problems() == []
    assert problems("v1.2.1") == [
        "the tag is v1.2.1, the version in pyproject.toml is 1.2.0",
    ]
    assert problems(CHANGELOG="## 1.2.0\n") == ["CHANGELOG.md has no heading '## 1.2.0 (YYYY-MM-DD)'"]
    assert problems(Containerfile=pinned.partition("@")[0]) == ["Containerfile has a BASE without a digest"]
    assert problems(ci=RELEASE.PLACEHOLDER) == [f"docs/ci.md has {RELEASE.PLACEHOLDER}"]


def test_the_owner_has_the_same_placeholder_everywhere() -> None:
    """So that the command in RELEASING.md replaces them all."""
    other = re.compile(r"\bOWNER\b(?!/vecgate|/REPOSITORY)")
    found = {name for name, text in RELEASE.text_files() if other.search(text)}
    assert found == {".ci/check_release.py"}
