"""The GitHub action: its file, and its script in a simulated runner."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from vecgate.cli.commands.conform import conform

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
BY_ID = {step["id"]: step for step in STEPS if "id" in step}
CHECK, BASELINE, RUN = (BY_ID[name] for name in ("check", "baseline", "run"))
COMMENT = STEPS[-1]
#: Options of conform and ramp for CI.
CI_OPTIONS = frozenset({"junit", "markdown", "ctrf", "badge", "trend", "annotations"})
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
    print(os.environ["NO_STREAM"], file=sys.stderr)
    sys.exit(int(os.environ.get("CODE", "3")))
pathlib.Path(words[words.index("--markdown") + 1]).write_text("## PASS\\n")
pathlib.Path(words[words.index("--trend") + 1]).write_text("[]")
pathlib.Path(words[words.index("--results") + 1]).write_text("header")
with open(os.environ["GITHUB_OUTPUT"], "a") as outputs:
    outputs.write("verdict=passed\\nreport=stream\\n")
sys.exit(int(os.environ.get("CODE", "0")))
"""
#: Inputs that are not arguments of the program.
NOT_ARGUMENTS = frozenset({"command", "folder", "name", "baseline-artifact", "comment", "python-version"})
HOSTILE = """$(touch pwned); `touch pwned`; "'; touch pwned #"""


@dataclass(frozen=True, slots=True)
class Result:
    """Exit code and output of the script, the calls of vecgate, and the outputs of the step."""

    code: int
    output: str
    calls: list[list[str]]
    outputs: dict[str, str]


def inputs(step: Mapping[str, Any] = RUN, /, **given: str) -> dict[str, str]:
    """Return the variables of *step* for the inputs *given* and the defaults of the others."""
    values = {f"inputs.{name}": each.get("default", "") for name, each in ACTION["inputs"].items()}
    values |= {f"inputs.{name.replace('_', '-')}": value for name, value in given.items()}
    name = values["inputs.name"] or values["inputs.command"]
    values |= {
        "steps.check.outputs.name": name,
        "steps.baseline.outputs.file": "",
        "github.token": "token",
        "github.event.repository.default_branch": "main",
        "github.event.pull_request.number": "7",
    }
    return {
        variable: values[expression.removeprefix("${{ ").removesuffix(" }}")]
        for variable, expression in step["env"].items()
    }


def run(folder: Path, program: Path, variables: Mapping[str, str], step: Mapping[str, Any] = RUN) -> Result:
    """Run the script of *step* in *folder*, with *program* as `vecgate` and as `gh`."""
    programs = folder / "runner" / "vecgate" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    for name in ("vecgate", "gh"):
        (programs / name).unlink(missing_ok=True)
        (programs / name).symlink_to(program)
    runner = {
        "RUNNER_TEMP": str(folder / "runner"),
        "GITHUB_OUTPUT": str(folder / "outputs"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_REPOSITORY": "owner/server",
        "GITHUB_WORKFLOW_REF": "owner/server/.github/workflows/gate.yml@refs/pull/7/merge",
        "SEEN": str(folder / "seen"),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(folder),
    }
    script = folder / "script.sh"
    script.write_text(step["run"])
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
    used = " ".join(
        str(step.get("env", {})) + str(step.get("with", {})) + step.get("if", "") for step in STEPS
    )
    assert set(re.findall(r"inputs\.([\w-]+)", used)) == set(ACTION["inputs"])
    assert all(each["description"] for each in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))
    given = {each["value"] for each in ACTION["outputs"].values()}
    assert given == {f"${{{{ steps.run.outputs.{name} }}}}" for name in ACTION["outputs"]}


def test_no_input_is_part_of_a_script() -> None:
    """A pull request could use it to run commands."""
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert len(scripts) == 5
    assert not any("${{" in script for script in scripts)
    for step in STEPS:
        assert all(f"${name}" in step["run"] for name in step.get("env", {}) if name != "GH_TOKEN")


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
        *("--trend", "out/conform.trend.json"),
        *("--badge", "out/conform.svg", "--markdown", "out/conform.md"),
        *("--level", "quick", "--require", "must", "--require", "should>=95%"),
        *("--deviations", "d e.toml", "--baseline", "base.jsonl", "--region", "eu-central-1"),
        *("--wait", "60s", "--yes"),
        *("-k", "put or get"),
    ]
    assert report == ["report", "out/conform.jsonl", "-o", "out/conform.html"]
    assert index == ["report", "--quiet", "--index", "out"]
    assert result.outputs == {
        "verdict": "passed",
        "results": "out/conform.jsonl",
        "report": "out/conform.html",
        "trend": "out/conform.trend.json",
    }
    assert (tmp_path / "summary.md").read_text() == "## PASS\n"


