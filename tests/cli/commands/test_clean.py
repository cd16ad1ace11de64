"""`vecgate clean` removes buckets that runs created, that are old enough, and that no active run uses."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from commands import Vecgate
from constant_server import constant_server

from vecgate.cli.commands.clean import clean
from vecgate.resources import orphans as orphans_module
from vecgate.resources.creation_log import CreationLog, creation_log_folder
from vecgate.resources.orphans import OrphanedBucket
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import target_from_url

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "aws.md").read_text()
HOUR_S = 3_600


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    client = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    with closing(client):
        yield client
        for name in buckets(client):
            for index in client.list_indexes(vectorBucketName=name)["indexes"]:
                client.delete_index(vectorBucketName=name, indexName=index["indexName"])
            client.delete_vector_bucket(vectorBucketName=name)


def buckets(client: Any) -> set[str]:
    """Return the buckets of the tests of this module."""
    listed = client.list_vector_buckets()["vectorBuckets"]
    return {each["vectorBucketName"] for each in listed if "vgl-" in each["vectorBucketName"]}


@pytest.fixture
def target(endpoint: str) -> Iterator[Target]:
    with open_target(TargetChoice(endpoint), os.environ) as target:
        yield target


def announce(target: Target, bucket: str, *, run: str = "run1", age_s: float = 0) -> None:
    """Write the creation log of a process that ended *age_s* ago."""
    log = CreationLog(target, run, "main")
    log.announce(bucket)
    modified_s = log.path.stat().st_mtime - age_s
    os.utime(log.path, (modified_s, modified_s))


def creation_logs() -> list[str]:
    return sorted(path.name for path in creation_log_folder().glob("*"))


@pytest.fixture
def orphans(target: Target, client: Any) -> None:
    """A bucket with an index in a creation log, a bucket with the tag of a run, and a bucket of another user."""
    announce(target, "vgl-logged")
    client.create_vector_bucket(vectorBucketName="vgl-logged")
    client.create_index(
        vectorBucketName="vgl-logged",
        indexName="index",
        dataType="float32",
        dimension=1,
        distanceMetric="cosine",
    )
    client.create_vector_bucket(vectorBucketName="vgl-tagged", tags={"vecgate-run": "run2"})
    client.create_vector_bucket(vectorBucketName="vgl-other", tags={"team": "x"})


@pytest.mark.usefixtures("orphans")
def test_orphans_are_listed_and_removed_only_with_yes(vecgate: Vecgate, endpoint: str, client: Any) -> None:
    """A bucket without proof is listed and kept."""
    words = ("clean", "--target", endpoint, "--prefix", "vgl-", "--older-than", "0h")
    dry = vecgate(*words)
    assert dry.code == 0
    shown = [line.split()[0] for line in dry.out.splitlines()[:-1]]
    assert shown == ["vgl-logged", "vgl-other", "vgl-tagged"]
    assert "no proof: kept" in dry.out
    assert dry.out.splitlines()[-1] == "PASS  2 orphaned buckets; --yes removes them"
    assert len(buckets(client)) == 3
    found = json.loads(vecgate(*words, "--json").out)
    assert [each["proof"] for each in found["buckets"]] == ["record", None, "tag"]
    assert [each["kept"] for each in found["buckets"]] == [None, "no proof", None]
    assert vecgate(*words, "--yes").out.splitlines()[-1] == "PASS  2 buckets removed"
    assert buckets(client) == {"vgl-other"}
    assert creation_logs() == []


@pytest.mark.usefixtures("orphans")
@pytest.mark.parametrize("age", [(), ("--older-than", "24h")])
def test_young_buckets_are_listed_and_kept(
    vecgate: Vecgate, endpoint: str, client: Any, age: tuple[str, ...]
) -> None:
    """And so is their log. The default age is an hour, because a run on another machine may be active."""
    result = vecgate("clean", "--target", endpoint, "--prefix", "vgl-", *age, "--yes")
    assert result.out.splitlines()[-1] == "PASS  0 buckets removed"
    assert len(re.findall("too young: kept", result.out)) == 2
    assert len(buckets(client)) == 3
    assert creation_logs() == ["run1-main.jsonl"]


def test_a_log_is_kept_with_its_bucket_whatever_the_prefix(
    vecgate: Vecgate, endpoint: str, target: Target, client: Any
) -> None:
    """The bucket has another prefix. It is too young for the first call, and the second one removes it."""
    announce(target, "acme-vgl-1", age_s=2 * HOUR_S)
    client.create_vector_bucket(vectorBucketName="acme-vgl-1")
    words = ("clean", "--target", endpoint, "--yes", "--older-than")
    vecgate(*words, "24h")
    assert (buckets(client), creation_logs()) == ({"acme-vgl-1"}, ["run1-main.jsonl"])
    vecgate(*words, "0h")
    assert (buckets(client), creation_logs()) == (set(), [])


def test_a_bucket_of_an_active_run_is_kept(
    vecgate: Vecgate, endpoint: str, target: Target, client: Any
) -> None:
    """Whatever the age limit is."""
    log = CreationLog(target, "run1", "main")
    log.announce("vgl-used")
    client.create_vector_bucket(vectorBucketName="vgl-used")
    words = ("clean", "--target", endpoint, "--older-than", "0h", "--yes")
    kept = vecgate(*words)
    assert "its run is still active: kept" in kept.out
    assert (buckets(client), creation_logs()) == ({"vgl-used"}, ["run1-main.jsonl"])
    del log
    vecgate(*words)
    assert (buckets(client), creation_logs()) == (set(), [])


def test_a_log_is_discarded_if_its_bucket_does_not_exist(
    vecgate: Vecgate, endpoint: str, target: Target
) -> None:
    """Not if the bucket may still be created, and not without --yes."""
    announce(target, "vgl-gone", run="run1", age_s=2 * HOUR_S)
    announce(target, "vgl-soon", run="run2")
    vecgate("clean", "--target", endpoint)
    assert creation_logs() == ["run1-main.jsonl", "run2-main.jsonl"]
    vecgate("clean", "--target", endpoint, "--yes")
    assert creation_logs() == ["run2-main.jsonl"]


@pytest.mark.parametrize(("account", "kept"), [("111111111111", []), ("222222222222", ["run1-main.jsonl"])])
def test_on_amazon_a_log_of_another_account_is_kept(
    vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch, account: str, kept: list[str]
) -> None:
    """Its bucket is in the other account. The local endpoint replaces Amazon."""

    def amazon(url: str | None, account: str) -> Target:
        keys = Credentials("a", "b", account_id=account)
        target = replace(target_from_url(endpoint, TargetChoice(), {}, credentials=keys), name="aws")
        return replace(target, endpoint_url=url)

    announce(amazon(None, "111111111111"), "vgl-far", age_s=2 * HOUR_S)
    monkeypatch.setattr("vecgate.targets.aws_target.aws_target", lambda *_: amazon(endpoint, account))
    monkeypatch.setattr("vecgate.resources.orphans.target_location", lambda _: "aws:us-east-1")
    assert vecgate("clean", "--target", "aws", "--yes").code == 0
    assert creation_logs() == kept


def test_a_bucket_that_cannot_be_removed_keeps_its_log(
    vecgate: Vecgate, target: Target, client: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are removed with their logs."""
    for number in (1, 2):
        announce(target, f"vgl-{number}", run=f"run{number}")
        client.create_vector_bucket(vectorBucketName=f"vgl-{number}")

    def remove(client: Any, name: str) -> list[str]:
        if name == "vgl-1":
            return ["bucket vgl-1: refused"]
        client.delete_vector_bucket(vectorBucketName=name)
        return []

    monkeypatch.setattr("vecgate.resources.orphans.remove_bucket", remove)
    result = vecgate("clean", "--target", endpoint, "--older-than", "0h", "--yes")
    assert result.code == 3
    assert result.out.splitlines()[-2:] == ["bucket vgl-1: refused", "FAIL  1 resource could not be removed"]
    assert creation_logs() == ["run1-main.jsonl"]


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (403, {"x-amzn-errortype": "ExpiredTokenException"}, "denies access: "),
        (404, {}, "answers with an error: "),
        (200, {}, "without vectorBuckets"),
    ],
)
def test_a_wrong_answer_is_an_error_of_the_target(
    vecgate: Vecgate, status: int, headers: dict[str, str], message: str
) -> None:
    """Not a failure of vecgate."""
    with constant_server(b"{}", status=status, headers=headers) as url:
        result = vecgate("clean", "--target", url)
    assert (result.code, result.out) == (3, "")
    assert message in result.err
    assert "vecgate itself failed" not in result.err


