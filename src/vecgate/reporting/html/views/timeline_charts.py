"""Charts of a load run over time: offered and achieved rate, requests in flight, problems, generator CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from vecgate.formatting import format_number
from vecgate.reporting.html.charts.axes import linear_axis, time_axis
from vecgate.reporting.html.charts.plots import HEIGHT, LinePlot, PlotLine, Shape, Values
from vecgate.reporting.html.charts.series import POINTS_MAX, POINTS_MAX_WIDE, Timeline, downsample
from vecgate.results.load_records import Client, Second
from vecgate.results.load_summary import LoadSummary

#: Height in pixels of the chart of problems.
PROBLEMS_HEIGHT = 90
#: Name, tone, values and shape of a line.
LineSpec: TypeAlias = tuple[str, str, Values, Shape]


def _errors(second: Second) -> int:
    return sum(sum(each.errors.values()) for each in second.operations.values())


def count_throttled(second: Second) -> int:
    """Return how many requests or attempts were throttled in *second*."""
    return sum(each.throttled for each in second.operations.values())


def _failed(second: Second) -> int:
    return max(0, _errors(second) - count_throttled(second))


#: Name, tone and count of each kind of problem except for failures, the worst first.
PROBLEMS: tuple[tuple[str, str, Callable[[Second], int]], ...] = (
    ("throttled", "throttled", count_throttled),
    ("dropped", "dropped", lambda second: second.dropped),
    ("lost", "lost", lambda second: second.lost),
    ("late", "late", lambda second: second.late),
)


def rate_plot(summary: LoadSummary, timeline: Timeline) -> LinePlot:
    """Return the chart of the offered and the achieved rate, with a marker at the start of each stage."""
    is_vectors = summary.unit == "vectors"
    offered = timeline.values(lambda second: second.due_vectors if is_vectors else second.due)
    achieved = timeline.values(lambda second: _done(second, is_vectors=is_vectors))
    description = (
        f"Offered up to {format_peak(offered)} {summary.unit} per second; "
        f"achieved {format_number(summary.achieved_per_s)} on average and up to {format_peak(achieved)}."
    )
    return time_plot(
        "Offered and achieved rate",
        f"{summary.unit} per second",
        timeline,
        [
            ("achieved", "achieved", achieved, "area"),
            ("achieved", "achieved", achieved, "step"),
            ("offered", "offered", offered, "step"),
        ],
        description=description,
        markers=[stage.start_s for stage in summary.stages if stage.start_s > 0],
        is_wide=True,
    )


def in_flight_plot(summary: LoadSummary, timeline: Timeline) -> LinePlot:
    """Return the chart of the requests in flight at the end of each second."""
    values = timeline.values(lambda second: second.in_flight)
    description = (
        f"Up to {format_peak(values)} requests were in flight; the limit was {summary.plan.in_flight_max:,}."
    )
    lines: list[LineSpec] = [("in flight", "flight", values, "step")]
    return time_plot("Requests in flight", "requests", timeline, lines, description=description)


def load_problems_plot(timeline: Timeline, client: Client = "direct") -> LinePlot | None:
    """Return the chart of failed, throttled, dropped, lost and late requests, None if there were none.

    A throttled request of the client `direct` has failed, and is shown as throttled only. With `bulk`,
    throttled attempts are sent again, so both lines are independent.
    """
    failed = _failed if client == "direct" else _errors
    problems = (("failed", "failed", failed), *PROBLEMS)
    return problems_plot(
        timeline, [(name, tone, timeline.values(count), "step") for name, tone, count in problems]
    )


def problems_plot(timeline: Timeline, candidates: Sequence[LineSpec]) -> LinePlot | None:
    """Return the chart of those *candidates* that are not zero, None if all are."""
    lines = [line for line in candidates if any(line[2])]
    if not lines:
        return None
    peaks = (f"{name}: up to {format_peak(values)} in a second" for name, _, values, _ in lines)
    return time_plot(
        "Problems",
        "requests per second",
        timeline,
        lines,
        description=f"{'; '.join(peaks)}.",
        height=PROBLEMS_HEIGHT,
        is_wide=True,
    )


def generator_plot(timeline: Timeline) -> LinePlot:
    """Return the chart of the CPU use of the busiest worker."""
    values = timeline.values(lambda second: 100 * second.busiest_cores)
    lag_ms = max(
        (value for value in timeline.values(lambda second: second.loop_lag_ms) if value), default=0.0
    )
    description = (
        f"The busiest worker used up to {format_peak(values)} % of a core; "
        f"its event loop lagged by up to {format_number(lag_ms)} ms."
    )
    return time_plot(
        "CPU of the busiest worker",
        "% of a core",
        timeline,
        [("busiest worker", "generator", values, "step")],
        description=description,
        least=100,
    )


def time_plot(
    title: str,
    unit: str,
    timeline: Timeline,
    lines: Sequence[LineSpec],
    *,
    description: str,
    markers: Sequence[float] = (),
    is_wide: bool = False,
    least: float = 1.0,
    height: int = HEIGHT,
) -> LinePlot:
    """Return a chart of *lines* over the seconds of a run. The y axis reaches at least to *least*."""
    limit = POINTS_MAX_WIDE if is_wide else POINTS_MAX
    kept = downsample(timeline.at, [values for _, _, values, _ in lines], limit)
    return LinePlot(
        title=title,
        unit=unit,
        x=time_axis(timeline.end_s),
        y=linear_axis((value for values in kept.columns for value in values), least=least),
        # The last second lasts until the end: its value is repeated there.
        x_values=(*kept.x_values, timeline.end_s) if kept.x_values else (),
        lines=tuple(
            PlotLine(name, tone, (*values, *values[-1:]), shape)
            for (name, tone, _, shape), values in zip(lines, kept.columns, strict=True)
        ),
        description=description,
        markers=tuple(markers),
        height=height,
        is_wide=is_wide,
    )


def format_peak(values: Values) -> str:
    """Format the highest of *values*."""
    return format_number(max((value for value in values if value is not None), default=0))


def _done(second: Second, *, is_vectors: bool) -> int:
    return sum(each.vectors if is_vectors else each.ok for each in second.operations.values())
