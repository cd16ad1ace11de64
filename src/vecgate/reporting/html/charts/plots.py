"""Charts as data, before they are drawn. A tone is the name of a colour variable of the style sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from vecgate.reporting.html.untrusted_text import make_visible

#: Height of the plot area in pixels. Its width is that of the column of the page.
HEIGHT = 190
LABEL_CHARACTERS = 44
#: Width of a heat map column in pixels, and of the widest heat map that shrinks instead of scrolling.
HEAT_COLUMN, HEAT_WIDTH = 62, 450
#: Levels of a heat map, from 0.
HEAT_MAX = 6

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
class Marker:
    """A vertical line at *at* on the x axis, such as the start of a stage, with its *name* if it has one."""

    at: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """A horizontal line at *at* on the y axis, such as the number of requests allowed in flight."""

    at: float
    name: str


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
    markers      vertical lines; *limits* are horizontal ones
    ignored_to   end of a shaded part that the figures of the run leave out, such as its warm-up
    """

    title: str
    unit: str
    x: Axis
    y: Axis
    x_values: tuple[float, ...]
    lines: tuple[PlotLine, ...]
    x_labels: tuple[str, ...] = ()
    description: str = ""
    markers: tuple[Marker, ...] = ()
    limits: tuple[Limit, ...] = ()
    ignored_to: float = 0.0
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
    """A heat map of configurations. *unit* explains rows, columns and values."""

    title: str
    unit: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[HeatCell, ...]
    description: str = ""

    @property
    def width(self) -> int:
        """Width in pixels that its columns need."""
        return HEAT_COLUMN * len(self.columns)

    @property
    def is_scrollable(self) -> bool:
        """Return whether it scrolls instead of shrinking, which would make the texts of its cells overlap."""
        return self.width > HEAT_WIDTH


@dataclass(frozen=True, slots=True)
class DensityBlock:
    """A rectangle of a density chart, from *left* to *right* and *low* to *high*; *heat* is 0 to HEAT_MAX."""

    left: float
    right: float
    low: float
    high: float
    heat: int


@dataclass(frozen=True, slots=True)
class DensityPlot:
    """The density of values over time: a heat map with a continuous y axis."""

    title: str
    unit: str
    x: Axis
    y: Axis
    blocks: tuple[DensityBlock, ...]
    description: str = ""
    markers: tuple[Marker, ...] = ()
    height: int = HEIGHT
    is_wide: bool = True


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
    """Horizontal bars, each with its label above it. Bars start at 0, or at the end of a logarithmic axis."""

    title: str
    unit: str
    x: Axis
    bars: tuple[Bar, ...]
    description: str = ""


Plot: TypeAlias = LinePlot | DensityPlot | HeatPlot | BarPlot


def shorten_label(text: str) -> str:
    """Return *text* with unprintable characters escaped, truncated to the length of a chart label."""
    label = make_visible(text)
    return label if len(label) <= LABEL_CHARACTERS else f"{label[: LABEL_CHARACTERS - 1]}…"
