"""Helpers to call operations on buckets, indexes, policies and tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from vecgate.conformance_kit.requests.expected_errors import ErrorAnswer, parse_error
from vecgate.resources.handles import PAGES_MAX
from vecgate.s3vectors.model import service_model

#: The id of a KMS key that does not exist: Amazon's key ids are random.
UNKNOWN_KMS_KEY = "00000000-0000-0000-0000-000000000000"

ARN_PARTS = 6

#: List operation to the member that holds its list and the member that holds a name.
LISTS = {
    "ListVectorBuckets": ("vectorBuckets", "vectorBucketName"),
    "ListIndexes": ("indexes", "indexName"),
}


def call(client: Any, operation: str, members: Mapping[str, Any]) -> Any:
    """Call *operation* and return its answer. Raises ClientError."""
    return getattr(client, xform_name(operation))(**members)


def call_error(client: Any, operation: str, members: Mapping[str, Any]) -> ErrorAnswer | None:
    """Call *operation* and return its error, or None if it succeeds."""
    try:
        call(client, operation, members)
    except ClientError as error:
        return parse_error(error)
    return None


def check_lengths_are_valid(client: Any, operation: str, members: Mapping[str, Any]) -> None:
    """Check that *operation* is not rejected because of the length of a member. It may fail otherwise.

    An internal error, or a limit of the rate, says nothing about the request.
    """
    error = call_error(client, operation, members)
    if error is not None:
        assert error.status < HTTPStatus.INTERNAL_SERVER_ERROR
        assert error.status != HTTPStatus.TOO_MANY_REQUESTS
        assert "length" not in error.message.lower()


def index_members(name: str, **more: Any) -> dict[str, Any]:
    """Return the members of CreateIndex without the name of the bucket."""
    return {"indexName": name, "dataType": "float32", "dimension": 2, "distanceMetric": "cosine", **more}


def describe_index(client: Any, index: Any) -> Any:
    """Return the description of *index* from GetIndex."""
    return client.get_index(**index.address)["index"]


def describe_bucket(client: Any, name: str) -> Any:
    """Return the description of the bucket *name* from GetVectorBucket."""
    return client.get_vector_bucket(vectorBucketName=name)["vectorBucket"]


def account_policy(bucket_arn: str, action: str = "s3vectors:GetIndex") -> str:
    """Return a policy that grants the account of the bucket an action that it is allowed anyway."""
    partition, _, account = owner_of(bucket_arn)
    statement = {
        "Sid": "own",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": action,
        "Resource": bucket_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def kms_key_arn(arn: str, key: str = "1234abcd-12ab-34cd-56ef-1234567890ab", *, region: str = "") -> str:
    """Return the ARN of a KMS key in the account of the bucket *arn*, by default in its region."""
    partition, own_region, account = owner_of(arn)
    return f"arn:{partition}:kms:{region or own_region}:{account}:key/{key}"


def owner_of(arn: str) -> tuple[str, str, str]:
    """Return partition, region and account of *arn*, or usual ones if it has another form."""
    parts = arn.split(":")
    return (parts[1], parts[3], parts[4]) if len(parts) == ARN_PARTS else ("aws", "us-east-1", "123456789012")


def call_with_kms_key(client: Any, operation: str, members: Mapping[str, Any]) -> Any:
    """Call *operation* with a KMS key. Skips the test if the target does not have this key."""
    try:
        return call(client, operation, members)
    except ClientError as error:
        if parse_error(error).code == "AccessDeniedException":
            pytest.skip("kms: needs a KMS key of the account")
        raise


def list_pages(client: Any, operation: str, **members: Any) -> list[list[str]]:
    """Return the names on each page of ListVectorBuckets or ListIndexes.

    Raises AssertionError if the pages never end.
    """
    entries, name = LISTS[operation]
    found: list[list[str]] = []
    seen: set[str] = set()
    while True:
        answer = call(client, operation, members)
        found.append([each[name] for each in answer[entries]])
        token = answer.get("nextToken") or ""
        if not token:
            return found
        assert token not in seen, f"{operation} returned the same nextToken twice"
        assert len(seen) < PAGES_MAX, f"{operation} returned more than {PAGES_MAX:,} pages: they never end"
        seen.add(token)
        members["nextToken"] = token


def pad_name(name: str, length: int) -> str:
    """Return *name* padded to *length* characters."""
    return f"{name}-{'x' * length}"[:length]


def unmodelled_members(operation: str, document: Any) -> list[str]:
    """Return the paths in an answer to *operation* that the service model does not have."""
    shape = service_model().operation_model(operation).output_shape
    return list(_unknown_members(shape, document or {}, ""))


def _unknown_members(shape: Any, value: Any, path: str) -> Iterator[str]:
    # A null stands for an absent member.
    if value is None:
        return
    if shape.type_name == "structure":
        for name, each in value.items():
            if name in shape.members:
                yield from _unknown_members(shape.members[name], each, f"{path}/{name}")
            else:
                yield f"{path}/{name}"
    elif shape.type_name == "list":
        for each in value:
            yield from _unknown_members(shape.member, each, path)
