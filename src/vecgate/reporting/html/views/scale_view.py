"""The page of a scaling grid: a heat map of the rates, and the recommended configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.formatting import format_compact, format_milliseconds, format_number, format_usd
from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.charts.plots import HeatCell, HeatPlot
from vecgate.reporting.html.components import ExperimentView, Table, TableCell, Tile
from vecgate.reporting.text.scale_remarks import scale_remarks
from vecgate.results.load.load_records import Cell
from vecgate.results.records import Stream
from vecgate.s3vectors.pricing import PRICE_SOURCE

HEAT_MAX = 6
EFFICIENCY_NOTE = (
    "Efficiency compares the rate with linear scaling from the smallest number of requests in flight."
)


def scale_view(stream: Stream, figures: FigureBuilder) -> ExperimentView:
    """Return the view of a scaling grid."""
    cells = stream.of(Cell)
    return ExperimentView(
        heading="Configurations",
        tiles=tuple(_tiles(cells)),
        figures=tuple(figures.build_all("grid", heat_plots(cells))),
        tables=(_table(cells),) if cells else (),
        remarks=tuple(scale_remarks(cells)),
    )


def heat_plots(cells: Sequence[Cell]) -> Iterator[HeatPlot]:
    """Return the heat map of the rates of *cells*, or nothing for an empty grid."""
    if not cells:
        return
    fastest = max(*(cell.vectors_per_s for cell in cells), 1e-9)
    yield HeatPlot(
        title="Vectors per second, and efficiency",
        unit="rows: vectors per request; columns: requests in flight",
        columns=tuple(str(each) for each in sorted({cell.in_flight for cell in cells})),
        rows=tuple(str(each) for each in sorted({cell.vectors_per_request for cell in cells}, reverse=True)),
        cells=tuple(
            HeatCell(
                column=str(cell.in_flight),
                row=str(cell.vectors_per_request),
                text=format_compact(cell.vectors_per_s),
                subtext=f"{100 * cell.efficiency:.0f} %",
                heat=round(HEAT_MAX * min(max(cell.vectors_per_s / fastest, 0.0), 1.0)),
                is_highlighted=cell.is_recommended,
            )
            for cell in cells
        ),
        description=" ".join(_describe(cells)),
    )


def _tiles(cells: Sequence[Cell]) -> Iterator[Tile]:
    best = next((cell for cell in cells if cell.is_recommended), None)
    if best is None:
        yield Tile("recommended", "none", "", "no configuration is recommended", "bad")
        return
    shape = f"{best.vectors_per_request:,} × {best.in_flight:,}"
    yield Tile("recommended", shape, "", "vectors per request × requests in flight")
    yield Tile(
        "rate",
        format_number(best.vectors_per_s),
        "vectors/s",
        f"{format_number(best.requests_per_s)} requests/s",
    )
    yield Tile("p99", format_number(best.p99_ms), "ms", f"p50 {format_milliseconds(best.p50_ms)}")
    yield Tile("cost", format_usd(best.usd_per_million), "", f"per million vectors, {PRICE_SOURCE}")


def _describe(cells: Sequence[Cell]) -> Iterator[str]:
    fastest = max(cells, key=lambda cell: cell.vectors_per_s)
    yield (
        f"Fastest: {fastest.vectors_per_request:,} vectors per request, {fastest.in_flight:,} in flight, "
        f"{format_number(fastest.vectors_per_s)} vectors per second."
    )
    for cell in cells:
        if cell.is_recommended:
            yield f"Recommended: {cell.vectors_per_request:,} per request, {cell.in_flight:,} in flight."


def _table(cells: Sequence[Cell]) -> Table:
    columns = (
        *("vectors per request", "in flight", "vectors/s", "requests/s", "p50 ms", "p99 ms"),
        *("efficiency", "CPU s per 1,000", "$ per million", "throttled", "errors", ""),
    )
    rows = [
        (
            TableCell(f"{each.vectors_per_request:,}", each.vectors_per_request),
            f"{each.in_flight:,}",
            TableCell(format_number(each.vectors_per_s), each.vectors_per_s),
            TableCell(format_number(each.requests_per_s), each.requests_per_s),
            TableCell(format_number(each.p50_ms), each.p50_ms),
            TableCell(format_number(each.p99_ms), each.p99_ms),
            TableCell(f"{100 * each.efficiency:.0f} %", each.efficiency),
            TableCell(format_number(each.cpu_s_per_1000), each.cpu_s_per_1000),
            TableCell(format_usd(each.usd_per_million), each.usd_per_million),
            f"{each.throttled:,}",
            f"{each.errors:,}",
            TableCell("recommended" if each.is_recommended else "", tone="good"),
        )
        for each in cells
    ]
    return Table("All configurations", columns, tuple(rows), frozenset({""}), EFFICIENCY_NOTE)
