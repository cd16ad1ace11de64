"""The policies that `vecgate doctor` prints are what the commands need, no less and no more."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from commands import Result, Vecgate, write_parquet
from guarded import INDEX, Sign, administrator_at, guarded_endpoint, make_index

from vecgate.results.stream import read_stream
from vecgate.targets.leftovers import MadeRecord
from vecgate.targets.policy import used_on
from vecgate.targets.target import TargetChoice, open_target

WORDS: dict[str, tuple[str, ...]] = {
    "put": ("put", "films.parquet", *INDEX),
    "put-create": ("put", "films.parquet", "--create", "--bucket", "NEW", "--index", "films"),
    "delete": ("delete", "films.parquet", "--yes", *INDEX),
    "query": ("query", "--key", "kept", *INDEX),
    "scan": ("scan", *INDEX),
    "scale": ("scale", "--dimension", "4", "--batches", "5", "--in-flight", "1", "--seconds", "0.05"),
}
CASES = [(command, missing) for command in WORDS for missing in used_on("a URL", command)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the endpoint."""
    with guarded_endpoint(tmp_path_factory.mktemp("guarded")) as url:
        yield url


@pytest.fixture
def admin(guarded: str) -> Iterator[Any]:
    """A client of one who may do everything there."""
    with closing(administrator_at(guarded)) as client:
        yield client


@pytest.fixture
def sign(monkeypatch: pytest.MonkeyPatch) -> Sign:
    """Says who signs."""
    return Sign(monkeypatch)


@pytest.fixture
def run(vecgate: Vecgate, guarded: str, tmp_path: Path) -> Callable[[str], Result]:
    """Run a command, on files of its own."""
    write_parquet(tmp_path / "films.parquet", 3)

    def ran(command: str) -> Result:
        words = [
            word.replace("NEW", f"new-{tmp_path.name[-40:]}".replace("_", "-").lower())
            for word in WORDS[command]
        ]
        return vecgate(*words, "--target", guarded)

    return ran


@pytest.mark.parametrize("command", WORDS)
def test_a_policy_is_enough(run: Callable[[str], Result], sign: Sign, command: str) -> None:
    """For its command, from end to end."""
    sign(command)
    result = run(command)
    assert result.code == 0, result.err


@pytest.mark.parametrize(("command", "missing"), CASES)
def test_a_policy_is_no_more_than_enough(
    run: Callable[[str], Result], sign: Sign, admin: Any, command: str, missing: str
) -> None:
    """Without any one of its actions the command is refused, or leaves something behind and says so."""
    sign(f"{command}.{missing}")
    result = run(command)
    told = result.err + result.out
    assert result.code != 0 or "left behind" in result.out
    assert f"not authorized to perform: s3vectors:{missing}" in told


@pytest.fixture
def leftovers(guarded: str, admin: Any) -> Iterator[None]:
    """A bucket that a record names, and one with our tag."""
    with open_target(TargetChoice(guarded), os.environ) as target:
        MadeRecord(target, "run1", "main").announce("vgd-recorded")
    make_index(admin, "vgd-recorded")
    make_index(admin, "vgd-tagged", tags={"vecgate-run": "run2"})
    yield
    for bucket in admin.list_vector_buckets(prefix="vgd-")["vectorBuckets"]:
        name = bucket["vectorBucketName"]
        for index in admin.list_indexes(vectorBucketName=name)["indexes"]:
            admin.delete_index(vectorBucketName=name, indexName=index["indexName"])
        admin.delete_vector_bucket(vectorBucketName=name)


def left(admin: Any) -> list[str]:
    return [each["vectorBucketName"] for each in admin.list_vector_buckets(prefix="vgd-")["vectorBuckets"]]


@pytest.mark.usefixtures("leftovers")
def test_the_policy_of_clean_is_enough(vecgate: Vecgate, sign: Sign, guarded: str, admin: Any) -> None:
    """It removes what a record or a tag proves to be ours."""
    sign("clean")
    result = vecgate("clean", "--target", guarded, "--prefix", "vgd-", "--older-than", "0h", "--yes")
    assert (result.code, left(admin)) == (0, [])


@pytest.mark.usefixtures("leftovers")
@pytest.mark.parametrize(
    ("missing", "stay"),
    [
        ("ListVectorBuckets", ["vgd-recorded", "vgd-tagged"]),
        # Without tags there is no proof that the second is ours.
        ("ListTagsForResource", ["vgd-tagged"]),
        ("ListIndexes", ["vgd-recorded", "vgd-tagged"]),
        ("DeleteIndex", ["vgd-recorded", "vgd-tagged"]),
        ("DeleteVectorBucket", ["vgd-recorded", "vgd-tagged"]),
    ],
)
def test_the_policy_of_clean_is_no_more_than_enough(
    vecgate: Vecgate, sign: Sign, admin: Any, missing: str, stay: list[str]
) -> None:
    """Without any one of its actions something stays."""
    sign(f"clean.{missing}")
    result = vecgate(
        "clean", "--target", admin.meta.endpoint_url, "--prefix", "vgd-", "--older-than", "0h", "--yes"
    )
    assert left(admin) == stay
    assert (result.code == 0) == (missing == "ListTagsForResource")


def test_the_policy_of_conform_is_enough(vecgate: Vecgate, sign: Sign, guarded: str) -> None:
    """For some of the suite, with tags and policies."""
    sign("conform")
    result = vecgate(
        "conform", "--target", guarded, "-k", "tag-resource or put-vector-bucket-policy", "--quiet"
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
def ramp(vecgate: Vecgate, guarded: str) -> Callable[[], Result]:
    """Run a scenario with every operation."""
    Path("tiny.toml").write_text(SCENARIO)
    return lambda: vecgate("ramp", "tiny.toml", "--target", guarded, "-o", RESULTS)


def test_the_policy_of_ramp_is_enough(ramp: Callable[[], Result], sign: Sign) -> None:
    """For a scenario with every operation, from preflight to removal."""
    sign("ramp")
    result = ramp()
    told = result.err + result.out
    # Whether this machine is quick enough for a verdict is another matter.
    assert re.search(r"^errors == 0 +0 +pass$", result.out, re.MULTILINE), told
    assert "not authorized" not in told
    footer = read_stream(Path(RESULTS)).footer
    assert footer is not None
    assert footer.leaks == ()


@pytest.mark.parametrize("missing", used_on("a URL", "ramp"))
def test_the_policy_of_ramp_is_no_more_than_enough(
    ramp: Callable[[], Result], sign: Sign, admin: Any, missing: str
) -> None:
    """Without any one of its actions it does not begin, and nothing is left behind."""
    sign(f"ramp.{missing}")
    before = admin.list_vector_buckets()["vectorBuckets"]
    result = ramp()
    assert result.code == 3
    assert f"s3vectors:{missing}" in result.err
    assert admin.list_vector_buckets()["vectorBuckets"] == before
