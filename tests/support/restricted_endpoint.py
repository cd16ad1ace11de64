"""An endpoint with principals that have the policy of a command, or that policy without one action."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from vecgate.endpoint.local import LocalEndpoint
from vecgate.targets.iam_policy import OPERATIONS_BY_COMMAND

SECRET = "opens-nothing-else"
INDEX = ("--bucket", "media", "--index", "films")
ADMINISTRATOR = "administrator"


@contextmanager
def restricted_endpoint(folder: Path) -> Iterator[str]:
    """Run the endpoint and yield its URL. It contains the index media/films with one vector, `kept`.

    A principal `put` has the policy of the command `put`, and `put.GetIndex` the same without GetIndex.
    """
    keys = folder / "keys.toml"
    keys.touch(0o600)
    keys.write_text("".join(_principals()))
    with LocalEndpoint(options=["--keys", str(keys)]) as endpoint:
        with closing(administrator_client(endpoint.url)) as client:
            create_index(client, "media")
            vector = {"key": "kept", "data": {"float32": [1.0, 0, 0, 0]}, "metadata": {"year": 1999}}
            client.put_vectors(vectorBucketName="media", indexName="films", vectors=[vector])
        yield endpoint.url


def administrator_client(url: str) -> Any:
    """Return a client that may do everything."""
    return boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=ADMINISTRATOR,
        aws_secret_access_key=SECRET,
    )


def create_index(client: Any, bucket: str, **members: Any) -> None:
    """Create the index *bucket*/films; *members* are additional ones for the bucket."""
    client.create_vector_bucket(vectorBucketName=bucket, **members)
    shape = {"dataType": "float32", "dimension": 4, "distanceMetric": "cosine"}
    client.create_index(vectorBucketName=bucket, indexName="films", **shape)


@dataclass(frozen=True, slots=True)
class SignAs:
    """Call it with the name of a principal, and commands sign with the keys of that principal."""

    patch: pytest.MonkeyPatch

    def __call__(self, name: str) -> None:
        self.patch.setenv("AWS_ACCESS_KEY_ID", name)
        self.patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        self.patch.setenv("AWS_REGION", "us-east-1")


def _principals() -> Iterator[str]:
    yield _principal(ADMINISTRATOR, ("*",))
    for command, operations in OPERATIONS_BY_COMMAND.items():
        yield _principal(command, operations)
        for missing in operations:
            yield _principal(f"{command}.{missing}", tuple(each for each in operations if each != missing))


def _principal(name: str, operations: tuple[str, ...]) -> str:
    allowed = [f"s3vectors:{each}" for each in operations]
    return (
        f'[[principal]]\nname = "{name}"\naccess_key = "{name}"\nsecret_key = "{SECRET}"\nallow = {allowed}\n'
    )
