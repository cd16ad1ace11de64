"""The IAM policy with the least permissions that a command needs.

The resource type of an operation is read from its input in the service model. It agrees with this page
(read 2026-11-24):
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3vectors.html
The service model states the permissions beyond the operation's own action: GetVectors for a query or a list
that returns metadata or data, and TagResource for a bucket that is created with a tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

from vecgate.s3vectors.arn import bucket_arn, index_arn
from vecgate.s3vectors.model import service_model

ResourceType: TypeAlias = Literal["index", "bucket", "resource", "account"]

ANY = "*"
#: Default start of the names of buckets that runs create.
BUCKET_PREFIX = "vg"
_CREATION = ("CreateVectorBucket", "TagResource", "CreateIndex")
_REMOVAL = ("ListIndexes", "DeleteIndex", "DeleteVectorBucket")
_LOAD = ("ListVectorBuckets", *_CREATION, "GetIndex", "PutVectors", *_REMOVAL)
#: Further operations that a scenario may mix.
_MIXED = ("QueryVectors", "GetVectors", "ListVectors", "DeleteVectors")
#: Command to the operations that it uses. `conform` uses all operations of the service.
OPERATIONS_BY_COMMAND: Mapping[str, tuple[str, ...]]
_OPERATIONS_BY_COMMAND: Mapping[str, tuple[str, ...]] = {
    "ramp": (*_LOAD, *_MIXED),
    "capacity": (*_LOAD, *_MIXED),
    "sweep": (*_LOAD, *_MIXED),
    "scale": _LOAD,
    "put": ("GetIndex", "PutVectors", "GetVectors"),
    "put-create": ("CreateVectorBucket", "CreateIndex", "GetIndex", "PutVectors", "GetVectors"),
    "diff": ("GetIndex", "GetVectors", "ListVectors"),
    "delete": ("GetIndex", "DeleteVectors"),
    "delete-where": ("GetIndex", "ListVectors", "GetVectors", "DeleteVectors"),
    "query": ("GetIndex", "QueryVectors", "GetVectors"),
    "scan": ("GetIndex", "ListVectors", "GetVectors"),
    "copy-from": ("GetIndex", "ListVectors", "GetVectors", "ListTagsForResource"),
    "copy-to": (
        *("GetIndex", "CreateVectorBucket", "CreateIndex", "TagResource", "ListTagsForResource"),
        *("PutVectors", "GetVectors"),
    ),
    "clean": ("ListVectorBuckets", "ListTagsForResource", *_REMOVAL),
}
#: The commands in OPERATIONS_BY_COMMAND.
COMMANDS = (*_OPERATIONS_BY_COMMAND, "conform")
#: Commands that work on one index of the user. The others create their own buckets.
SINGLE_INDEX_COMMANDS = frozenset({
    *("put", "put-create", "diff", "delete", "delete-where", "query", "scan", "copy-from", "copy-to"),
})  # fmt: skip


def __getattr__(name: str) -> object:
    # Reading the service model takes time, which `--help` need not spend.
    if name == "OPERATIONS_BY_COMMAND":
        return _operations_by_command()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _operations_by_command() -> Mapping[str, tuple[str, ...]]:
    return {**_OPERATIONS_BY_COMMAND, "conform": tuple(service_model().operation_names)}


def required_operations(target: str, command: str) -> tuple[str, ...]:
    """Return the operations that *command* uses on the target of that name.

    Runs tag their buckets on Amazon only.
    """
    has_tags = target == "aws" or command == "conform"
    return tuple(each for each in _operations_by_command()[command] if has_tags or each != "TagResource")


def resource_type_of(operation: str) -> ResourceType:
    """Return the type of the resource that *operation* addresses."""
    shape = service_model().operation_model(operation).input_shape
    members = shape.members if shape else {}
    if "indexArn" in members or "indexName" in members:
        return "index"
    if "resourceArn" in members:
        return "resource"
    return "bucket" if "vectorBucketName" in members else "account"


def build_policy(
    command: str,
    *,
    bucket: str,
    index: str = ANY,
    region: str = ANY,
    account: str = ANY,
    partition: str = "aws",
) -> dict[str, Any]:
    """Return the policy for *command* on the buckets and indexes of these names. `*` is a wildcard."""
    location = {"region": region, "account": account, "partition": partition}
    buckets, indexes = bucket_arn(bucket, **location), index_arn(bucket, index, **location)
    # Runs tag buckets only, a copy its index; the conformance suite tags both.
    tagged = {"bucket", "index"} if command == "conform" else {"bucket"}
    if command.startswith("copy-"):
        tagged = {"index"}
    statements = [
        _statement("Account", _actions(command, {"account"}), ANY),
        _statement("Buckets", _actions(command, {"bucket"}, with_tags="bucket" in tagged), buckets),
        _statement("Indexes", _actions(command, {"index"}, with_tags="index" in tagged), indexes),
    ]
    return {"Version": "2012-10-17", "Statement": [each for each in statements if each["Action"]]}


def _actions(command: str, types: set[ResourceType], *, with_tags: bool = False) -> list[str]:
    wanted = types | ({"resource"} if with_tags else set())
    return sorted(
        f"s3vectors:{each}" for each in _operations_by_command()[command] if resource_type_of(each) in wanted
    )


def _statement(sid: str, actions: Sequence[str], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
