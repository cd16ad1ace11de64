"""Handles and factories on the real endpoint; plain boto3 shows their effects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from fault_proxy import FaultProxy, fault_proxy

from vecgate.resources.creation_log import CreationLog, creation_log_folder
from vecgate.resources.handles import IndexHandle, vector
from vecgate.resources.orphans import remove_orphans
from vecgate.resources.resource_factory import ResourceFactory, open_resource_factory
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice


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
def resources(client: Any, request: pytest.FixtureRequest) -> Iterator[ResourceFactory]:
    resources = ResourceFactory(client, prefix=f"vg-{abs(hash(request.node.nodeid)) % 10**9}")
    yield resources
    resources.close()
    assert resources.orphaned == []


def exists(client: Any, bucket: str) -> bool:
    try:
        client.get_vector_bucket(vectorBucketName=bucket)
    except client.exceptions.NotFoundException:
        return False
    return True


def test_an_index_handle_has_the_calls_that_tests_need(resources: ResourceFactory) -> None:
    """Put, get, scan, query, filter and delete, in requests as large as the service allows."""
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


def test_indexes_share_a_bucket_unless_one_is_named(resources: ResourceFactory, client: Any) -> None:
    """Every index has a unique name."""
    first, second = resources.make_index(), resources.make_index()
    own = resources.make_index(resources.make_bucket(), name="own")
    named = resources.make_index(own.bucket)
    assert first.bucket == second.bucket != own.bucket == named.bucket
    assert len({first.name, second.name, own.name, named.name}) == 4
    assert own.name == "own"
    resources.remove_bucket(own.bucket)
    assert not exists(client, own.bucket)
    resources.close()
    assert not exists(client, first.bucket)


def test_a_deleted_shared_bucket_is_created_again(resources: ResourceFactory, client: Any) -> None:
    """A test that deletes it does not affect others."""
    first = resources.make_index()
    resources.remove_bucket(first.bucket)
    assert resources.make_index().bucket != first.bucket


def test_a_refused_index_is_an_error(resources: ResourceFactory, client: Any) -> None:
    """Only a missing shared bucket is created again."""
    with pytest.raises(client.exceptions.ValidationException):
        resources.make_index(dimension=0)
    with pytest.raises(client.exceptions.NotFoundException):
        resources.make_index("vg-none")


def test_a_repeated_token_is_a_failure() -> None:
    """Otherwise the test would never end."""

    class Looping:
        def list_vectors(self, **_: object) -> dict[str, Any]:
            return {"vectors": [], "nextToken": "same"}

    with pytest.raises(AssertionError, match="same nextToken twice"):
        IndexHandle(Looping(), "b", "i", "arn", 2).scan()


def test_a_bucket_handle_calls_operations(resources: ResourceFactory) -> None:
    """It adds its name to the request."""
    bucket = resources.make_bucket(tags={"a": "b"})
    assert bucket.call("GetVectorBucket")["vectorBucket"]["vectorBucketArn"] == bucket.arn


def test_a_bucket_on_a_lasting_server_is_in_the_creation_log(
    target: Target, client: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    """From before it is created until it is removed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with open_resource_factory(target, client, prefix="vgr", run="run1", worker="main") as resources:
        name = resources.make_index().bucket
        assert name == "vgr-run1-main-2"
        (path,) = creation_log_folder().glob("*")
        assert f'"{name}"'.encode() in path.read_bytes()
    assert list(creation_log_folder().glob("*")) == []
    assert not exists(client, name)


