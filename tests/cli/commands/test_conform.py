"""`vecgate conform` on small suites."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from child_processes import child_process
from commands import Vecgate
from suites import PRELUDE, SUITE

from vecgate.conformance_kit import suite_run
from vecgate.endpoint.local import LocalEndpoint
from vecgate.resources.creation_log import creation_log_folder
from vecgate.results.result_stream import read_conformance_run

PASSES = "@must('a.passes')\ndef test_passes():\n    'It passes.'\n"
UNSIGNED = "; signatures are not tested: unsigned requests are accepted"
FAILS = "@must('a.fails')\ndef test_fails(): assert 1 == 2\n"


@pytest.fixture
def small_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small suite in place of the conformance suite. Returns the file for its tests."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("conftest.py", "pytest.ini", "__init__.py"):
        shutil.copy(SUITE / name, folder)
    monkeypatch.setattr(suite_run, "suite_folder", lambda: folder)
    return folder / "test_few.py"


def write_suite(small_suite: Path, body: str) -> None:
    small_suite.write_text(PRELUDE + body)


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    client = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    yield client
    client.close()


def bucket_names(client: Any, prefix: str) -> set[str]:
    return {each["vectorBucketName"] for each in client.list_vector_buckets(prefix=prefix)["vectorBuckets"]}


def test_a_target_that_meets_the_requirements_passes(vecgate: Vecgate, small_suite: Path) -> None:
    """Exit code 0, the matrix on stdout, the count on stderr, and the verdict in the last line."""
    write_suite(small_suite, PASSES)
    result = vecgate("conform", "--target", "local")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "PASS  1 of 1 requirement passed"
    assert result.err == "1 test case: 1 passed\n"


def test_a_target_that_does_not_meet_the_requirements_fails(
    vecgate: Vecgate, small_suite: Path, endpoint: str
) -> None:
    """Exit code 1, and each failure at once on stderr and in detail on stdout."""
    write_suite(small_suite, PASSES + FAILS)
    result = vecgate("conform", "--target", endpoint)
    assert result.code == 1
    assert result.out.splitlines()[-1] == f"FAIL  1 of 2 must requirements passed; failed: a.fails{UNSIGNED}"
    assert "failed  a.fails: assert 1 == 2" in result.err
    assert "assert 1 == 2" in result.out
    assert vecgate("conform", "--target", endpoint, "--require", "must>=50%").code == 0


@pytest.mark.usefixtures("in_process")
def test_reports_are_written_to_the_given_files(vecgate: Vecgate, small_suite: Path, endpoint: str) -> None:
    """Result stream, JUnit, Markdown, which is appended, and JSON on stdout."""
    write_suite(small_suite, PASSES + FAILS)
    Path("summary.md").write_text("# before\n")
    files = ("--results", "r/run.jsonl", "--junit", "junit.xml", "--markdown", "summary.md")
    result = vecgate("conform", "--target", endpoint, *files, "--json", "--quiet")
    report = json.loads(result.out)
    assert (report["verdict"], report["exit_code"], report["schema"]) == ("failed", 1, "vecgate.conform/1")
    assert report["counts"] == {"passed": 1, "failed": 1}
    assert report["failed"][0]["requirement"] == "a.fails"
    assert [each.id for each in read_conformance_run(Path("r/run.jsonl")).results] == ["a.passes", "a.fails"]
    assert 'name="a.fails"' in Path("junit.xml").read_text()
    assert Path("summary.md").read_text().startswith("# before\n## FAIL  1 of 2")
    assert result.err == ""


@pytest.mark.usefixtures("in_process")
def test_a_baseline_is_compared(vecgate: Vecgate, small_suite: Path, endpoint: str) -> None:
    """Requirements that passed must exist and pass, and failed ones can be rerun."""
    write_suite(small_suite, PASSES + FAILS)
    vecgate("conform", "--target", endpoint, "--results", "before.jsonl")
    write_suite(small_suite, PASSES.replace("passes", "renamed"))
    result = vecgate("conform", "--target", endpoint, "--baseline", "before.jsonl")
    assert (result.code, result.out.splitlines()[-1]) == (
        1,
        f"FAIL  1 requirement that passed in the baseline is missing now: a.passes{UNSIGNED}",
    )
    write_suite(small_suite, PASSES + FAILS.replace("2", "1"))
    rerun = vecgate("conform", "--target", endpoint, "--rerun-failed", "before.jsonl")
    assert rerun.out.splitlines()[-1] == f"PASS  1 of 1 requirement passed{UNSIGNED}"
    assert "a.fails" not in rerun.out


@pytest.mark.usefixtures("in_process")
def test_reports_repeat_the_verdict_of_the_run(vecgate: Vecgate, small_suite: Path, endpoint: str) -> None:
    """The stream contains the verdict by the rules and the baseline of the run."""
    write_suite(small_suite, PASSES + FAILS)
    lenient = vecgate("conform", "--target", endpoint, "-o", "lenient.jsonl", "--require", "must>=50%")
    write_suite(small_suite, PASSES.replace("passes", "renamed"))
    held = ("--baseline", "lenient.jsonl", "--junit", "held.xml")
    strict = vecgate("conform", "--target", endpoint, "-o", "strict.jsonl", *held)
    assert (lenient.code, strict.code) == (0, 1)
    report = vecgate("report", "lenient.jsonl", "strict.jsonl").out.splitlines()
    assert report[0].split("   ")[2:] == [
        "PASS",
        f"1 of 2 requirements passed, 1 of level must failed{UNSIGNED}",
    ]
    assert report[1].split("   ")[2:] == [
        "FAIL",
        f"1 requirement that passed in the baseline is missing now: a.passes{UNSIGNED}",
    ]
    assert 'name="baseline"' in Path("held.xml").read_text()


@pytest.mark.usefixtures("in_process")
def test_a_part_of_the_suite_is_compared_with_a_part_of_the_baseline(
    vecgate: Vecgate, small_suite: Path, endpoint: str
) -> None:
    """Deselected requirements are not compared, and comparing nothing fails."""
    write_suite(small_suite, PASSES + PASSES.replace("passes", "other"))
    vecgate("conform", "--target", endpoint, "-o", "before.jsonl")
    part = vecgate("conform", "--target", endpoint, "-k", "other", "--baseline", "before.jsonl")
    assert (
        part.code,
        "1 of 2 requirements that passed in the baseline were run, and none regressed" in part.out,
    ) == (0, True)
    write_suite(small_suite, PASSES + PASSES.replace("passes", "new"))
    none = vecgate("conform", "--target", endpoint, "-k", "new", "--baseline", "before.jsonl")
    assert none.code == 1


@pytest.mark.parametrize("option", ["--junit", "--markdown", "--ctrf", "--badge", "--draft-deviations"])
def test_a_file_that_cannot_be_written_is_an_error_before_the_run(vecgate: Vecgate, option: str) -> None:
    """The error does not come after minutes. Here a file is in place of the folder."""
    Path("file").write_text("")
    result = vecgate("conform", "--target", "http://127.0.0.1:1", option, "file/report")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: file/report cannot be written: ")


@pytest.mark.usefixtures("in_process")
def test_a_run_without_tests_fails(vecgate: Vecgate, small_suite: Path, endpoint: str) -> None:
    """The verdict says that no requirement was tested."""
    write_suite(small_suite, PASSES)
    result = vecgate("conform", "--target", endpoint, "-k", "nothing")
    assert (result.code, result.out.splitlines()[-1]) == (1, f"FAIL  no requirement was tested{UNSIGNED}")


def test_workers_share_the_work(vecgate: Vecgate, small_suite: Path, endpoint: str) -> None:
    """The verdict is the same."""
    write_suite(small_suite, PASSES + FAILS)
    result = vecgate("conform", "--target", endpoint, "-n", "2", "--shuffle", "3")
    assert result.out.splitlines()[-1] == f"FAIL  1 of 2 must requirements passed; failed: a.fails{UNSIGNED}"


@pytest.mark.usefixtures("in_process")
def test_the_catalogue_is_listed(vecgate: Vecgate, small_suite: Path) -> None:
    """As text and as JSON, without a target."""
    write_suite(small_suite, PASSES)
    assert vecgate("conform", "--list").out == (
        "a.passes   must   model   It passes.\n1 requirement: 1 must, 0 should, 0 may\n"
    )
    (only,) = json.loads(vecgate("conform", "--list", "--json").out)["requirements"]
    assert (only["id"], only["source"]) == ("a.passes", "https://a.example/")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "no target is named"),
        (("--target", "mars"), 2, "'mars' is not a target"),
        (("--target", "local", "--require", "shall"), 2, "'shall' is not a rule"),
        (("--target", "local", "--baseline", "none.jsonl"), 2, "none.jsonl cannot be read"),
        (("--target", "local", "--deviations", "few/pytest.ini"), 2, "is not valid TOML"),
        (("--target", "http://127.0.0.1:9"), 3, "does not answer"),
    ],
)
@pytest.mark.usefixtures("in_process")
def test_errors_before_the_run(
    vecgate: Vecgate, small_suite: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    """Usage and target errors have other exit codes than a failed gate."""
    write_suite(small_suite, PASSES)
    result = vecgate("conform", *words)
    assert result.code == code
    assert message in result.err


@pytest.mark.usefixtures("in_process")
def test_a_target_that_denies_access_is_an_error(
    vecgate: Vecgate, small_suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes before the first test."""
    write_suite(small_suite, PASSES)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    with LocalEndpoint(auth=True) as closed:
        result = vecgate("conform", "--target", closed.url)
    assert result.code == 3
    assert "denies access" in result.err


