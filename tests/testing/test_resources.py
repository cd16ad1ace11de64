"""Handles and factories, against the real endpoint: what they do is judged by plain boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from between import Between, between
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from vecgate.targets.leftovers import MadeRecord, records_folder
from vecgate.targets.target import Target, TargetChoice, open_target
from vecgate.testing.resources import Index, Resources, opened_resources, sweep, vector


@pytest.fixture(scope="module")
def target(endpoint_url: str) -> Iterator[Target]:
    with open_target(TargetChoice(endpoint_url, region="us-east-1"), {}) as target:
        yield target


@pytest.fixture
def client(target: Target) -> Iterator[Any]:
    client = target.client(parameter_validation=False)
    yield client
    client.close()


@pytest.fixture
def resources(client: Any, request: pytest.FixtureRequest) -> Iterator[Resources]:
    resources = Resources(client, prefix=f"vg-{abs(hash(request.node.nodeid)) % 10**9}")
    yield resources
    resources.close()
    assert resources.leaks == []


def exists(client: Any, bucket: str) -> bool:
    try:
        client.get_vector_bucket(vectorBucketName=bucket)
    except client.exceptions.NotFoundException:
        return False
    return True


def test_an_index_does_what_tests_do_most(resources: Resources) -> None:
    """Put, get, scan, query, filter and delete, in requests as large as the service takes."""
    index = resources.make_index(dimension=2, metric="euclidean", non_filterable=["text"])
    index.put(*((f"k{n}", [float(n), 0.0], {"n": n}) for n in range(1_203)), vector("last", [0.0, 5.0]))
    assert len(index.keys()) == 1_204
    assert index.get("k7", "none") == {
        "k7": {"key": "k7", "data": {"float32": [7.0, 0.0]}, "metadata": {"n": 7}}
    }
    assert len(index.get(*(f"k{n}" for n in range(150)), data=False, metadata=False)) == 150
    assert [(each["key"], each["distance"]) for each in index.query([0.0, 0.0], 3)] == [
        ("k0", 0),
        ("k1", 1),
        ("k2", 4),
    ]
    assert len(index.query([0.0, 0.0], 250)) == 250
    assert index.found({"n": {"$in": [3, 4]}}) == {"k3", "k4"}
    index.delete(*(f"k{n}" for n in range(1_203)))
    assert [each["data"]["float32"] for each in index.scan(returnData=True)] == [[0.0, 5.0]]
    described = index.call("GetIndex")["index"]
    assert described["indexArn"] == index.arn
    assert described["metadataConfiguration"]["nonFilterableMetadataKeys"] == ["text"]


def test_indexes_share_a_bucket_unless_one_is_named(resources: Resources, client: Any) -> None:
    """And each has a name of its own."""
    first, second = resources.make_index(), resources.make_index()
    own = resources.make_index(resources.make_bucket(), name="mine")
    named = resources.make_index(own.bucket)
    assert first.bucket == second.bucket != own.bucket == named.bucket
    assert len({first.name, second.name, own.name, named.name}) == 4
    assert own.name == "mine"
    resources.remove_bucket(own.bucket)
    assert not exists(client, own.bucket)
    resources.close()
    assert not exists(client, first.bucket)


def test_a_bucket_that_is_gone_is_made_anew(resources: Resources, client: Any) -> None:
    """A test that deletes what others share is not felt by them."""
    first = resources.make_index()
    resources.remove_bucket(first.bucket)
    assert resources.make_index().bucket != first.bucket


def test_a_refused_index_is_told_to_the_test(resources: Resources, client: Any) -> None:
    """Only a missing bucket is mended."""
    with pytest.raises(client.exceptions.ValidationException):
        resources.make_index(dimension=0)
    with pytest.raises(client.exceptions.NotFoundException):
        resources.make_index("vg-none")


def test_a_token_that_comes_twice_is_a_failure() -> None:
    """Rather than a test that never ends."""

    class Looping:
        def list_vectors(self, **_: object) -> dict[str, Any]:
            return {"vectors": [], "nextToken": "same"}

    with pytest.raises(AssertionError, match="same nextToken twice"):
        Index(Looping(), "b", "i", "arn", 2).scan()


def test_a_bucket_calls_its_operations(resources: Resources) -> None:
    """With its name filled in."""
    bucket = resources.make_bucket(tags={"a": "b"})
    assert bucket.call("GetVectorBucket")["vectorBucket"]["vectorBucketArn"] == bucket.arn


def test_what_is_made_on_a_server_that_stays_is_on_record(
    target: Target, client: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    """Before it is made, and no longer than it is there."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with opened_resources(target, client, prefix="vgr", run="run1", worker="main") as resources:
        name = resources.make_index().bucket
        assert name == "vgr-run1-main-2"
        (path,) = records_folder().glob("*")
        assert f'"{name}"'.encode() in path.read_bytes()
    assert list(records_folder().glob("*")) == []
    assert not exists(client, name)


