"""Which operation a request asks for, from the model's own paths."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from vecgate.endpoint.answers import Refused
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
