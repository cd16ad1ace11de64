"""The wire: a request body goes out, the body of the answer comes back.

Two senders with one interface, both safe to share between threads and both without retries: when to try again
is decided above (`retry`). `Boto3Sender` is a boto3 client with the body swapped in: its credentials,
endpoint rules, proxies and TLS settings hold. `DirectSender` signs and sends itself, over kept connections,
at a fifth of the cost per request: for small requests at the highest rates. It knows no proxies. For full
batches both cost the same.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any, Protocol

from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSOError,
    TokenRetrievalError,
)

from vecgate.bulk.accelerate import FLIGHT, Fields, Flight, events_of, set_body
from vecgate.bulk.answers import Answer, service_error
from vecgate.bulk.direct import NO_CREDENTIALS_HINT, DirectSender
from vecgate.bulk.encoding import Body
from vecgate.errors import NoCredentials, TransportError, UsageError
from vecgate.s3vectors.model import service_model

__all__ = ["Boto3Sender", "DirectSender", "Sender"]

CREDENTIAL_ERRORS = (
    CredentialRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
#: Requests of so few vectors gain from the direct sender; full batches do not.
DIRECT_UP_TO = 10
#: Raised before anything was sent.
CONNECT_ERRORS = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


class Sender(Protocol):
    """Sends a body and gives back the body of the answer."""

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* as *operation*, such as PutVectors, once.

        Raises ServiceError where the service answers with an error code, TransportError where no complete
        answer comes and NoCredentials where there is nothing to sign with.
        """
        ...

    def close(self) -> None:
        """Close the connections that this sender opened."""
        ...


class Boto3Sender:
    """A `Sender` over *client*, any boto3 `s3vectors` client, accelerated or not.

    The client stays as it is for whoever else uses it. botocore's retries do not happen on this path,
    whatever the client's configuration says; they do elsewhere.
    """

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3 makes its client classes when it runs
        events = events_of(client)
        events.register_first("before-call.s3vectors", _swap_body, unique_id="vecgate.before-call")
        events.register_first("before-parse.s3vectors", _keep_answer, unique_id="vecgate.before-parse")
        events.register_first("response-received.s3vectors", _give_up, unique_id="vecgate.response-received")
        self._client = client

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* as *operation*, once."""
        flight, arguments = Flight(operation, body), _arguments(operation)
        token = FLIGHT.set(flight)
        try:
            getattr(self._client, xform_name(operation))(**arguments)
        except CREDENTIAL_ERRORS as error:
            raise NoCredentials(
                f"there is nothing to sign with: {error}", hint=NO_CREDENTIALS_HINT
            ) from error
        finally:
            FLIGHT.reset(token)
        return flight.answer

    def close(self) -> None:
        """Do nothing: the client, and its connections, belong to the caller."""


def _swap_body(params: Fields, **_: object) -> None:
    if flight := FLIGHT.get():
        set_body(params, flight.body)


def _keep_answer(response_dict: Fields, **_: object) -> None:
    # Raised from here an error passes botocore's retries by: they are asked only about what was parsed.
    if flight := FLIGHT.get():
        answer = Answer(response_dict["status_code"], response_dict["headers"], response_dict["body"])
        if answer.is_error:
            raise service_error(flight.operation, answer, now_s=time.time())
        if answer.header("content-length") not in {"", str(len(answer.body))}:
            raise TransportError(flight.operation, "the answer was cut off")
        flight.answer, response_dict["body"] = answer.body, b""


def _give_up(exception: Exception | None, **_: object) -> None:
    # Called between a failed sending and botocore's retries.
    flight = FLIGHT.get()
    if flight and exception:
        if not isinstance(exception, BotoCoreError | OSError):
            raise exception
        is_connect = isinstance(exception, CONNECT_ERRORS)
        raise TransportError(flight.operation, str(exception), is_connect=is_connect) from exception


@cache
def _arguments(operation: str) -> dict[str, Any]:
    """The least that botocore takes as the arguments of *operation*; what is sent is another body."""
    model = service_model().operation_model(operation)
    if model.http["method"] != "POST" or "{" in model.http["requestUri"]:
        raise UsageError(f"{operation} does not carry all of its request in the body")
    return dict(_minimal(model.input_shape))


def _minimal(shape: Any) -> Any:  # noqa: ANN401 - botocore has no types
    match shape.type_name:
        case "structure":
            required = shape.required_members or (list(shape.members)[:1] if shape.is_tagged_union else [])
            return {name: _minimal(shape.members[name]) for name in required}
        case "list":
            return [_minimal(shape.member)] * shape.metadata.get("min", 0)
        case "string":
            return "-" * shape.metadata.get("min", 1)
        case _:
            return shape.metadata.get("min", 0)
