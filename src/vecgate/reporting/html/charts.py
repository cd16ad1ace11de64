"""Charts as SVG. The library that draws is imported with the first chart: a page without one needs none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import ModuleType
from typing import Any, TypeAlias

from vecgate.errors import UsageError
from vecgate.reporting.html.plots import Axis, BarPlot, HeatPlot, LinePlot, Plot

Rows: TypeAlias = list[Mapping[str, Any]]


class Drawer:
    """Draws charts. Raises UsageError where the extra is not installed, and not before it is needed."""

    def draw(self, plot: Plot, *, is_narrow: bool = False) -> str:
        """The SVG of *plot*, as the library has it."""
        return str(self._drawing.drawn(plot, rows_of(plot), is_narrow=is_narrow))

    @cached_property
    def _drawing(self) -> ModuleType:
        try:
            from vecgate.reporting.html import drawing  # noqa: PLC0415 - an extra, and slow to import
        except ImportError as error:
            raise UsageError(
                f"charts need {error.name}, which is not installed", hint="pip install 'vecgate[report]'"
            ) from None
        return drawing


def rows_of(plot: Plot) -> Rows:
    """The data of *plot* in rows, as the library takes them."""
    match plot:
        case LinePlot():
            return _line_rows(plot)
        case HeatPlot():
            return _heat_rows(plot)
        case BarPlot():
            return _bar_rows(plot)


def _line_rows(plot: LinePlot) -> Rows:
    """A row for each place, with the values of all lines."""
    columns = [line.values for line in plot.lines]
    return [
        {"x": place, **{f"y{number}": _shown(column[at], plot.y) for number, column in enumerate(columns)}}
        for at, place in enumerate(plot.places)
    ]


def _shown(value: float | None, axis: Axis) -> float | None:
    return None if value is None or (axis.is_log and value <= 0) else value


def _heat_rows(plot: HeatPlot) -> Rows:
    return [
        {
            "column": cell.column,
            "row": cell.row,
            "text": cell.text,
            "small": cell.small,
            "fill": f"var(--heat-{cell.heat})",
            "ink": f"var(--heat-ink-{cell.heat})",
            "chosen": cell.is_chosen,
        }
        for cell in plot.cells
    ]


def _bar_rows(plot: BarPlot) -> Rows:
    return [
        {
            "row": number,
            "label": bar.label,
            "text": bar.text,
            "value": bar.value,
            "low": bar.low,
            "high": bar.high,
            "fill": f"var(--{bar.tone})",
        }
        for number, bar in enumerate(plot.bars)
    ]
