"""The grid of configurations: a heat map of their rates, and the one that is recommended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.reporting.html.figures import Figures, Tried
from vecgate.reporting.html.plots import HeatCell, HeatPlot
from vecgate.reporting.html.views import Cell, Table, Tile
from vecgate.reporting.scale import remarks_of
from vecgate.reporting.wording import PRICED, milliseconds, number, short, usd
from vecgate.results.load import Cell as GridCell
from vecgate.results.records import Stream

HEATS = 6


def scale_view(stream: Stream, figures: Figures) -> Tried:
    """A grid of configurations."""
    cells = stream.of(GridCell)
    return Tried(
        tiles=tuple(_scale_tiles(cells)),
        figures=tuple(
            figures.of(f"grid-{order}", plot) for order, plot in enumerate(heat_plots(cells), start=1)
        ),
        tables=(_cells(cells),) if cells else (),
        remarks=tuple(remarks_of(cells)),
    )


def heat_plots(cells: Sequence[GridCell]) -> Iterator[HeatPlot]:
    """The grid as a map of its rates."""
    if not cells:
        return
    fastest = max(*(cell.vectors_per_s for cell in cells), 1e-9)
    yield HeatPlot(
        title="Vectors a second, and efficiency",
        unit="down: vectors per request; across: requests in flight",
        columns=tuple(str(each) for each in sorted({cell.in_flight for cell in cells})),
        rows=tuple(str(each) for each in sorted({cell.vectors_per_request for cell in cells}, reverse=True)),
        cells=tuple(
            HeatCell(
                column=str(cell.in_flight),
                row=str(cell.vectors_per_request),
                text=short(cell.vectors_per_s),
                small=f"{100 * cell.efficiency:.0f} %",
                heat=round(HEATS * min(max(cell.vectors_per_s / fastest, 0.0), 1.0)),
                is_chosen=cell.is_recommended,
            )
            for cell in cells
        ),
        told=" ".join(_recommended(cells)),
    )


def _scale_tiles(cells: Sequence[GridCell]) -> Iterator[Tile]:
    chosen = next((cell for cell in cells if cell.is_recommended), None)
    if chosen is None:
        yield Tile("recommended", "none", "", "no configuration is recommended", "bad")
        return
    yield Tile(
        "recommended",
        f"{chosen.vectors_per_request:,} × {chosen.in_flight:,}",
        "",
        "vectors per request × requests in flight",
    )
    yield Tile(
        "rate", number(chosen.vectors_per_s), "vectors/s", f"{number(chosen.requests_per_s)} requests/s"
    )
    yield Tile("p99", number(chosen.p99_ms), "ms", f"half within {milliseconds(chosen.p50_ms)}")
    yield Tile("price", usd(chosen.usd_per_million), "", f"for a million vectors, {PRICED}")


def _recommended(cells: Sequence[GridCell]) -> Iterator[str]:
    best = max(cells, key=lambda cell: cell.vectors_per_s)
    yield (
        f"Fastest: {best.vectors_per_request:,} vectors per request, {best.in_flight:,} in flight, "
        f"{number(best.vectors_per_s)} vectors a second."
    )
    for cell in cells:
        if cell.is_recommended:
            yield f"Recommended: {cell.vectors_per_request:,} per request, {cell.in_flight:,} in flight."


def _cells(cells: Sequence[GridCell]) -> Table:
    columns = (
        "vectors per request",
        "in flight",
        "vectors/s",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "efficiency",
        "CPU s per 1,000",
        "$ per million",
        "throttled",
        "errors",
        "",
    )
    rows = [
        (
            Cell(f"{each.vectors_per_request:,}", each.vectors_per_request),
            f"{each.in_flight:,}",
            Cell(number(each.vectors_per_s), each.vectors_per_s),
            Cell(number(each.requests_per_s), each.requests_per_s),
            Cell(number(each.p50_ms), each.p50_ms),
            Cell(number(each.p99_ms), each.p99_ms),
            Cell(f"{100 * each.efficiency:.0f} %", each.efficiency),
            Cell(number(each.cpu_s_per_1000), each.cpu_s_per_1000),
            Cell(usd(each.usd_per_million), each.usd_per_million),
            f"{each.throttled:,}",
            f"{each.errors:,}",
            Cell("recommended" if each.is_recommended else "", tone="good"),
        )
        for each in cells
    ]
    note = "Efficiency: of what as many requests in flight would reach if each were as fast as one alone."
    return Table("All configurations", columns, tuple(rows), frozenset({""}), note)
