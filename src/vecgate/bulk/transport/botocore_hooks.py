"""Replaces the request body of a boto3 call, and takes the response body before botocore parses it.

Only botocore's public events are used. `accelerate` encodes the vectors of ordinary boto3 calls with these
hooks; `Boto3Sender` sends bodies that are encoded already. Both may be installed on one client: a call of
`Boto3Sender` is marked by `RAW_CALL`, and the hooks of `accelerate` skip it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias

from vecgate.bulk.core.body_encoding import Body
from vecgate.errors import UsageError

#: botocore's events carry untyped dictionaries.
Fields: TypeAlias = dict[str, Any]
Hooks: TypeAlias = Mapping[str, Callable[..., None]]

#: Signers, botocore's own and awscrt's, read the payload hash from this header instead of hashing the body.
HASH_HEADER = "X-Amz-Content-SHA256"


@dataclass(slots=True)
class RawCall:
    """A call whose body is encoded already: the body to send, and the body of the response."""

    operation: str
    body: Body
    response_body: bytes = b""


#: The raw call that this thread is making, if any.
RAW_CALL: ContextVar[RawCall | None] = ContextVar("vecgate.raw_call", default=None)


def install_hooks(client: Any, hooks: Hooks, *, owner: str, first: bool) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Register *hooks*, by event, on *client*, *first* or last among the handlers of each event.

    Installing the hooks of an *owner* twice has no effect. Raises UsageError if *client* is not a boto3
    client of s3vectors.
    """
    meta = getattr(client, "meta", None)
    if not hasattr(meta, "service_model"):
        raise UsageError(
            f"a boto3 client of s3vectors is needed, not a {type(client).__qualname__}",
            hint='Create one with boto3.client("s3vectors").',
        )
    service = client.meta.service_model.service_name
    if service != "s3vectors":
        raise UsageError(f"this is a client of {service}; a client of s3vectors is needed")
    register = client.meta.events.register_first if first else client.meta.events.register_last
    for event, handler in hooks.items():
        register(event, handler, unique_id=f"vecgate.{owner}.{event}")


def replace_body(request: Fields, body: Body) -> None:
    """Put *body* into botocore's *request*, with its hash where the signers look for it."""
    request["body"] = body.data
    request["headers"][HASH_HEADER] = body.sha256


def hide_body(response: Fields) -> None:
    """Leave botocore's parser nothing to parse in *response*."""
    response["body"] = b""
