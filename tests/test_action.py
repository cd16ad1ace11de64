"""The GitHub action: its file, and its script in a simulated runner."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from vecgate.cli.commands.conform import conform

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
RUN = next(step for step in STEPS if step.get("id") == "run")
#: Options of conform and ramp for CI.
CI_OPTIONS = frozenset({"junit", "markdown", "ctrf", "badge", "annotations"})
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")
#: A pinned version in a file of requirements.
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", re.MULTILINE)
#: Replaces vecgate: records its arguments, and writes the files that vecgate would write.
FAKE = f"""#!{sys.executable}
import json, os, pathlib, sys
with open(os.environ["SEEN"], "a") as seen:
    seen.write(json.dumps(sys.argv[1:]) + "\\n")
words = sys.argv[1:]
if words[0] == "report":
    if "-o" in words:
        pathlib.Path(words[-1]).touch()
    sys.exit(int(os.environ.get("REPORT_CODE", "0")))
if os.environ.get("NO_STREAM"):
    sys.exit(3)
pathlib.Path(words[words.index("--results") + 1]).write_text("header")
with open(os.environ["GITHUB_OUTPUT"], "a") as outputs:
    outputs.write("verdict=passed\\nreport=stream\\n")
sys.exit(int(os.environ.get("CODE", "0")))
"""
#: Inputs that are not arguments of the program.
NOT_ARGUMENTS = frozenset({"command", "folder", "name"})
HOSTILE = """$(touch pwned); `touch pwned`; "'; touch pwned #"""


@dataclass(frozen=True, slots=True)
class Result:
    """Exit code and output of the script, the calls of vecgate, and the outputs of the step."""

    code: int
    output: str
    calls: list[list[str]]
    outputs: dict[str, str]


