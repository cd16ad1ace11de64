"""Charts as data, before a library draws them. A tone is the name of a colour variable of the style sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from vecgate.reporting.html.untrusted_text import make_visible

#: Widths in pixels. A wide chart has a narrow version for phones.
NARROW, WIDE = 520, 1060
HEIGHT = 190
LABEL_CHARACTERS = 44
#: Width of a heat map column in pixels. A heat map that is wider than the page scrolls.
HEAT_COLUMN = 62
#: Margins around the plot area in pixels.
LEFT, RIGHT, TOP, BOTTOM = 54, 16, 10, 30

Shape: TypeAlias = Literal["line", "area", "step", "circle", "cross", "triangle"]
#: One value for each position on the x axis; None is a gap.
Values: TypeAlias = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a chart.

    low, high  ends of its range
    ticks      position and label of each tick
    is_log     the scale is logarithmic
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    is_log: bool = False


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A named series of values.

    tone       its colour
    is_dashed  it is dashed, so that it can be recognized without colours
    """

    name: str
    tone: str
    values: Values
    shape: Shape = "line"
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Lines over time or over another quantity.

    unit         of the values
    x_values     positions on the x axis
    x_labels     a label for each position; empty if the positions are seconds since the start of the run
    description  the main fact that the chart shows, in a sentence for screen readers
    markers      x positions of vertical lines, such as the start of a stage
    """

    title: str
    unit: str
    x: Axis
    y: Axis
    x_values: tuple[float, ...]
    lines: tuple[PlotLine, ...]
    x_labels: tuple[str, ...] = ()
    description: str = ""
    markers: tuple[float, ...] = ()
    height: int = HEIGHT
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A cell of a heat map: *subtext* is the small text below, *heat* a level from 0 to 6."""

    column: str
    row: str
    text: str
    subtext: str
    heat: int
    is_highlighted: bool = False


@dataclass(frozen=True, slots=True)
class HeatPlot:
    """A heat map in which the highest value is the best. *unit* explains rows, columns and values."""

    title: str
    unit: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[HeatCell, ...]
    description: str = ""

    @property
    def width(self) -> int:
        """Width in pixels that its columns need."""
        return max(NARROW, LEFT + RIGHT + HEAT_COLUMN * len(self.columns))

    @property
    def is_scrollable(self) -> bool:
        """Return whether it scrolls instead of shrinking, which would make the texts of its cells overlap."""
        return self.width > NARROW


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar that ends at *value*; with *low* and *high*, a dot at *value* and a line from *low* to *high*."""

    label: str
    value: float
    text: str
    tone: str = "service"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Horizontal bars, each with its label above it."""

    title: str
    unit: str
    x: Axis
    bars: tuple[Bar, ...]
    description: str = ""


Plot: TypeAlias = LinePlot | HeatPlot | BarPlot


def shorten_label(text: str) -> str:
    """Return *text* with unprintable characters escaped, truncated to the length of a chart label."""
    label = make_visible(text)
    return label if len(label) <= LABEL_CHARACTERS else f"{label[: LABEL_CHARACTERS - 1]}…"
