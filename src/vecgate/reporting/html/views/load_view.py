"""The page of a load run: key figures, charts over time, latencies by operation, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from vecgate.errors import VecgateError
from vecgate.formatting import format_count, format_milliseconds, format_number, format_percentage, format_usd
from vecgate.gate.load_verdict import sustained_stage
from vecgate.reporting.html.charts.figures import ChartFigure, FigureBuilder
from vecgate.reporting.html.charts.plots import Plot
from vecgate.reporting.html.charts.series import POINTS_MAX, POINTS_MAX_WIDE, Timeline, bucket_size
from vecgate.reporting.html.components import Table, Tile
from vecgate.reporting.html.views.latency_charts import (
    describe_sample,
    latency_plots,
    latency_table,
    overall_plots,
)
from vecgate.reporting.html.views.load_tables import load_tables
from vecgate.reporting.html.views.timeline_charts import (
    lateness_plot,
    load_failures_plot,
    load_timeline_plots,
    stages_of,
)
from vecgate.results.load.load_records import Client
from vecgate.results.load.load_summary import LoadSummary
from vecgate.results.load.operation_counts import OperationCounts
from vecgate.results.records import Stream
from vecgate.s3vectors.pricing import PRICE_SOURCE

#: Meaning of response and service time by client.
LATENCY_NOTES: Mapping[Client, str] = {
    "direct": (
        "Response time is measured from the scheduled send of a request, service time from the actual send. "
        "Where they differ, requests waited for the load generator or for other requests."
    ),
    "bulk": (
        "Response time is measured from the scheduled send of a request, service time from the send of its "
        "last attempt. Where they differ, the batch client limited its rate or retried requests."
    ),
}
#: Operations with charts; the service has 22.
OPERATIONS_MAX = 24


@dataclass(frozen=True, slots=True)
class LoadView:
    """The data of the template for load runs.

    generator_limit  why the generator was the limit; empty if it was not
    timeline         charts of the whole run
    no_problems      a sentence instead of the charts of problems; empty if there were problems
    resolution       how many seconds a point of a chart stands for; empty if it is one
    latency          None if the histograms cannot be decoded; *latency_problem* says why
    overall          charts of all operations together
    operations       the charts of each operation
    on_pass          what the figures in the verdict refer to, shown if the verdict is PASS
    """

    tiles: tuple[Tile, ...]
    generator_limit: str
    timeline: tuple[ChartFigure, ...]
    no_problems: str
    resolution: str
    latency: Table | None
    overall: tuple[ChartFigure, ...]
    operations: tuple[tuple[str, tuple[ChartFigure, ...]], ...]
    latency_problem: str
    tables: tuple[Table, ...]
    on_pass: str = ""


def load_view(stream: Stream, figures: FigureBuilder, summary: LoadSummary) -> LoadView:
    """Return the view of the load run in *stream*, which *summary* summarizes."""
    timeline = Timeline(summary.seconds)
    latency, latency_problem = try_latency_table(summary.operations, LATENCY_NOTES[summary.plan.client])
    has_histograms = not latency_problem
    stages = stages_of(summary)
    plots = latency_plots(summary.operations, timeline, stages, has_histograms=has_histograms)
    problems = load_failures_plot(timeline, summary.plan.client) or lateness_plot(timeline)
    return LoadView(
        tiles=tuple(_tiles(summary, has_histograms=has_histograms)),
        generator_limit=summary.limited_by_generator,
        timeline=tuple(figures.build_all("run", load_timeline_plots(summary, timeline))),
        resolution=chart_resolution(timeline),
        no_problems=(
            "" if problems or not timeline.at else "No request failed, was throttled, dropped, lost or late."
        ),
        latency=latency,
        overall=tuple(figures.build_all("all", overall_plots(summary.operations, timeline, stages))),
        operations=tuple(operation_figures(plots, figures)),
        latency_problem=latency_problem,
        tables=tuple(load_tables(stream, summary, has_histograms=has_histograms)),
        on_pass=_on_pass(summary),
    )


def chart_resolution(timeline: Timeline) -> str:
    """Return a sentence about the resolution of the charts, empty if each second has its own point."""
    normal_s, wide_s = (bucket_size(len(timeline.at), limit) for limit in (POINTS_MAX, POINTS_MAX_WIDE))
    if normal_s == 1:
        return ""
    wide = "" if wide_s == 1 else f", wide charts for every {wide_s} s"
    return f"Charts show the lowest and the highest value for every {normal_s} s{wide}."


def operation_figures(
    plots: Mapping[str, Sequence[Plot]], figures: FigureBuilder
) -> Iterator[tuple[str, tuple[ChartFigure, ...]]]:
    """Return the charts of the first OPERATIONS_MAX operations. A stream may name any number of them."""
    for order, (name, found) in enumerate(islice(plots.items(), OPERATIONS_MAX), start=1):
        if found:
            yield name, tuple(figures.build_all(f"operation-{order}", found))


def try_latency_table(operations: Mapping[str, OperationCounts], note: str) -> tuple[Table | None, str]:
    """Return the table of latencies; or None and the reason if their histograms cannot be decoded.

    Everything else in the page does not depend on histograms and is shown anyway.
    """
    try:
        return latency_table(operations, note), ""
    except VecgateError as error:
        return None, f"{error}. {error.hint}".strip()


def _tiles(summary: LoadSummary, *, has_histograms: bool) -> Iterator[Tile]:
    unit, scope = summary.unit, _scope(summary)
    note = f"{scope}{format_percentage(summary.ok, summary.due)} of the schedule"
    yield Tile("achieved rate", format_number(summary.achieved_per_s), f"{unit}/s", note)
    if has_histograms and summary.operations:
        name, counts = max(summary.operations.items(), key=lambda item: (item[1].vectors, item[1].requests))
        response_ms, service_ms = (each.percentile_ms(99) for each in (counts.response, counts.service))
        note = f"{scope}service time {format_milliseconds(service_ms)}"
        note += describe_sample(99, counts.response.count)
        yield Tile(f"p99 {name}", format_number(response_ms), "ms", note)
    yield from _problem_tiles(summary)
    note = f"{format_usd(summary.usd_per_hour)} per hour at this rate, {PRICE_SOURCE}"
    yield Tile("cost", format_usd(summary.usd), "", note)


def _problem_tiles(summary: LoadSummary) -> Iterator[Tile]:
    """Return the tiles of failed requests, and of requests that were dropped or sent late."""
    counts = summary.operations.values()
    failed, throttled = sum(each.failed for each in counts), sum(each.throttled for each in counts)
    is_bulk = summary.plan.client == "bulk"
    throttled_label = format_count(throttled, "attempt") if is_bulk else f"{throttled:,} of them"
    note = f"{throttled_label} throttled" if throttled else "none throttled"
    tone = "bad" if failed else ""
    yield Tile("failed", f"{failed:,}", f"of {format_count(summary.requests, 'request')}", note, tone)
    late = "passed to the client more than 10 ms late" if is_bulk else "sent more than 10 ms late"
    tone = "bad" if summary.dropped else ""
    note = f"{summary.late:,} {late}"
    yield Tile("dropped", f"{summary.dropped:,}", f"of {summary.due:,} scheduled", note, tone)


def _scope(summary: LoadSummary) -> str:
    """Return a note that a figure covers all stages, empty for a run with one stage."""
    if len(summary.stages) < 2:  # noqa: PLR2004 - several
        return ""
    has_ramp = any(each.stage.kind == "ramp" for each in summary.stages)
    return "whole run including ramp; " if has_ramp else "whole run, all stages; "


def _on_pass(summary: LoadSummary) -> str:
    stage = sustained_stage(summary)
    if stage is None or len(summary.stages) == 1:
        return ""
    return (
        f"Rate and p99 in the verdict are those of the stage “{stage.stage.label}”. "
        "Figures below are for the whole run unless they name a stage."
    )
