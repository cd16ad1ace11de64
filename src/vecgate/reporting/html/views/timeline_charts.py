"""Charts of a load run over time: its rate, failures, lateness, requests in flight, and the generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from vecgate.formatting import format_milliseconds, format_number
from vecgate.reporting.html.charts.axes import linear_axis, log_axis, time_axis
from vecgate.reporting.html.charts.plots import HEIGHT, Limit, LinePlot, Marker, PlotLine, Shape, Values
from vecgate.reporting.html.charts.series import POINTS_MAX, POINTS_MAX_WIDE, Timeline, downsample
from vecgate.results.load.generator_health import BUSY_CORES, LAG_MS
from vecgate.results.load.load_records import Client, Second
from vecgate.results.load.load_summary import LoadSummary

#: Height in pixels of the charts of failures and lateness.
PROBLEMS_HEIGHT = 110
#: A run with fewer requests has too little to show in more than one chart over time.
REQUESTS_MIN = 300
#: With this share of the allowed requests in flight, the limit may have mattered.
NEAR_LIMIT = 0.5
#: Name, tone, values and shape of a line.
LineSpec: TypeAlias = tuple[str, str, Values, Shape]


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of a run as charts show them.

    markers     the start of each; empty if there is only one
    ignored_to  end of the warm-up
    """

    markers: tuple[Marker, ...] = ()
    ignored_to: float = 0.0


def stages_of(summary: LoadSummary) -> Stages:
    """Return the stages of a load run."""
    found = [Marker(each.start_s, each.stage.label) for each in summary.stages]
    return Stages(tuple(found) if len(found) > 1 else (), summary.measured_from_s)


def _errors(second: Second) -> int:
    return sum(sum(each.errors.values()) for each in second.operations.values())


def count_throttled(second: Second) -> int:
    """Return how many requests or attempts were throttled in *second*."""
    return sum(each.throttled for each in second.operations.values())


def _failed(second: Second) -> int:
    return max(0, _errors(second) - count_throttled(second))


#: Name, tone and count of each kind of failure except for failed requests, the worst first.
FAILURES: tuple[tuple[str, str, Callable[[Second], int]], ...] = (
    ("throttled", "throttled", count_throttled),
    ("dropped", "dropped", lambda second: second.dropped),
    ("not sent", "lost", lambda second: second.lost),
    ("unknown", "unknown", lambda second: second.unknown),
)


def load_timeline_plots(summary: LoadSummary, timeline: Timeline) -> Iterator[LinePlot]:
    """Return the charts of a load run over time. A small run gets those that show a problem, and its rate."""
    if not timeline.at:
        return
    stages, is_small = stages_of(summary), summary.requests < REQUESTS_MIN
    yield rate_plot(summary, timeline)
    problems = (load_failures_plot(timeline, summary.plan.client, stages), lateness_plot(timeline, stages))
    yield from filter(None, problems)
    in_flight = timeline.values(lambda second: second.in_flight)
    if not is_small or _peak(in_flight) >= NEAR_LIMIT * summary.plan.in_flight_max:
        yield in_flight_plot(summary, timeline)
    if not is_small or summary.limited_by_generator:
        yield generator_plot(timeline, stages)
    if lag := loop_lag_plot(timeline, stages, is_decisive=bool(summary.limited_by_generator)):
        yield lag


def rate_plot(summary: LoadSummary, timeline: Timeline) -> LinePlot:
    """Return the chart of the offered and the achieved rate."""
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
        stages=stages_of(summary),
        is_wide=True,
    )


def in_flight_plot(summary: LoadSummary, timeline: Timeline) -> LinePlot:
    """Return the chart of the requests in flight at the end of each second, with the limit if it was near."""
    values, limit = timeline.values(lambda second: second.in_flight), summary.plan.in_flight_max
    is_near = 0 < limit * NEAR_LIMIT <= _peak(values)
    return time_plot(
        "Requests in flight",
        "requests",
        timeline,
        [("in flight", "flight", values, "step")],
        description=f"Up to {format_peak(values)} requests were in flight; the limit was {limit:,}.",
        stages=stages_of(summary),
        limits=(Limit(limit, f"limit {limit:,}"),) if is_near else (),
    )


def load_failures_plot(
    timeline: Timeline, client: Client = "direct", stages: Stages | None = None
) -> LinePlot | None:
    """Return the chart of failed, throttled, dropped and lost requests, None if there were none.

    A throttled request of the client `direct` has failed, and is shown as throttled only. With `bulk`,
    throttled attempts are sent again, so both lines are independent.
    """
    failed = _failed if client == "direct" else _errors
    counts = (("failed", "failed", failed), *FAILURES)
    lines: list[LineSpec] = [(name, tone, timeline.values(count), "step") for name, tone, count in counts]
    return problems_plot("Failures", timeline, lines, stages)


