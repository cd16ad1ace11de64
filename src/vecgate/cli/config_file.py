"""Defaults of options from a file: `vecgate.toml`, or the table `[tool.vecgate]` of `pyproject.toml`.

An option on the command line precedes an environment variable, and that precedes the file. What starts a run
that costs money or loses data, and what makes a command do less than its name says, cannot be a default.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from vecgate.errors import ConfigError

#: A file to read instead of those that are found; empty for none.
CONFIG_VARIABLE = "VECGATE_CONFIG"
FILE_NAME, PROJECT_FILE_NAME = "vecgate.toml", "pyproject.toml"
#: Limit on the size of the file.
FILE_BYTES_MAX = 1_000_000
#: Options that are allowed at the top of the file, for all commands that have them.
COMMON = ("target", "region", "profile", "ca-bundle", "bucket", "index")
#: Options that must be on the command line: consent, secrets, and what changes the meaning of a command.
COMMAND_LINE_ONLY = frozenset({
    "access-key", "admin-token", "background", "backup", "check", "check-policy", "env", "force", "help",
    "inferred", "k", "list", "master", "no-verify", "policy", "recover", "rerun-failed", "restart", "resume",
    "secret-key", "until-stdin-closes", "web", "worker", "yes",
})  # fmt: skip
#: Option to the variables that precede the file. Those of click's own `envvar` do so without this table.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    "target": ("VECGATE_TARGET", "AWS_ENDPOINT_URL_S3VECTORS", "AWS_ENDPOINT_URL"),
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "profile": ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
    "ca-bundle": ("AWS_CA_BUNDLE",),
}
GetCommand = Callable[[str], click.Command]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The settings in *path*: options by name, and a table for each command."""

    path: Path
    settings: Mapping[str, Any]

    def defaults(
        self, name: str, command: click.Command, names: Iterable[str], environ: Mapping[str, str]
    ) -> tuple[dict[str, Any], list[str]]:
        """Return the defaults of *command*, as click's `default_map`, and the names of the settings in it.

        names  of all commands

        Raises ConfigError that lists every setting that is wrong.
        """
        problems: list[str] = []
        allowed = [*COMMON, *names]
        problems += [
            f"{key} is neither a command nor an option of all commands{_suggestion(key, allowed)}"
            for key in self.settings
            if key not in allowed
        ]
        # `index = "films"` is the option, `[index.create]` a command; TOML allows only one of them in a file.
        tables = {key: value for key, value in self.settings.items() if isinstance(value, Mapping)}
        common = {key: self.settings[key] for key in COMMON if key in self.settings and key not in tables}
        if name in self.settings and name not in tables and name not in common:
            problems.append(f"{name} is {self.settings[name]!r}, allowed is a table of its options")
        reading = _Reading(self.path.parent, environ, problems)
        found = {name: reading.command(command, common, tables.get(name, {}), (name,))}
        if problems:
            raise ConfigError(
                f"{self.path}: {'; '.join(problems)}",
                hint=f"`vecgate {name} --help` lists the options; {CONFIG_VARIABLE}= reads no file.",
            )
        return found, reading.used


