"""The page of a capacity search: the highest sustained rate, its cost, and every trial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.formatting import HOUR_S, format_number, format_times, format_usd
from vecgate.reporting.html.charts.axes import count_axis, linear_axis
from vecgate.reporting.html.charts.figures import ChartFigure, FigureBuilder
from vecgate.reporting.html.charts.plots import LinePlot, PlotLine, Shape
from vecgate.reporting.html.components import ExperimentView, Table, TableCell, Tile
from vecgate.reporting.html.views.latency_charts import few_note, percentile_cell
from vecgate.reporting.html.views.rate_latency_chart import RatePoint, rate_latency_plot
from vecgate.results.load.load_records import Capacity, LoadPlan, Trial
from vecgate.results.records import Stream
from vecgate.s3vectors.cost_estimate import estimate_cost
from vecgate.s3vectors.pricing import PRICE_SOURCE

#: Label, tone in the chart, shape, and tone in the table of each outcome of a trial.
OUTCOMES: tuple[tuple[str, str, Shape, str], ...] = (
    ("passed", "achieved", "circle", "good"),
    ("failed", "failed", "cross", "bad"),
    ("inconclusive", "late", "triangle", "doubt"),
)
TRIALS_NOTE = (
    "Percentiles cover the stage at the rate of the trial; thresholds cover the whole trial and its ramp."
)


def capacity_view(stream: Stream, figures: FigureBuilder) -> ExperimentView:
    """Return the view of a capacity search."""
    trials, capacity = stream.of(Trial), stream.first(Capacity)
    plan = stream.first(LoadPlan)
    unit = capacity.unit if capacity else plan.unit if plan else "vectors"
    return ExperimentView(
        heading="Trials",
        tiles=(*_capacity_tiles(capacity), *(_cost_tiles(capacity, plan) if capacity and plan else ())),
        figures=tuple(_figures(trials, capacity, unit, figures)),
        tables=(_trial_table(trials, unit),) if trials else (),
    )


def capacity_points(trials: Sequence[Trial]) -> Iterator[RatePoint]:
    """Return the point of each trial that shows what the target does at a rate."""
    for trial in trials:
        if not trial.is_inconclusive:
            label = f"trial {trial.number}, {format_number(trial.rate_per_s)}/s offered"
            yield RatePoint(
                trial.rate_per_s,
                trial.achieved_per_s,
                trial.p50_ms,
                trial.p99_ms,
                is_held=trial.held,
                label=label,
            )


def _figures(
    trials: Sequence[Trial], capacity: Capacity | None, unit: str, figures: FigureBuilder
) -> Iterator[ChartFigure]:
    highest = (capacity.rate_per_s, "highest rate") if capacity else None
    if curve := rate_latency_plot(tuple(capacity_points(trials)), unit, highest):
        yield figures.build("curve", curve)
    if trials:
        yield figures.build("path", search_plot(trials, unit))


def search_plot(trials: Sequence[Trial], unit: str) -> LinePlot:
    """Return the chart of the rates that were tried, in order, with their outcomes."""
    rates = tuple(trial.rate_per_s for trial in trials)
    outcomes = [_outcome(trial) for trial in trials]
    return LinePlot(
        title="Rates tried",
        unit=f"{unit} per second",
        x=count_axis(len(trials)),
        y=linear_axis(rates),
        x_values=tuple(float(at) for at in range(1, len(trials) + 1)),
        x_labels=tuple(f"trial {trial.number}, {trial.phase}" for trial in trials),
        lines=(
            PlotLine("rate", "rule", rates),
            *(
                PlotLine(
                    label,
                    tone,
                    tuple(r if o == at else None for r, o in zip(rates, outcomes, strict=True)),
                    shape,
                )
                for at, (label, tone, shape, _) in enumerate(OUTCOMES)
                if at in outcomes
            ),
        ),
        description=f"{len(trials)} rates were tried; {outcomes.count(0)} passed.",
    )


def _outcome(trial: Trial) -> int:
    return 2 if trial.is_inconclusive else 0 if trial.held else 1


def _capacity_tiles(capacity: Capacity | None) -> Iterator[Tile]:
    if capacity is None:
        yield Tile("highest rate", "none", "", "no rate was found and confirmed", "bad")
        return
    unit = f"{capacity.unit}/s"
    yield Tile(
        "highest rate",
        format_number(capacity.rate_per_s),
        unit,
        f"confirmed {format_times(capacity.confirmations)}",
    )
    if capacity.failed_per_s is None:
        yield Tile("lowest rate that failed", "none", "", "the highest allowed rate passed")
    else:
        yield Tile("lowest rate that failed", format_number(capacity.failed_per_s), unit)


def _cost_tiles(capacity: Capacity, plan: LoadPlan) -> Iterator[Tile]:
    """Return the cost per hour at the highest rate; nothing for queries, whose cost depends on the index."""
    if set(plan.operations) != {"PutVectors"}:
        return
    hourly = estimate_cost(
        round(HOUR_S * capacity.rate_per_s / (plan.vectors_per_request if capacity.unit == "vectors" else 1)),
        plan.operations,
        dimension=plan.dimension,
        vectors_per_request=plan.vectors_per_request,
        duration_s=HOUR_S,
    )
    yield Tile(
        "cost", format_usd(hourly.usd), "per hour", f"at the highest rate, without metadata, {PRICE_SOURCE}"
    )


def _trial_table(trials: Sequence[Trial], unit: str) -> Table:
    columns = (
        *("trial", "phase", f"rate {unit}/s", "achieved", "p50 ms", "p99 ms"),
        *("errors", "throttled", "outcome", "reason"),
    )
    rows = [
        (
            TableCell(str(each.number), each.number),
            each.phase,
            TableCell(format_number(each.rate_per_s), each.rate_per_s),
            TableCell(format_number(each.achieved_per_s), each.achieved_per_s),
            TableCell(format_number(each.p50_ms), each.p50_ms),
            percentile_cell(99, each.p99_ms, each.requests),
            f"{each.errors:,}",
            f"{each.throttled:,}",
            TableCell(OUTCOMES[_outcome(each)][0], tone=OUTCOMES[_outcome(each)][3]),
            each.reason,
        )
        for each in trials
    ]
    notes = f"{TRIALS_NOTE} {few_note(rows)}".strip()
    return Table("Trials", columns, tuple(rows), frozenset({"phase", "outcome", "reason"}), notes)
