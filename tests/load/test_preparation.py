"""The place of a run: there while the run is, gone in every case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from vecgate.endpoint.local import LocalEndpoint
from vecgate.load.preparation import prepared
from vecgate.targets.leftovers import records_folder
from vecgate.targets.target import Target, TargetChoice, open_target


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with LocalEndpoint() as running:
        yield running.url


@pytest.fixture
def target(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with open_target(TargetChoice(url, region="us-east-1"), {}) as target:
        yield target


@pytest.fixture
def client(target: Target) -> Iterator[Any]:
    with closing(target.client()) as client:
        yield client


def buckets(client: Any) -> list[str]:
    return [each["vectorBucketName"] for each in client.list_vector_buckets()["vectorBuckets"]]


def records() -> list[Path]:
    return list(records_folder().glob("*"))


def test_an_index_is_there_as_it_was_asked_for(target: Target, client: Any) -> None:
    """In a bucket of its own, named after the run; then both are gone, and so is their record."""
    with prepared(
        target, run="r1", dimension=3, metric="euclidean", non_filterable=["text"], prefix="vgl"
    ) as place:
        assert place.address.bucket == "vgl-r1-load-1"
        index = client.get_index(**place.address.members())["index"]
        assert (index["dimension"], index["distanceMetric"]) == (3, "euclidean")
        assert index["metadataConfiguration"] == {"nonFilterableMetadataKeys": ["text"]}
        (record,) = records()
        assert b'"vgl-r1-load-1"' in record.read_bytes()
    assert place.leaks == []
    assert buckets(client) == []
    assert records() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_was_made_is_gone_whatever_ends_the_run(
    target: Target, client: Any, error: type[BaseException]
) -> None:
    """With the vectors that are in it."""

    def run() -> None:
        with prepared(target, run="r2", dimension=2) as place:
            vectors = [{"key": "a", "data": {"float32": [1.0, 2.0]}}]
            client.put_vectors(**place.address.members(), vectors=vectors)
            raise error

    with pytest.raises(error):
        run()
    assert buckets(client) == []
    assert records() == []


@pytest.mark.parametrize("metric", ["manhattan", ""])
def test_a_bucket_without_its_index_does_not_stay(target: Target, client: Any, metric: str) -> None:
    """The bucket was made, the index refused."""
    with (
        pytest.raises((ClientError, ParamValidationError)),
        prepared(target, run="r3", dimension=2, metric=metric),
    ):
        pytest.fail("there is no index to run on")
    assert buckets(client) == []
    assert records() == []


def test_what_somebody_else_has_made_stays(target: Target, client: Any) -> None:
    """Though it has the name that ours would have."""
    client.create_vector_bucket(vectorBucketName="vg-r4-load-1")
    with pytest.raises(ClientError, match="ConflictException"), prepared(target, run="r4", dimension=2):
        pytest.fail("there is no bucket to run on")
    assert buckets(client) == ["vg-r4-load-1"]
    client.delete_vector_bucket(vectorBucketName="vg-r4-load-1")


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the target is gone before the run is; the record stays, for `vecgate clean`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with (
        ExitStack() as run,
        LocalEndpoint() as running,
        open_target(TargetChoice(running.url, region="us-east-1"), {}) as target,
    ):
        place = run.enter_context(prepared(target, run="r5", dimension=2))
    (leak,) = place.leaks
    assert leak.startswith("bucket vg-r5-load-1: ")
    assert len(records()) == 1
