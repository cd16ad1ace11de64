"""Routing by the paths of the service model: the operation of a request, and its members outside the body."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qsl, unquote

from vecgate.endpoint.requests.messages import ApiError, malformed
from vecgate.s3vectors.model import service_model

#: The error for an unknown path quotes this many characters of it.
PATH_SHOWN = 100


@cache
def routes() -> Mapping[str, Mapping[str, str]]:
    """Return the operation by path and method. A path that ends in `/` takes one label, such as an encoded
    ARN.
    """
    table: dict[str, dict[str, str]] = {}
    for operation in service_model().operation_names:
        http = service_model().operation_model(operation).http
        table.setdefault(http["requestUri"].partition("{")[0], {})[http["method"]] = operation
    return table


def find_operation(method: str, path: str) -> str:
    """Return the operation at *method* and *path*, still percent-encoded. Raises ApiError if none matches."""
    methods = routes().get(path) or routes().get(path[: path.rfind("/") + 1])
    if not methods:
        raise ApiError("UnknownOperationException", f"There is no operation at {method} {path[:PATH_SHOWN]}")
    if method not in methods:
        raise ApiError(
            "MethodNotAllowedException",
            f"{'/'.join(methods.values())} accepts {', '.join(methods)}, not {method}",
        )
    return methods[method]


def members_outside_body(operation: str, path: str, query: str) -> dict[str, object]:
    """Return the members of *operation* in its *path* and *query*, which are still percent-encoded.

    Raises ApiError if they do not decode to text.
    """
    try:
        label = unquote(path[path.rfind("/") + 1 :], errors="strict")
        # Signatures take `+` literally; the parser of forms would make it a space.
        literal = query.replace("+", "%2B")
        pairs = parse_qsl(literal, keep_blank_values=True, errors="strict") if query else []
    except ValueError:
        raise malformed("The path or the query is not UTF-8") from None
    members: dict[str, object] = {}
    for name, location in _member_locations(operation).items():
        if location == "uri":
            members[name] = label
        elif values := [value for given, value in pairs if given == name]:
            members[name] = values
    return members


@cache
def _member_locations(operation: str) -> Mapping[str, str]:
    """Return the members of *operation* that are not in its body, with `uri` or `querystring`."""
    members = service_model().operation_model(operation).input_shape.members
    return {
        name: member.serialization["location"]
        for name, member in members.items()
        if "location" in member.serialization
    }
