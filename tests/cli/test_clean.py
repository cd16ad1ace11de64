"""`vecgate clean` removes what is proved to be ours, is old enough, and is used by nobody."""

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
from commands import Vecgate
from strangers import stranger

from vecgate.cli.clean import clean
from vecgate.targets.leftovers import MadeRecord, records_folder
from vecgate.targets.target import Target, TargetChoice, open_target
from vecgate.targets.url import url_target

ROOT = Path(__file__).parents[2]
PAGES = [(ROOT / "docs" / name).read_text() for name in ("conform.md", "aws.md")]
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
    """Those of this module's tests."""
    listed = client.list_vector_buckets()["vectorBuckets"]
    return {each["vectorBucketName"] for each in listed if "vgl-" in each["vectorBucketName"]}


@pytest.fixture
def target(endpoint: str) -> Iterator[Target]:
    with open_target(TargetChoice(endpoint), os.environ) as target:
        yield target


def announce(target: Target, bucket: str, *, run: str = "run1", age_s: float = 0) -> None:
    """As a process did that has ended *age_s* ago."""
    record = MadeRecord(target, run, "main")
    record.announce(bucket)
    then_s = record.path.stat().st_mtime - age_s
    os.utime(record.path, (then_s, then_s))


def records() -> list[str]:
    return sorted(path.name for path in records_folder().glob("*"))


@pytest.fixture
def leftovers(target: Target, client: Any) -> None:
    """A bucket with an index that a record names, one with our tag, and one of somebody else."""
    announce(target, "vgl-recorded")
    client.create_vector_bucket(vectorBucketName="vgl-recorded")
    client.create_index(
        vectorBucketName="vgl-recorded",
        indexName="index",
        dataType="float32",
        dimension=1,
        distanceMetric="cosine",
    )
    client.create_vector_bucket(vectorBucketName="vgl-tagged", tags={"vecgate-run": "run2"})
    client.create_vector_bucket(vectorBucketName="vgl-other", tags={"team": "x"})


@pytest.mark.usefixtures("leftovers")
def test_leftovers_are_found_and_removed_only_when_told(vecgate: Vecgate, endpoint: str, client: Any) -> None:
    """What nothing proves to be ours is shown, and kept."""
    words = ("clean", "--target", endpoint, "--prefix", "vgl-", "--older-than", "0h")
    dry = vecgate(*words)
    assert dry.code == 0
    shown = [line.split()[0] for line in dry.out.splitlines()[:-1]]
    assert shown == ["vgl-other", "vgl-recorded", "vgl-tagged"]
    assert "no proof: kept" in dry.out
    assert dry.out.splitlines()[-1] == "PASS  2 buckets left by runs; add --yes to remove"
    assert len(buckets(client)) == 3
    told = json.loads(vecgate(*words, "--json").out)
    assert [each["proof"] for each in told["buckets"]] == [None, "record", "tag"]
    assert [each["kept"] for each in told["buckets"]] == ["no proof", None, None]
    assert vecgate(*words, "--yes").out.splitlines()[-1] == "PASS  2 buckets removed"
    assert buckets(client) == {"vgl-other"}
    assert records() == []


@pytest.mark.usefixtures("leftovers")
@pytest.mark.parametrize("age", [(), ("--older-than", "24h")])
def test_what_is_young_is_shown_and_kept(
    vecgate: Vecgate, endpoint: str, client: Any, age: tuple[str, ...]
) -> None:
    """And so is its record. Where nobody says an age, an hour is one: a run elsewhere may be at it."""
    done = vecgate("clean", "--target", endpoint, "--prefix", "vgl-", *age, "--yes")
    assert done.out.splitlines()[-1] == "PASS  0 buckets removed"
    assert len(re.findall("too young: kept", done.out)) == 2
    assert len(buckets(client)) == 3
    assert records() == ["run1-main.jsonl"]


def test_a_record_whose_bucket_begins_otherwise_stays_with_it(
    vecgate: Vecgate, endpoint: str, target: Target, client: Any
) -> None:
    """It was made with a prefix of the user's; too young for one call, the next one finds it."""
    announce(target, "acme-vgl-1", age_s=2 * HOUR_S)
    client.create_vector_bucket(vectorBucketName="acme-vgl-1")
    words = ("clean", "--target", endpoint, "--yes", "--older-than")
    vecgate(*words, "24h")
    assert (buckets(client), records()) == ({"acme-vgl-1"}, ["run1-main.jsonl"])
    vecgate(*words, "0h")
    assert (buckets(client), records()) == (set(), [])


