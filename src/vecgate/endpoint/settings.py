"""Settings of the endpoint as files and as JSON: read into frozen types, all problems told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vecgate.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)
Value = TypeVar("Value")


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file. Raises ConfigError where it cannot be read."""
    try:
        content = msgspec.toml.decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from None
    assert isinstance(content, dict)
    return content


def typed(kind: type[T], raw: object, where: str, problems: list[str]) -> T | None:
    """*raw* as *kind*, or None; what is wrong with each member goes to *problems*."""
    if not isinstance(raw, Mapping):
        problems.append(f"{where}: expected a table")
        return None
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    found = [
        f"{where}: unknown setting {name!r}; there are {', '.join(fields)}" for name in raw.keys() - fields
    ]
    found += [f"{where}: {name} is missing" for name in fields if fields[name].required and name not in raw]
    values = {}
    for name in fields.keys() & raw.keys():
        try:
            values[name] = msgspec.convert(raw[name], fields[name].type)
        except msgspec.ValidationError as error:
            found.append(f"{where}: {name}: {error}")
    problems += sorted(found)
    return None if found else kind(**values)


def typed_list(kind: type[T], raw: object, where: str, problems: list[str]) -> list[T]:
    """The entries of the list *raw* that are of *kind*; what is wrong with the others goes to *problems*."""
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        problems.append(f"{where}: expected a list of tables")
        return []
    entries = [typed(kind, each, f"{where} {number}", problems) for number, each in enumerate(raw, start=1)]
    return [entry for entry in entries if entry is not None]


def complete(origin: str, value: Value, problems: Sequence[str]) -> Value:
    """*value*. Raises ConfigError where *origin* has *problems*, naming all of them."""
    if problems:
        raise ConfigError(f"{origin}: {'; '.join(problems)}", hint="docs/endpoint.md shows the format.")
    return value


def preset_or_file(choice: str, presets: Mapping[str, Value], read: Callable[[Path], Value]) -> Value:
    """The preset of that name, or what the file of that name says. Raises ConfigError where it is neither."""
    if choice in presets:
        return presets[choice]
    if not Path(choice).is_file():
        raise ConfigError(
            f"{choice!r} is neither a preset nor a file", hint=f"There are the presets {', '.join(presets)}."
        )
    return read(Path(choice))
