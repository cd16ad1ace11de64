"""The capabilities of a target, probed with one harmless request for each operation.

A capability is a part of the API that a server may not support at all. Its requirements are then skipped for
one reason instead of failing eighty times. It is unsupported only if the target says of every one of its
operations that it does not know it. Every other answer, such as an internal error, and no answer at all is a
fault of the target, which the requirements find.

`buckets` and `query` are mandatory. A target without buckets always fails, and one without queries fails
unless its deviations list that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from botocore import UNSIGNED, xform_name
from botocore.exceptions import ClientError

from vecgate.background import map_on_threads
from vecgate.errors import UsageError

_BUCKET = {"vectorBucketName": "vg-probe-nothing"}
_INDEX = {**_BUCKET, "indexName": "nothing"}
_ARN = {"resourceArn": "arn:aws:s3vectors:us-east-1:123456789012:bucket/vg-probe-nothing"}
_TEXT = {"textSearchConfigurations": [{"metadataKey": "text"}]}

#: Operation to the members of a harmless request. A target that implements the operation answers it with
#: success or with an error code of the service model.
PROBES: Mapping[str, Mapping[str, Any]] = {
    "ListVectorBuckets": {"maxResults": 1},
    "GetVectorBucket": _BUCKET,
    "QueryVectors": {**_INDEX, "topK": 1, "queryVector": {"float32": [1.0]}},
    "PutVectorBucketPolicy": {**_BUCKET, "policy": "{}"},
    "GetVectorBucketPolicy": _BUCKET,
    "DeleteVectorBucketPolicy": _BUCKET,
    "TagResource": {**_ARN, "tags": {"a": "b"}},
    "UntagResource": {**_ARN, "tagKeys": ["a"]},
    "ListTagsForResource": _ARN,
    "PutVectorBucketDefaultIndexMode": {**_BUCKET, "defaultIndexMode": "ENHANCED"},
    "UpdateIndexMode": {**_INDEX, "indexMode": "ENHANCED"},
    "UpdateMetadataConfiguration": {**_INDEX, "add": _TEXT},
}

#: Capability to its operations. `auth` is probed by an unsigned request. The others without operations are
#: assumed unless a target declares its capabilities; `quota` is tested only on request.
CAPABILITIES: Mapping[str, tuple[str, ...]] = {
    "query": ("QueryVectors",),
    "policies": ("PutVectorBucketPolicy", "GetVectorBucketPolicy", "DeleteVectorBucketPolicy"),
    "tags": ("TagResource", "UntagResource", "ListTagsForResource"),
    "modes": ("PutVectorBucketDefaultIndexMode", "UpdateIndexMode"),
    "text": ("UpdateMetadataConfiguration",),
    "segments": (),
    "auth": (),
    "kms": (),
    "quota": (),
    "raw": (),
    "buckets": ("ListVectorBuckets", "GetVectorBucket"),
}
#: The capability that every requirement needs, and that no list of deviations can excuse.
BASE = "buckets"
#: The capabilities that every S3 Vectors server must have.
CORE = frozenset({BASE, "query"})
#: The codes with which servers say that they do not know an operation.
UNKNOWN_OPERATION_CODES = frozenset({
    "InvalidAction",
    "NotImplemented",
    "NotImplementedException",
    "OperationNotSupported",
    "OperationNotSupportedException",
    "UnknownOperation",
    "UnknownOperationException",
    "UnsupportedOperation",
    "UnsupportedOperationException",
})  # fmt: skip
#: The reasons why `auth` is unsupported.
UNSIGNED_ACCEPTED = "unsigned requests are accepted"
UNSIGNED_UNKNOWN = "unsigned requests are not refused but answered as an unknown operation"
NOT_DECLARED = "not declared"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities whose requirements are skipped, each with the reason that the results show.

    unsupported    the target does not support them
    not_requested  they are tested only on request, so it is unknown whether the target supports them
    """

    unsupported: Mapping[str, str]
    not_requested: Mapping[str, str] = field(default_factory=dict)

    def skip_reason(self, needs: Iterable[str]) -> str:
        """Return why a requirement with *needs* is skipped, empty if it is not. Unsupported ones first."""
        wanted = sorted(needs)
        for known in (self.unsupported, self.not_requested):
            for name in wanted:
                if name in known:
                    return f"{name}: {known[name]}"
        return ""