def test_ramp_gets_the_inputs(fake: Path, tmp_path: Path) -> None:
    """The scenario is never read as an option."""
    given = inputs(
        command="ramp", target="local", scenario="--help", thresholds="p(99) < 5ms\n", max_cost="0.20"
    )
    result = run(tmp_path, fake, given)
    assert result.calls[0][-8:] == [
        *("--threshold", "p(99) < 5ms", "--max-cost", "0.20", "--wait", "60s", "--", "--help")
    ]
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
    ends = ("jsonl", "html", "junit.xml", "ctrf.json", "svg", "trend.json")
    written = [f"conform.{end}" for end in ends]
    for name in (*written, "index.html", "ramp.jsonl"):
        (folder / name).write_text("PASS of an earlier run")
    result = run(tmp_path, fake, {**inputs(target="local"), "NO_STREAM": "1"})
    assert (result.code, [call[0] for call in result.calls]) == (3, ["conform", "report"])
    assert result.outputs == {"report": "", "trend": "", "verdict": "error"}
    assert sorted(path.name for path in folder.iterdir()) == ["conform.md", "ramp.jsonl"]


def test_a_run_without_a_result_is_seen(fake: Path, tmp_path: Path) -> None:
    """In an annotation and in the summary, with the reason; what a server says there is no markup."""
    message = "progress\nerror: 100% <b>dead</b> `x`\nhint: start it"
    result = run(tmp_path, fake, {**inputs(target="local"), "NO_STREAM": message})
    (annotation,) = [line for line in result.output.splitlines() if line.startswith("::error")]
    assert annotation.endswith("::error: 100%25 <b>dead</b> `x`%0Ahint: start it")
    assert (tmp_path / "summary.md").read_text() == (
        "## FAIL  vecgate conform: no result\n\n    error: 100% <b>dead</b> `x`\n    hint: start it\n"
    )


def test_no_result_is_never_a_pass(fake: Path, tmp_path: Path) -> None:
    """Whatever the exit code of the program says, such as for `--help` in the arguments."""
    result = run(tmp_path, fake, {**inputs(target="local"), "NO_STREAM": "usage", "CODE": "0"})
    assert (result.code, result.outputs["verdict"]) == (4, "error")
    assert "exit code 0 and without a result" in result.output


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
    result = run(tmp_path, fake, inputs(CHECK, target="local", name=name), CHECK)
    assert (result.code, result.calls, result.outputs) == (2, [], {})
    assert "::error title=vecgate::the input name" in result.output


@pytest.mark.parametrize(
    ("given", "packages"),
    [
        ({"target": "local"}, "conform"),
        ({"target": "aws", "command": "ramp"}, "ramp"),
        ({"target": "moto"}, "moto"),
    ],
)
def test_only_the_packages_that_the_command_needs_are_installed(
    fake: Path, tmp_path: Path, given: dict[str, str], packages: str
) -> None:
    """From a file of pinned versions, whose digest is the key of the cache."""
    result = run(tmp_path, fake, inputs(CHECK, **given), CHECK)
    digest = hashlib.sha256((ROOT / ".ci" / "requirements" / f"{packages}.txt").read_bytes()).hexdigest()
    assert result.outputs["packages"] == packages
    assert result.outputs["digest"] == digest


GH = f"""#!{sys.executable}
import json, os, pathlib, sys
words = sys.argv[1:]
with open(os.environ["SEEN"], "a") as seen:
    seen.write(json.dumps(words) + "\\n")
if words[:2] == ["run", "list"]:
    print(os.environ["RUN"])
    sys.exit(int(os.environ.get("LIST_CODE", "0")))
if words[:2] == ["run", "download"]:
    folder = pathlib.Path(words[words.index("--dir") + 1])
    folder.mkdir()
    (folder / os.environ["FILE"]).write_text("header")
    sys.exit(int(os.environ.get("DOWNLOAD_CODE", "0")))
if "--paginate" in words:
    print(os.environ.get("FOUND", ""))
elif any(word.startswith("body=@") for word in words):
    pathlib.Path("body.md").write_text(pathlib.Path(words[-1].removeprefix("body=@")).read_text())
    sys.exit(int(os.environ.get("API_CODE", "0")))
"""


