"""`vecgate conform` and `vecgate clean`, on suites of a few tests."""

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
from commands import Vecgate
from suites import PRELUDE, SUITE

from vecgate.endpoint.local import LocalEndpoint
from vecgate.results.stream import read_run
from vecgate.targets.leftovers import records_folder
from vecgate.testing import running

PASSES = "@must('a.passes')\ndef test_passes():\n    'It passes.'\n"
FAILS = "@must('a.fails')\ndef test_fails(): assert 1 == 2\n"


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A suite of a few tests in place of ours; the file that they go into."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("conftest.py", "pytest.ini", "__init__.py"):
        shutil.copy(SUITE / name, folder)
    monkeypatch.setattr(running, "suite_folder", lambda: folder)
    return folder / "test_few.py"


def write(few: Path, body: str) -> None:
    few.write_text(PRELUDE + body)


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


def names_of(client: Any, prefix: str) -> set[str]:
    return {each["vectorBucketName"] for each in client.list_vector_buckets(prefix=prefix)["vectorBuckets"]}


def test_a_target_that_keeps_its_promises_passes(vecgate: Vecgate, few: Path) -> None:
    """Exit code 0, the matrix on stdout, the count on stderr, the verdict last."""
    write(few, PASSES)
    result = vecgate("conform", "--target", "local")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "PASS  1 of 1 requirement passed"
    assert result.err == "1 requirement: 1 passed\n"


def test_a_target_that_does_not_fails(vecgate: Vecgate, few: Path, endpoint: str) -> None:
    """Exit code 1, and each failure at once on stderr and in full on stdout."""
    write(few, PASSES + FAILS)
    result = vecgate("conform", "--target", endpoint)
    assert result.code == 1
    assert result.out.splitlines()[-1] == "FAIL  1 of 2 must requirements passed; failed: a.fails"
    assert "failed  a.fails: assert 1 == 2" in result.err
    assert "assert 1 == 2" in result.out
    assert vecgate("conform", "--target", endpoint, "--require", "must>=50%").code == 0


def test_reports_are_written_where_they_are_asked_for(vecgate: Vecgate, few: Path, endpoint: str) -> None:
    """Stream, JUnit, Markdown, which adds to what is there, and JSON on stdout."""
    write(few, PASSES + FAILS)
    Path("summary.md").write_text("# before\n")
    files = ("--results", "r/run.jsonl", "--junit", "junit.xml", "--markdown", "summary.md")
    result = vecgate("conform", "--target", endpoint, *files, "--json", "--quiet")
    told = json.loads(result.out)
    assert (told["verdict"], told["exit_code"], told["schema"]) == ("failed", 1, 1)
    assert told["counts"] == {"passed": 1, "failed": 1}
    assert told["failed"][0]["requirement"] == "a.fails"
    assert [each.id for each in read_run(Path("r/run.jsonl")).results] == ["a.passes", "a.fails"]
    assert 'name="a.fails"' in Path("junit.xml").read_text()
    assert Path("summary.md").read_text().startswith("# before\n## FAIL  1 of 2")
    assert result.err == ""


def test_a_baseline_is_held(vecgate: Vecgate, few: Path, endpoint: str) -> None:
    """What passed must be there, and pass; only what failed is run again when asked."""
    write(few, PASSES + FAILS)
    vecgate("conform", "--target", endpoint, "--results", "before.jsonl")
    write(few, PASSES.replace("passes", "renamed"))
    result = vecgate("conform", "--target", endpoint, "--baseline", "before.jsonl")
    assert (result.code, result.out.splitlines()[-1]) == (1, "FAIL  1 passed before and is gone, a.passes")
    write(few, PASSES + FAILS.replace("2", "1"))
    again = vecgate("conform", "--target", endpoint, "--rerun-failed", "before.jsonl")
    assert again.out.splitlines()[-1] == "PASS  1 of 1 requirement passed"
    assert "a.fails" not in again.out


def test_reports_of_a_run_say_what_its_gate_said(vecgate: Vecgate, few: Path, endpoint: str) -> None:
    """With its rules and its baseline, which the stream keeps: PASS stays PASS, and FAIL stays FAIL."""
    write(few, PASSES + FAILS)
    lenient = vecgate("conform", "--target", endpoint, "-o", "lenient.jsonl", "--require", "must>=50%")
    write(few, PASSES.replace("passes", "renamed"))
    held = ("--baseline", "lenient.jsonl", "--junit", "held.xml")
    strict = vecgate("conform", "--target", endpoint, "-o", "strict.jsonl", *held)
    assert (lenient.code, strict.code) == (0, 1)
    told = vecgate("report", "lenient.jsonl", "strict.jsonl").out.splitlines()
    assert told[0].split("   ")[2:] == ["PASS", "1 of 2 requirements passed, 1 of level must failed"]
    assert told[1].split("   ")[2:] == ["FAIL", "1 passed before and is gone, a.passes"]
    assert 'name="baseline"' in Path("held.xml").read_text()


