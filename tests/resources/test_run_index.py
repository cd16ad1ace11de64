"""The index of a run exists during the run and is removed after it, however the run ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from vecgate.endpoint.local import LocalEndpoint
from vecgate.resources.creation_log import creation_log_folder
from vecgate.resources.run_index import create_run_index
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice


@pytest.fixture
def target(endpoint_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with open_target(TargetChoice(endpoint_url, region="us-east-1"), {}) as target:
        yield target


@pytest.fixture
def client(target: Target) -> Iterator[Any]:
    with closing(target.client()) as client:
        yield client


def buckets(client: Any) -> list[str]:
    return [each["vectorBucketName"] for each in client.list_vector_buckets()["vectorBuckets"]]


def creation_logs() -> list[Path]:
    return list(creation_log_folder().glob("*"))


def test_the_index_is_created_as_requested(target: Target, client: Any) -> None:
    """In a new bucket that is named after the run. Both are removed at the end, with their creation log."""
    with create_run_index(
        target, run="r1", dimension=3, metric="euclidean", non_filterable=["text"], prefix="vgl"
    ) as run_index:
        assert run_index.address.bucket == "vgl-r1-load-1"
        index = client.get_index(**run_index.address.members())["index"]
        assert (index["dimension"], index["distanceMetric"]) == (3, "euclidean")
        assert index["metadataConfiguration"] == {"nonFilterableMetadataKeys": ["text"]}
        (log,) = creation_logs()
        assert b'"vgl-r1-load-1"' in log.read_bytes()
    assert run_index.orphaned == []
    assert buckets(client) == []
    assert creation_logs() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_index_is_removed_after_an_exception(
    target: Target, client: Any, error: type[BaseException]
) -> None:
    """With the vectors in it."""

    def run() -> None:
        with create_run_index(target, run="r2", dimension=2) as run_index:
            vectors = [{"key": "a", "data": {"float32": [1.0, 2.0]}}]
            client.put_vectors(**run_index.address.members(), vectors=vectors)
            raise error

    with pytest.raises(error):
        run()
    assert buckets(client) == []
    assert creation_logs() == []


@pytest.mark.parametrize("metric", ["manhattan", ""])
def test_a_bucket_without_its_index_is_removed(target: Target, client: Any, metric: str) -> None:
    """The bucket is created, and the index is refused."""
    with (
        pytest.raises((ClientError, ParamValidationError)),
        create_run_index(target, run="r3", dimension=2, metric=metric),
    ):
        pytest.fail("the index exists")
    assert buckets(client) == []
    assert creation_logs() == []


def test_a_bucket_of_another_user_is_kept(target: Target, client: Any) -> None:
    """Even if it has the name that the run would use."""
    client.create_vector_bucket(vectorBucketName="vg-r4-load-1")
    with (
        pytest.raises(ClientError, match="ConflictException"),
        create_run_index(target, run="r4", dimension=2),
    ):
        pytest.fail("the bucket is new")
    assert buckets(client) == ["vg-r4-load-1"]
    client.delete_vector_bucket(vectorBucketName="vg-r4-load-1")


def test_resources_that_cannot_be_removed_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the server ends before the run. The creation log is kept for `vecgate clean`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with (
        ExitStack() as run,
        LocalEndpoint() as running,
        open_target(TargetChoice(running.url, region="us-east-1"), {}) as target,
    ):
        run_index = run.enter_context(create_run_index(target, run="r5", dimension=2))
    (line,) = run_index.orphaned
    assert line.startswith("bucket vg-r5-load-1: ")
    assert len(creation_logs()) == 1