class _Reading:
    """Reads the tables of a file; collects its problems and the settings in use."""

    def __init__(self, folder: Path, environ: Mapping[str, str], problems: list[str]) -> None:
        self._folder, self._environ, self._problems = folder, environ, problems
        self.used: list[str] = []

    def command(
        self, command: click.Command, common: Mapping[str, Any], own: Mapping[str, Any], path: tuple[str, ...]
    ) -> dict[str, Any]:
        """Return the defaults of *command*, or of each command in that group."""
        if not isinstance(command, click.Group):
            return {**self._options(command, common, ()), **self._options(command, own, path)}
        for key in own.keys() - command.commands.keys():
            self._problems.append(f"{'.'.join((*path, key))} is not a command of `vecgate {' '.join(path)}`")
        return {
            key: self.command(inner, common, self._table(own, key, path), (*path, key))
            for key, inner in command.commands.items()
        }

    def _table(self, own: Mapping[str, Any], key: str, path: tuple[str, ...]) -> Mapping[str, Any]:
        table = own.get(key, {})
        if isinstance(table, Mapping):
            return table
        self._problems.append(f"{'.'.join((*path, key))} is {table!r}, allowed is a table of its options")
        return {}

    def _options(
        self, command: click.Command, table: Mapping[str, Any], path: tuple[str, ...]
    ) -> dict[str, Any]:
        """Return parameter to value. *path* is empty for settings that not every command has."""
        options = dict(_options_by_name(command))
        found: dict[str, Any] = {}
        for key, raw in table.items():
            label, option = ".".join((*path, key)), options.get(key)
            if option is None and path:
                self._problems.append(f"{label} is not an option of it{_suggestion(key, options)}")
            elif key in COMMAND_LINE_ONLY:
                self._problems.append(f"{label} cannot be a default, only an option: --{key}")
            elif option is not None and not self._is_overridden(key):
                try:
                    found[option.name or ""] = self._value(key, option, raw)
                except (click.BadParameter, ValueError) as error:
                    self._problems.append(f"{label}: {error}")
                else:
                    self.used.append(key)
        return found

    def _is_overridden(self, key: str) -> bool:
        return any(self._environ.get(variable) for variable in VARIABLES.get(key, ()))

    def _value(self, key: str, option: click.Option, raw: object) -> object:
        """Return *raw* as click would get it from a command line. Raises ValueError or BadParameter."""
        if key == "target" and raw == "aws":
            raise ValueError("Amazon is used only with --target aws or VECGATE_TARGET=aws")
        if option.is_flag:
            if isinstance(raw, bool):
                return raw
            raise ValueError(f"{raw!r} is neither true nor false")
        if option.multiple:
            return [self._text(option, each) for each in (raw if isinstance(raw, list) else [raw])]
        return self._text(option, raw)

    def _text(self, option: click.Option, raw: object) -> str:
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            raise ValueError(f"{raw!r} is neither a text nor a number")  # noqa: TRY004 - of a file, not of a caller
        text = str(raw)
        # A path in a file is relative to that file, so that the folder of the caller does not matter.
        is_file = isinstance(option.type, click.Path) or (option.name == "target" and text.endswith(".toml"))
        text = str(self._folder / text) if is_file and text != "-" else text
        option.type.convert(text, option, None)
        return text


def _options_by_name(command: click.Command) -> Iterator[tuple[str, click.Option]]:
    """Yield the options of *command* by each of their names, without hyphens at the start."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            for spelling in (*parameter.opts, *parameter.secondary_opts):
                yield spelling.lstrip("-"), parameter


def _suggestion(key: str, known: Iterable[str]) -> str:
    near = get_close_matches(key, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def find_config_file(folder: Path, environ: Mapping[str, str]) -> ConfigFile | None:
    """Return the file that VECGATE_CONFIG names, or the nearest one of *folder* and the folders above it.

    The search ends at the root of the repository; outside of one, only *folder* itself is searched. So a file
    of another user in a shared folder above is not read. Raises ConfigError if it is not valid.
    """
    if CONFIG_VARIABLE in environ:
        name = environ[CONFIG_VARIABLE]
        return _read(Path(name)) if name else None
    for candidate in _searched_folders(folder):
        if (path := candidate / FILE_NAME).is_file():
            return _read(path)
        if (path := candidate / PROJECT_FILE_NAME).is_file() and (found := _read(path)):
            return found
    return None


def _searched_folders(folder: Path) -> list[Path]:
    folders = [folder, *folder.parents]
    roots = [number for number, each in enumerate(folders) if (each / ".git").exists()]
    return folders[: roots[0] + 1] if roots else [folder]


def _read(path: Path) -> ConfigFile | None:
    """Read *path*. None if it is a project file without a table of vecgate."""
    import tomllib

    is_project = path.name == PROJECT_FILE_NAME
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"{path} has more than {FILE_BYTES_MAX:,} bytes")
        text = path.read_text(encoding="utf-8", errors="replace")
        if is_project and "vecgate" not in text:
            return None
        document = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    if not is_project:
        return ConfigFile(path, document)
    tools = document.get("tool")
    table = tools.get("vecgate") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{path}: tool.vecgate is {table!r}, allowed is a table")
    return None if table is None else ConfigFile(path, table)


def current_folder() -> Path:
    """Return the folder of this process; the root if it was removed."""
    try:
        return Path(os.getcwd())  # noqa: PTH109 - Path.cwd() likewise raises
    except OSError:
        return Path("/")
