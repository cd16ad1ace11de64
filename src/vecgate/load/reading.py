"""Tables of a TOML file as typed structs: every problem told with its path, its value and what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from math import isfinite
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeGuard, TypeVar

import msgspec
from msgspec import inspect

Kind = TypeVar("Kind", bound=msgspec.Struct)

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h)"
_SHOWN = 60

_DURATION, _DAY_S = {"is_duration": True}, 24 * 3600

#: A time that a file gives with its unit: "500ms", "60s", "1m30s". A `Length` is none of zero.
Duration: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=_DAY_S, extra=_DURATION)]
Length: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=_DAY_S, extra=_DURATION)]


class Problem(NamedTuple):
    """What is wrong with the value at *path*."""

    path: str
    text: str


class Problems(list[Problem]):
    """What was found wrong so far."""

    def add(self, path: str, text: str) -> None:
        """*text* is wrong with the value at *path*."""
        self.append(Problem(path, text))

    def concern(self, paths: Iterable[str]) -> bool:
        """Whether a value at, in or around one of *paths* is wrong."""
        return any(_is_in(own.path, path) or _is_in(path, own.path) for own in self for path in paths)


#: Makes the value of a member that no type describes; None where it is wrong, and has said so.
Maker: TypeAlias = Callable[[Any, str, Problems], Any]


def table(
    kind: type[Kind], raw: object, path: str, problems: Problems, makers: Mapping[str, Maker] | None = None
) -> Kind | None:
    """*raw* as *kind*; *makers* are for members that its types do not describe.

    What is wrong goes to *problems*, and the member keeps its default. None where it has none, or *raw* is no
    table.
    """
    if not isinstance(raw, Mapping):
        problems.add(path, f"is {shown(raw)}, allowed is a table")
        return None
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name in sorted(raw.keys() - fields.keys()):
        problems.add(joined(path, name), f"is no key, {nearest(name, fields)}")
    values = {}
    for name, field in fields.items():
        at, make = joined(path, name), (makers or {}).get(name)
        if name in raw and (value := (make or _maker(field.type))(raw[name], at, problems)) is not None:
            values[field.name] = value
        elif field.required and name not in raw:
            problems.add(at, f"is missing, allowed is {allowed(field.type)}")
    missing = [field for field in fields.values() if field.required and field.name not in values]
    return None if missing else kind(**values)


def _maker(kind: Any) -> Maker:  # noqa: ANN401 - a type
    described = inspect.type_info(kind)
    if isinstance(described, inspect.StructType):
        return lambda raw, path, problems: table(described.cls, raw, path, problems)
    is_duration = _is_duration(described)

    def make(raw: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - of *kind*
        try:
            return msgspec.convert(seconds_of(raw) if is_duration else _finite(raw), kind)
        except (msgspec.ValidationError, ValueError):
            problems.add(path, f"is {shown(raw)}, allowed is {allowed(kind)}")
            return None

    return make


def seconds_of(raw: object) -> float:
    """The seconds that "500ms", "60s" or "1m30s" says. Raises ValueError where *raw* says none."""
    if not isinstance(raw, str) or not re.fullmatch(f"(?:{_PART})+", raw):
        raise ValueError(f"{raw!r} is no time")
    return sum(float(number) * UNITS_S[unit] for number, unit in re.findall(_PART, raw))


def allowed(kind: Any) -> str:  # noqa: ANN401 - a type
    """What a value of the type *kind* may be, for people."""
    described = inspect.type_info(kind)
    if isinstance(described, inspect.UnionType):
        described = described.types[0]  # or None, which a file does not say
    if isinstance(described, inspect.Metadata):
        least = " above 0" if getattr(described.type, "gt", None) == 0 else ""
        return f'a time{least} with its unit, such as "500ms", "60s" or "2m", up to "24h"'
    if isinstance(described, inspect.LiteralType):
        return ", ".join(map(str, described.values))
    if isinstance(described, inspect.IntType | inspect.FloatType):
        whole = "whole " if isinstance(described, inspect.IntType) else ""
        return f"a {whole}number{_range(described)}"
    return "true or false" if isinstance(described, inspect.BoolType) else "a text"


def shown(raw: object) -> str:
    """*raw* as a file has it, cut where it is long."""
    text = json.dumps(raw, default=str, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def nearest(name: str, names: Iterable[str]) -> str:
    """The name of *names* that *name* was meant to be, or all that there are."""
    names = list(names)
    if found := get_close_matches(name, names, n=1):
        return f"the nearest is {found[0]}"
    return f"allowed are {', '.join(names)}"


def joined(path: str, name: str) -> str:
    """The path of the member *name* of the table at *path*."""
    return f"{path}.{name}" if path else name or '""'


def numbered(path: str, place: int) -> str:
    """The path of the entry at *place* of the list at *path*; people count from 1."""
    return f"{path}[{place + 1}]"


def is_list(raw: object) -> TypeGuard[Sequence[Any]]:
    """Whether *raw* is a list of TOML."""
    return isinstance(raw, Sequence) and not isinstance(raw, str)


def _is_duration(described: inspect.Type) -> bool:
    if isinstance(described, inspect.UnionType):
        return _is_duration(described.types[0])
    return isinstance(described, inspect.Metadata) and bool((described.extra or {}).get("is_duration"))


def _finite(raw: object) -> object:
    if isinstance(raw, float) and not isfinite(raw):
        raise ValueError(raw)
    return raw


def _range(bounds: inspect.IntType | inspect.FloatType) -> str:
    if bounds.gt is not None:
        return f" above {bounds.gt:,}, up to {bounds.le:,}"
    return f" from {bounds.ge:,} to {bounds.le:,}"


def _is_in(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))
