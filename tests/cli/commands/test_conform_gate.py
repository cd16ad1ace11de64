"""`vecgate conform` cannot be made to pass: by a broken operation, a lost capability or a server's nonsense."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from child_processes import child_process
from commands import Vecgate
from hostile_server import ALL_OPERATIONS, HostileServer, hostile_server
from suites import PRELUDE, SUITE

from vecgate.conformance_kit import suite_run
from vecgate.resources.creation_log import creation_log_folder

PASSES = "@must('a.passes')\ndef test_passes(): ...\n"
TAGS = """
@must("tag-resource.tag")
def test_tags(client, make_bucket):
    client.tag_resource(resourceArn=make_bucket().arn, tags={"a": "b"})
@must("wire.unsigned", needs="auth")
def test_unsigned(): ...
"""
TIMEOUT_S = "3"  # the machine may be loaded; only the operations that hang cost this time
UNSIGNED = "signatures are not tested: unsigned requests are accepted"
FAILS = "@must('a.fails')\ndef test_fails(): assert 1 == 2\n"


@pytest.fixture
def small_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes a small suite in place of the conformance suite."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("conftest.py", "pytest.ini", "__init__.py"):
        shutil.copy(SUITE / name, folder)
    monkeypatch.setattr(suite_run, "suite_folder", lambda: folder)

    def write(body: str) -> None:
        (folder / "test_few.py").write_text(PRELUDE + body)

    return write


@pytest.fixture
def hostile(endpoint: str) -> Iterator[HostileServer]:
    with hostile_server(endpoint) as running:
        yield running


def last_line(vecgate: Vecgate, *words: str) -> tuple[int, str]:
    result = vecgate("conform", "--timeout", TIMEOUT_S, *words)
    return result.code, result.out.splitlines()[-1] if result.out else result.err


@pytest.mark.parametrize("how", ["500", "reset", "hang", "unknown-code", "garbage"])
@pytest.mark.usefixtures("in_process")
def test_a_broken_operation_fails_the_gate(
    vecgate: Vecgate, small_suite: Callable[[str], None], hostile: HostileServer, how: str
) -> None:
    """Even if every operation of its group is broken: only a target that does not know them is excused."""
    small_suite(PASSES + TAGS)
    hostile.misbehaves = dict.fromkeys(("TagResource", "UntagResource", "ListTagsForResource"), how)
    code, line = last_line(vecgate, "--target", hostile.url)
    assert code == 1
    assert line.startswith("FAIL  1 of 2 must requirements passed; failed: tag-resource.tag")


@pytest.mark.usefixtures("in_process")
def test_unknown_operations_are_unsupported_unless_they_are_required(
    vecgate: Vecgate, small_suite: Callable[[str], None], hostile: HostileServer
) -> None:
    """By an option, or by the target file. The verdict says that unsigned requests are accepted."""
    small_suite(PASSES + TAGS)
    hostile.misbehaves = dict.fromkeys(("TagResource", "UntagResource", "ListTagsForResource"), "404")
    assert last_line(vecgate, "--target", hostile.url) == (
        0,
        f"PASS  1 of 1 requirement passed, 2 unsupported by the target; {UNSIGNED}",
    )
    reason = "tags (TagResource and UntagResource and ListTagsForResource not implemented)"
    failed = f"FAIL  required, but not supported or not tested: {reason}"
    required = last_line(vecgate, "--target", hostile.url, "--require-capability", "query,tags")
    assert (required[0], required[1].partition(";")[0]) == (1, failed)
    Path("target.toml").write_text(f"url = '{hostile.url}'\nrequire_capabilities = ['tags']\n")
    assert last_line(vecgate, "--target", "target.toml")[0] == 1
    assert vecgate("conform", "--target", hostile.url, "--require-capability", "tag").code == 2


@pytest.mark.usefixtures("in_process")
def test_a_capability_that_is_lost_is_a_regression(
    vecgate: Vecgate, small_suite: Callable[[str], None], hostile: HostileServer
) -> None:
    """Even if no requirement of it passed in the baseline."""
    small_suite(PASSES + TAGS.replace('tags={"a"', 'tags={"aws:a"'))
    last_line(vecgate, "--target", hostile.url, "-o", "before.jsonl")
    hostile.misbehaves = dict.fromkeys(("TagResource", "UntagResource", "ListTagsForResource"), "404")
    code, line = last_line(vecgate, "--target", hostile.url, "--baseline", "before.jsonl")
    assert code == 1
    assert line.startswith("FAIL  the target no longer supports tags, which it did in the baseline")


@pytest.mark.usefixtures("in_process")
def test_a_baseline_gates_alone(vecgate: Vecgate, small_suite: Callable[[str], None], endpoint: str) -> None:
    """Nothing may be worse than in it, whatever the score is. An explicit rule counts as well."""
    small_suite(PASSES + FAILS)
    words = ("--target", endpoint, "--baseline", "before.jsonl")
    assert last_line(vecgate, "--target", endpoint, "-o", "before.jsonl")[0] == 1
    assert last_line(vecgate, *words)[0] == 0
    assert last_line(vecgate, *words, "--require", "must")[0] == 1
    small_suite(PASSES.replace("...", "assert 1 == 2") + FAILS)
    assert last_line(vecgate, *words)[0] == 1


@pytest.mark.parametrize("how", ["404", "500", "hang", "far-time", "garbage", "surrogate"])
@pytest.mark.usefixtures("in_process")
def test_a_target_without_the_core_fails_by_any_rule(
    vecgate: Vecgate, small_suite: Callable[[str], None], hostile: HostileServer, how: str
) -> None:
    """Its nonsense is its failure: exit code 1, not 4."""
    small_suite(PASSES + BASIC)
    hostile.misbehaves = {ALL_OPERATIONS: how}
    # No operation is answered, so no slow answer can be mistaken for none.
    timeout_s = "0.3" if how == "hang" else TIMEOUT_S
    result = vecgate("conform", "--timeout", timeout_s, "--target", hostile.url, "--require", "may")
    assert result.code == 1
    assert "\nFAIL  " in result.out


BASIC = """
@must("first-steps.put-and-get")
def test_put_and_get(make_index):
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    assert set(index.get("a")) == {"a"}
"""
STAYS = """
import os, pathlib, signal, threading
@must("a.stays")
def test_stays(make_bucket):
    make_bucket()
    pathlib.Path("stays").write_text(str(os.getpid()))
    threading.Event().wait(60)
