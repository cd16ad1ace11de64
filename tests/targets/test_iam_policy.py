"""A policy allows exactly the operations of its command, on exactly its resources."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest

from vecgate.s3vectors.arn import bucket_arn, index_arn
from vecgate.s3vectors.model import service_model
from vecgate.targets.iam_policy import (
    OPERATIONS_BY_COMMAND,
    SINGLE_INDEX_COMMANDS,
    build_policy,
    required_operations,
    resource_type_of,
)

LOCATION = {"region": "eu-west-1", "account": "123456789012"}


def allows(policy: dict[str, object], action: str, resource: str) -> bool:
    """Return whether one statement allows *action* on *resource*, as IAM evaluates it."""
    statements = policy["Statement"]
    assert isinstance(statements, list)
    return any(
        action in statement["Action"] and fnmatchcase(resource, statement["Resource"])
        for statement in statements
    )


def test_the_policy_of_a_put() -> None:
    """The complete policy."""
    assert build_policy("put", bucket="media", index="films", **LOCATION) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Indexes",
                "Effect": "Allow",
                "Action": ["s3vectors:GetIndex", "s3vectors:GetVectors", "s3vectors:PutVectors"],
                "Resource": "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films",
            }
        ],
    }


def test_the_policy_of_clean() -> None:
    """The complete policy: list buckets in the account, and remove those of runs."""
    assert json.loads(json.dumps(build_policy("clean", bucket="vg-*", partition="aws-cn"))) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Account",
                "Effect": "Allow",
                "Action": ["s3vectors:ListVectorBuckets"],
                "Resource": "*",
            },
            {
                "Sid": "Buckets",
                "Effect": "Allow",
                "Action": [
                    "s3vectors:DeleteVectorBucket",
                    "s3vectors:ListIndexes",
                    "s3vectors:ListTagsForResource",
                ],
                "Resource": "arn:aws-cn:s3vectors:*:*:bucket/vg-*",
            },
            {
                "Sid": "Indexes",
                "Effect": "Allow",
                "Action": ["s3vectors:DeleteIndex"],
                "Resource": "arn:aws-cn:s3vectors:*:*:bucket/vg-*/index/*",
            },
        ],
    }


@pytest.mark.parametrize("command", sorted(OPERATIONS_BY_COMMAND.keys() - SINGLE_INDEX_COMMANDS))
def test_the_policy_covers_the_resources_of_runs(command: str) -> None:
    """Other buckets are not covered."""
    policy = build_policy(command, bucket="vg-*", **LOCATION)
    own = index_arn("vg-1a2b3c4d-main-1", "vectors", **LOCATION)
    other = index_arn("media", "films", **LOCATION)
    assert allows(policy, "s3vectors:DeleteIndex", own)
    assert not allows(policy, "s3vectors:DeleteIndex", other)
    assert allows(policy, "s3vectors:DeleteVectorBucket", bucket_arn("vg-1a2b3c4d-main-1", **LOCATION))
    assert not allows(policy, "s3vectors:DeleteVectorBucket", bucket_arn("media", **LOCATION))
    assert allows(policy, "s3vectors:ListVectorBuckets", bucket_arn("*", **LOCATION))


@pytest.mark.parametrize("command", sorted(OPERATIONS_BY_COMMAND))
def test_every_operation_of_a_command_is_in_its_policy(command: str) -> None:
    """Each exactly once, nothing else, and no wildcards."""
    expected = sorted(f"s3vectors:{operation}" for operation in OPERATIONS_BY_COMMAND[command])
    statements = build_policy(command, bucket="vg-*")["Statement"]
    assert sorted({action for statement in statements for action in statement["Action"]}) == expected
    assert set(OPERATIONS_BY_COMMAND[command]) <= set(service_model().operation_names)


def test_only_the_conformance_suite_tags_indexes() -> None:
    """A run tags its bucket only."""
    index = index_arn("vg-1", "vectors", **LOCATION)
    assert allows(build_policy("conform", bucket="vg-*"), "s3vectors:TagResource", index)
    ramp = build_policy("ramp", bucket="vg-*")
    buckets = [each for each in ramp["Statement"] if "s3vectors:TagResource" in each["Action"]]
    assert [each["Sid"] for each in buckets] == ["Buckets"]


@pytest.mark.parametrize(
    ("operation", "resource_type"),
    [
        ("ListVectorBuckets", "account"),
        ("CreateVectorBucket", "bucket"),
        ("ListIndexes", "bucket"),
        ("CreateIndex", "index"),
        ("PutVectors", "index"),
        ("TagResource", "resource"),
    ],
)
def test_the_resource_type_of_an_operation(operation: str, resource_type: str) -> None:
    """As in the service authorization reference."""
    assert resource_type_of(operation) == resource_type


def test_runs_tag_buckets_on_amazon_only() -> None:
    """On other targets the creation log is enough."""
    assert "TagResource" in required_operations("aws", "ramp")
    assert "TagResource" not in required_operations("http://127.0.0.1:7333", "ramp")
    assert "TagResource" in required_operations("local", "conform")
