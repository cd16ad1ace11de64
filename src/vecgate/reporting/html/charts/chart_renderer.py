"""Render charts as SVG. The chart library is imported for the first chart, so other pages do not need it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import ModuleType
from typing import Any, TypeAlias

from vecgate.errors import UsageError
from vecgate.reporting.html.charts.plots import Axis, BarPlot, HeatPlot, LinePlot, Plot

DataRows: TypeAlias = list[Mapping[str, Any]]


class ChartRenderer:
    """Renders charts. Raises UsageError on the first chart if the extra is not installed."""

    def render(self, plot: Plot, *, is_narrow: bool = False) -> str:
        """Return the SVG of *plot* as the library makes it."""
        return str(self._library.render_svg(plot, data_rows(plot), is_narrow=is_narrow))

    @cached_property
    def _library(self) -> ModuleType:
        try:
            from vecgate.reporting.html.charts import altair_charts  # noqa: PLC0415 - an extra, and slow to import
        except ImportError as error:
            raise UsageError(
                f"charts need {error.name}, which is not installed", hint="pip install 'vecgate[report]'"
            ) from None
        return altair_charts


def data_rows(plot: Plot) -> DataRows:
    """Return the data of *plot* as the rows that the library expects."""
    match plot:
        case LinePlot():
            return _line_rows(plot)
        case HeatPlot():
            return _heat_rows(plot)
        case BarPlot():
            return _bar_rows(plot)


def _line_rows(plot: LinePlot) -> DataRows:
    """Return a row for each x value, with the values of all lines."""
    columns = [line.values for line in plot.lines]
    return [
        {"x": x, **{f"y{order}": _drawable(column[at], plot.y) for order, column in enumerate(columns)}}
        for at, x in enumerate(plot.x_values)
    ]


def _drawable(value: float | None, axis: Axis) -> float | None:
    return None if value is None or (axis.is_log and value <= 0) else value


def _heat_rows(plot: HeatPlot) -> DataRows:
    return [
        {
            "column": cell.column,
            "row": cell.row,
            "text": cell.text,
            "subtext": cell.subtext,
            "fill": f"var(--heat-{cell.heat})",
            "ink": f"var(--heat-ink-{cell.heat})",
            "highlighted": cell.is_highlighted,
        }
        for cell in plot.cells
    ]


def _bar_rows(plot: BarPlot) -> DataRows:
    return [
        {
            "row": order,
            "label": bar.label,
            "text": bar.text,
            "value": bar.value,
            "low": bar.low,
            "high": bar.high,
            "fill": f"var(--{bar.tone})",
        }
        for order, bar in enumerate(plot.bars)
    ]
