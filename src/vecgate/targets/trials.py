"""One request of an operation that changes nothing, and what its answer says about being allowed to.

A service judges who asks before it looks for what is asked about. So a request about a name that nothing has
tells whether the operation is allowed: 403 where it is not, 404 where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from textwrap import shorten
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from vecgate.bulk.wire import CONNECT_ERRORS, CREDENTIAL_ERRORS
from vecgate.s3vectors.arn import bucket_arn
from vecgate.s3vectors.model import error_codes
from vecgate.targets.capabilities import PROBES
from vecgate.targets.findings import Finding
from vecgate.targets.policy import kind_of

REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
#: Statuses that another time may not bring.
PASSING = frozenset({429, 500, 502, 503, 504})
#: Nothing is stored under it.
KEY = "vecgate-doctor-nothing"
MESSAGE_MAX = 400
NO_ANSWER = "no answer"
#: Raised before anything was sent.
UNSENT = (*CONNECT_ERRORS, *CREDENTIAL_ERRORS, ParamValidationError)
READS = ("Get", "List", "Query")
#: What a server could take for an order to make something is never sent about a name that nothing has.
MAKES = ("Create",)
_VALUES = {"float32": [1.0]}
#: Members of an operation beside its address; those of the others are in `PROBES`.
MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "ListVectorBuckets": {"maxResults": 1},
    "ListIndexes": {"maxResults": 1},
    "ListVectors": {"maxResults": 1},
    "GetVectors": {"keys": [KEY]},
    "PutVectors": {"vectors": [{"key": KEY, "data": _VALUES}]},
    "DeleteVectors": {"keys": [KEY]},
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    status   0 where nothing came
    code     the error code, or the kind of failure; empty for success
    message  what went with it, its first line
    headers  by name in lower case
    body     members of an answer
    """

    status: int
    code: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        """It is not allowed, or nobody knows who asks."""
        return self.status in REFUSED

    @property
    def is_undone(self) -> bool:
        """Nothing was done: the request itself is at fault, or was never sent."""
        is_at_fault = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return is_at_fault or self.code in {each.__name__ for each in UNSENT}

    @property
    def is_stranger(self) -> bool:
        """Nobody knows who asks."""
        return self.is_refused and "AccessDenied" not in self.code


@dataclass(frozen=True, slots=True)
class Place:
    """What requests are about.

    bucket, index  their names
    account        that they are in, empty where it is not known
    is_mine        they are the user's own: nothing that writes is sent there
    """

    bucket: str
    index: str
    account: str = ""
    is_mine: bool = False


def ask(client: Any, operation: str, members: Mapping[str, Any]) -> Reply:  # noqa: ANN401 - boto3 has no types
    """The reply to *operation*; what keeps one from coming is a reply of status 0."""
    try:
        answer = getattr(client, xform_name(operation))(**members)
    except ClientError as error:
        answer = error.response
    except BotoCoreError as error:
        return Reply(0, type(error).__name__, gist_of(error))
    told, about = answer.get("Error", {}), answer["ResponseMetadata"]
    code, message = str(told.get("Code") or ""), gist_of(told.get("Message"))
    return Reply(about["HTTPStatusCode"], code, message, about["HTTPHeaders"], answer)


def gist_of(message: object) -> str:
    """The first line of *message*: what a service says after it may repeat the signed headers."""
    lines = str(message or "").strip().splitlines()
    return shorten(lines[0], MESSAGE_MAX, placeholder="…") if lines else ""


def is_reading(operation: str) -> bool:
    """*operation* changes nothing."""
    return operation.startswith(READS)


def members_of(operation: str, place: Place, *, region: str, partition: str = "aws") -> dict[str, Any]:
    """A request of *operation* about *place*."""
    address: dict[str, str] = {}
    match kind_of(operation):
        case "index":
            address = {"vectorBucketName": place.bucket, "indexName": place.index}
        case "bucket":
            address = {"vectorBucketName": place.bucket}
        case "resource":
            arn = bucket_arn(place.bucket, region=region, account=place.account, partition=partition)
            address = {"resourceArn": arn}
        case "account":
            pass
    return {**PROBES.get(operation, {}), **MEMBERS.get(operation, {}), **address}


def untried(operation: str, place: Place) -> str:
    """Why *operation* is not sent about *place*, empty where it can be."""
    if is_reading(operation) or not (place.is_mine or operation.startswith(MAKES)):
        return "" if place.account or kind_of(operation) != "resource" else "the account is not known"
    return f"it would write to {place.bucket}" if place.is_mine else "it makes something; --write tries it"


def permission_finding(operation: str, reply: Reply, *, policy: str) -> Finding:
    """What *reply* says about being allowed *operation*; *policy* names the one that allows it."""
    told = str(reply.status) if reply.code.isdigit() else f"{reply.status} {reply.code}".strip()
    if reply.is_refused:
        way_out = f"Allow s3vectors:{operation}: `vecgate doctor --policy {policy}` prints what is needed."
        return Finding(operation, "failed", f"refused with {told}: {reply.message}", way_out)
    if not reply.status:
        return Finding(operation, "failed", f"{NO_ANSWER}: {reply.message}", "Try again.")
    if reply.status in PASSING:
        return Finding(operation, "warning", f"answered with {told}, which says nothing", "Try again.")
    if reply.code and reply.code not in error_codes():
        return Finding(operation, "failed", f"not offered: answered with {told}", "The server lacks it.")
    if reply.code and not is_reading(operation):
        return Finding(operation, "untested", "not refused for a name that nothing has; --write tries it")
    return Finding(operation, "ok", f"allowed: answered with {told}" if reply.code else "allowed")