"""
PROGRAM = """
import sys
from pathlib import Path
from vecgate.conformance_kit import suite_run
from vecgate import process
folder = Path(sys.argv.pop(1))
suite_run.suite_folder = lambda: folder
process.STOP_TIMEOUT_S = 1.0
from vecgate.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("end", "is_removable"),
    [
        ("kill", True),
        ("stop", False),
        pytest.param("kill", False, marks=pytest.mark.nightly),
        pytest.param("stop", True, marks=pytest.mark.nightly),
    ],
)
def test_the_buckets_of_a_suite_that_is_killed_are_removed_or_named(
    tmp_path: Path,
    small_suite: Callable[[str], None],
    hostile: HostileServer,
    endpoint: str,
    end: str,
    *,
    is_removable: bool,
) -> None:
    """By the parent, with exit code 4 if the child was killed, and 130 if it was interrupted but stopped."""
    small_suite(PASSES + STAYS)
    hostile.misbehaves = {} if is_removable else {"DeleteVectorBucket": "500"}
    prefix = f"vg-{end}-{int(is_removable)}"
    words = ("conform", "--target", hostile.url, "--bucket-prefix", prefix)
    with child_process(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "few"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        child = wait_for_child(process)
        if end == "kill":
            os.kill(child, signal.SIGKILL)
        else:
            os.kill(child, signal.SIGSTOP)
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == (4 if end == "kill" else 130), err
    assert "INCONCLUSIVE  the run did not end" in out
    left = bucket_names(endpoint, prefix)
    assert len(left) == (0 if is_removable else 1)
    if is_removable:
        assert list(creation_log_folder().glob("*")) == []
    else:
        assert out.splitlines()[-1].startswith("CLEANUP FAILED  1 resource could not be removed: bucket vg-")
        assert len(list(creation_log_folder().glob("*"))) == 1
    for name in left:
        client_of(endpoint).delete_vector_bucket(vectorBucketName=name)


def wait_for_child(process: subprocess.Popen[str]) -> int:
    """Return the id of the process of the suite, when it has created its bucket."""
    deadline_s = time.monotonic() + 30
    path = Path("stays")
    while not (path.exists() and path.read_text()):
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
    return int(path.read_text())


def client_of(url: str) -> Any:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    return boto3.client("s3vectors", region_name="us-east-1", endpoint_url=url, **keys)


def bucket_names(url: str, prefix: str) -> set[str]:
    listed = client_of(url).list_vector_buckets(prefix=prefix)["vectorBuckets"]
    return {each["vectorBucketName"] for each in listed}
