"""What the tests of buckets, indexes, policies and tags share: requests, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from vecgate.s3vectors.model import service_model
from vecgate.testing.refusals import Refusal, refusal_of

#: Of a key that nobody has: Amazon draws its keys' ids.
NO_KEY = "00000000-0000-0000-0000-000000000000"

#: What the answer of a list operation calls its list, and what that calls the name of a thing.
LISTS = {
    "ListVectorBuckets": ("vectorBuckets", "vectorBucketName"),
    "ListIndexes": ("indexes", "indexName"),
}


def called(client: Any, operation: str, members: Mapping[str, Any]) -> Any:
    """The answer to *operation*. Raises ClientError where it is refused."""
    return getattr(client, xform_name(operation))(**members)


def outcome(client: Any, operation: str, members: Mapping[str, Any]) -> Refusal | None:
    """How *operation* was refused, or None where it was not."""
    try:
        called(client, operation, members)
    except ClientError as error:
        return refusal_of(error)
    return None


def is_length_to_blame(refusal: Refusal | None) -> bool:
    """Whether a request was refused for the length of a member."""
    return refusal is not None and "length" in refusal.message.lower()


def index_members(name: str, **more: Any) -> dict[str, Any]:
    """The members of CreateIndex without those that name the bucket."""
    return {"indexName": name, "dataType": "float32", "dimension": 2, "distanceMetric": "cosine", **more}


def index_shown(client: Any, index: Any) -> Any:
    """What GetIndex shows of *index*."""
    return client.get_index(**index.address)["index"]


def bucket_shown(client: Any, name: str) -> Any:
    """What GetVectorBucket shows of the bucket *name*."""
    return client.get_vector_bucket(vectorBucketName=name)["vectorBucket"]


def policy_on(arn: str, action: str = "s3vectors:GetIndex") -> str:
    """A policy that lets the account of the bucket *arn* do what it may do anyway."""
    _, partition, _, _, account, _ = arn.split(":")
    statement = {
        "Sid": "own",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": action,
        "Resource": arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def kms_key_near(arn: str, key: str = "1234abcd-12ab-34cd-56ef-1234567890ab", *, region: str = "") -> str:
    """The ARN of a KMS key in the account and the region of the bucket *arn*."""
    _, partition, _, own_region, account, _ = arn.split(":")
    return f"arn:{partition}:kms:{region or own_region}:{account}:key/{key}"


def called_with_key(client: Any, operation: str, members: Mapping[str, Any]) -> Any:
    """The answer to a request with a KMS key; the test is skipped where the target has no such key."""
    try:
        return called(client, operation, members)
    except ClientError as error:
        if refusal_of(error).code == "AccessDeniedException":
            pytest.skip("kms: takes a key of the account")
        raise


def pages(client: Any, operation: str, **members: Any) -> list[list[str]]:
    """The names on all pages of ListVectorBuckets or ListIndexes.

    Raises AssertionError where a token comes twice: there would be no end.
    """
    things, name = LISTS[operation]
    found: list[list[str]] = []
    seen: set[str] = set()
    while True:
        answer = called(client, operation, members)
        found.append([each[name] for each in answer[things]])
        token = answer.get("nextToken") or ""
        if not token:
            return found
        assert token not in seen, f"{operation} gave the same nextToken twice"
        seen.add(token)
        members["nextToken"] = token


def padded(name: str, length: int) -> str:
    """*name* with as many characters as it takes to have *length*."""
    return f"{name}-{'x' * length}"[:length]


def unmodelled(operation: str, document: Any) -> list[str]:
    """The paths in an answer to *operation* that the service model does not know."""
    shape = service_model().operation_model(operation).output_shape
    return list(_strangers(shape, document or {}, ""))


def _strangers(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, each in value.items():
            if name in shape.members:
                yield from _strangers(shape.members[name], each, f"{path}/{name}")
            else:
                yield f"{path}/{name}"
    elif shape.type_name == "list":
        for each in value:
            yield from _strangers(shape.member, each, path)
