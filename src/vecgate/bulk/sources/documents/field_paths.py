"""Members of nested records by path, such as `response.body.data[0].embedding`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from vecgate.bulk.sources.column_mapping import FLOAT32_MEMBER

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_DEPTH_MAX = 8
#: Records of an export have tens of members; more are data.
_PATHS_MAX = 1_000


@lru_cache(maxsize=1024)
def parse_path(path: str) -> tuple[str | int, ...]:
    """Return the members and indexes of *path*. One that is not a path is a name: `a..b`."""
    steps: list[str | int] = []
    at = 0
    while match := _STEP.match(path, at):
        if match[1] is not None and (path[at] == ".") != bool(steps):
            break
        steps.append(match[1] if match[2] is None else int(match[2]))
        at = match.end()
    return tuple(steps) if at == len(path) and steps else (path,)


def field_value(record: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - any value of JSON
    """Return the member *name* of *record*, or the one at the path *name*; None if there is none."""
    if name in record:
        return record[name]
    value: Any = record
    for step in parse_path(name):
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        else:
            value = value[step] if isinstance(value, list | tuple) and step < len(value) else None
        if value is None:
            return None
    return value


def root_of(path: str) -> str:
    """Return the member of the record in which *path* begins."""
    return str(parse_path(path)[0])


def is_below(path: str, parent: str) -> bool:
    """Return True if *path* leads into the value at *parent*."""
    outer, inner = parse_path(parent), parse_path(path)
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def without(value: Any, steps: tuple[str | int, ...]) -> Any:  # noqa: ANN401
    """Return a copy of *value* without the member at *steps*. Elements of lists stay."""
    if not isinstance(value, Mapping) or steps[0] not in value:
        return value
    rest = {name: member for name, member in value.items() if name != steps[0]}
    if len(steps) > 1:
        rest[str(steps[0])] = without(value[str(steps[0])], steps[1:])
    return rest


def nested_members(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scalars and lists of numbers below the first level of *record*, by path.

    Of a list of objects or lists, the first one is entered.
    """
    found: dict[str, Any] = {}
    for name, value in record.items():
        for path, member in _members(value, str(name), 1):
            if len(found) < _PATHS_MAX:
                found[path] = member
    return found


def _members(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    if depth > _DEPTH_MAX:
        return
    if isinstance(value, Mapping) and value.keys() != {FLOAT32_MEMBER}:
        for name, member in value.items():
            yield from _members(member, f"{path}.{name}", depth + 1)
    elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping | list | tuple):
        yield from _members(value[0], f"{path}[0]", depth + 1)
    elif depth > 1:
        yield path, value
