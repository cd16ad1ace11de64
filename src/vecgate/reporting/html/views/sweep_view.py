"""The page of a sweep: the curve of latency by achieved rate with its knee, and every rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.formatting import format_count, format_milliseconds, format_number, format_usd
from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.components import ExperimentView, Table, TableCell, TableRow, Tile
from vecgate.reporting.html.views.latency_charts import few_note, percentile_cell
from vecgate.reporting.html.views.rate_latency_chart import RatePoint, rate_latency_plot
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.load.sweep_records import Knee, SweepPoint
from vecgate.results.records import Stream
from vecgate.s3vectors.pricing import PRICE_SOURCE

#: Label and tone of the outcomes of a rate.
HELD, FAILED, INCONCLUSIVE = ("held", "good"), ("failed", "bad"), ("inconclusive", "doubt")
KNEE_TEXT = "the highest ratio of achieved rate to p99: beyond it, load costs more latency than it gains"


def sweep_view(stream: Stream, figures: FigureBuilder) -> ExperimentView:
    """Return the view of a sweep."""
    points, knee, plan = stream.of(SweepPoint), stream.first(Knee), stream.first(LoadPlan)
    unit = plan.unit if plan else "requests"
    name = plan.sweep_operation if plan else ""
    highlighted = (knee.achieved_per_s, "knee") if knee else None
    curve = rate_latency_plot(tuple(sweep_points(points)), unit, highlighted)
    return ExperimentView(
        heading=f"Rates of {name}" if name else "Rates",
        tiles=tuple(_tiles(points, knee, unit)),
        figures=(figures.build("curve", curve),) if curve else (),
        tables=tuple(_tables(points, unit)),
        remarks=(("knee", KNEE_TEXT if knee else "no bend was seen up to the highest rate"),),
    )


def sweep_points(points: Sequence[SweepPoint]) -> Iterator[RatePoint]:
    """Return the points of the curve, without those at which the generator was the limit."""
    for point in points:
        if not point.is_inconclusive:
            yield RatePoint(
                point.rate_per_s,
                point.achieved_per_s,
                point.p50_ms,
                point.p99_ms,
                is_held=point.held,
                label=f"{format_number(point.rate_per_s)}/s offered",
            )


def best_point(points: Sequence[SweepPoint]) -> SweepPoint | None:
    """Return the point with the highest rate that held, or None."""
    held = [point for point in points if point.held and not point.is_inconclusive]
    return max(held, key=lambda point: point.rate_per_s, default=None)


def _tiles(points: Sequence[SweepPoint], knee: Knee | None, unit: str) -> Iterator[Tile]:
    best = best_point(points)
    if best is None:
        yield Tile("highest rate that held", "none", "", f"of {format_count(len(points), 'rate')}", "bad")
    else:
        note = f"p50 {format_milliseconds(best.p50_ms)}, p99 {format_milliseconds(best.p99_ms)}"
        yield Tile("highest rate that held", format_number(best.achieved_per_s), f"{unit}/s", note)
    if knee is not None:
        note = f"p50 {format_milliseconds(knee.p50_ms)}, p99 {format_milliseconds(knee.p99_ms)}"
        yield Tile("knee", format_number(knee.achieved_per_s), f"{unit}/s", note)
    if best is not None and best.recall is not None:
        yield Tile(f"recall@{best.k}", f"{best.recall:.4f}", "", "at the highest rate that held")
    if best is not None and best.usd_per_hour:
        yield Tile("cost", format_usd(best.usd_per_hour), "per hour", f"at that rate, {PRICE_SOURCE}")


def _tables(points: Sequence[SweepPoint], unit: str) -> Iterator[Table]:
    if points:
        columns = (
            *(
                "offered",
                f"achieved {unit}/s",
                "p50 ms",
                "p95 ms",
                "p99 ms",
                "requests",
                "errors",
                "throttled",
            ),
            *("recall", "$ per hour", "outcome", "reason"),
        )
        rows = tuple(map(_row, points))
        yield Table("Every rate", columns, rows, frozenset({"outcome", "reason"}), few_note(rows))
    if any(len(point.operations) > 1 for point in points):
        yield _operation_table(points)


def _operation_table(points: Sequence[SweepPoint]) -> Table:
    columns = ("operation", "offered", "achieved requests/s", "p50 ms", "p99 ms", "requests", "errors")
    rows = tuple(_operation_rows(points))
    return Table("Every operation at each rate", columns, rows, note=few_note(rows))


def _row(point: SweepPoint) -> TableRow:
    outcome = INCONCLUSIVE if point.is_inconclusive else HELD if point.held else FAILED
    return (
        TableCell(format_number(point.rate_per_s), point.rate_per_s),
        TableCell(format_number(point.achieved_per_s), point.achieved_per_s),
        percentile_cell(50, point.p50_ms, point.requests),
        percentile_cell(95, point.p95_ms, point.requests),
        percentile_cell(99, point.p99_ms, point.requests),
        f"{point.requests:,}",
        f"{point.errors:,}",
        f"{point.throttled:,}",
        TableCell("–" if point.recall is None else f"{point.recall:.4f}", point.recall),
        TableCell(format_usd(point.usd_per_hour), point.usd_per_hour),
        TableCell(outcome[0], tone=outcome[1]),
        point.reason,
    )


def _operation_rows(points: Sequence[SweepPoint]) -> Iterator[TableRow]:
    for point in points:
        for name, found in sorted(point.operations.items()):
            yield (
                name,
                TableCell(format_number(point.rate_per_s), point.rate_per_s),
                TableCell(format_number(found.achieved_per_s), found.achieved_per_s),
                percentile_cell(50, found.p50_ms, found.requests),
                percentile_cell(99, found.p99_ms, found.requests),
                f"{found.requests:,}",
                f"{found.errors:,}",
            )