@pytest.fixture
def proxy(endpoint_url: str, tmp_path: Any, monkeypatch: Any) -> Iterator[FaultProxy]:
    """A proxy between a target and its endpoint."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with fault_proxy(endpoint_url) as running:
        yield running


@contextmanager
def open_through(proxy: FaultProxy, run: str, **config: Any) -> Iterator[tuple[ResourceFactory, Any]]:
    with (
        open_target(TargetChoice(proxy.url, region="us-east-1"), {}) as target,
        closing(target.client(parameter_validation=False, **config)) as client,
        open_resource_factory(target, client, prefix="vgb", run=run, worker="main") as resources,
    ):
        yield resources, client


@pytest.mark.parametrize("is_tracked", [False, True])
def test_a_bucket_that_was_created_despite_an_error_is_removed(
    proxy: FaultProxy, client: Any, is_tracked: bool
) -> None:
    """Only a refusal shows that it was not created."""
    proxy.fails_after = {"CreateVectorBucket"}
    with open_through(proxy, "run5") as (resources, through):
        resources.track(through)
        make = through.create_vector_bucket if is_tracked else resources.make_bucket
        with pytest.raises(ClientError, match="lost"):
            make(**({"vectorBucketName": resources.new_name()} if is_tracked else {}))
        assert exists(client, "vgb-run5-main-1")
        resources.remove_tracked()
    assert not exists(client, "vgb-run5-main-1")
    assert resources.orphaned == []
    assert list(creation_log_folder().glob("*")) == []


@pytest.mark.parametrize("is_tracked", [False, True])
def test_a_bucket_that_was_created_without_an_answer_is_removed(
    proxy: FaultProxy, client: Any, is_tracked: bool
) -> None:
    """The server may have created it."""
    proxy.drops_answers = {"CreateVectorBucket"}
    with open_through(proxy, "run6") as (resources, through):
        resources.track(through)
        make = through.create_vector_bucket if is_tracked else resources.make_bucket
        with pytest.raises(BotoCoreError):
            make(**({"vectorBucketName": resources.new_name()} if is_tracked else {}))
        assert exists(client, "vgb-run6-main-1")
        resources.remove_tracked()
    assert not exists(client, "vgb-run6-main-1")
    assert resources.orphaned == []


def test_a_bucket_of_another_user_is_kept_after_an_error(proxy: FaultProxy, client: Any) -> None:
    """After an error it is unknown who created it."""
    client.create_vector_bucket(vectorBucketName="media-of-others")
    proxy.fails_after = {"CreateVectorBucket"}
    with open_through(proxy, "run7") as (resources, through):
        resources.track(through)
        for name in ("media-of-others", "vgb-run7-main-9"):
            with pytest.raises(ClientError):
                resources.make_bucket(name)
        resources.remove_tracked()
    assert exists(client, "media-of-others")
    assert not exists(client, "vgb-run7-main-9")
    client.delete_vector_bucket(vectorBucketName="media-of-others")


def test_a_creation_that_had_no_effect_needs_no_removal(
    proxy: FaultProxy, target: Target, client: Any
) -> None:
    """A refused or unsent creation: nothing is deleted, and nothing is orphaned."""
    proxy.denies = {"CreateVectorBucket", "DeleteVectorBucket"}
    with open_through(proxy, "run8") as (resources, through):
        resources.track(through)
        with pytest.raises(ClientError, match="not you"):
            resources.make_bucket()
        resources.remove_tracked()
    assert [each for each in proxy.seen if each != "ListVectorBuckets"] == ["CreateVectorBucket"]
    assert resources.orphaned == []
    with (
        closing(replace(target, endpoint_url="http://127.0.0.1:9").client()) as unconnected,
        open_resource_factory(target, unconnected, prefix="vgb", run="run9", worker="main") as resources,
    ):
        resources.track(unconnected)
        with pytest.raises(EndpointConnectionError):
            resources.make_bucket()
        resources.remove_tracked()
    assert resources.orphaned == []


@pytest.mark.parametrize("is_back", [True, False])
def test_what_could_not_be_removed_is_tried_again_at_the_end(
    proxy: FaultProxy, client: Any, *, is_back: bool
) -> None:
    """Such as while the server restarted. What remains then is named once."""
    with open_through(proxy, "ragain") as (resources, _):
        kept, own = resources.make_bucket(), resources.make_bucket()
        index = resources.make_index(kept)
        shared = resources.make_index(own)
        proxy.denies = {"DeleteVectorBucket", "DeleteIndex"}
        resources.remove_index(kept.name, index.name)
        resources.remove_index(own.name, shared.name)
        resources.remove_bucket(own.name)
        assert len(resources.orphaned) >= 3
        if is_back:
            proxy.denies = set()
    remaining = [each for each in (kept.name, own.name) if exists(client, each)]
    assert remaining == ([] if is_back else [kept.name, own.name])
    assert len(set(resources.orphaned)) == len(resources.orphaned)
    assert all(any(name in line for line in resources.orphaned) for name in remaining)
    assert bool(resources.orphaned) is not is_back


def test_orphans_of_a_killed_process_are_removed(
    target: Target, client: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    """They are found by its creation log."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for worker in ("gw0", "gw1"):
        CreationLog(target, "run2", worker).announce(f"vgs-{worker}")
    client.create_vector_bucket(vectorBucketName="vgs-gw0")
    assert remove_orphans(target, "run1") == []
    assert exists(client, "vgs-gw0")
    assert remove_orphans(target, "run2") == []
    assert not exists(client, "vgs-gw0")
    assert list(creation_log_folder().glob("*")) == []


def test_orphans_that_cannot_be_removed_stay_in_the_log(
    target: Target, tmp_path: Any, monkeypatch: Any
) -> None:
    """For `vecgate clean`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    CreationLog(target, "run3", "main").announce("x")
    (problem,) = remove_orphans(target, "run3")
    assert problem.startswith("bucket x: ")
    assert len(list(creation_log_folder().glob("*"))) == 1


def test_buckets_on_amazon_are_tagged(target: Target, client: Any, tmp_path: Any, monkeypatch: Any) -> None:
    """With the run, in addition to the tags of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    amazon = replace(target, name="aws", credentials=Credentials("a", "b", account_id="000000000000"))
    until = datetime(2026, 11, 30, 12, tzinfo=timezone(timedelta(hours=2)))
    with open_resource_factory(
        amazon, client, prefix="vgt", run="run4", worker="main", until=until
    ) as resources:
        bucket = resources.make_bucket(tags={"a": "b"})
        assert client.list_tags_for_resource(resourceArn=bucket.arn)["tags"] == {
            "a": "b",
            "vecgate-run": "run4",
            "vecgate-until": "2026-11-30T10:00:00+00:00",
        }


