"""Pages of lists of named resources."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, TypeVar

from vecgate.endpoint.requests.page_tokens import encode_token, read_position, scope_id

Resource = TypeVar("Resource")

#: The default is not documented; this is the model's maximum.
NAMES_PAGE_DEFAULT = 500


def paginate(
    resources: Mapping[str, Resource], members: Mapping[str, Any], *, list_name: str
) -> tuple[list[Resource], dict[str, str]]:
    """Return the requested page of *resources*, which are keyed by name, and a `nextToken` member if more
    follow.

    *list_name* distinguishes this list from others: a token of another list is refused.
    """
    prefix, size = members.get("prefix", ""), members.get("maxResults", NAMES_PAGE_DEFAULT)
    scope = scope_id(list_name, prefix)
    names = sorted(name for name in resources if name.startswith(prefix))
    if token := members.get("nextToken"):
        names = names[bisect_right(names, read_position(token, scope)) :]
    page = names[:size]
    next_token = {"nextToken": encode_token(scope, page[-1].encode())} if len(names) > size else {}
    return [resources[name] for name in page], next_token
