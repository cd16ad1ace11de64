"""Parts of a page as data for the templates: tiles, tables and lists of facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from vecgate.reporting.html.charts.figures import ChartFigure


@dataclass(frozen=True, slots=True)
class Tile:
    """A key figure. *note* gives its context; *tone* is "bad" for a problem."""

    label: str
    value: str
    unit: str = ""
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table: *key* is its value for sorting, *href* the page that it links to."""

    text: str
    key: float | None = None
    tone: str = ""
    href: str = ""


TableRow: TypeAlias = tuple[str | TableCell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    columns       its headings
    rows          one cell for each column; the first cell is the heading of the row
    text_columns  headings of columns that hold text; other columns hold numbers, except for the first
    note          a sentence below the table
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    text_columns: frozenset[str] = frozenset()
    note: str = ""

    def is_text(self, column: int) -> bool:
        """Return whether that column holds text."""
        return column == 0 or self.columns[column] in self.text_columns


@dataclass(frozen=True, slots=True)
class Facts:
    """A titled list of names and values, such as the versions of all packages."""

    title: str
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, title: str, values: Mapping[str, str] | Iterable[tuple[str, str]]) -> Facts:
        """Return the facts in *values* that are not empty."""
        pairs = values.items() if isinstance(values, Mapping) else values
        return cls(title, tuple((name, value) for name, value in pairs if value))


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """The results of a capacity search or a scaling grid.

    heading  title of the section
    remarks  a topic and a sentence each
    """

    heading: str
    tiles: tuple[Tile, ...]
    figures: tuple[ChartFigure, ...]
    tables: tuple[Table, ...]
    remarks: tuple[tuple[str, str], ...] = ()
