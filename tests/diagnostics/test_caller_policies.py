"""The policies of the bucket and of the caller are read where that is allowed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from vecgate.diagnostics.address_check import check_address
from vecgate.diagnostics.caller_policies import check_bucket_policy, check_caller_policies
from vecgate.diagnostics.permission_probes import ProbeAddress
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import target_from_url

WRONG = {
    "Statement": {
        "Effect": "Allow",
        "Action": "s3vectors:*",
        "Resource": "arn:aws:s3vectors:*:*:vector-bucket/x",
    }
}
OTHER = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
RIGHT = {"Statement": {"Effect": "Allow", "Action": "s3vectors:*", "Resource": "*"}}
#: Of a caller who has S3 buckets with such names.
VECTOR_FILES = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::vector-files"}}
INLINE = {"inline": WRONG, "other": OTHER, "files": VECTOR_FILES}
USER = "arn:aws:iam::123456789012:user/path/ann"
ROLE = "arn:aws:sts::123456789012:assumed-role/ingest/session"


class Iam:
    """As much of IAM as is asked."""

    def __init__(self, *, is_denied: bool = False) -> None:
        self.is_denied, self.asked, self.is_closed = is_denied, list[Any](), False

    def get_paginator(self, operation: str) -> Any:
        self.operation = operation
        return self

    def paginate(self, **members: str) -> list[dict[str, Any]]:
        self.asked.append((self.operation, members))
        if self.is_denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, self.operation)
        if "attached" in self.operation:
            arns = ["arn:aws:iam::aws:policy/ReadOnly", "arn:aws:iam::123456789012:policy/own"]
            return [
                {
                    "AttachedPolicies": [
                        {"PolicyArn": arn, "PolicyName": arn.rsplit("/", 1)[1]} for arn in arns
                    ]
                }
            ]
        return [{"PolicyNames": list(INLINE)}]

    def get_user_policy(self, **members: str) -> dict[str, Any]:
        return {"PolicyDocument": INLINE[members["PolicyName"]]}

    get_role_policy = get_user_policy

    def get_policy(self, **members: str) -> dict[str, Any]:
        return {"Policy": {"DefaultVersionId": "v2"}}

    def get_policy_version(self, **members: str) -> dict[str, Any]:
        assert members == {"PolicyArn": "arn:aws:iam::123456789012:policy/own", "VersionId": "v2"}
        return {"PolicyVersion": {"Document": quote(json.dumps(WRONG))}}

    def close(self) -> None:
        self.is_closed = True


class Session:
    def __init__(self, iam: Iam) -> None:
        self.iam = iam

    def client(self, service: str, **options: Any) -> Iam:
        assert service == "iam"
        return self.iam


def target_of(iam: Iam) -> Target:
    target = target_from_url("http://127.0.0.1:9", TargetChoice(), {})
    return replace(target, name="aws", session=Session(iam))


@pytest.mark.parametrize(("caller", "member"), [(USER, {"UserName": "ann"}), (ROLE, {"RoleName": "ingest"})])
def test_policies_of_the_caller_are_checked(caller: str, member: dict[str, str]) -> None:
    """Inline and attached ones; those of Amazon and those about other services are left out. A wrong one is a
    warning, because another policy may allow the same.
    """
    iam = Iam()
    found = list(check_caller_policies(target_of(iam), caller, account="1" * 12))
    assert [(each.grade, each.message.partition(":")[0]) for each in found] == [
        ("warning", "the policy inline"),
        ("warning", "the policy own"),
    ]
    assert all(members == member for _, members in iam.asked)
    assert iam.is_closed


def test_a_caller_who_may_not_read_policies_skips_them() -> None:
    """Few may."""
    (found,) = check_caller_policies(target_of(Iam(is_denied=True)), USER, account="")
    assert (found.check, found.grade) == ("policy", "skipped")


@pytest.mark.parametrize("caller", ["", "arn:aws:iam::123456789012:root"])
def test_other_callers_have_no_policies(caller: str) -> None:
    """Root is limited by none, and without STS the caller is unknown."""
    iam = Iam()
    assert list(check_caller_policies(target_of(iam), caller, account="")) == []
    assert iam.asked == []


class Buckets:
    """Answers GetVectorBucketPolicy."""

    def __init__(self, status: int, policy: object = None) -> None:
        self.status, self.policy = status, policy

    def get_vector_bucket_policy(self, **members: str) -> dict[str, Any]:
        assert members == {"vectorBucketName": "media"}
        metadata = {"HTTPStatusCode": self.status, "HTTPHeaders": {}}
        if self.status == 200:
            return {"policy": json.dumps(self.policy), "ResponseMetadata": metadata}
        raise ClientError({"Error": {"Code": "X", "Message": "no"}, "ResponseMetadata": metadata}, "Get")


@pytest.mark.parametrize(
    ("bucket", "grade", "message"),
    [
        (Buckets(200, WRONG), "warning", "the policy of the bucket media: statement 1: the ARN "),
        (Buckets(200, RIGHT), "ok", "the policy of the bucket media: every action and resource can match"),
        (Buckets(200, OTHER), "warning", "the policy of the bucket media: no statement is about S3 Vectors"),
        (Buckets(404), "skipped", "the bucket media has none"),
        (Buckets(403), "skipped", "the bucket media cannot be read"),
    ],
)
def test_the_policy_of_the_bucket_is_checked(bucket: Buckets, grade: str, message: str) -> None:
    """As far as it can be read."""
    address = ProbeAddress("media", "films", is_users=True)
    found = check_bucket_policy(bucket, target_of(Iam()), address)
    assert (found.check, found.grade) == ("policy", grade)
    assert found.message.startswith(message)


ARN = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films"


@pytest.mark.parametrize(
    ("address", "grade", "message"),
    [
        (IndexAddress.parse(bucket="media", index="films"), "ok", "media/films"),
        (IndexAddress.parse(index=ARN), "ok", "media/films, by its ARN"),
        (
            IndexAddress.parse(bucket=ARN.partition("/index")[0], index="films"),
            "ok",
            "media/films, by its ARN",
        ),
        (
            IndexAddress.parse(bucket="Media_1", index="films"),
            "failed",
            "'Media_1' cannot name a bucket; use 3 to 63",
        ),
        (IndexAddress.parse(bucket="media", index="f"), "failed", "'f' cannot name an index"),
        (
            IndexAddress.parse(index=ARN.replace("eu-west-1", "us-east-1")),
            "failed",
            "the ARN is of us-east-1, but requests go to eu-west-1",
        ),
    ],
)
def test_names_and_arns_are_parsed(address: IndexAddress, grade: str, message: str) -> None:
    """What cannot exist is not asked for."""
    (found,) = check_address(address, region="eu-west-1")
    assert (found.check, found.grade) == ("index", grade)
    assert found.message.startswith(message)
