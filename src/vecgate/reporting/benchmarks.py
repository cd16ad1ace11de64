"""A run of the microbenchmarks as a table: each beside its peer, so that the machine cancels out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.reporting.markup import escaped, table
from vecgate.reporting.terminal import table_lines
from vecgate.reporting.units import figure
from vecgate.reporting.wording import number
from vecgate.results.benchmarks import Benchmark
from vecgate.results.records import Stream

HEADINGS = ("group", "benchmark", "clock", "time", "middle half", "per s", "× baseline")
RIGHT = range(3, 7)


def benchmark_text(stream: Stream) -> str:
    """The table for the terminal."""
    return "\n".join(table_lines([HEADINGS, *rows_of(stream.of(Benchmark))], right=RIGHT))


def benchmark_markdown(stream: Stream) -> str:
    """Where it was measured, and the table."""
    return f"{escaped(made_on(stream))}\n\n{table(HEADINGS, list(rows_of(stream.of(Benchmark))))}\n"


def made_on(stream: Stream) -> str:
    """When it was measured, and on what."""
    header, where = stream.header, stream.header.environment
    told = [f"{name} {number}" for name, number in header.versions.items()]
    machine = f"{where.get('cores', '?')} cores of {where.get('processor') or where.get('machine', '?')}"
    system = where.get("system", "").split("-", 1)[0]
    return f"{header.started_at[:10]}, {machine}, {system}; {', '.join(told)}."


def rows_of(benchmarks: Sequence[Benchmark]) -> Iterator[list[str]]:
    """A row for each, group by group, the slowest first."""
    for group in sorted({each.group for each in benchmarks}):
        members = sorted((each for each in benchmarks if each.group == group), key=rate_of)
        baseline = next((each for each in members if each.is_baseline), None)
        for each in members:
            yield _row(each, baseline)


def rate_of(benchmark: Benchmark) -> float:
    """How much of the work is done in a second: vectors, queries, signatures, or whatever it handles."""
    return benchmark.vectors / benchmark.median_s


def _row(benchmark: Benchmark, baseline: Benchmark | None) -> list[str]:
    has_spread = bool(benchmark.low_s and benchmark.high_s)
    low, high = figure(benchmark.low_s, "s"), figure(benchmark.high_s, "s")
    rate = rate_of(benchmark)
    return [
        benchmark.group,
        benchmark.name,
        benchmark.clock,
        figure(benchmark.median_s, "s"),
        f"{low} … {high}" if has_spread else "",
        f"{rate:,.0f}",
        number(rate / rate_of(baseline)) if baseline else "",
    ]
