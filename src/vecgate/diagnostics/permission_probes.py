"""Probe the permission for an operation with one request that changes nothing.

The service checks permissions before it looks up the resource. So the answer to a request for a name that
does not exist shows whether the operation is allowed: 403 if it is not, 404 if it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from textwrap import shorten
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from vecgate.diagnostics.diagnostic import Diagnostic, DiagnosticGrade
from vecgate.resources.cleanup import had_no_effect
from vecgate.s3vectors.arn import bucket_arn
from vecgate.s3vectors.model import error_codes, service_model
from vecgate.targets.capabilities import PROBES
from vecgate.targets.iam_policy import resource_type_of

DENIED_STATUSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
#: Statuses that may change when the request is repeated.
TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
#: No vector is stored under this key.
KEY = "vecgate-doctor-nothing"
MESSAGE_CHARACTERS_MAX = 400
NO_ANSWER = "no answer"
#: The command that creates the index if it does not exist.
CREATES = "put-create"
_READ_PREFIXES = ("Get", "List", "Query")
#: Never sent for a name that does not exist: a server could create the resource.
_CREATE_PREFIX = "Create"
_VALUES = {"float32": [1.0]}
#: Operation to its members without the address. `PROBES` has those of the other operations.
MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "ListVectorBuckets": {"maxResults": 1},
    "ListIndexes": {"maxResults": 1},
    "ListVectors": {"maxResults": 1},
    "GetVectors": {"keys": [KEY]},
    "PutVectors": {"vectors": [{"key": KEY, "data": _VALUES}]},
    "DeleteVectors": {"keys": [KEY]},
}


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """The answer to a probe.

    status     0 if no answer came
    code       error code, or the type of the error; empty for success
    message    first line of the error message
    headers    by name in lower case
    body       members of the answer
    is_no_op   the request certainly changed nothing on the server
    """

    status: int
    code: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    is_no_op: bool = False

    @property
    def is_denied(self) -> bool:
        """The operation is not allowed, or the caller is unknown."""
        return self.status in DENIED_STATUSES

    @property
    def is_unauthenticated(self) -> bool:
        """The server does not know the caller."""
        return self.is_denied and "AccessDenied" not in self.code


@dataclass(frozen=True, slots=True)
class ProbeAddress:
    """The bucket and the index that probes address.

    account    of the bucket, empty if unknown
    is_users   the user's own resources: no request that writes is sent to them, and they must exist
    dimension  of the index
    """

    bucket: str
    index: str
    account: str = ""
    is_users: bool = False
    dimension: int = 1


def send_probe(client: Any, operation: str, members: Mapping[str, Any]) -> ProbeReply:  # noqa: ANN401 - boto3 has no types
    """Send *operation* and return its reply. An error without an answer is a reply of status 0."""
    is_no_op = False
    try:
        answer = getattr(client, xform_name(operation))(**members)
    except ClientError as error:
        answer, is_no_op = error.response, had_no_effect(error)
    except BotoCoreError as error:
        return ProbeReply(0, type(error).__name__, first_line(error), is_no_op=had_no_effect(error))
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        # botocore's parser takes the form of an answer for granted.
        return ProbeReply(0, type(error).__name__, "the answer is not one of S3 Vectors")
    # The first operation is judged by `check_connection`.
    if operation != "ListVectorBuckets" and (missing := _missing_members(operation, answer)):
        return ProbeReply(0, "UnexpectedResponse", f"the answer has no {' and no '.join(missing)}")
    error_fields, metadata = answer.get("Error", {}), answer["ResponseMetadata"]
    code, message = str(error_fields.get("Code") or ""), first_line(error_fields.get("Message"))
    return ProbeReply(metadata["HTTPStatusCode"], code, message, metadata["HTTPHeaders"], answer, is_no_op)


def _missing_members(operation: str, answer: Mapping[str, Any]) -> list[str]:
    """Return the members that a successful *answer* to a read must have and has not."""
    shape = service_model().operation_model(operation).output_shape
    if "Error" in answer or not is_read_only(operation) or shape is None:
        return []
    return [name for name in shape.required_members if answer.get(name) is None]


def first_line(message: object) -> str:
    """Return the first line of *message*. Further lines of a service may repeat the signed headers."""
    lines = str(message or "").strip().splitlines()
    return shorten(lines[0], MESSAGE_CHARACTERS_MAX, placeholder="…") if lines else ""


def is_read_only(operation: str) -> bool:
    """Return whether *operation* never changes anything."""
    return operation.startswith(_READ_PREFIXES)


def build_members(
    operation: str, address: ProbeAddress, *, region: str, partition: str = "aws"
) -> dict[str, Any]:
    """Return the members of a request of *operation* for *address*."""
    members: dict[str, str] = {}
    match resource_type_of(operation):
        case "index":
            members = {"vectorBucketName": address.bucket, "indexName": address.index}
        case "bucket":
            members = {"vectorBucketName": address.bucket}
        case "resource":
            arn = bucket_arn(address.bucket, region=region, account=address.account, partition=partition)
            members = {"resourceArn": arn}
        case "account":
            pass
    query = {"queryVector": {"float32": [1.0] * address.dimension}} if operation == "QueryVectors" else {}
    return {**PROBES.get(operation, {}), **MEMBERS.get(operation, {}), **query, **members}


def reason_to_skip(operation: str, address: ProbeAddress) -> str:
    """Return why *operation* is not sent to *address*, empty if it can be."""
    if is_read_only(operation) or not (address.is_users or operation.startswith(_CREATE_PREFIX)):
        is_unknown = not address.account and resource_type_of(operation) == "resource"
        return "the account is unknown" if is_unknown else ""
    if address.is_users:
        return f"it would write to {address.bucket}"
    return "it would create a resource; --write tests it"


def check_permission(
    operation: str, reply: ProbeReply, *, policy: str, address: ProbeAddress | None = None
) -> Diagnostic:
    """Return what *reply* shows about the permission for *operation*. The hint names *policy*.

    address  of the user's own index, where "not found" and a refused request are failures
    """
    answer = str(reply.status) if reply.code.isdigit() else f"{reply.status} {reply.code}".strip()
    if reply.is_denied:
        hint = f"Allow s3vectors:{operation}; `vecgate doctor --policy {policy}` prints the whole policy."
        return Diagnostic(operation, "failed", f"denied with {answer}: {reply.message}", hint)
    if not reply.status or reply.status in TRANSIENT_STATUSES:
        grade: DiagnosticGrade = "warning" if reply.status else "failed"
        message = f"unknown: answered with {answer}" if reply.status else f"{NO_ANSWER}: {reply.message}"
        return Diagnostic(operation, grade, message, "Try again.")
    if reply.code and reply.code not in error_codes():
        hint = "The server does not implement this operation."
        return Diagnostic(operation, "failed", f"unsupported: answered with {answer}", hint)
    if reply.code and address is not None and address.is_users:
        return _check_users_resource(operation, reply, address, answer, policy=policy)
    if reply.code and not is_read_only(operation):
        return Diagnostic(operation, "skipped", "not denied for a name that does not exist; --write tests it")
    return Diagnostic(operation, "ok", f"allowed: answered with {answer}" if reply.code else "allowed")


def _check_users_resource(
    operation: str, reply: ProbeReply, address: ProbeAddress, answer: str, *, policy: str
) -> Diagnostic:
    """Return what an error shows about the user's own bucket or index."""
    name = f"{address.bucket}/{address.index}" if resource_type_of(operation) == "index" else address.bucket
    if operation == "GetVectorBucketPolicy" and reply.status == HTTPStatus.NOT_FOUND:
        return Diagnostic(operation, "ok", f"allowed: {name} has no policy")
    if reply.status == HTTPStatus.NOT_FOUND and policy == CREATES:
        return Diagnostic(operation, "ok", f"allowed: {name} does not exist yet")
    message = f"{name}: answered with {answer}: {reply.message}"
    hint = "Check both names, the region and the account, or create the index with `vecgate put --create`."
    return Diagnostic(operation, "failed", message, hint)
