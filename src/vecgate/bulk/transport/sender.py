"""Senders: send a request body and return the body of the response.

Two senders share one interface. Both are safe to share between threads and neither retries: `core.retry`
decides that. `Boto3Sender` uses a boto3 client with the body replaced: its credentials, endpoint rules,
proxies and TLS settings apply. `DirectSender` signs and sends itself over kept connections at a fifth of the
cost per request, for small requests at the highest rates; it does not support proxies. For full batches both
cost the same.
"""

from __future__ import annotations

import time
from inspect import iscoroutinefunction
from typing import Any, Protocol
from urllib.parse import urlsplit

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

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.transport.botocore_hooks import (
    RAW_CALL,
    Fields,
    Hooks,
    RawCall,
    hide_body,
    install_hooks,
    replace_body,
)
from vecgate.bulk.transport.direct_sender import NO_CREDENTIALS_HINT, DirectSender
from vecgate.bulk.transport.response_limits import ResponseLimitExceeded, ResponseLimits, limit_responses
from vecgate.bulk.transport.service_response import ServiceResponse, acknowledged_body
from vecgate.errors import NoCredentials, TransportError, UnexpectedResponse, UsageError

__all__ = ["Boto3Sender", "DirectSender", "ResponseLimits", "Sender"]

CREDENTIAL_ERRORS = (
    CredentialRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
#: Largest batch, in vectors, for which the direct sender is faster.
DIRECT_BATCH_MAX = 10
AMAZON_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn")
#: Raised before anything was sent.
CONNECT_ERRORS = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


class Sender(Protocol):
    """Sends a request body and returns the body of the response."""

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* as *operation*, such as PutVectors, once, and return the body of its acknowledgement.

        Raises ServiceError if the service answers with an error code, TransportError if no complete response
        arrives, UnexpectedResponse if something else than the service answers, and NoCredentials without
        credentials.
        """
        ...

    def close(self) -> None:
        """Close the connections that this sender opened."""
        ...


def endpoint_identity(sender: Sender) -> str:
    """Return the URL that *sender* sends to, empty for Amazon and for a sender without a URL.

    An endpoint of Amazon is identified by account and region, which are in every ARN.
    """
    url = urlsplit(str(getattr(sender, "endpoint_url", "")))
    is_amazon = (url.hostname or "").endswith(AMAZON_DOMAINS)
    # Without user and password, which must not be stored.
    host = url.netloc.rpartition("@")[2].lower()
    return "" if is_amazon or not host else f"{url.scheme}://{host}{url.path.rstrip('/')}"


class Boto3Sender:
    """A `Sender` over *client*, any boto3 `s3vectors` client, accelerated or not.

    *limits* apply to all responses of the client. Other users of it are not affected otherwise. botocore's
    retries do not apply to requests of this sender, whatever the client's configuration says.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 makes its client classes at run time
        *,
        limits: ResponseLimits | None = None,
    ) -> None:
        if iscoroutinefunction(getattr(client, "_make_api_call", None)):
            raise UsageError(
                "the client is one of aiobotocore, whose calls must be awaited",
                hint='Use boto3.client("s3vectors"), in async code with BulkWriter.put_async.',
            )
        # First, so that no other handler sees the placeholder arguments.
        install_hooks(client, HOOKS, owner="sender", first=True)
        limit_responses(client, limits)
        self._client = client
        self._placeholders: dict[str, dict[str, Any]] = {}
        self.endpoint_url: str = str(client.meta.endpoint_url)

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* as *operation*, once."""
        call, arguments = RawCall(operation, body), self._placeholder_arguments(operation)
        token = RAW_CALL.set(call)
        try:
            getattr(self._client, xform_name(operation))(**arguments)
        except CREDENTIAL_ERRORS as error:
            raise NoCredentials(
                f"no credentials to sign requests with: {error}", hint=NO_CREDENTIALS_HINT
            ) from error
        finally:
            RAW_CALL.reset(token)
        return call.response_body

    def close(self) -> None:
        """Do nothing: the client and its connections belong to the caller."""

    def _placeholder_arguments(self, operation: str) -> dict[str, Any]:
        # From the model of the client, which checks them. It may be older, and require more.
        if operation not in self._placeholders:
            model = self._client.meta.service_model.operation_model(operation)
            self._placeholders[operation] = _placeholder_arguments(model)
        return self._placeholders[operation]


def _send_raw_body(params: Fields, **_: object) -> None:
    if call := RAW_CALL.get():
        replace_body(params, call.body)


def _take_response(response_dict: Fields, **_: object) -> None:
    # An error that is raised here bypasses botocore's retries, which see only parsed responses.
    if call := RAW_CALL.get():
        response = ServiceResponse(
            response_dict["status_code"], response_dict["headers"], response_dict["body"]
        )
        call.response_body = acknowledged_body(call.operation, response, now_s=time.time())
        hide_body(response_dict)


def _raise_transport_error(exception: Exception | None, **_: object) -> None:
    # botocore calls this after an attempt that failed, before it retries.
    call = RAW_CALL.get()
    if call and exception:
        if isinstance(limit := getattr(exception, "kwargs", {}).get("error"), ResponseLimitExceeded):
            raise UnexpectedResponse(call.operation, str(limit)) from exception
        if not isinstance(exception, BotoCoreError | OSError):
            raise exception
        is_connect = isinstance(exception, CONNECT_ERRORS)
        raise TransportError(call.operation, str(exception), is_connect=is_connect) from exception


HOOKS: Hooks = {
    "before-call.s3vectors": _send_raw_body,
    "before-parse.s3vectors": _take_response,
    "response-received.s3vectors": _raise_transport_error,
}


def _placeholder_arguments(model: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore has no types
    """Return the smallest arguments of an operation that botocore accepts; the body is replaced anyway."""
    if model.http["method"] != "POST" or "{" in model.http["requestUri"]:
        raise UsageError(f"{model.name} does not carry all of its request in the body")
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