@pytest.fixture
def proxy(endpoint_url: str, tmp_path: Any, monkeypatch: Any) -> Iterator[Between]:
    """Between a target and its endpoint."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with between(endpoint_url) as told:
        yield told


@contextmanager
def opened_through(proxy: Between, run: str, **config: Any) -> Iterator[tuple[Resources, Any]]:
    with (
        open_target(TargetChoice(proxy.url, region="us-east-1"), {}) as target,
        closing(target.client(parameter_validation=False, **config)) as client,
        opened_resources(target, client, prefix="vgb", run=run, worker="main") as resources,
    ):
        yield resources, client


@pytest.mark.parametrize("is_followed", [False, True])
def test_what_was_made_and_answered_with_an_error_is_removed(
    proxy: Between, client: Any, is_followed: bool
) -> None:
    """Only what is refused was not made."""
    proxy.spoils = {"CreateVectorBucket"}
    with opened_through(proxy, "run5") as (resources, through):
        resources.follow(through)
        make = through.create_vector_bucket if is_followed else resources.make_bucket
        with pytest.raises(ClientError, match="lost"):
            make(**({"vectorBucketName": resources.new_name()} if is_followed else {}))
        assert exists(client, "vgb-run5-main-1")
        resources.remove_strays()
    assert not exists(client, "vgb-run5-main-1")
    assert resources.leaks == []
    assert list(records_folder().glob("*")) == []


@pytest.mark.parametrize("is_followed", [False, True])
def test_what_was_made_and_never_answered_is_removed(proxy: Between, client: Any, is_followed: bool) -> None:
    """It may have been done."""
    proxy.loses = {"CreateVectorBucket"}
    with opened_through(proxy, "run6") as (resources, through):
        resources.follow(through)
        make = through.create_vector_bucket if is_followed else resources.make_bucket
        with pytest.raises(BotoCoreError):
            make(**({"vectorBucketName": resources.new_name()} if is_followed else {}))
        assert exists(client, "vgb-run6-main-1")
        resources.remove_strays()
    assert not exists(client, "vgb-run6-main-1")
    assert resources.leaks == []


def test_a_name_of_somebody_else_is_left_alone_whatever_is_answered(proxy: Between, client: Any) -> None:
    """After an error nobody knows who has made it."""
    client.create_vector_bucket(vectorBucketName="media-of-theirs")
    proxy.spoils = {"CreateVectorBucket"}
    with opened_through(proxy, "run7") as (resources, through):
        resources.follow(through)
        for name in ("media-of-theirs", "vgb-run7-main-9"):
            with pytest.raises(ClientError):
                resources.make_bucket(name)
        resources.remove_strays()
    assert exists(client, "media-of-theirs")
    assert not exists(client, "vgb-run7-main-9")
    client.delete_vector_bucket(vectorBucketName="media-of-theirs")


def test_what_is_refused_or_never_sent_was_not_made(proxy: Between, target: Target, client: Any) -> None:
    """It is not asked for again, and nothing is told as left behind."""
    proxy.denies = {"CreateVectorBucket", "DeleteVectorBucket"}
    with opened_through(proxy, "run8") as (resources, through):
        resources.follow(through)
        with pytest.raises(ClientError, match="not you"):
            resources.make_bucket()
        resources.remove_strays()
    assert proxy.seen == ["CreateVectorBucket"]
    assert resources.leaks == []
    with (
        closing(replace(target, endpoint_url="http://127.0.0.1:9").client()) as nowhere,
        opened_resources(target, nowhere, prefix="vgb", run="run9", worker="main") as resources,
    ):
        resources.follow(nowhere)
        with pytest.raises(EndpointConnectionError):
            resources.make_bucket()
        resources.remove_strays()
    assert resources.leaks == []


def test_a_sweep_removes_what_a_process_left(
    target: Target, client: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    """One that was killed: its record is what tells."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for worker in ("gw0", "gw1"):
        MadeRecord(target, "run2", worker).announce(f"vgs-{worker}")
    client.create_vector_bucket(vectorBucketName="vgs-gw0")
    assert sweep(target, "run1") == []
    assert exists(client, "vgs-gw0")
    assert sweep(target, "run2") == []
    assert not exists(client, "vgs-gw0")
    assert list(records_folder().glob("*")) == []


def test_what_a_sweep_cannot_remove_stays_on_record(target: Target, tmp_path: Any, monkeypatch: Any) -> None:
    """For `vecgate clean`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    MadeRecord(target, "run3", "main").announce("x")
    (problem,) = sweep(target, "run3")
    assert problem.startswith("bucket x: ")
    assert len(list(records_folder().glob("*"))) == 1


def test_buckets_on_amazon_are_tagged(client: Any, tmp_path: Any, monkeypatch: Any) -> None:
    """With the run, beside the tags of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    amazon = Target("aws", None, "us-east-1", "", Credentials("a", "b", account_id="000000000000"))
    with opened_resources(amazon, client, prefix="vgt", run="run4", worker="main") as resources:
        bucket = resources.make_bucket(tags={"a": "b"})
        assert client.list_tags_for_resource(resourceArn=bucket.arn)["tags"] == {
            "a": "b",
            "vecgate-run": "run4",
        }
