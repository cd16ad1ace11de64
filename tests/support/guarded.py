"""An endpoint whose principals may do what the policy of a command allows, or all of it but one action."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from vecgate.endpoint.local import LocalEndpoint
from vecgate.targets.policy import USED

SECRET = "opens-nothing-else"
INDEX = ("--bucket", "media", "--index", "films")
ADMINISTRATOR = "administrator"


@contextmanager
def guarded_endpoint(folder: Path) -> Iterator[str]:
    """Its URL. It holds the index media/films with one vector, `kept`.

    A principal `put` may do what the policy of `put` allows, and `put.GetIndex` all of that but GetIndex.
    """
    (folder / "keys.toml").write_text("".join(_principals()))
    with LocalEndpoint(options=["--keys", str(folder / "keys.toml")]) as endpoint:
        with closing(administrator_at(endpoint.url)) as client:
            make_index(client, "media")
            vector = {"key": "kept", "data": {"float32": [1.0, 0, 0, 0]}, "metadata": {"year": 1999}}
            client.put_vectors(vectorBucketName="media", indexName="films", vectors=[vector])
        yield endpoint.url


def administrator_at(url: str) -> Any:
    """A client of one who may do everything."""
    return boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=ADMINISTRATOR,
        aws_secret_access_key=SECRET,
    )


def make_index(client: Any, bucket: str, **members: Any) -> None:
    """The index *bucket*/films; *members* are further ones of its bucket."""
    client.create_vector_bucket(vectorBucketName=bucket, **members)
    shape = {"dataType": "float32", "dimension": 4, "distanceMetric": "cosine"}
    client.create_index(vectorBucketName=bucket, indexName="films", **shape)


@dataclass(frozen=True, slots=True)
class Sign:
    """Called with the name of a principal, it makes commands sign with its keys."""

    patch: pytest.MonkeyPatch

    def __call__(self, name: str) -> None:
        self.patch.setenv("AWS_ACCESS_KEY_ID", name)
        self.patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        self.patch.setenv("AWS_REGION", "us-east-1")


def _principals() -> Iterator[str]:
    yield _principal(ADMINISTRATOR, ("*",))
    for command, operations in USED.items():
        yield _principal(command, operations)
        for missing in operations:
            yield _principal(f"{command}.{missing}", tuple(each for each in operations if each != missing))


def _principal(name: str, operations: tuple[str, ...]) -> str:
    allowed = [f"s3vectors:{each}" for each in operations]
    return (
        f'[[principal]]\nname = "{name}"\naccess_key = "{name}"\nsecret_key = "{SECRET}"\nallow = {allowed}\n'
    )
