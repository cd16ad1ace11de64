"""One line that makes a boto3 `s3vectors` client fast: `accelerate(client)`.

Before botocore validates and serialises a PutVectors or QueryVectors, its vectors are replaced by a tiny
placeholder. Before the call, the body is written with the real vectors and its hash is put into a header, so
that neither signing nor a retry hashes again. Before botocore parses a response to a call about vectors, the
rule of `acknowledged_body` is applied, because botocore takes anything with a status below 300 for success;
the body of a read is then decoded here and hidden from the parser. Credentials, endpoints, signing and
retries stay botocore's, and so does every other call, every error response and every response with members
that are unknown here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from botocore.exceptions import HTTPClientError

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.response_decoding import decode_as_boto3
from vecgate.bulk.core.vector_arguments import query_member, vectors_member, with_member
from vecgate.bulk.transport.botocore_hooks import (
    RAW_CALL,
    Fields,
    Hooks,
    hide_body,
    install_hooks,
    replace_body,
)
from vecgate.bulk.transport.response_limits import ResponseLimits, limit_responses
from vecgate.bulk.transport.service_response import ServiceResponse, check_acknowledged
from vecgate.errors import UnexpectedResponse

if TYPE_CHECKING:
    from vecgate.bulk.accelerated_client import AcceleratedClient, Boto3Client

Client = TypeVar("Client")

#: The entry of a request's context that keeps the replaced member: its name and its value.
REPLACED = "vecgate.replaced"
#: The entry with the body that was written with the real vectors.
RESTORED = "vecgate.restored"


class UnexpectedResponseError(HTTPClientError):  # type: ignore[misc]  # botocore has no types
    """Raised instead of a result if something else than the service answered. Its `__cause__` is an
    `UnexpectedResponse`.
    """

    fmt = "{error}"


@overload
def accelerate(client: Boto3Client, *, limits: ResponseLimits | None = None) -> AcceleratedClient: ...
@overload
def accelerate(client: Client, *, limits: ResponseLimits | None = None) -> Client: ...
def accelerate(client: object, *, limits: ResponseLimits | None = None) -> object:
    """Make *client*, any boto3 `s3vectors` client, fast at puts, queries and reads. Returns *client*.

    Accelerating a client twice changes nothing. `vectors=` then also accepts numpy rows and a `Block`.
    Everything that boto3 rejects is still rejected, with ParamValidationError, and so are NaN, infinity and
    booleans among the numbers.

    A call about vectors that is answered by something else than the service, such as a login page, raises
    `UnexpectedResponseError`, a botocore `HTTPClientError`. So does a response of any call that exceeds
    *limits*.

    With awscrt installed, botocore signs through it, and awscrt hashes slowly: it too finds the hash in the
    header, which leaves some 3 % of its cost. BOTO_DISABLE_CRT=true, set before botocore is imported, saves
    those as well.
    """
    # Handlers of the user see what the caller passed: before it is replaced, and after it is restored.
    install_hooks(client, HOOKS, owner="accelerate", first=False)
    install_hooks(client, FIRST_HOOKS, owner="accelerate.first", first=True)
    limit_responses(client, limits)
    return client


def check_answers(client: Any, operations: Sequence[str] = ()) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Let a call of *client* that something else than the service answers raise UnexpectedResponseError.

    operations  those that are checked; all by default

    Without it botocore takes such answers for success, or fails in its parser with any type of exception.
    """
    events = [f"before-parse.s3vectors.{name}" for name in operations] or ["before-parse.s3vectors"]
    install_hooks(client, dict.fromkeys(events, _check_answer), owner="answers", first=True)


def _check_answer(operation_model: Any, response_dict: Fields, **_: object) -> None:  # noqa: ANN401 - botocore has no types
    response = ServiceResponse(response_dict["status_code"], response_dict["headers"], response_dict["body"])
    if not (response.is_error or RAW_CALL.get()):
        _check(operation_model.name, response)


def _check(operation: str, response: ServiceResponse, answer: object = None) -> None:
    try:
        check_acknowledged(operation, response, answer=answer, parse=True)
    except UnexpectedResponse as problem:
        raise UnexpectedResponseError(error=problem) from problem


def _replace_vectors(params: Fields, context: Fields, **_: object) -> None:
    if "vectors" in params and not RAW_CALL.get():
        context[REPLACED] = "vectors", vectors_member(params["vectors"])
        params["vectors"] = [{"key": "-", "data": {"float32": []}}]


def _replace_query(params: Fields, context: Fields, **_: object) -> None:
    if "queryVector" in params and not RAW_CALL.get():
        context[REPLACED] = "queryVector", query_member(params["queryVector"])
        params["queryVector"] = {"float32": []}


def _restore_member(params: Fields, context: Fields, **_: object) -> None:
    if replaced := context.pop(REPLACED, None):
        replace_body(params, Body.of(with_member(params["body"], *replaced)))
        context[RESTORED] = params["body"]


def _renew_hash(params: Fields, context: Fields, **_: object) -> None:
    restored = context.pop(RESTORED, None)
    if restored is not None and params["body"] is not restored:
        # A handler of the user has changed the body.
        body = params["body"]
        replace_body(params, Body.of(body.encode() if isinstance(body, str) else body))


def _decode(
    operation_model: Any,  # noqa: ANN401 - botocore has no types
    response_dict: Fields,
    customized_response_dict: Fields | None = None,
    **_: object,
) -> None:
    response = ServiceResponse(response_dict["status_code"], response_dict["headers"], response_dict["body"])
    if response.is_error or RAW_CALL.get():
        return
    result = None
    if (members := operation_model.output_shape.members) and customized_response_dict is not None:
        vector_members = members["vectors"].member.members.keys()
        result = decode_as_boto3(response.body, members.keys(), vector_members)
    _check(operation_model.name, response, result)
    if result is not None and customized_response_dict is not None:
        customized_response_dict.update(result)
        hide_body(response_dict)


FIRST_HOOKS: Hooks = {
    "before-call.s3vectors.PutVectors": _restore_member,
    "before-call.s3vectors.QueryVectors": _restore_member,
}
HOOKS: Hooks = {
    "before-parameter-build.s3vectors.PutVectors": _replace_vectors,
    "before-parameter-build.s3vectors.QueryVectors": _replace_query,
    "before-call.s3vectors.PutVectors": _renew_hash,
    "before-call.s3vectors.QueryVectors": _renew_hash,
    "before-parse.s3vectors.PutVectors": _decode,
    "before-parse.s3vectors.DeleteVectors": _decode,
    "before-parse.s3vectors.GetVectors": _decode,
    "before-parse.s3vectors.ListVectors": _decode,
    "before-parse.s3vectors.QueryVectors": _decode,
}
