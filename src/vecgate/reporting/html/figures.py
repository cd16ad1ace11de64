"""Charts as they stand in a page: the picture, its legend, and the values that a pointer reads off it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

from vecgate.reporting.html.charts import Drawer
from vecgate.reporting.html.plots import LEFT, RIGHT, HeatPlot, Line, LinePlot, Plot
from vecgate.reporting.html.svg import inlined
from vecgate.reporting.html.views import Table, Tile

DIGITS = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    svg     the picture; *narrow*, the one for a phone, empty where one serves for both
    legend  the lines that it names
    values  JSON for the script, empty where nothing can be read off
    is_wide   it goes over the whole page; *is_broad*, it scrolls where there is no room for it
    """

    id: str
    title: str
    unit: str
    svg: Markup
    narrow: Markup
    legend: tuple[Line, ...]
    values: Markup
    is_wide: bool
    is_broad: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """What a search or a grid shows; *remarks*, what it is about and a sentence each."""

    tiles: tuple[Tile, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    remarks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """What does the same work: its chart, None where nothing was measured, and its table."""

    title: str
    figure: Figure | None
    table: Table


@dataclass(frozen=True, slots=True)
class Groups:
    """What benchmarks and clients show."""

    groups: tuple[Group, ...]


class Figures:
    """Makes figures. Ids begin with *prefix*."""

    def __init__(self, drawer: Drawer, prefix: str) -> None:
        self._drawer, self.prefix = drawer, prefix

    def all(self, name: str, plots: Iterable[Plot]) -> Iterator[Figure]:
        """The figures of *plots*, numbered."""
        for order, plot in enumerate(plots, start=1):
            yield self.of(f"{name}-{order}", plot)

    def of(self, name: str, plot: Plot) -> Figure:
        """The figure of *plot*, whose id ends with *name*."""
        id_ = f"{self.prefix}-{name}"
        is_wide = isinstance(plot, LinePlot) and plot.is_wide
        is_broad = isinstance(plot, HeatPlot) and plot.is_broad
        return Figure(
            id=id_,
            title=plot.title,
            unit=plot.unit,
            svg=self._svg(plot, id_),
            narrow=self._svg(plot, f"{id_}-narrow", is_narrow=True) if is_wide else Markup(),
            legend=legend_of(plot) if isinstance(plot, LinePlot) else (),
            values=_values(plot) if isinstance(plot, LinePlot) else Markup(),
            is_wide=is_wide or is_broad,
            is_broad=is_broad,
        )

    def _svg(self, plot: Plot, id_: str, *, is_narrow: bool = False) -> Markup:
        drawn = self._drawer.draw(plot, is_narrow=is_narrow)
        is_broad = isinstance(plot, HeatPlot) and plot.is_broad
        svg = inlined(drawn, id_, plot.title, plot.told, is_broad=is_broad)
        return Markup(svg)  # noqa: S704 - serialised by ElementTree, which escapes


def legend_of(plot: LinePlot) -> tuple[Line, ...]:
    """The lines that need a name: a single one that the title names needs none."""
    lines = named_lines(plot)
    return () if len(lines) == 1 and lines[0].name in plot.title.lower() else lines


def named_lines(plot: LinePlot) -> tuple[Line, ...]:
    """The lines of *plot*, each name once: an area is only the ground of its line."""
    return tuple({line.name: line for line in plot.lines}.values())


def _values(plot: LinePlot) -> Markup:
    told = {
        "left": LEFT,
        "right": RIGHT,
        "low": plot.x.low,
        "high": plot.x.high,
        "unit": plot.unit,
        "at": list(map(_rounded, plot.places)),
        "names": list(plot.names),
        "lines": [
            {"name": line.name, "values": list(map(_rounded, line.values))} for line in named_lines(plot)
        ],
    }
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=True)
    # Whatever a name holds, it cannot end the element that it stands in.
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S704 - nothing is left that HTML reads


def _rounded(value: float | None) -> float | None:
    if value is None or not isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}") if abs(value) < 10**DIGITS else round(value)
    return int(short) if short == int(short) else short