def lateness_plot(timeline: Timeline, stages: Stages | None = None) -> LinePlot | None:
    """Return the chart of requests sent more than 10 ms after their time, None if there were none."""
    values = timeline.values(lambda second: second.late)
    return problems_plot("Sent more than 10 ms late", timeline, [("late", "late", values, "step")], stages)


def problems_plot(
    title: str, timeline: Timeline, candidates: Sequence[LineSpec], stages: Stages | None = None
) -> LinePlot | None:
    """Return the chart of those *candidates* that are not zero, None if all are."""
    lines = [line for line in candidates if any(line[2])]
    if not lines:
        return None
    peaks = (f"{name}: up to {format_peak(values)} in a second" for name, _, values, _ in lines)
    return time_plot(
        title,
        "requests per second",
        timeline,
        lines,
        description=f"{'; '.join(peaks)}.",
        stages=stages,
        height=PROBLEMS_HEIGHT,
    )


def generator_plot(timeline: Timeline, stages: Stages | None = None) -> LinePlot:
    """Return the chart of the CPU use of the busiest worker."""
    values = timeline.values(lambda second: 100 * second.busiest_cores)
    busy = 100 * BUSY_CORES
    return time_plot(
        "CPU of the busiest worker",
        "% of a core",
        timeline,
        [("busiest worker", "generator", values, "step")],
        description=f"The busiest worker used up to {format_peak(values)} % of a core.",
        stages=stages,
        limits=(Limit(busy, f"no time left from {busy:.0f} %"),) if _peak(values) >= busy else (),
        least=100,
    )


def loop_lag_plot(timeline: Timeline, stages: Stages | None = None, *, is_decisive: bool) -> LinePlot | None:
    """Return the chart of the delay of the event loop; None if it was always small and is not *decisive*."""
    values = timeline.values(lambda second: second.loop_lag_ms)
    if not is_decisive and _peak(values) < LAG_MS:
        return None
    limit = Limit(LAG_MS, f"adds to latencies from {format_milliseconds(LAG_MS)}")
    return time_plot(
        "Delay of the event loop",
        "ms, worst worker",
        timeline,
        [("delay", "late", values, "step")],
        description=f"The event loop of a worker was up to {format_peak(values)} ms late.",
        stages=stages,
        limits=(limit,) if _peak(values) >= LAG_MS else (),
    )


def time_plot(
    title: str,
    unit: str,
    timeline: Timeline,
    lines: Sequence[LineSpec],
    *,
    description: str,
    stages: Stages | None = None,
    limits: tuple[Limit, ...] = (),
    is_wide: bool = False,
    least: float = 1.0,
    height: int = HEIGHT,
) -> LinePlot:
    """Return a chart of *lines* over the seconds of a run. The y axis reaches at least to *least*."""
    limit = POINTS_MAX_WIDE if is_wide else POINTS_MAX
    kept = downsample(timeline.at, [values for _, _, values, _ in lines], limit)
    stages = stages or Stages()
    highest = (value for values in kept.columns for value in values)
    return LinePlot(
        title=title,
        unit=unit,
        x=time_axis(timeline.end_s),
        y=linear_axis((*highest, *(each.at for each in limits)), least=least),
        # The last second lasts until the end: its value is repeated there.
        x_values=(*kept.x_values, timeline.end_s) if kept.x_values else (),
        lines=tuple(
            PlotLine(name, tone, (*values, *values[-1:]), shape)
            for (name, tone, _, shape), values in zip(lines, kept.columns, strict=True)
        ),
        description=description,
        markers=stages.markers,
        limits=limits,
        ignored_to=stages.ignored_to,
        height=height,
        is_wide=is_wide,
    )


def curves_plot(
    title: str,
    unit: str,
    times: Sequence[float],
    end_s: float,
    lines: Sequence[PlotLine],
    *,
    description: str,
    stages: Stages | None = None,
    is_log: bool = False,
    is_wide: bool = False,
) -> LinePlot:
    """Return a chart of *lines*, with a value for each of *times*, downsampled for the width of the chart."""
    limit = POINTS_MAX_WIDE if is_wide else POINTS_MAX
    kept = downsample(times, [line.values for line in lines], limit)
    stages, values = stages or Stages(), [value for column in kept.columns for value in column]
    return LinePlot(
        title=title,
        unit=unit,
        x=time_axis(end_s),
        y=log_axis(values) if is_log else linear_axis(values),
        x_values=kept.x_values,
        lines=tuple(replace(line, values=column) for line, column in zip(lines, kept.columns, strict=True)),
        description=description,
        markers=stages.markers,
        ignored_to=stages.ignored_to,
        is_wide=is_wide,
    )


def format_peak(values: Values) -> str:
    """Format the highest of *values*."""
    return format_number(_peak(values))


def _peak(values: Values) -> float:
    return max((value for value in values if value is not None), default=0)


def _done(second: Second, *, is_vectors: bool) -> int:
    return sum(each.vectors if is_vectors else each.ok for each in second.operations.values())
