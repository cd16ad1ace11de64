"""A load run as a page shows it: what came of it in all, over time, by operation and by stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from vecgate.errors import VecgateError
from vecgate.gate.load import held_stage
from vecgate.reporting.html.figures import Figure, Figures
from vecgate.reporting.html.latency import latency_plots, latency_table
from vecgate.reporting.html.load_tables import load_tables
from vecgate.reporting.html.load_tiles import load_tiles
from vecgate.reporting.html.plots import LinePlot
from vecgate.reporting.html.series import PLACES_MAX, PLACES_MAX_WIDE, Timeline, bucket_of
from vecgate.reporting.html.timeline import generator_plot, in_flight_plot, rate_plot, trouble_plot
from vecgate.reporting.html.views import Table, Tile
from vecgate.results.counts import Counts
from vecgate.results.load import Client
from vecgate.results.records import Stream
from vecgate.results.summary import Summary

#: By client, what the two clocks are.
NOTES: Mapping[Client, str] = {
    "direct": (
        "Response times count from the moment a request was due, service times from the moment it left. "
        "Where they differ, requests waited for the generator or for one another."
    ),
    "bulk": (
        "Response times count from the moment a request was due, service times from when its last attempt "
        "left. Where they differ, requests waited for the pacing of the batch client, or to be sent again."
    ),
}
#: Operations with charts of their own; the service has 22.
OPERATIONS_MAX = 24


@dataclass(frozen=True, slots=True)
class LoadView:
    """What the template of a load run shows.

    tiles      the figures that matter most
    on_pass    what is to be known of the figures in the verdict, where that is PASS
    bound      why the generator was the limit, empty where it was not
    timeline   charts of the whole run; *calm*, that nothing went wrong
    resolution what a point of a chart stands for, empty where it is a second
    latency    of each operation, None where there is a *problem* with the histograms
    operations the charts of each
    tables     the rest
    """

    tiles: tuple[Tile, ...]
    bound: str
    timeline: tuple[Figure, ...]
    calm: str
    resolution: str
    latency: Table | None
    operations: tuple[tuple[str, tuple[Figure, ...]], ...]
    problem: str
    tables: tuple[Table, ...]
    on_pass: str = ""


def load_view(stream: Stream, figures: Figures, summary: Summary) -> LoadView:
    """The view of a load run, of which there is a *summary*."""
    timeline = Timeline(summary.seconds)
    latency, problem = latency_or_problem(summary.operations, NOTES[summary.plan.client])
    trouble = trouble_plot(timeline, summary.plan.client)
    plots = latency_plots(summary.operations, timeline, is_measured=not problem) if timeline.at else {}
    return LoadView(
        tiles=tuple(load_tiles(summary, is_measured=not problem)),
        bound=summary.limited_by_generator,
        timeline=tuple(figures.all("run", _timeline(summary, timeline, trouble))) if timeline.at else (),
        resolution=resolution_of(timeline),
        calm="" if trouble or not timeline.at else "No request failed, was throttled, dropped, lost or late.",
        latency=latency,
        operations=tuple(operation_figures(plots, figures)),
        problem=problem,
        tables=tuple(load_tables(stream, summary, is_measured=not problem)),
        on_pass=_on_pass(summary),
    )


def resolution_of(timeline: Timeline) -> str:
    """What a point of the charts stands for, where it is more than a second."""
    each = [bucket_of(len(timeline.at), limit) for limit in (PLACES_MAX, PLACES_MAX_WIDE)]
    if each[0] == 1:
        return ""
    wide = "" if each[1] == 1 else f", wide ones for {each[1]} s"
    return f"Charts show the lowest and the highest value for every {each[0]} s{wide}."


def _timeline(summary: Summary, timeline: Timeline, trouble: LinePlot | None) -> Iterator[LinePlot]:
    yield rate_plot(summary, timeline)
    if trouble:
        yield trouble
    yield in_flight_plot(summary, timeline)
    yield generator_plot(timeline)


def operation_figures(
    plots: Mapping[str, Sequence[LinePlot]], figures: Figures
) -> Iterator[tuple[str, tuple[Figure, ...]]]:
    """The charts of each operation, of the first ones where a stream names very many."""
    for order, (name, found) in enumerate(islice(plots.items(), OPERATIONS_MAX), start=1):
        yield name, tuple(figures.all(f"operation-{order}", found))


def latency_or_problem(operations: Mapping[str, Counts], note: str) -> tuple[Table | None, str]:
    """The table, or why there is none: what counts requests does not depend on how long they took."""
    try:
        return latency_table(operations, note), ""
    except VecgateError as error:
        return None, f"{error}. {error.hint}".strip()


def _on_pass(summary: Summary) -> str:
    stage = held_stage(summary)
    if stage is None or len(summary.stages) == 1:
        return ""
    return (
        f"Rate and p99 in the verdict are those of the stage “{stage.stage.told}”. "
        "What follows is of the whole run, unless it names a stage."
    )
