"""The policies that `vecgate doctor` prints have exactly the permissions that the commands need."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import Result, Vecgate, write_parquet
from restricted_endpoint import INDEX, SignAs, create_index

from vecgate.resources.creation_log import CreationLog
from vecgate.results.result_stream import read_stream
from vecgate.targets.iam_policy import required_operations
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice

WORDS: dict[str, tuple[str, ...]] = {
    "put": ("put", "films.parquet", *INDEX),
    "put-create": ("put", "films.parquet", "--create", "--bucket", "NEW", "--index", "films"),
    "diff": ("diff", "--from", f"{INDEX[1]}/{INDEX[3]}", *INDEX),
    "delete": ("delete", "films.parquet", "--yes", *INDEX),
    "query": ("query", "--key", "kept", *INDEX),
    "scan": ("scan", *INDEX),
    "scale": ("scale", "--dimension", "4", "--batches", "5", "--in-flight", "1", "--seconds", "0.05"),
}
#: Needed only by `--resume`.
RESUMING = {("put", "GetVectors"), ("put-create", "GetVectors")}
CASES = [
    (command, missing)
    for command in WORDS
    for missing in required_operations("a URL", command)
    if (command, missing) not in RESUMING
]


@pytest.fixture
def run(vecgate: Vecgate, restricted: str, tmp_path: Path) -> Callable[[str], Result]:
    """Run a command on a new file."""
    write_parquet(tmp_path / "films.parquet", 3)

    def run_command(command: str) -> Result:
        words = [
            word.replace("NEW", f"new-{tmp_path.name[-40:]}".replace("_", "-").lower())
            for word in WORDS[command]
        ]
        return vecgate(*words, "--target", restricted)

    return run_command


@pytest.mark.parametrize("command", WORDS)
def test_a_policy_is_enough(run: Callable[[str], Result], sign_as: SignAs, command: str) -> None:
    """For its command, from start to end."""
    sign_as(command)
    result = run(command)
    assert result.code == 0, result.err


@pytest.mark.parametrize(("command", "missing"), CASES)
def test_a_policy_is_no_more_than_enough(
    run: Callable[[str], Result], sign_as: SignAs, admin: Any, command: str, missing: str
) -> None:
    """Without any one of its actions the command fails, or reports what it could not remove."""
    sign_as(f"{command}.{missing}")
    result = run(command)
    assert result.code != 0
    assert f"not authorized to perform: s3vectors:{missing}" in result.err + result.out


def test_a_put_needs_to_read_to_be_resumed(vecgate: Vecgate, restricted: str, sign_as: SignAs) -> None:
    """A resumed run looks up what the journal has; without the permission it sends nothing."""
    good = [f'{{"key": "k{n}", "vector": [1, 2, 3, {n}]}}' for n in range(120)]
    # The line that is wrong is in the second block, which is read when records of the first are written.
    Path("stop.jsonl").write_text("\n".join([*good, '{"key": "b", "vector": []}', good[0]]))
    words = ("put", "stop.jsonl", *INDEX, "--target", restricted, "--batch", "1", "--in-flight", "1")
    sign_as("put.GetVectors")
    assert vecgate(*words, "--strict").code != 0
    refused = vecgate(*words, "--resume")
    assert refused.code == 3
    assert "not authorized to perform: s3vectors:GetVectors" in refused.err
    sign_as("put")
    assert vecgate(*words, "--resume").out.splitlines()[0].startswith("written    121")


@pytest.fixture
def orphans(restricted: str, admin: Any) -> Iterator[None]:
    """A bucket in a creation log, and a bucket with the tag of a run."""
    with open_target(TargetChoice(restricted), os.environ) as target:
        CreationLog(target, "run1", "main").announce("vgd-logged")
    create_index(admin, "vgd-logged")
    create_index(admin, "vgd-tagged", tags={"vecgate-run": "run2"})
    yield
    for bucket in admin.list_vector_buckets(prefix="vgd-")["vectorBuckets"]:
        name = bucket["vectorBucketName"]
        for index in admin.list_indexes(vectorBucketName=name)["indexes"]:
            admin.delete_index(vectorBucketName=name, indexName=index["indexName"])
        admin.delete_vector_bucket(vectorBucketName=name)


def remaining(admin: Any) -> list[str]:
    return [each["vectorBucketName"] for each in admin.list_vector_buckets(prefix="vgd-")["vectorBuckets"]]


@pytest.mark.usefixtures("orphans")
def test_the_policy_of_clean_is_enough(
    vecgate: Vecgate, sign_as: SignAs, restricted: str, admin: Any
) -> None:
    """Both orphans are removed."""
    sign_as("clean")
    result = vecgate("clean", "--target", restricted, "--prefix", "vgd-", "--older-than", "0h", "--yes")
    assert (result.code, remaining(admin)) == (0, [])


@pytest.mark.usefixtures("orphans")
@pytest.mark.parametrize(
    ("missing", "kept"),
    [
        ("ListVectorBuckets", ["vgd-logged", "vgd-tagged"]),
        # Only the tag proves that a run created the second bucket.
        ("ListTagsForResource", ["vgd-tagged"]),
        ("ListIndexes", ["vgd-logged", "vgd-tagged"]),
        ("DeleteIndex", ["vgd-logged", "vgd-tagged"]),
        ("DeleteVectorBucket", ["vgd-logged", "vgd-tagged"]),
    ],
)
def test_the_policy_of_clean_is_no_more_than_enough(
    vecgate: Vecgate, sign_as: SignAs, admin: Any, missing: str, kept: list[str]
) -> None:
    """Without any one of its actions a bucket remains."""
    sign_as(f"clean.{missing}")
    result = vecgate(
        "clean", "--target", admin.meta.endpoint_url, "--prefix", "vgd-", "--older-than", "0h", "--yes"
    )
    assert remaining(admin) == kept
    assert result.code != 0


def test_the_policy_of_conform_is_enough(vecgate: Vecgate, sign_as: SignAs, restricted: str) -> None:
    """For a part of the suite, with tags and policies."""
    sign_as("conform")
    result = vecgate(
        "conform", "--target", restricted, "-k", "tag-resource or put-vector-bucket-policy", "--quiet"
    )
    assert result.code == 0, result.out


RESULTS = "tiny.jsonl"
SCENARIO = """
unit = "requests"
thresholds = ["errors == 0"]
[vectors]
dimension = 4
per_request = 2
[operations]
PutVectors = 4
QueryVectors = 3
GetVectors = 1
ListVectors = 1
DeleteVectors = 1
[[stages]]
kind = "constant"
rate = 20
for = "1s"
"""


@pytest.fixture
def ramp(vecgate: Vecgate, restricted: str) -> Callable[[], Result]:
    """Run a scenario with every operation."""
    Path("tiny.toml").write_text(SCENARIO)
    return lambda: vecgate("ramp", "tiny.toml", "--target", restricted, "-o", RESULTS)


def test_the_policy_of_ramp_is_enough(ramp: Callable[[], Result], sign_as: SignAs) -> None:
    """For a scenario with every operation, from the preflight checks to the removal."""
    sign_as("ramp")
    result = ramp()
    output = result.err + result.out
    # The verdict also depends on the speed of this machine, so it is not asserted.
    assert re.search(r"^errors == 0 +0 +pass$", result.out, re.MULTILINE), output
    assert "not authorized" not in output
    footer = read_stream(Path(RESULTS)).footer
    assert footer is not None
    assert footer.orphaned == ()


@pytest.mark.parametrize("missing", required_operations("a URL", "ramp"))
def test_the_policy_of_ramp_is_no_more_than_enough(
    ramp: Callable[[], Result], sign_as: SignAs, admin: Any, missing: str
) -> None:
    """Without any one of its actions the run does not start, and no bucket remains."""
    sign_as(f"ramp.{missing}")
    before = admin.list_vector_buckets()["vectorBuckets"]
    result = ramp()
    assert result.code == 3
    assert f"s3vectors:{missing}" in result.err
    assert admin.list_vector_buckets()["vectorBuckets"] == before
