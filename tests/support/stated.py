"""The limits and settings that pages tell, and where each comes from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from math import isclose
from pathlib import Path
from typing import Any

import click
from documents import ROOT, Line, Page
from quantities import Quantity, quantity


@dataclass(frozen=True, slots=True)
class Stated:
    """An entry.

    source    a name in vecgate, `vecgate COMMAND --option` for its default, a web page, or a file that holds
              or shows it
    says      the numbers, with their units; any, where there are none
    at        pages, or parts of them: `docs/endpoint.md#faults`; all, where there are none
    """

    source: str
    says: tuple[Quantity, ...]
    at: tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(each.text for each in self.says) or ', '.join(self.at)} by {self.source}"

    def allows(self, page: Page, line: Line, found: Quantity) -> bool:
        """Whether *found* may stand on that *line* of *page*."""
        is_here = not self.at or not {page.name, f"{page.name}#{line.section}"}.isdisjoint(self.at)
        return is_here and (not self.says or any(each.same_as(found) for each in self.says))


def read_stated(path: Path) -> list[Stated]:
    """The entries of the file at *path*. Raises ValueError where one allows everything."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["stated"]
    made = [_entry(**each) for each in entries]
    wild = [each for each in made if not each.says and not all("#" in place for place in each.at or ("",))]
    if wild:
        raise ValueError(f"{wild[0].source}: what allows every number allows it in a part of a page")
    return made


def problems(stated: Stated) -> Iterator[str]:
    """What is wrong with an entry."""
    source = stated.source
    if source.startswith("https://"):
        return
    if "/" in source:
        if not (ROOT / source).exists():
            yield f"there is no {source}"
    elif wrong := [each.text for each in stated.says if not _is(each, value_of(source))]:
        yield f"{source} is {value_of(source)}, not {', '.join(wrong)}"


def value_of(source: str) -> Any:
    """The value of a name in vecgate, or the default of an option. Raises LookupError where there is none."""
    if match := re.fullmatch(r"vecgate ([a-z]+) (--[a-z-]+)", source):
        command = getattr(import_module(f"vecgate.cli.{match[1]}"), match[1])
        (option,) = (each for each in command.params if match[2] in each.opts)
        assert isinstance(option, click.Option)
        return option.default
    words = source.split(".")
    for number in range(len(words), 0, -1):
        try:
            found: Any = import_module(".".join(words[:number]))
        except ImportError:
            continue
        for word in words[number:]:
            found = found[word] if isinstance(found, Mapping) else getattr(found, word)
        return found
    raise LookupError(source)


def _entry(source: str, says: list[str] | None = None, at: list[str] | None = None) -> Stated:
    return Stated(source, tuple(map(quantity, says or [])), tuple(at or []))


def _is(said: Quantity, value: Any) -> bool:
    """Whether *value*, perhaps in the unit that is said, is what is said."""
    if isinstance(value, str):
        return said.same_as(quantity(value))
    if not isinstance(value, int | float):
        return False
    plain = said.value / said.size
    # KB and MB are binary where Amazon says them.
    binary = said.size * 1.024 ** ("KMG".find(said.text[-2]) + 1) if said.dimension == "bytes" else 1.0
    return any(isclose(value, plain * size) for size in (1.0, said.size, binary))
