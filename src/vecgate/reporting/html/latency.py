"""How long requests took: over time, as a distribution, from when they were due and from when they left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import log10

from vecgate.reporting.html.axes import elapsed, tenfold
from vecgate.reporting.html.plots import Axis, Line, LinePlot
from vecgate.reporting.html.series import Column, Timeline, shortened
from vecgate.reporting.html.timeline import Drawn, over_time
from vecgate.reporting.html.views import Cell, Cells, Table
from vecgate.reporting.wording import milliseconds, number
from vecgate.results.counts import Counts
from vecgate.results.histograms import Histogram
from vecgate.results.load import Latencies, OperationSecond

PERCENTILES = (50.0, 95.0, 99.0, 99.9)
#: Both clocks, and what each is.
CLOCKS = ("response", "service")
#: The x axis of a distribution: parts above, in tens.
NINES = ("0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %", "99.99999 %")


def latency_table(operations: Mapping[str, Counts], note: str) -> Table:
    """Response and service times of each operation, one above the other."""
    columns = ("operation", "time", "requests", "p50", "p95", "p99", "p99.9", "slowest", "mean")
    rows = [row for name, counts in operations.items() for row in _rows(name, counts)]
    return Table("Latency by operation, in milliseconds", columns, tuple(rows), frozenset({"time"}), note)


def latency_plots(
    operations: Mapping[str, Counts], timeline: Timeline, *, is_measured: bool
) -> dict[str, list[LinePlot]]:
    """The charts of each operation; without its distribution where histograms cannot be read."""
    return {
        name: [
            *_over_time(name, timeline),
            *(distribution_plots(name, counts) if is_measured else ()),
            _requests(name, timeline),
        ]
        for name, counts in operations.items()
    }


def distribution_plots(name: str, counts: Counts) -> Iterator[LinePlot]:
    """The whole distribution, the slowest part of it spread out; none where nothing was measured."""
    clocks = _measured(counts)
    if not clocks:
        return
    first = next(iter(clocks.values()))
    percentiles = [percentile for percentile, _ in first.points()]
    places = [log10(1 / (1 - each / 100)) if each < 100 else log10(first.count) for each in percentiles]  # noqa: PLR2004 - per cent
    lines = [
        Line(word, word, tuple(clock.percentiles_ms(*percentiles)), is_dashed=clock is not first)
        for word, clock in clocks.items()
    ]
    yield LinePlot(
        title=f"{name}: distribution",
        unit="ms",
        x=_nines(max(places[-1], 1.0)),
        y=tenfold(value for line in lines for value in line.values),
        places=tuple(places),
        names=tuple(_percentile(each) for each in percentiles),
        lines=tuple(lines),
        told=" ".join(_told(word.capitalize(), clock) for word, clock in clocks.items()),
    )


def _rows(name: str, counts: Counts) -> Iterator[Cells]:
    for word, histogram in _measured(counts).items():
        times = [*histogram.percentiles_ms(*PERCENTILES), histogram.max_ms, histogram.mean_ms]
        yield (name, word, f"{histogram.count:,}", *(Cell(number(each), each) for each in times))


def _measured(counts: Counts) -> dict[str, Histogram]:
    """The clocks that were read: a put has no schedule, and so no response times."""
    both = zip(CLOCKS, (counts.response, counts.service), strict=True)
    return {word: histogram for word, histogram in both if histogram.count}


def _over_time(name: str, timeline: Timeline) -> Iterator[LinePlot]:
    """Response and service times, on the same scale."""
    responses = _three(timeline, name, lambda operation: operation.response)
    services = _three(timeline, name, lambda operation: operation.service)
    y = tenfold(value for line in (*responses, *services) for value in line.values)
    for word, lines in zip(CLOCKS, (responses, services), strict=True):
        if not any(line.values.count(None) < len(line.values) for line in lines):
            continue
        kept = shortened(timeline.at, [line.values for line in lines])
        drawn = tuple(replace(line, values=column) for line, column in zip(lines, kept.columns, strict=True))
        slowest = max((value for value in lines[-1].values if value), default=0.0)
        yield LinePlot(
            title=f"{name}: {word} time",
            unit="ms",
            x=elapsed(timeline.end_s),
            y=y,
            places=kept.places,
            lines=drawn,
            told=f"The highest p99 of a second was {milliseconds(slowest)}.",
        )


def _three(timeline: Timeline, name: str, of: Callable[[OperationSecond], Latencies]) -> list[Line]:
    return [_line(timeline, name, of, percentile) for percentile in ("p50", "p95", "p99")]


def _line(timeline: Timeline, name: str, of: Callable[[OperationSecond], Latencies], percentile: str) -> Line:
    def known(second: OperationSecond) -> float | None:
        found = of(second)
        return float(getattr(found, f"{percentile}_ms")) if found.count else None

    return Line(percentile, percentile, timeline.of_operation(name, known))


def _requests(name: str, timeline: Timeline) -> LinePlot:
    done = timeline.of_operation(name, lambda operation: operation.ok)
    failed = timeline.of_operation(name, lambda operation: sum(operation.errors.values()))
    told = f"{_sum(done)} requests were done, {_sum(failed)} failed."
    lines: list[Drawn] = [("done", "achieved", done, "step")]
    if any(failed):
        lines.append(("failed", "failed", failed, "step"))
    return over_time(f"{name}: requests", "requests a second", timeline, lines, told=told)


def _sum(column: Column) -> str:
    return f"{sum(value or 0 for value in column):,}"


def _nines(highest: float) -> Axis:
    ticks = tuple((float(power), word) for power, word in enumerate(NINES) if power <= highest)
    return Axis(0.0, highest, ticks)


def _percentile(percentile: float) -> str:
    return "slowest" if percentile == 100 else f"p{percentile:.7g}"  # noqa: PLR2004 - per cent


def _told(word: str, histogram: Histogram) -> str:
    median, high = histogram.percentiles_ms(50, 99)
    return f"{word} times: half within {milliseconds(median)}, 99 % within {milliseconds(high)}."