def test_a_broken_suite_is_an_internal_error(vecgate: Vecgate, small_suite: Path, endpoint: str) -> None:
    """The target is not to blame."""
    small_suite.write_text("import nothing_of_this_name")
    result = vecgate("conform", "--target", endpoint)
    assert result.code == 4
    assert "nothing_of_this_name" in result.err
    assert vecgate("conform", "--list").code == 4


@pytest.mark.usefixtures("in_process")
def test_aws_shows_the_plan_and_requires_consent(
    vecgate: Vecgate, small_suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan has the number of requirements and the price."""
    write_suite(small_suite, PASSES)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    result = vecgate("conform", "--target", "aws", "--region", "us-east-1")
    assert result.code == 2
    assert "plan      1 requirement on aws (us-east-1, from --region)" in result.err
    assert "price     about $0." in result.err
    assert "--yes" in result.err


HANGS = """
import pathlib, threading
@must("a.hangs")
def test_hangs(make_bucket, make_index):
    make_index(make_bucket())
    pathlib.Path("hangs").touch()
    threading.Event().wait(60)
"""
HANGS_IN_SETUP = """
import pathlib, threading
@pytest.fixture
def index(make_bucket, make_index):
    made = make_index(make_bucket())
    pathlib.Path("hangs").touch()
    threading.Event().wait(60)
    return made
@must("a.hangs")
def test_hangs(index): ...
"""
PROGRAM = """
import sys
from pathlib import Path
from vecgate.conformance_kit import suite_run
folder = Path(sys.argv.pop(1))
suite_run.suite_folder = lambda: folder
from vecgate.cli.main import main
main()
"""


@pytest.mark.parametrize(
    "case",
    [
        (signal.SIGINT, "0", HANGS),
        pytest.param((signal.SIGINT, "2", HANGS), marks=pytest.mark.nightly),
        pytest.param((signal.SIGTERM, "0", HANGS), marks=pytest.mark.nightly),
        (signal.SIGTERM, "2", HANGS),
        (signal.SIGINT, "0", HANGS_IN_SETUP),
    ],
    ids=["int-1", "int-2", "term-1", "term-2", "int-in-setup"],
)
def test_an_interrupted_run_removes_its_resources(
    small_suite: Path, endpoint: str, client: Any, case: tuple[signal.Signals, str, str]
) -> None:
    """Ctrl-C and SIGTERM end a run with exit code 130, the results so far, and no resources."""
    number, workers, body = case
    write_suite(small_suite, PASSES + body)
    prefix = f"vg-int-{number.value}-{workers}-{len(body)}"
    words = ("conform", "--target", endpoint, "--bucket-prefix", prefix, "-n", workers)
    with child_process(
        [sys.executable, "-c", PROGRAM, str(small_suite.parent), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 30
        while not Path("hangs").exists() and time.monotonic() < deadline:
            assert process.poll() is None
            wait_briefly(0.02)
        assert bucket_names(client, prefix)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out.splitlines()[-1].startswith("INCONCLUSIVE  the run did not end")
    assert bucket_names(client, prefix) == set()
    assert list(creation_log_folder().glob("*")) == []


def wait_briefly(wait_s: float) -> None:
    """Wait without a sleep."""
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(wait_s)
        with pytest.raises(TimeoutError):
            left.recv(1)
