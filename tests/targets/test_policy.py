"""A policy holds what its command does, no more, and only where it does it."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest

from vecgate.s3vectors.arn import bucket_arn, index_arn
from vecgate.s3vectors.model import service_model
from vecgate.targets.policy import ON_ONE_INDEX, USED, kind_of, policy_of, used_on

HERE = {"region": "eu-west-1", "account": "123456789012"}


def allows(policy: dict[str, object], action: str, resource: str) -> bool:
    """As IAM reads it: an action and a resource in one statement."""
    statements = policy["Statement"]
    assert isinstance(statements, list)
    return any(
        action in statement["Action"] and fnmatchcase(resource, statement["Resource"])
        for statement in statements
    )


def test_the_policy_of_a_put() -> None:
    """In full."""
    assert policy_of("put", bucket="media", index="films", **HERE) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Indexes",
                "Effect": "Allow",
                "Action": ["s3vectors:GetIndex", "s3vectors:PutVectors"],
                "Resource": "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films",
            }
        ],
    }


def test_the_policy_of_clean() -> None:
    """In full: buckets are listed in the account, the rest is done to our own."""
    assert json.loads(json.dumps(policy_of("clean", bucket="vg-*", partition="aws-cn"))) == {
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


@pytest.mark.parametrize("command", sorted(USED.keys() - ON_ONE_INDEX))
def test_what_runs_make_is_within_their_policy(command: str) -> None:
    """And nobody else's buckets are."""
    policy = policy_of(command, bucket="vg-*", **HERE)
    ours = index_arn("vg-1a2b3c4d-main-1", "vectors", **HERE)
    others = index_arn("media", "films", **HERE)
    assert allows(policy, "s3vectors:DeleteIndex", ours)
    assert not allows(policy, "s3vectors:DeleteIndex", others)
    assert allows(policy, "s3vectors:DeleteVectorBucket", bucket_arn("vg-1a2b3c4d-main-1", **HERE))
    assert not allows(policy, "s3vectors:DeleteVectorBucket", bucket_arn("media", **HERE))
    assert allows(policy, "s3vectors:ListVectorBuckets", bucket_arn("*", **HERE))


@pytest.mark.parametrize("command", sorted(USED))
def test_every_operation_of_a_command_is_in_its_policy(command: str) -> None:
    """Once, and nothing else is; none is a wildcard."""
    expected = sorted(f"s3vectors:{operation}" for operation in USED[command])
    statements = policy_of(command, bucket="vg-*")["Statement"]
    assert sorted({action for statement in statements for action in statement["Action"]}) == expected
    assert set(USED[command]) <= set(service_model().operation_names)


def test_only_the_suite_tags_indexes() -> None:
    """A run tags its bucket."""
    index = index_arn("vg-1", "vectors", **HERE)
    assert allows(policy_of("conform", bucket="vg-*"), "s3vectors:TagResource", index)
    ramp = policy_of("ramp", bucket="vg-*")
    buckets = [each for each in ramp["Statement"] if "s3vectors:TagResource" in each["Action"]]
    assert [each["Sid"] for each in buckets] == ["Buckets"]


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("ListVectorBuckets", "account"),
        ("CreateVectorBucket", "bucket"),
        ("ListIndexes", "bucket"),
        ("CreateIndex", "index"),
        ("PutVectors", "index"),
        ("TagResource", "resource"),
    ],
)
def test_what_an_operation_is_about(operation: str, kind: str) -> None:
    """As the service authorization reference has it."""
    assert kind_of(operation) == kind


def test_tags_are_for_amazon() -> None:
    """Elsewhere a record on disk does."""
    assert "TagResource" in used_on("aws", "ramp")
    assert "TagResource" not in used_on("http://127.0.0.1:7333", "ramp")
    assert "TagResource" in used_on("local", "conform")
