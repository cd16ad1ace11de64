"""Which operation a request asks for, and what it says outside its body, from the model's own paths."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qsl, unquote

from vecgate.endpoint.answers import Refused, malformed
from vecgate.s3vectors.model import service_model

#: An unknown path is repeated in the answer, up to this length.
PATH_SHOWN = 100


@cache
def routes() -> Mapping[str, Mapping[str, str]]:
    """Path to method to operation. After a path that ends in `/` comes one label, such as an encoded ARN."""
    table: dict[str, dict[str, str]] = {}
    for operation in service_model().operation_names:
        http = service_model().operation_model(operation).http
        table.setdefault(http["requestUri"].partition("{")[0], {})[http["method"]] = operation
    return table


def operation_at(method: str, path: str) -> str:
    """The operation behind *method* and *path*, still percent-encoded. Raises Refused where there is none."""
    methods = routes().get(path) or routes().get(path[: path.rfind("/") + 1])
    if not methods:
        raise Refused("UnknownOperationException", f"There is no operation at {method} {path[:PATH_SHOWN]}")
    if method not in methods:
        raise Refused(
            "MethodNotAllowedException",
            f"{'/'.join(methods.values())} takes {', '.join(methods)}, not {method}",
        )
    return methods[method]


def members_outside_body(operation: str, path: str, query: str) -> dict[str, object]:
    """The members of *operation* that its *path* and *query*, still percent-encoded, carry.

    Raises Refused for an encoding that spells no text.
    """
    places = _places(operation)
    try:
        label = unquote(path[path.rfind("/") + 1 :], errors="strict")
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict") if query else []
    except ValueError:
        raise malformed("The path or the query is not UTF-8") from None
    members: dict[str, object] = {}
    for name, place in places.items():
        if place == "uri":
            members[name] = label
        elif values := [value for given, value in pairs if given == name]:
            members[name] = values
    return members


@cache
def _places(operation: str) -> Mapping[str, str]:
    """The members of *operation* that are not in its body, with `uri` or `querystring`."""
    members = service_model().operation_model(operation).input_shape.members
    return {
        name: member.serialization["location"]
        for name, member in members.items()
        if "location" in member.serialization
    }