@pytest.fixture
def gh(tmp_path: Path) -> Path:
    """A program that stands in for GitHub's."""
    path = tmp_path / "fake-gh.py"
    path.write_text(GH)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [
        ({"RUN": "12", "FILE": "conform.jsonl"}, 0, ""),
        ({"RUN": "", "FILE": "x"}, 0, "::warning title=vecgate::there is no successful run on main yet"),
        ({"RUN": "", "FILE": "x", "LIST_CODE": "1"}, 2, "the job needs the permission actions: read"),
        (
            {"RUN": "12", "FILE": "x", "DOWNLOAD_CODE": "1"},
            2,
            "run 12 of main has no artifact results any more",
        ),
        ({"RUN": "12", "FILE": "other.jsonl"}, 2, "the artifact results of run 12 has no file conform.jsonl"),
    ],
)
def test_the_baseline_of_the_default_branch(
    gh: Path, tmp_path: Path, environment: dict[str, str], code: int, words: str
) -> None:
    """Only a branch without any run is compared with nothing, and that is said. Whatever else fails, fails."""
    given = inputs(BASELINE, target="local", baseline_artifact="results")
    result = run(tmp_path, gh, {**given, **environment}, BASELINE)
    assert (result.code, words in result.output) == (code, True), result.output
    assert result.calls[0][:8] == [
        *("run", "list", "--repo", "owner/server", "--workflow", "gate.yml", "--branch", "main")
    ]
    assert bool(result.outputs) == (not words)
    if not words:
        assert Path(result.outputs["file"]).read_text() == "header"


def test_a_baseline_cannot_be_given_twice(fake: Path, tmp_path: Path) -> None:
    """One of them would be ignored."""
    variables = {**inputs(target="local", baseline="a.jsonl"), "BASELINE_OF_BRANCH": "b.jsonl"}
    result = run(tmp_path, fake, variables)
    assert (result.code, result.calls) == (2, [])


@pytest.mark.parametrize(("found", "method"), [("", "POST"), ("31", "PATCH")])
def test_the_summary_becomes_a_comment(gh: Path, tmp_path: Path, found: str, method: str) -> None:
    """A new one, or in place of that of an earlier run. A fork has no permission for it, which fails nothing."""
    summary = tmp_path / "vecgate-reports" / "conform.md"
    summary.parent.mkdir()
    summary.write_text("## PASS\n")
    variables = {**inputs(COMMENT, target="local"), "FOUND": found}
    result = run(tmp_path, gh, variables, COMMENT)
    assert (result.code, method in result.calls[-1]) == (0, True), result.output
    assert (tmp_path / "body.md").read_text() == "<!-- vecgate conform -->\n## PASS\n"
    refused = run(tmp_path, gh, {**variables, "API_CODE": "1"}, COMMENT)
    assert (refused.code, "::warning title=vecgate::" in refused.output) == (0, True)


def test_other_commands_are_refused(fake: Path, tmp_path: Path) -> None:
    """Such as one that deletes resources."""
    result = run(tmp_path, fake, inputs(CHECK, command="clean", target="aws"), CHECK)
    assert (result.code, result.calls) == (2, [])
    assert "::error title=vecgate::" in result.output


@pytest.mark.parametrize("command", ["conform", "ramp"])
def test_an_input_never_runs_a_command(fake: Path, tmp_path: Path, command: str) -> None:
    """It reaches vecgate as an argument."""
    given = {str(name).replace("-", "_"): HOSTILE for name in ACTION["inputs"] if name not in NOT_ARGUMENTS}
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


def test_the_page_documents_every_input_and_output() -> None:
    """It also documents the options of the commands."""
    assert all(f"| `{name}` |" in PAGE for name in ACTION["inputs"])
    assert all(f"`{name}`" in PAGE for name in ACTION["outputs"])
    assert all(option in PAGE for each in conform.params for option in each.opts if each.name in CI_OPTIONS)


def test_the_locked_versions_meet_the_requirements() -> None:
    """When this fails after a change of pyproject.toml: `make lock`."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, (of_dev,) = (
        document["project"],
        [each for each in document["dependency-groups"]["dev"] if "vecgate[" in each],
    )
    (of_all,) = project["optional-dependencies"]["all"]
    developed = re.findall(r"[\w-]+", f"{of_dev} {of_all}")
    extras = {
        "conform": ("cli", "conformance", "fast", "report", "serve"),
        "moto": ("cli", "conformance", "fast", "moto", "report", "serve"),
        "ramp": ("cli", "fast", "load", "report", "serve"),
        "serve": ("fast", "serve"),
        "ci": tuple(name for name in project["optional-dependencies"] if name in developed and name != "all"),
    }
    for file, names in extras.items():
        each_extra = [each for name in names for each in project["optional-dependencies"][name]]
        wanted = [each for each in (*project["dependencies"], *each_extra) if not each.startswith("vecgate[")]
        text = (ROOT / ".ci" / "requirements" / f"{file}.txt").read_text()
        pins = {name.lower(): version for name, version in PIN.findall(text)}
        assert "://" not in text
        assert text.count("--hash=sha256:") > len(pins)
        for requirement in map(Requirement, wanted):
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), (
                file,
                str(requirement),
            )
