"""The search for the highest rate: its path, trial by trial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.reporting.html.axes import numbered, rising
from vecgate.reporting.html.figures import Figures, Tried
from vecgate.reporting.html.plots import Line, LinePlot, Shape
from vecgate.reporting.html.views import Cell, Table, Tile
from vecgate.reporting.wording import HOUR_S, PRICED, number, times, usd
from vecgate.results.load import Capacity, Plan, Trial
from vecgate.results.records import Stream
from vecgate.s3vectors.estimate import estimate

#: What came of a trial: its word, its tone and its shape.
MARKS: tuple[tuple[str, str, Shape], ...] = (
    ("held", "achieved", "circle"),
    ("not held", "failed", "cross"),
    ("generator was the limit", "late", "triangle"),
)

NOTE = "Percentiles are of the stage at the rate; what thresholds say, of the whole trial with its ramp."


def capacity_view(stream: Stream, figures: Figures) -> Tried:
    """A capacity search."""
    trials, found = stream.of(Trial), stream.first(Capacity)
    plan = stream.first(Plan)
    unit = found.unit if found else plan.unit if plan else "vectors"
    return Tried(
        tiles=(*_capacity_tiles(found), *(_price(found, plan) if found and plan else ())),
        figures=(figures.of("path", path_plot(trials, unit)),) if trials else (),
        tables=(_trials(trials, unit),) if trials else (),
    )


def path_plot(trials: Sequence[Trial], unit: str) -> LinePlot:
    """The rates that were tried, in their order, and what came of each."""
    rates = tuple(trial.rate_per_s for trial in trials)
    outcomes = [_mark(trial) for trial in trials]
    told = f"{len(trials)} rates were tried; {outcomes.count(0)} held."
    return LinePlot(
        title="Path of the search",
        unit=f"{unit} a second",
        x=numbered(len(trials)),
        y=rising(rates),
        places=tuple(float(at) for at in range(1, len(trials) + 1)),
        names=tuple(f"trial {trial.number}, {trial.phase}" for trial in trials),
        lines=(
            Line("rate", "rule", rates),
            *(
                Line(
                    name,
                    tone,
                    tuple(r if o == at else None for r, o in zip(rates, outcomes, strict=True)),
                    shape,
                )
                for at, (name, tone, shape) in enumerate(MARKS)
                if at in outcomes
            ),
        ),
        told=told,
        is_wide=True,
    )


def _mark(trial: Trial) -> int:
    return 2 if trial.is_invalid else 0 if trial.held else 1


def _capacity_tiles(found: Capacity | None) -> Iterator[Tile]:
    if found is None:
        yield Tile("highest rate", "none", "", "no rate was found and confirmed", "bad")
        return
    unit = f"{found.unit}/s"
    yield Tile("highest rate", number(found.rate_per_s), unit, f"confirmed {times(found.confirmations)}")
    if found.failed_per_s is None:
        yield Tile("lowest that failed", "none", "", "the highest rate that was allowed held")
    else:
        yield Tile("lowest that failed", number(found.failed_per_s), unit)


def _price(found: Capacity, plan: Plan) -> Iterator[Tile]:
    """What an hour at the rate that was found costs, where that does not depend on what the index holds."""
    if set(plan.operations) != {"PutVectors"}:
        return
    hourly = estimate(
        round(HOUR_S * found.rate_per_s / (plan.vectors_per_request if found.unit == "vectors" else 1)),
        plan.operations,
        dimension=plan.dimension,
        vectors_per_request=plan.vectors_per_request,
        duration_s=HOUR_S,
    )
    yield Tile("price", usd(hourly.usd), "an hour", f"at that rate, without metadata, {PRICED}")


def _trials(trials: Sequence[Trial], unit: str) -> Table:
    columns = (
        "trial",
        "phase",
        f"rate {unit}/s",
        "achieved",
        "p50 ms at the rate",
        "p99 ms at the rate",
        "errors",
        "throttled",
        "outcome",
        "why",
    )
    rows = [
        (
            Cell(str(each.number), each.number),
            each.phase,
            Cell(number(each.rate_per_s), each.rate_per_s),
            Cell(number(each.achieved_per_s), each.achieved_per_s),
            Cell(number(each.p50_ms), each.p50_ms),
            Cell(number(each.p99_ms), each.p99_ms),
            f"{each.errors:,}",
            f"{each.throttled:,}",
            Cell(MARKS[_mark(each)][0], tone=("good", "bad", "doubt")[_mark(each)]),
            each.reason,
        )
        for each in trials
    ]
    return Table("Trials", columns, tuple(rows), frozenset({"phase", "outcome", "why"}), NOTE)