def test_the_bucket_of_a_run_that_goes_on_is_kept(
    vecgate: Vecgate, endpoint: str, target: Target, client: Any
) -> None:
    """However old it is to be."""
    record = MadeRecord(target, "run1", "main")
    record.announce("vgl-used")
    client.create_vector_bucket(vectorBucketName="vgl-used")
    words = ("clean", "--target", endpoint, "--older-than", "0h", "--yes")
    kept = vecgate(*words)
    assert "its run goes on: kept" in kept.out
    assert (buckets(client), records()) == ({"vgl-used"}, ["run1-main.jsonl"])
    del record
    vecgate(*words)
    assert (buckets(client), records()) == (set(), [])


def test_a_record_is_dropped_where_its_bucket_is_long_gone(
    vecgate: Vecgate, endpoint: str, target: Target
) -> None:
    """Not where it may be about to be made; and looking drops none."""
    announce(target, "vgl-gone", run="run1", age_s=2 * HOUR_S)
    announce(target, "vgl-soon", run="run2")
    vecgate("clean", "--target", endpoint)
    assert records() == ["run1-main.jsonl", "run2-main.jsonl"]
    vecgate("clean", "--target", endpoint, "--yes")
    assert records() == ["run2-main.jsonl"]


@pytest.mark.parametrize(("account", "left"), [("111111111111", []), ("222222222222", ["run1-main.jsonl"])])
def test_on_amazon_a_record_of_another_account_stays(
    vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch, account: str, left: list[str]
) -> None:
    """Its bucket is not there because it is elsewhere. Our endpoint stands in for Amazon."""

    def amazon(url: str | None, account: str) -> Target:
        keys = Credentials("a", "b", account_id=account)
        target = replace(url_target(endpoint, TargetChoice(), {}, credentials=keys), name="aws")
        return replace(target, endpoint_url=url)

    announce(amazon(None, "111111111111"), "vgl-far", age_s=2 * HOUR_S)
    monkeypatch.setattr("vecgate.targets.aws.aws_target", lambda *_: amazon(endpoint, account))
    monkeypatch.setattr("vecgate.cli.clean.place_of", lambda _: "aws:us-east-1")
    assert vecgate("clean", "--target", "aws", "--yes").code == 0
    assert records() == left


def test_a_bucket_that_cannot_be_removed_keeps_its_record(
    vecgate: Vecgate, target: Target, client: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others go, with theirs."""
    for number in (1, 2):
        announce(target, f"vgl-{number}", run=f"run{number}")
        client.create_vector_bucket(vectorBucketName=f"vgl-{number}")

    def remove(client: Any, name: str) -> list[str]:
        if name == "vgl-1":
            return ["bucket vgl-1: refused"]
        client.delete_vector_bucket(vectorBucketName=name)
        return []

    monkeypatch.setattr("vecgate.cli.clean.remove_bucket", remove)
    done = vecgate("clean", "--target", endpoint, "--older-than", "0h", "--yes")
    assert done.code == 3
    assert done.out.splitlines()[-2:] == ["bucket vgl-1: refused", "FAIL  1 thing could not be removed"]
    assert records() == ["run1-main.jsonl"]


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (403, {"x-amzn-errortype": "ExpiredTokenException"}, "does not allow it: "),
        (404, {}, "does not do it: "),
        (200, {}, "lists none"),
    ],
)
def test_a_target_that_does_not_answer_well_is_the_targets_problem(
    vecgate: Vecgate, status: int, headers: dict[str, str], told: str
) -> None:
    """Never called a failure of vecgate."""
    with stranger(b"{}", status=status, headers=headers) as url:
        result = vecgate("clean", "--target", url)
    assert (result.code, result.out) == (3, "")
    assert told in result.err
    assert "vecgate itself failed" not in result.err


def test_a_target_that_is_not_there_is_told(vecgate: Vecgate) -> None:
    """With its exit code."""
    result = vecgate("clean", "--target", "http://127.0.0.1:9")
    assert (result.code, result.out) == (3, "")
    assert "http://127.0.0.1:9 does not answer" in result.err


@pytest.mark.parametrize("age", ["yesterday", "1w", "-1h", "99999999999d", "h", ""])
def test_an_age_that_is_none_is_refused(vecgate: Vecgate, endpoint: str, age: str) -> None:
    """Before anything is looked for."""
    result = vecgate("clean", "--target", endpoint, "--older-than", age)
    assert result.code == 2
    assert f"{age!r} is no age" in result.err


def test_the_greatest_age_is_one(vecgate: Vecgate, endpoint: str) -> None:
    """As it is stated."""
    assert vecgate("clean", "--target", endpoint, "--older-than", "99999d").code == 0


@pytest.mark.parametrize("option", ["--older-than", "--prefix", "--yes"])
def test_every_option_is_explained(option: str) -> None:
    """Somewhere on the pages about Amazon, the age with what holds where none is said."""
    assert any(option in page for page in PAGES)
    (age,) = [each for each in clean.params if each.name == "older_than"]
    assert f"`{age.default}`" in PAGES[0]
