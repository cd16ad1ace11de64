"""Charts as data: what is shown, before a library draws it. A tone is a variable of the style sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from vecgate.reporting.html.text import visible

#: Pixels. A wide chart has a narrow twin for the phone.
NARROW, WIDE = 520, 1060
HEIGHT = 190
#: In the label of a bar.
LABEL_CHARACTERS = 44
#: What a column of a heat map takes. One that is too broad for the page scrolls within itself.
HEAT_COLUMN = 62
#: Around the area that is drawn in.
LEFT, RIGHT, TOP, BOTTOM = 54, 16, 10, 30

Shape: TypeAlias = Literal["line", "area", "step", "circle", "cross", "triangle"]
#: A value is None where there is nothing to tell.
Values: TypeAlias = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """One side of a chart.

    low, high  what it spans
    ticks      where it is marked, and with what words
    is_log     it grows by multiplication
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    is_log: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One value over the whole chart.

    tone       of its colour; *is_dashed* tells it apart without one
    values     one for each place on the x axis
    """

    name: str
    tone: str
    values: Values
    shape: Shape = "line"
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Lines over time, or over anything else.

    unit      of the values
    places    on the x axis; *names*, what each is called, empty where they are seconds of a run
    rules     places where something happened
    told      what is to be seen, in a sentence, for who cannot see it
    """

    title: str
    unit: str
    x: Axis
    y: Axis
    places: tuple[float, ...]
    lines: tuple[Line, ...]
    names: tuple[str, ...] = ()
    told: str = ""
    rules: tuple[float, ...] = ()
    height: int = HEIGHT
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A cell: its column and row, a text and a small one below, *heat* from 0 to 6."""

    column: str
    row: str
    text: str
    small: str
    heat: int
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class HeatPlot:
    """A grid of cells, the warmest the best; *unit* says what rows, columns and figures are."""

    title: str
    unit: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[HeatCell, ...]
    told: str = ""

    @property
    def width(self) -> int:
        """As much as its columns take."""
        return max(NARROW, LEFT + RIGHT + HEAT_COLUMN * len(self.columns))

    @property
    def is_broad(self) -> bool:
        """It does not shrink: its cells would run into one another."""
        return self.width > NARROW


@dataclass(frozen=True, slots=True)
class Bar:
    """A row: a bar to *value*, or a dot there and a line from *low* to *high*."""

    label: str
    value: float
    text: str
    tone: str = "service"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Rows below one another, each with its label above it."""

    title: str
    unit: str
    x: Axis
    bars: tuple[Bar, ...]
    told: str = ""


Plot: TypeAlias = LinePlot | HeatPlot | BarPlot


def clipped(text: str) -> str:
    """*text* as far as a chart has room for it."""
    seen = visible(text)
    return seen if len(seen) <= LABEL_CHARACTERS else f"{seen[: LABEL_CHARACTERS - 1]}…"