def test_an_unreachable_target_is_reported(vecgate: Vecgate) -> None:
    """With exit code 3."""
    result = vecgate("clean", "--target", "http://127.0.0.1:9")
    assert (result.code, result.out) == (3, "")
    assert "http://127.0.0.1:9 does not answer" in result.err


@pytest.mark.parametrize("age", ["yesterday", "1w", "-1h", "99999999999d", "h", ""])
def test_an_invalid_age_is_refused(vecgate: Vecgate, endpoint: str, age: str) -> None:
    """Before any request is sent."""
    result = vecgate("clean", "--target", endpoint, "--older-than", age)
    assert result.code == 2
    assert f"--older-than: {age!r} is not an age" in result.err


def test_the_largest_age_is_valid(vecgate: Vecgate, endpoint: str) -> None:
    """It is the one in the hint."""
    assert vecgate("clean", "--target", endpoint, "--older-than", "99999d").code == 0


@pytest.mark.parametrize("option", ["--older-than", "--prefix", "--yes"])
def test_every_option_is_documented(option: str) -> None:
    """In `docs/aws.md`, with the default age."""
    assert option in PAGE
    (age,) = [each for each in clean.params if each.name == "older_than"]
    assert f"`{age.default}`" in PAGE


@pytest.mark.usefixtures("orphans")
def test_without_the_right_to_read_tags_nothing_is_known(
    vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, in every form of its result: a bucket that nobody could look at is not clean."""
    examine = orphans_module._examine

    def denied(client: Any, name: str, bucket: dict[str, Any], announced: Any) -> OrphanedBucket:
        def refuse(**_: object) -> None:
            metadata = {"HTTPStatusCode": 403}
            error = {"Code": "AccessDeniedException", "Message": "not allowed"}
            raise ClientError({"Error": error, "ResponseMetadata": metadata}, "ListTagsForResource")

        client.list_tags_for_resource = refuse
        return examine(client, name, bucket, announced)

    monkeypatch.setattr(orphans_module, "_examine", denied)
    words = ("clean", "--target", endpoint, "--prefix", "vgl-", "--older-than", "0h")
    found = vecgate(*words)
    assert found.code == 3
    assert "its tags could not be read" in found.out
    assert found.out.splitlines()[-1] == (
        "INCONCLUSIVE  the tags of 2 buckets may not be read; allow s3vectors:ListTagsForResource"
    )
    kept = [each["kept"] for each in json.loads(vecgate(*words, "--json").out)["buckets"]]
    assert kept[0] is None
    assert all("could not be read" in each for each in kept[1:])
