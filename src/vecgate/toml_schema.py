"""Validates TOML files: tables become typed structs, and all problems of a file are reported at once.

A problem names the path of the value, the value, and what is allowed.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeGuard, TypeVar

import msgspec
from msgspec import inspect

from vecgate.errors import ConfigError

Kind = TypeVar("Kind", bound=msgspec.Struct)
Value = TypeVar("Value")

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h)"
_SHOWN_CHARACTERS = 60

_IS_DURATION, _DAY_S = {"is_duration": True}, 24 * 3600
_NOT_BLANK = r"\S"

#: Items of lists, in the plural.
_ITEMS: Mapping[type[inspect.Type], str] = {
    inspect.StrType: "texts",
    inspect.IntType: "whole numbers",
    inspect.FloatType: "numbers",
}
_SIMPLE_TYPES: Mapping[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.StrType: "a text",
    inspect.DictType: "a table",
    inspect.StructType: "a table",
}

#: A time with its unit: "500ms", "60s", "1m30s".
Duration: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=_DAY_S, extra=_IS_DURATION)]
PositiveDuration: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=_DAY_S, extra=_IS_DURATION)]
#: A text that is not empty or blank.
Text: TypeAlias = Annotated[str, msgspec.Meta(pattern=_NOT_BLANK)]


class Problem(NamedTuple):
    """A problem with the value at *path*. *text* continues the sentence that *path* begins."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path} {self.text}".strip()


class Problems(list[Problem]):
    """The problems found so far.

    hides_values  do not quote values, because some of them are secrets
    """

    def __init__(self, *, hides_values: bool = False) -> None:
        super().__init__()
        self._hides_values = hides_values

    def add(self, path: str, text: str) -> None:
        """Add a problem with the value at *path*."""
        self.append(Problem(path, text))

    def add_value(self, path: str, raw: object, allowed: str) -> None:
        """Add the problem that the value *raw* at *path* is not *allowed*."""
        found = "is not valid" if self._hides_values else f"is {format_value(raw)}"
        self.add(path, f"{found}, allowed is {allowed}")

    def overlap(self, paths: Iterable[str]) -> bool:
        """Return whether a value at, inside or around one of *paths* has a problem."""
        return any(_is_in(own.path, path) or _is_in(path, own.path) for own in self for path in paths)

    def raise_if_any(self, origin: object, *, hint: str) -> None:
        """Raise ConfigError with all problems of *origin*, if there are any."""
        if self:
            lines = [str(problem) for problem in self]
            head = f"{origin}: {lines[0]}" if len(lines) == 1 else f"{origin}: {len(lines)} problems"
            raise ConfigError("\n  ".join([head, *(lines if len(lines) > 1 else [])]), hint=hint)


