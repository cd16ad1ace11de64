"""A load run over its time: what was offered and done, what waited, what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from vecgate.reporting.html.axes import elapsed, rising
from vecgate.reporting.html.plots import HEIGHT, Line, LinePlot, Shape
from vecgate.reporting.html.series import PLACES_MAX, PLACES_MAX_WIDE, Column, Timeline, shortened
from vecgate.reporting.wording import number
from vecgate.results.load import Client, Second
from vecgate.results.summary import Summary


def _errors(second: Second) -> int:
    return sum(sum(each.errors.values()) for each in second.operations.values())


def _throttled(second: Second) -> int:
    return sum(each.throttled for each in second.operations.values())


def _failed(second: Second) -> int:
    return max(0, _errors(second) - _throttled(second))


#: Name, tone and count of what should not happen, the worst first.
TROUBLES: tuple[tuple[str, str, Callable[[Second], int]], ...] = (
    ("throttled", "throttled", _throttled),
    ("dropped", "dropped", lambda second: second.dropped),
    ("lost", "lost", lambda second: second.lost),
    ("late", "late", lambda second: second.late),
)


#: Name, tone, values and shape of a line.
Drawn: TypeAlias = tuple[str, str, Column, Shape]


def rate_plot(summary: Summary, timeline: Timeline) -> LinePlot:
    """What was to be done in each second, and what was."""
    is_vectors = summary.unit == "vectors"
    offered = timeline.of(lambda second: second.due_vectors if is_vectors else second.due)
    achieved = timeline.of(lambda second: _done(second, is_vectors=is_vectors))
    told = (
        f"Offered at most {_most(offered)} {summary.unit} a second; "
        f"achieved {number(summary.achieved_per_s)} on average and {_most(achieved)} at most."
    )
    return over_time(
        "Offered and achieved",
        f"{summary.unit} a second",
        timeline,
        [
            ("achieved", "achieved", achieved, "area"),
            ("achieved", "achieved", achieved, "step"),
            ("offered", "offered", offered, "step"),
        ],
        told=told,
        rules=[start.start_s for start in summary.stages if start.start_s > 0],
        is_wide=True,
    )


def in_flight_plot(summary: Summary, timeline: Timeline) -> LinePlot:
    """How many requests were under way at the end of each second."""
    column = timeline.of(lambda second: second.in_flight)
    told = f"At most {_most(column)} requests were in flight; {summary.plan.in_flight_max:,} were allowed."
    return over_time("In flight", "requests", timeline, [("in flight", "flight", column, "step")], told=told)


def trouble_plot(timeline: Timeline, client: Client = "direct") -> LinePlot | None:
    """What failed, was throttled, dropped, lost or late in each second; None where nothing was.

    Of the client `direct` what was throttled has failed too, and is told once; of `bulk` it is attempts.
    """
    failed = _failed if client == "direct" else _errors
    troubles = (("failed", "failed", failed), *TROUBLES)
    found = [(name, tone, timeline.of(count)) for name, tone, count in troubles]
    happened: list[Drawn] = [(*each, "step") for each in found if any(each[2])]
    if not happened:
        return None
    told = "; ".join(f"{name}: at most {_most(column)} in a second" for name, _, column, _ in happened)
    return over_time(
        "What went wrong", "requests a second", timeline, happened, told=f"{told}.", height=90, is_wide=True
    )


def generator_plot(timeline: Timeline) -> LinePlot:
    """How much of a processor core the busiest worker used."""
    column = timeline.of(lambda second: 100 * second.busiest_cores)
    lag = max((value for value in timeline.of(lambda second: second.loop_lag_ms) if value), default=0.0)
    told = (
        f"The busiest worker used at most {_most(column)} % of a core, and was {number(lag)} ms late at most."
    )
    return over_time(
        "Busiest worker of the generator",
        "% of a core",
        timeline,
        [("busiest worker", "generator", column, "step")],
        told=told,
        least=100,
    )


def over_time(
    title: str,
    unit: str,
    timeline: Timeline,
    lines: Sequence[Drawn],
    *,
    told: str,
    rules: Sequence[float] = (),
    is_wide: bool = False,
    least: float = 1.0,
    height: int = HEIGHT,
) -> LinePlot:
    """Lines over the seconds of a run, each of which lasts until the next."""
    limit = PLACES_MAX_WIDE if is_wide else PLACES_MAX
    kept = shortened(timeline.at, [column for _, _, column, _ in lines], limit)
    return LinePlot(
        title=title,
        unit=unit,
        x=elapsed(timeline.end_s),
        y=rising((value for column in kept.columns for value in column), least=least),
        places=(*kept.places, timeline.end_s) if kept.places else (),
        lines=tuple(
            Line(name, tone, (*column, *column[-1:]), shape)
            for (name, tone, _, shape), column in zip(lines, kept.columns, strict=True)
        ),
        told=told,
        rules=tuple(rules),
        height=height,
        is_wide=is_wide,
    )


def _done(second: Second, *, is_vectors: bool) -> int:
    return sum(each.vectors if is_vectors else each.ok for each in second.operations.values())


def _most(column: Column) -> str:
    return number(max((value for value in column if value is not None), default=0))
