"""One line that makes a boto3 `s3vectors` client fast: `accelerate(client)`.

Only botocore's public events are used. Before a PutVectors or QueryVectors is validated and serialised its
vectors are taken away, a tiny stand-in left in their place; before the call the body is written with the real
ones and its hash is put into a header, so that neither signing nor a retry hashes again. Before an answer is
parsed its body is hidden from the parser and decoded here. Credentials, endpoints, signing and retries stay
botocore's, as does every other call, and every answer that is an error or looks like nothing we know.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from vecgate.bulk.arguments import query_member, vectors_member, with_member
from vecgate.bulk.decoding import boto3_result
from vecgate.bulk.encoding import Body
from vecgate.errors import UsageError

Client = TypeVar("Client")
#: botocore's events carry untyped dictionaries.
Fields: TypeAlias = dict[str, Any]

#: Where a request's context keeps what was taken away: the member's name and its value.
TAKEN = "vecgate.taken"
#: Signers, botocore's own and awscrt's, take the payload hash from here instead of hashing.
HASH_HEADER = "X-Amz-Content-SHA256"
FIRST_STATUS_LEFT_TO_THE_PARSER = 300


@dataclass(slots=True)
class Flight:
    """One call whose body was made elsewhere: what goes out, and the bytes that came back."""

    operation: str
    body: Body
    answer: bytes = b""


#: The call with a body of its own that this thread is making, if any (see `wire`): nothing is to be done for
#: it here.
FLIGHT: ContextVar[Flight | None] = ContextVar("vecgate.flight", default=None)


def accelerate(client: Client) -> Client:
    """Make *client*, any boto3 `s3vectors` client, fast at puts, queries and reads; *client* is returned.

    Doing it twice changes nothing; `decelerate` undoes it. `vectors=` then also takes numpy rows and a
    `Block`; what boto3 refuses is refused as before, with ParamValidationError, and so are NaN and infinity.

    With awscrt installed botocore signs through it, and awscrt hashes slowly: it too finds the hash in the
    header, which leaves some 3 % of its cost. BOTO_DISABLE_CRT=true, set before botocore is imported, takes
    those as well.
    """
    events = events_of(client)
    for event, handler in HOOKS.items():
        # Last, so that handlers of the user's still see what the caller passed.
        events.register_last(event, handler, unique_id=f"vecgate.{event}")
    return client


def decelerate(client: Client) -> Client:
    """Undo `accelerate`; a client that was not accelerated stays as it is."""
    for event in HOOKS:
        events_of(client).unregister(event, unique_id=f"vecgate.{event}")
    return client


def events_of(client: Any) -> Any:  # noqa: ANN401 - boto3 makes its client classes when it runs
    """The event system of *client*. Raises UsageError where it is not one of s3vectors."""
    service = client.meta.service_model.service_name
    if service != "s3vectors":
        raise UsageError(f"a client of {service} was given; one of s3vectors is needed")
    return client.meta.events


def _take_vectors(params: Fields, context: Fields, **_: object) -> None:
    if "vectors" in params and not FLIGHT.get():
        context[TAKEN] = "vectors", vectors_member(params["vectors"])
        params["vectors"] = [{"key": "-", "data": {"float32": []}}]


def _take_query(params: Fields, context: Fields, **_: object) -> None:
    if "queryVector" in params and not FLIGHT.get():
        context[TAKEN] = "queryVector", query_member(params["queryVector"])
        params["queryVector"] = {"float32": []}


def _put_back(params: Fields, context: Fields, **_: object) -> None:
    if taken := context.pop(TAKEN, None):
        set_body(params, Body.of(with_member(params["body"], *taken)))


def set_body(request: Fields, body: Body) -> None:
    """Give botocore's *request* this *body*, with its hash where the signers look for it."""
    request["body"] = body.data
    request["headers"][HASH_HEADER] = body.sha256


def _decode(
    operation_model: Any,  # noqa: ANN401 - botocore has no types
    response_dict: Fields,
    customized_response_dict: Fields | None = None,
    **_: object,
) -> None:
    if customized_response_dict is None or response_dict["status_code"] >= FIRST_STATUS_LEFT_TO_THE_PARSER:
        return
    if FLIGHT.get():
        return
    members = operation_model.output_shape.members
    result = boto3_result(response_dict["body"], members.keys(), members["vectors"].member.members.keys())
    if result is not None:
        customized_response_dict.update(result)
        response_dict["body"] = b""


HOOKS: dict[str, Callable[..., None]] = {
    "before-parameter-build.s3vectors.PutVectors": _take_vectors,
    "before-parameter-build.s3vectors.QueryVectors": _take_query,
    "before-call.s3vectors.PutVectors": _put_back,
    "before-call.s3vectors.QueryVectors": _put_back,
    "before-parse.s3vectors.GetVectors": _decode,
    "before-parse.s3vectors.ListVectors": _decode,
    "before-parse.s3vectors.QueryVectors": _decode,
}
