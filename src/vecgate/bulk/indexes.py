"""The index that vectors go to: what it asks of them, and how to make it."""

from __future__ import annotations

from typing import Any, cast

import orjson

from vecgate.bulk.calls import call
from vecgate.bulk.encoding import Body, encode_request
from vecgate.bulk.validation import IndexRules
from vecgate.bulk.wire import Sender
from vecgate.errors import IndexUnusable, ProtocolError, ServiceError
from vecgate.s3vectors.arn import IndexAddress

CONFLICT = 409
NOT_FOUND = 404


def describe_index(sender: Sender, address: IndexAddress) -> IndexRules:
    """What the index at *address* asks of a vector. Raises IndexUnusable where there is none."""
    try:
        answer = call(sender, "GetIndex", encode_request(address))
    except ServiceError as error:
        if error.status != NOT_FOUND:
            raise
        raise IndexUnusable(
            f"there is no index {address}",
            hint="Check both names and the region, or make the index first.",
        ) from error
    try:
        index = cast("dict[str, Any]", orjson.loads(answer)["index"])
        configuration = index.get("metadataConfiguration") or {}
        return IndexRules(
            dimension=int(index["dimension"]),
            metric=str(index["distanceMetric"]),
            non_filterable=frozenset(configuration.get("nonFilterableMetadataKeys") or ()),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError("GetIndex was answered with something that describes no index") from error


def create_index(sender: Sender, address: IndexAddress, rules: IndexRules) -> bool:
    """Make the index at *address*, and its bucket where there is none; False where the index was there
    already.

    An index that was there is left as it is. *address* is by name.
    """
    _create(sender, "CreateVectorBucket", {"vectorBucketName": address.bucket})
    members: dict[str, object] = {
        **address.members(),
        "dataType": "float32",
        "dimension": rules.dimension,
        "distanceMetric": rules.metric,
    }
    if rules.non_filterable:
        members["metadataConfiguration"] = {"nonFilterableMetadataKeys": sorted(rules.non_filterable)}
    return _create(sender, "CreateIndex", members)


def _create(sender: Sender, operation: str, members: dict[str, object]) -> bool:
    try:
        call(sender, operation, Body.of(orjson.dumps(members)))
    except ServiceError as error:
        if error.status == CONFLICT:
            return False
        raise
    return True