def test_a_part_of_the_suite_claims_a_part_of_the_baseline(
    vecgate: Vecgate, few: Path, endpoint: str
) -> None:
    """What was not to run was not looked at, and looking at nothing fails."""
    write(few, PASSES + PASSES.replace("passes", "other"))
    vecgate("conform", "--target", endpoint, "-o", "before.jsonl")
    part = vecgate("conform", "--target", endpoint, "-k", "other", "--baseline", "before.jsonl")
    assert (part.code, "1 of 2 that passed before was looked at, and none is worse" in part.out) == (0, True)
    write(few, PASSES + PASSES.replace("passes", "new"))
    none = vecgate("conform", "--target", endpoint, "-k", "new", "--baseline", "before.jsonl")
    assert none.code == 1


@pytest.mark.parametrize("option", ["--junit", "--markdown", "--ctrf", "--badge", "--draft-deviations"])
def test_a_file_that_cannot_be_written_is_told_before_the_run(vecgate: Vecgate, option: str) -> None:
    """Not after minutes of it. Here a file stands where the folder would be."""
    Path("file").write_text("")
    result = vecgate("conform", "--target", "http://127.0.0.1:1", option, "file/report")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: file/report cannot be written: ")


def test_nothing_ran_is_no_pass(vecgate: Vecgate, few: Path, endpoint: str) -> None:
    """With its own words."""
    write(few, PASSES)
    result = vecgate("conform", "--target", endpoint, "-k", "nothing")
    assert (result.code, result.out.splitlines()[-1]) == (1, "FAIL  nothing ran: no requirement was judged")


def test_workers_share_the_work(vecgate: Vecgate, few: Path, endpoint: str) -> None:
    """With the same verdict."""
    write(few, PASSES + FAILS)
    result = vecgate("conform", "--target", endpoint, "-n", "2", "--shuffle", "3")
    assert result.out.splitlines()[-1] == "FAIL  1 of 2 must requirements passed; failed: a.fails"


def test_the_catalogue_is_listed(vecgate: Vecgate, few: Path) -> None:
    """As text, and as JSON; no target is needed."""
    write(few, PASSES)
    assert vecgate("conform", "--list").out == (
        "a.passes   must   model   It passes.\n1 requirement: 1 must, 0 should, 0 may\n"
    )
    (only,) = json.loads(vecgate("conform", "--list", "--json").out)["requirements"]
    assert (only["id"], only["source"]) == ("a.passes", "https://a.example/")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "no target is named"),
        (("--target", "mars"), 2, "'mars' is no target"),
        (("--target", "local", "--require", "shall"), 2, "'shall' is no rule"),
        (("--target", "local", "--baseline", "none.jsonl"), 2, "none.jsonl cannot be read"),
        (("--target", "local", "--deviations", "few/pytest.ini"), 2, "lists no deviations"),
        (("--target", "http://127.0.0.1:9"), 3, "does not answer"),
    ],
)
def test_what_cannot_be_run_says_why(
    vecgate: Vecgate, few: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    """Usage and target are told apart from a failed gate."""
    write(few, PASSES)
    result = vecgate("conform", *words)
    assert result.code == code
    assert said in result.err


def test_a_target_that_allows_nothing_is_said_to(
    vecgate: Vecgate, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a single requirement fails for it."""
    write(few, PASSES)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    with LocalEndpoint(auth=True) as closed:
        result = vecgate("conform", "--target", closed.url)
    assert result.code == 3
    assert "does not allow it" in result.err


def test_a_suite_that_is_broken_is_our_fault(vecgate: Vecgate, few: Path, endpoint: str) -> None:
    """Not the target's."""
    few.write_text("import nothing_of_this_name")
    result = vecgate("conform", "--target", endpoint)
    assert result.code == 4
    assert "nothing_of_this_name" in result.err
    assert vecgate("conform", "--list").code == 4


def test_amazon_is_planned_first_and_not_used_unasked(
    vecgate: Vecgate, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What will be done, what it costs, and that nothing was done."""
    write(few, PASSES)
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
PROGRAM = """
import sys
from pathlib import Path
from vecgate.testing import running
folder = Path(sys.argv.pop(1))
running.suite_folder = lambda: folder
from vecgate.cli.main import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_interrupted_run_removes_what_it_made(
    few: Path, endpoint: str, client: Any, number: signal.Signals, workers: str
) -> None:
    """Ctrl-C, and the SIGTERM of CI that cancels: exit code 130, what was found so far, and nothing left."""
    write(few, PASSES + HANGS)
    prefix = f"vg-int-{number.value}-{workers}"
    words = ("conform", "--target", endpoint, "--bucket-prefix", prefix, "-n", workers)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(few.parent), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 30
        while not Path("hangs").exists() and time.monotonic() < deadline:
            assert process.poll() is None
            select_nothing(0.02)
        assert names_of(client, prefix)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out.splitlines()[-1].startswith("NOT JUDGED  the run did not end")
    assert names_of(client, prefix) == set()
    assert list(records_folder().glob("*")) == []


def select_nothing(wait_s: float) -> None:
    """Poll no more often than this."""
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(wait_s)
        with pytest.raises(TimeoutError):
            left.recv(1)
