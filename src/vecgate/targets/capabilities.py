"""What a target can do at all, found out with a request that changes nothing for each operation.

A capability is a part of the API that a server may lack as a whole. One that it lacks is one reason to skip,
not eighty failures. `query` is no option: a target that lacks it fails, unless its deviations say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import UNSIGNED, xform_name
from botocore.exceptions import BotoCoreError, ClientError

from vecgate.s3vectors.model import error_codes

_BUCKET = {"vectorBucketName": "vg-probe-nothing"}
_INDEX = {**_BUCKET, "indexName": "nothing"}
_ARN = {"resourceArn": "arn:aws:s3vectors:us-east-1:123456789012:bucket/vg-probe-nothing"}
_TEXT = {"textSearchConfigurations": [{"metadataKey": "text"}]}

#: A request of an operation that a target answers with an error code of the model, if it knows the operation.
PROBES: Mapping[str, Mapping[str, Any]] = {
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

#: Capability to the operations that make it. `auth` is found out by an unsigned request; the others without
#: operations are there unless a target declares otherwise, and `quota` only where it is asked for.
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
}
#: What no server may lack and still be called S3 Vectors.
CORE = frozenset({"query"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target lacks: capability to the reason, a sentence that ends up in results.

    unasked  likewise, what is not tested because nobody asked for it: whether the target has it is not known
    """

    lacking: Mapping[str, str]
    unasked: Mapping[str, str] = field(default_factory=dict)

    def reason_for(self, needs: Iterable[str]) -> str:
        """Why something that needs *needs* cannot be judged here, or empty; first what is lacking."""
        wanted = sorted(needs)
        for known in (self.lacking, self.unasked):
            for name in wanted:
                if name in known:
                    return f"{name}: {known[name]}"
        return ""


def declared(capabilities: Iterable[str]) -> Capabilities:
    """What a target lacks that declares to have *capabilities*."""
    return Capabilities(dict.fromkeys(sorted(CAPABILITIES.keys() - set(capabilities)), "not declared"))


def probe(client: Any, unsigned: Any) -> Capabilities:  # noqa: ANN401 - boto3 makes its client classes at run time
    """What the target of *client* lacks. *unsigned* is a client to the same target that does not sign."""
    lacking = {name: _missing(client, operations) for name, operations in CAPABILITIES.items()}
    lacking["auth"] = _without_auth(unsigned)
    return Capabilities({name: reason for name, reason in lacking.items() if reason})


def unsigned_settings() -> dict[str, Any]:
    """Settings of botocore for a client that does not sign."""
    return {"signature_version": UNSIGNED}


def _missing(client: Any, operations: Iterable[str]) -> str:  # noqa: ANN401 - boto3 has no types
    unknown = [name for name in operations if not _knows(client, name)]
    return f"{' and '.join(unknown)} not implemented" if unknown else ""


def _knows(client: Any, operation: str) -> bool:  # noqa: ANN401 - boto3 has no types
    return _code_of(getattr(client, xform_name(operation)), PROBES[operation]) in {"", *error_codes()}


def _without_auth(unsigned: Any) -> str:  # noqa: ANN401 - boto3 has no types
    try:
        unsigned.list_vector_buckets()
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in {401, 403}:
            return ""
    except BotoCoreError:
        pass
    return "an unsigned request is not refused"


def _code_of(call: Callable[..., Any], members: Mapping[str, Any]) -> str:
    """The error code of the answer, empty for none."""
    try:
        call(**members)
    except ClientError as error:
        return str(error.response.get("Error", {}).get("Code") or "none")
    except BotoCoreError as error:
        return type(error).__name__
    return ""


def needed_for(group: str) -> frozenset[str]:
    """The capabilities that the operation *group* takes, such as `query-vectors` or `QueryVectors`."""
    name = xform_name(group.replace("-", "_"))
    return frozenset(
        capability
        for capability, operations in CAPABILITIES.items()
        if any(xform_name(operation) == name for operation in operations)
    )