#: Parses the value of one key; returns None if it is invalid, after adding a problem.
Parser: TypeAlias = Callable[[Any, str, Problems], Any]


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file. Raises ConfigError if the file cannot be read."""
    try:
        # Editors on Windows begin a file with a byte order mark.
        content = msgspec.toml.decode(path.read_bytes().removeprefix(BOM_UTF8))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    assert isinstance(content, dict)
    return content


def preset_or_file(choice: str, presets: Mapping[str, Value], read: Callable[[Path], Value]) -> Value:
    """Return the preset named *choice*, or the content of that file. Raises ConfigError if it is neither."""
    if choice in presets:
        return presets[choice]
    if not Path(choice).is_file():
        raise ConfigError(
            f"{choice!r} is neither a preset nor a file", hint=f"The presets are {', '.join(presets)}."
        )
    return read(Path(choice))


def parse_table(
    kind: type[Kind], raw: object, path: str, problems: Problems, parsers: Mapping[str, Parser] | None = None
) -> Kind | None:
    """Parse the table *raw* as *kind*; *parsers* are for keys that its types do not describe.

    Adds what is wrong to *problems*, and the key keeps its default. Returns None if a key without a default
    is invalid, or if *raw* is not a table.
    """
    if not isinstance(raw, Mapping):
        problems.add_value(path, raw, "a table")
        return None
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    check_keys(raw, fields, path, problems)
    values = {}
    for name, field in fields.items():
        at, parse = join_path(path, name), (parsers or {}).get(name)
        if name in raw and (value := (parse or _parser_of(field.type))(raw[name], at, problems)) is not None:
            values[field.name] = value
        elif field.required and name not in raw:
            problems.add(at, f"is missing, allowed is {describe_type(field.type)}")
    missing = [field for field in fields.values() if field.required and field.name not in values]
    return None if missing else kind(**values)


def parse_tables(
    kind: type[Kind],
    raw: object,
    path: str,
    problems: Problems,
    check: Callable[[Kind, str, Problems], None] = lambda *_: None,
) -> tuple[Kind, ...]:
    """Parse the list of tables *raw*, and return the valid ones. Adds what is wrong to *problems*.

    *check* is called with each valid table and its path.
    """
    if not is_list(raw):
        problems.add_value(path, raw, f"a list of tables, [[{path}]]")
        return ()
    tables = []
    for index, each in enumerate(raw):
        if (parsed := parse_table(kind, each, item_path(path, index), problems)) is not None:
            check(parsed, item_path(path, index), problems)
            tables.append(parsed)
    return tuple(tables)


def check_keys(raw: Iterable[str], allowed: Iterable[str], path: str, problems: Problems) -> None:
    """Add a problem for each key of *raw* that is not *allowed*."""
    names = list(allowed)
    for name in sorted(set(raw) - set(names)):
        problems.add(join_path(path, name), f"is not a known key, {suggest(name, names)}")


def parse_duration(raw: object) -> float:
    """Return the seconds of "500ms", "60s" or "1m30s". Raises ValueError if *raw* is not a time."""
    if not isinstance(raw, str) or not re.fullmatch(f"(?:{_DURATION_PART})+", raw):
        raise ValueError(f"{raw!r} is not a time")
    return sum(float(number) * UNITS_S[unit] for number, unit in re.findall(_DURATION_PART, raw))


def format_value(raw: object) -> str:
    """Return *raw* as it is written in a file, shortened if it is long."""
    text = json.dumps(raw, default=str, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def suggest(name: str, names: Iterable[str]) -> str:
    """Return which of *names* is most similar to *name*, or all of them if none is."""
    names = list(names)
    if similar := get_close_matches(name, names, n=1):
        return f"the nearest is {similar[0]}"
    return f"allowed are {', '.join(names)}"


def join_path(path: str, name: str) -> str:
    """Return the path of the key *name* in the table at *path*."""
    return f"{path}.{name}" if path else name or '""'


def item_path(path: str, index: int) -> str:
    """Return the path of the item at *index* in the list at *path*. Paths count from 1."""
    return f"{path}[{index + 1}]"


def is_list(raw: object) -> TypeGuard[Sequence[Any]]:
    """Return whether *raw* is a TOML list."""
    return isinstance(raw, Sequence) and not isinstance(raw, str)


def describe_type(kind: Any) -> str:  # noqa: ANN401 - a type
    """Return a description of the values of the type *kind*."""
    return _describe(inspect.type_info(kind))


def _describe(described: inspect.Type) -> str:  # noqa: PLR0911 - one for each type
    match described:
        case inspect.UnionType() | inspect.Metadata(extra=None):
            return _describe(_unwrap(described))
        case inspect.Metadata(type=inner):
            least = " above 0" if getattr(inner, "gt", None) == 0 else ""
            return f'a time{least} with its unit, such as "500ms", "60s" or "2m", up to "24h"'
        case inspect.LiteralType(values=values):
            return ", ".join(map(str, values))
        case inspect.EnumType(cls=enum):
            return ", ".join(str(each.value) for each in enum)
        case inspect.IntType() | inspect.FloatType():
            whole = "whole " if isinstance(described, inspect.IntType) else ""
            return f"a {whole}number{_range(described)}"
        case inspect.VarTupleType(item_type=item, min_length=least):
            return f"a list of {_ITEMS.get(type(item), 'tables')}{' that is not empty' if least else ''}"
        case inspect.StrType(pattern=pattern) if pattern:
            return "a text that is not empty" if pattern == _NOT_BLANK else f"a text that matches {pattern}"
    return _SIMPLE_TYPES.get(type(described), "another type")


def _unwrap(described: inspect.Type) -> inspect.Type:
    """Return the type of the value without None, which TOML cannot express, and without metadata."""
    if isinstance(described, inspect.UnionType):
        return described.types[0]
    return described.type if isinstance(described, inspect.Metadata) else described


def _range(bounds: inspect.IntType | inspect.FloatType) -> str:
    if bounds.gt is not None:
        return f" above {bounds.gt:,}" + ("" if bounds.le is None else f", up to {bounds.le:,}")
    if bounds.ge is not None:
        return f" of at least {bounds.ge:,}" if bounds.le is None else f" from {bounds.ge:,} to {bounds.le:,}"
    return ""


def _parser_of(kind: Any) -> Parser:  # noqa: ANN401 - a type
    described = inspect.type_info(kind)
    if isinstance(described, inspect.UnionType):
        described = _unwrap(described)
    if isinstance(described, inspect.StructType):
        return partial(parse_table, described.cls)
    if isinstance(described, inspect.VarTupleType) and isinstance(described.item_type, inspect.StructType):
        return partial(parse_tables, described.item_type.cls)
    is_duration = isinstance(described, inspect.Metadata) and described.extra == _IS_DURATION

    def parse(raw: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - of *kind*
        try:
            return msgspec.convert(parse_duration(raw) if is_duration else _require_finite(raw), kind)
        except (msgspec.ValidationError, ValueError):
            problems.add_value(path, raw, describe_type(kind))
            return None

    return parse


def _require_finite(raw: object) -> object:
    if isinstance(raw, float) and not isfinite(raw):
        raise ValueError(raw)
    return raw


def _is_in(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))