def inputs(**given: str) -> dict[str, str]:
    """Return the variables of the step for the inputs *given* and the defaults of the others."""
    values = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
    values |= {name.replace("_", "-"): value for name, value in given.items()}
    return {
        variable: values[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
        for variable, expression in RUN["env"].items()
    }


def run(folder: Path, vecgate: Path, variables: Mapping[str, str]) -> Result:
    """Run the script of the action in *folder* with *vecgate* as the program."""
    programs = folder / "runner" / "vecgate" / "bin"
    programs.mkdir(parents=True)
    (programs / "vecgate").symlink_to(vecgate)
    runner = {
        "RUNNER_TEMP": str(folder / "runner"),
        "GITHUB_OUTPUT": str(folder / "outputs"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "SEEN": str(folder / "seen"),
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
    }
    script = folder / "script.sh"
    script.write_text(RUN["run"])
    # The command line that GitHub uses.
    ended = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],  # noqa: S607 - the first on the path
        cwd=folder,
        env={**runner, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    seen = folder / "seen"
    calls = [json.loads(line) for line in seen.read_text().splitlines()] if seen.exists() else []
    outputs = folder / "outputs"
    lines = outputs.read_text().splitlines() if outputs.exists() else []
    step_outputs = dict(line.split("=", 1) for line in lines)
    return Result(ended.returncode, ended.stdout + ended.stderr, calls, step_outputs)


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    path = tmp_path / "fake.py"
    path.write_text(FAKE)
    path.chmod(0o755)
    return path


def test_every_input_is_used_and_every_output_set() -> None:
    """Inputs are used in the environment of a step, or passed to another action."""
    used = " ".join(str(step.get("env", {})) + str(step.get("with", {})) for step in STEPS)
    assert set(re.findall(r"inputs\.([\w-]+)", used)) == set(ACTION["inputs"])
    assert all(each["description"] for each in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))
    given = {each["value"] for each in ACTION["outputs"].values()}
    assert given == {f"${{{{ steps.run.outputs.{name} }}}}" for name in ACTION["outputs"]}


def test_no_input_is_part_of_a_script() -> None:
    """A pull request could use it to run commands."""
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert len(scripts) == 2
    assert not any("${{" in script for script in scripts)
    for step in STEPS:
        assert all(f"${name}" in step["run"] for name in step.get("env", {}))


def test_other_actions_are_pinned() -> None:
    """To a commit, because a tag can be moved."""
    called = [step["uses"] for step in STEPS if "uses" in step]
    assert called
    assert all(PINNED.fullmatch(each) for each in called)


def test_conform_gets_the_inputs(fake: Path, tmp_path: Path) -> None:
    """Rules and arguments are one per line."""
    given = inputs(
        target="http://127.0.0.1:9",
        region="eu-central-1",
        level="quick",
        require="must\nshould>=95%",
        deviations="d e.toml",
        baseline="base.jsonl",
        arguments="-k\nput or get",
        allow_aws="true",
        folder="out",
    )
    result = run(tmp_path, fake, given)
    assert result.code == 0, result.output
    conform, report, index = result.calls
    assert conform == [
        *("conform", "--target", "http://127.0.0.1:9", "--results", "out/conform.jsonl", "--annotations"),
        *("--junit", "out/conform.junit.xml", "--ctrf", "out/conform.ctrf.json"),
        *("--badge", "out/conform.svg", "--markdown", str(tmp_path / "summary.md")),
        *("--level", "quick", "--require", "must", "--require", "should>=95%"),
        *("--deviations", "d e.toml", "--baseline", "base.jsonl", "--region", "eu-central-1", "--yes"),
        *("-k", "put or get"),
    ]
    assert report == ["report", "out/conform.jsonl", "-o", "out/conform.html"]
    assert index == ["report", "--quiet", "--index", "out"]
    assert result.outputs == {
        "verdict": "passed",
        "results": "out/conform.jsonl",
        "report": "out/conform.html",
    }


def test_ramp_gets_the_inputs(fake: Path, tmp_path: Path) -> None:
    """The scenario is never read as an option."""
    given = inputs(
        command="ramp", target="local", scenario="--help", thresholds="p(99) < 5ms\n", max_cost="0.20"
    )
    result = run(tmp_path, fake, given)
    assert result.calls[0][-6:] == ["--threshold", "p(99) < 5ms", "--max-cost", "0.20", "--", "--help"]
    assert "--level" not in result.calls[0]
    assert "--yes" not in result.calls[0]


def test_a_failed_run_has_its_report_and_fails_the_step(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report of a failed run is the most useful one."""
    result = run(tmp_path, fake, {**inputs(target="local"), "CODE": "1"})
    assert (result.code, [call[0] for call in result.calls]) == (1, ["conform", "report", "report"])
    assert result.outputs["report"] == "vecgate-reports/conform.html"


def test_a_report_that_cannot_be_rendered_is_empty(fake: Path, tmp_path: Path) -> None:
    """The output `report` is a page or empty. It replaces the one that vecgate sets, which is a stream."""
    result = run(tmp_path, fake, {**inputs(target="local"), "CODE": "1", "REPORT_CODE": "2"})
    assert (result.code, result.outputs["report"]) == (1, "")
    assert result.outputs["results"] == "vecgate-reports/conform.jsonl"


def test_a_run_that_does_not_start_removes_the_files_of_an_earlier_one(fake: Path, tmp_path: Path) -> None:
    """The step has its exit code. Files of calls with other names are kept."""
    folder = tmp_path / "vecgate-reports"
    folder.mkdir()
    written = [f"conform.{end}" for end in ("jsonl", "html", "junit.xml", "ctrf.json", "svg")]
    for name in (*written, "index.html", "ramp.jsonl"):
        (folder / name).write_text("PASS of an earlier run")
    result = run(tmp_path, fake, {**inputs(target="local"), "NO_STREAM": "1"})
    assert (result.code, [call[0] for call in result.calls]) == (3, ["conform", "report"])
    assert result.outputs == {"report": ""}
    assert [path.name for path in folder.iterdir()] == ["ramp.jsonl"]


def test_the_result_of_an_earlier_run_may_be_the_baseline(fake: Path, tmp_path: Path) -> None:
    """It is copied before it is removed."""
    folder = tmp_path / "vecgate-reports"
    folder.mkdir()
    (folder / "conform.jsonl").write_text("before")
    result = run(tmp_path, fake, inputs(target="local", baseline="vecgate-reports/conform.jsonl"))
    words = result.calls[0]
    assert Path(words[words.index("--baseline") + 1]).read_text() == "before"
    assert (folder / "conform.jsonl").read_text() == "header"


def test_two_calls_of_one_command_have_different_names(fake: Path, tmp_path: Path) -> None:
    """The input `name` is the name of the files in the folder."""
    result = run(tmp_path, fake, inputs(target="local", name="conform-moto"))
    assert result.outputs["results"] == "vecgate-reports/conform-moto.jsonl"
    assert result.outputs["report"] == "vecgate-reports/conform-moto.html"
    assert "vecgate-reports/conform-moto.junit.xml" in result.calls[0]


@pytest.mark.parametrize("name", ["../elsewhere", ".hidden", "-o", "a b", HOSTILE])
def test_a_name_cannot_be_a_path_or_an_option(fake: Path, tmp_path: Path, name: str) -> None:
    """Files are written only in the folder."""
    result = run(tmp_path, fake, inputs(target="local", name=name))
    assert (result.code, result.calls) == (2, [])
    assert "::error title=vecgate::the input name" in result.output


def test_other_commands_are_refused(fake: Path, tmp_path: Path) -> None:
    """Such as one that deletes resources."""
    result = run(tmp_path, fake, inputs(command="clean", target="aws"))
    assert (result.code, result.calls) == (2, [])
    assert "::error title=vecgate::" in result.output


@pytest.mark.parametrize("command", ["conform", "ramp"])
def test_an_input_never_runs_a_command(fake: Path, tmp_path: Path, command: str) -> None:
    """It reaches vecgate as an argument."""
    given = {name.replace("-", "_"): HOSTILE for name in ACTION["inputs"] if name not in NOT_ARGUMENTS}
    result = run(tmp_path, fake, inputs(command=command, **given))
    assert result.code == 0, result.output
    assert not list(tmp_path.rglob("pwned"))
    assert HOSTILE in result.calls[0]


def test_the_action_runs_the_real_program(tmp_path: Path) -> None:
    """A few requirements against the local endpoint. Files, summary and outputs exist."""
    program = Path(sys.executable).with_name("vecgate")
    if not program.exists():
        pytest.skip("vecgate is not installed as a program beside this Python")
    given = inputs(target="local", level="quick", arguments="-k\ncreate-vector-bucket.arn")
    result = run(tmp_path, program, given)
    assert result.code == 0, result.output
    assert result.outputs["verdict"] == "passed"
    assert (tmp_path / "summary.md").read_text().startswith("## PASS  ")
    written = {path.name for path in (tmp_path / "vecgate-reports").iterdir()}
    assert {"conform.jsonl", "conform.junit.xml", "conform.ctrf.json", "conform.svg"} <= written


PAGE = (ROOT / "docs" / "ci.md").read_text()
BLOCKS = [yaml.safe_load(block.split("```")[0]) for block in PAGE.split("```yaml\n")[1:]]


def steps_in(block: object) -> Iterator[dict[str, Any]]:
    """Return the steps of the jobs in *block*, which may also be a list of steps."""
    if isinstance(block, list):
        yield from block
    elif isinstance(block, dict):
        for job in block.get("jobs", {}).values():
            yield from job["steps"]


def test_the_workflows_in_the_docs_are_valid() -> None:
    """They are YAML, use pinned actions, and pass only existing inputs."""
    called = [step for block in BLOCKS for step in steps_in(block) if "uses" in step]
    assert len(called) > 5
    for step in called:
        if step["uses"] == "OWNER/vecgate@COMMIT":
            assert set(step["with"]) <= set(ACTION["inputs"])
        else:
            assert PINNED.fullmatch(step["uses"])


def test_the_page_documents_every_input_and_output() -> None:
    """It also documents the options of the commands."""
    assert all(f"| `{name}` |" in PAGE for name in ACTION["inputs"])
    assert all(f"`{name}`" in PAGE for name in ACTION["outputs"])
    assert all(option in PAGE for each in conform.params for option in each.opts if each.name in CI_OPTIONS)


def test_the_locked_versions_meet_the_requirements() -> None:
    """When this fails after a change of pyproject.toml: `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = ("conformance", "fast", "load", "moto", "report")
    wanted = [
        *project["dependencies"],
        *(each for name in extras for each in project["optional-dependencies"][name]),
    ]
    for file in ("action.txt", "ci.txt"):
        text = (ROOT / ".ci" / "requirements" / file).read_text()
        pins = {name.lower(): version for name, version in PIN.findall(text)}
        assert "://" not in text
        assert text.count("--hash=sha256:") > len(pins)
        for requirement in map(Requirement, wanted):
            assert requirement.specifier.contains(pins[requirement.name.lower()]), (file, str(requirement))


@pytest.mark.parametrize(
    "file", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.name
)
def test_a_workflow_pins_its_actions_and_has_few_permissions(file: Path) -> None:
    """By commit; a job gets only the permissions that it names."""
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        assert job["permissions"]
        uses = [step["uses"] for step in job["steps"] if "uses" in step]
        assert all(PINNED.fullmatch(each) for each in uses), uses
