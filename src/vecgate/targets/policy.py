"""The least that a principal must be allowed to run a command, as an IAM policy.

What an operation is about is read from its input in the service model, and agrees with (read 2026-11-24)
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3vectors.html
What is needed beyond an operation's own action is stated in the service model: GetVectors, where a query or a
list returns metadata or data, and TagResource, where a bucket is made with a tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from vecgate.s3vectors.arn import bucket_arn, index_arn
from vecgate.s3vectors.model import service_model

#: What an operation is about.
Kind: TypeAlias = Literal["index", "bucket", "resource", "account"]

ANY = "*"
#: How the names of the buckets begin that runs make.
PREFIX = "vg"
_MAKING = ("CreateVectorBucket", "TagResource", "CreateIndex")
_REMOVING = ("ListIndexes", "DeleteIndex", "DeleteVectorBucket")
_LOAD = ("ListVectorBuckets", *_MAKING, "GetIndex", "PutVectors", *_REMOVING)
#: What a scenario may mix.
_MIXED = ("QueryVectors", "GetVectors", "ListVectors", "DeleteVectors")
#: Command to the operations that it uses. Those of `conform` are all that there are.
USED: Mapping[str, tuple[str, ...]] = {
    "ramp": (*_LOAD, *_MIXED),
    "capacity": (*_LOAD, *_MIXED),
    "scale": _LOAD,
    "put": ("GetIndex", "PutVectors"),
    "put-create": ("CreateVectorBucket", "CreateIndex", "GetIndex", "PutVectors"),
    "delete": ("GetIndex", "DeleteVectors"),
    "query": ("GetIndex", "QueryVectors", "GetVectors"),
    "scan": ("GetIndex", "ListVectors", "GetVectors"),
    "clean": ("ListVectorBuckets", "ListTagsForResource", *_REMOVING),
    "conform": tuple(service_model().operation_names),
}
#: Those that work in an index of the user's; the others make buckets of their own.
ON_ONE_INDEX = frozenset({"put", "put-create", "delete", "query", "scan"})


def used_on(target: str, command: str) -> tuple[str, ...]:
    """The operations that *command* uses on the target of that name: runs tag buckets on Amazon alone."""
    tags = target == "aws" or command == "conform"
    return tuple(each for each in USED[command] if tags or each != "TagResource")


def kind_of(operation: str) -> Kind:
    """What *operation* is about."""
    shape = service_model().operation_model(operation).input_shape
    members = shape.members if shape else {}
    if "indexArn" in members or "indexName" in members:
        return "index"
    if "resourceArn" in members:
        return "resource"
    return "bucket" if "vectorBucketName" in members else "account"


def policy_of(
    command: str,
    *,
    bucket: str,
    index: str = ANY,
    region: str = ANY,
    account: str = ANY,
    partition: str = "aws",
) -> dict[str, Any]:
    """The policy for *command* on the buckets and indexes of these names, in which `*` is a wildcard."""
    place = {"region": region, "account": account, "partition": partition}
    buckets, indexes = bucket_arn(bucket, **place), index_arn(bucket, index, **place)
    # Runs tag buckets alone; the suite tags indexes too.
    tagged = {"bucket", "index"} if command == "conform" else {"bucket"}
    statements = [
        _statement("Account", _actions(command, {"account"}), ANY),
        _statement("Buckets", _actions(command, {"bucket"}, with_tags="bucket" in tagged), buckets),
        _statement("Indexes", _actions(command, {"index"}, with_tags="index" in tagged), indexes),
    ]
    return {"Version": "2012-10-17", "Statement": [each for each in statements if each["Action"]]}


def _actions(command: str, kinds: set[Kind], *, with_tags: bool = False) -> list[str]:
    wanted = kinds | ({"resource"} if with_tags else set())
    return sorted(f"s3vectors:{each}" for each in USED[command] if kind_of(each) in wanted)


def _statement(sid: str, actions: Sequence[str], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
