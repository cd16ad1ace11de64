"""What pages are made of: figures in words, as templates show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure, large: *note* says what it is to be seen beside, *tone* whether it is bad."""

    label: str
    value: str
    unit: str = ""
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text, what it is sorted by, a tone, a page that it links to, a mark before it."""

    text: str
    key: float | None = None
    tone: str = ""
    href: str = ""


Cells: TypeAlias = tuple[str | Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    caption  what it shows
    columns  their headings; those in *words* hold text, the others numbers
    rows     a cell for each column; the first is the heading of the row
    note     a sentence below it
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Cells, ...]
    words: frozenset[str] = frozenset()
    note: str = ""

    def is_words(self, column: int) -> bool:
        """Whether that column holds text."""
        return column == 0 or self.columns[column] in self.words


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, such as the versions of what took part."""

    title: str
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, title: str, told: Mapping[str, str] | Iterable[tuple[str, str]]) -> Facts:
        """Those of *told* that say anything."""
        pairs = told.items() if isinstance(told, Mapping) else told
        return cls(title, tuple((name, value) for name, value in pairs if value))