class Lax:
    """A client of a server that stores buckets under any name, also under none, and may claim a removal."""

    def __init__(self, *, claims: bool = False, by_arn: bool = True) -> None:
        self.names: list[Any] = []
        self._claims, self._by_arn = claims, by_arn

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        buckets = [{"vectorBucketName": name, "vectorBucketArn": f"arn:{name}"} for name in self.names]
        return [{"vectorBuckets": buckets, "indexes": []}]

    def get_vector_bucket(self, vectorBucketName: Any) -> dict[str, Any]:  # noqa: N803 - the member's name
        if vectorBucketName not in self.names:
            raise ClientError({"Error": {"Code": "NotFoundException"}}, "GetVectorBucket")
        return {}

    def delete_vector_bucket(self, **address: Any) -> None:
        arn = address.get("vectorBucketArn")
        for name in list(self.names):
            is_named = "vectorBucketName" in address and name == address["vectorBucketName"]
            if not self._claims and (is_named or (self._by_arn and arn == f"arn:{name}")):
                self.names.remove(name)


def track_creation(resources: ResourceFactory, server: Lax, name: Any, arn: str | None) -> None:
    server.names.append(name)
    body = json.dumps({"vectorBucketName": name}).encode()
    resources.track_raw("/CreateVectorBucket", body, 200, {"vectorBucketArn": arn})


def open_on(server: Any) -> ResourceFactory:
    """Return a factory on *server* that tracks a client without events."""
    resources = ResourceFactory(server, prefix="vgn")
    resources.track(MagicMock())
    return resources


@pytest.mark.parametrize("arn", [None, "arn:None"])
@pytest.mark.parametrize("name", [None, "", "odd name"])
def test_a_bucket_that_should_not_have_been_created_is_removed(name: Any, arn: str | None) -> None:
    """Also one without a name: by its ARN, else by the same members. It must not fail later tests."""
    server = Lax()
    resources = open_on(server)
    track_creation(resources, server, name, arn)
    resources.remove_tracked()
    assert server.names == []
    resources.close()
    assert resources.orphaned == []


def test_a_nameless_bucket_that_remains_is_reported() -> None:
    """It is found by comparing the lists. One from before the run is not this run's."""
    server = Lax(claims=True)
    server.names.append("")
    resources = open_on(server)
    track_creation(resources, server, None, None)
    resources.close()
    (line,) = resources.orphaned
    assert line.startswith("bucket without a name, created during the run: ")
    assert "null" in line


def test_a_bucket_that_a_server_created_and_refused_is_removed() -> None:
    """No answer told that it exists; the list at the end does."""
    server = Lax()
    resources = open_on(server)
    server.names += ["vgn-7", "of-another-run"]
    resources.close()
    assert (server.names, resources.orphaned) == (["of-another-run"], [])


def test_a_removal_that_a_server_only_claims_is_reported() -> None:
    """The bucket is still listed, and it still answers."""
    server = Lax(claims=True)
    resources = open_on(server)
    server.names.append("vgn-1")
    track_creation(resources, server, "other-name", None)
    resources.remove_bucket("vgn-1")
    resources.close()
    assert resources.orphaned == ["bucket vgn-1: the server lists it after its removal"]


def test_an_index_without_a_name_spoils_the_shared_bucket(resources: ResourceFactory, client: Any) -> None:
    """The bucket is replaced after the test, so that no later list contains the index."""
    first = resources.make_index()
    body = json.dumps({"vectorBucketName": first.bucket, "indexName": None}).encode()
    resources.track_raw("/CreateIndex", body, 200, {})
    resources.remove_tracked()
    assert not exists(client, first.bucket)
    assert resources.make_index().bucket != first.bucket


def test_an_index_that_is_forgotten_is_deleted_with_its_bucket(
    resources: ResourceFactory, client: Any
) -> None:
    """One that a test has deleted costs no second request, and one that still exists does not stay."""
    resources.track(client)
    index = resources.make_index()
    assert not index.is_removed
    resources.forget_index(index.bucket, index.name)
    resources.remove_tracked()
    assert index.call("GetIndex")["index"]["indexName"] == index.name
    removed = resources.make_index()
    removed.remove()
    assert removed.is_removed
    still_there = resources.make_index()
    resources.forget_index(still_there.bucket, still_there.name)
    resources.close()
    assert not exists(client, index.bucket)
