"""One page of a list of named things."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, TypeVar

from vecgate.endpoint.tokens import mark_of, position_in, token_of

Thing = TypeVar("Thing")

#: The default is not documented; this is the maximum that the model gives.
NAMES_PAGE_DEFAULT = 500


def page_of(
    things: Mapping[str, Thing], members: Mapping[str, Any], *, scope: str
) -> tuple[list[Thing], dict[str, str]]:
    """The page of *things*, by name, that a list request asks for, and its `nextToken` member if more follow.

    *scope* tells this list from others: a token of another is refused.
    """
    prefix, size = members.get("prefix", ""), members.get("maxResults", NAMES_PAGE_DEFAULT)
    mark = mark_of(scope, prefix)
    names = sorted(name for name in things if name.startswith(prefix))
    if token := members.get("nextToken"):
        names = names[bisect_right(names, position_in(token, mark)) :]
    page = names[:size]
    more = {"nextToken": token_of(mark, page[-1].encode())} if len(names) > size else {}
    return [things[name] for name in page], more