def parse_capabilities(text: str) -> tuple[str, ...]:
    """Return the names in *text*, separated by commas. Raises UsageError."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in CAPABILITIES:
            raise UsageError(
                f"{name!r} is not a capability", hint=f"The capabilities are {', '.join(CAPABILITIES)}."
            )
    return names


def probe_capabilities(
    client: Any,  # noqa: ANN401 - boto3 makes its client classes at run time
    unsigned: Any,  # noqa: ANN401 - boto3 makes its client classes at run time
    *,
    declared: Iterable[str] | None = None,
) -> Capabilities:
    """Return the capabilities of the target of *client*. *unsigned* is a client to it that does not sign.

    If the target has *declared* its capabilities, the others are unsupported, and only buckets and signatures
    are probed. A capability that it has declared is tested, whatever it answers.
    """
    missing = {} if declared is None else dict.fromkeys(CAPABILITIES.keys() - {BASE, *declared}, NOT_DECLARED)
    names = CAPABILITIES.keys() if declared is None else {BASE}
    operations = [operation for name in names for operation in CAPABILITIES[name]]
    # All at once: a target that hangs costs one timeout, not eleven.
    auth_reason, *answers = map_on_threads(
        lambda operation: _is_unknown(client, operation) if operation else _reason_without_auth(unsigned),
        ["", *operations],
        threads=len(operations) + 1,
    )
    is_unknown = dict(zip(operations, answers, strict=True))
    for name in names:
        if CAPABILITIES[name] and all(is_unknown[operation] for operation in CAPABILITIES[name]):
            missing[name] = f"{' and '.join(CAPABILITIES[name])} not implemented"
    if auth_reason and "auth" not in (declared or ()):
        missing["auth"] = str(auth_reason)
    return Capabilities(dict(sorted(missing.items())))


def unsigned_settings() -> dict[str, Any]:
    """Return botocore settings for a client that does not sign."""
    return {"signature_version": UNSIGNED}


def _is_unknown(client: Any, operation: str) -> bool:  # noqa: ANN401 - boto3 has no types
    """Return whether the target says that it does not know *operation*."""
    try:
        getattr(client, xform_name(operation))(**PROBES[operation])
    except ClientError as error:
        return _says_unknown(error)
    except Exception:  # noqa: BLE001 - an answer that boto3 cannot read is not one about an unknown operation
        return False
    return False


def _says_unknown(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(error.response.get("Error", {}).get("Code") or "")
    if status == HTTPStatus.NOT_IMPLEMENTED:
        return True
    if not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return False
    # botocore takes the status as the code of an answer without a code. A 404 with another code is about a
    # resource, or an error of the target.
    is_bare = code in {"", str(int(HTTPStatus.NOT_FOUND))}
    return code in UNKNOWN_OPERATION_CODES or (status == HTTPStatus.NOT_FOUND and is_bare)


def _reason_without_auth(unsigned: Any) -> str:  # noqa: ANN401 - boto3 has no types
    """Return why signatures cannot be tested, empty if they can: if an unsigned request fails otherwise."""
    try:
        unsigned.list_vector_buckets(maxResults=1)
    except ClientError as error:
        return UNSIGNED_UNKNOWN if _says_unknown(error) else ""
    except Exception:  # noqa: BLE001 - anything but an answer: the requirements on signatures judge it
        return ""
    return UNSIGNED_ACCEPTED


def required_capabilities(group: str) -> frozenset[str]:
    """Return the capabilities that the operation *group* needs, such as `query-vectors` or `QueryVectors`."""
    name = xform_name(group.replace("-", "_"))
    return frozenset(
        capability
        for capability, operations in CAPABILITIES.items()
        if any(xform_name(operation) == name for operation in operations)
    )
