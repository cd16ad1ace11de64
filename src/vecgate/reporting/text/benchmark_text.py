"""Microbenchmarks as a table. Comparing each with the baseline of its group cancels out the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.formatting import format_number, format_seconds
from vecgate.printable import markdown_text
from vecgate.reporting.text.markdown import markdown_table
from vecgate.reporting.text.terminal_tables import table_lines
from vecgate.results.benchmark_records import Benchmark
from vecgate.results.records import Stream

HEADINGS = ("group", "benchmark", "clock", "median", "interquartile range", "per s", "× baseline")
RIGHT = range(3, 7)


def benchmark_text(stream: Stream) -> str:
    """Return the table for the terminal."""
    return "\n".join(table_lines([HEADINGS, *benchmark_rows(stream.of(Benchmark))], right=RIGHT))


def benchmark_markdown(stream: Stream) -> str:
    """Return the table in Markdown, after a line about the machine and the versions."""
    rows = list(benchmark_rows(stream.of(Benchmark)))
    return f"{markdown_text(describe_environment(stream))}\n\n{markdown_table(HEADINGS, rows)}\n"


def describe_environment(stream: Stream) -> str:
    """Return date, machine and versions of a run in a line."""
    header, machine = stream.header, stream.header.environment
    versions = ", ".join(f"{name} {version}" for name, version in header.versions.items())
    cores = f"{machine.get('cores', '?')} cores of {machine.get('processor') or machine.get('machine', '?')}"
    system = machine.get("system", "").split("-", 1)[0]
    return f"{header.started_at[:10]}, {cores}, {system}; {versions}."


def benchmark_rows(benchmarks: Sequence[Benchmark]) -> Iterator[list[str]]:
    """Return a row for each benchmark, sorted by group, the slowest first."""
    for group in sorted({each.group for each in benchmarks}):
        members = sorted((each for each in benchmarks if each.group == group), key=items_per_s)
        baseline = next((each for each in members if each.is_baseline), None)
        for each in members:
            yield _row(each, baseline)


def items_per_s(benchmark: Benchmark) -> float:
    """Return how many items, such as vectors or queries, the benchmark handles per second."""
    return benchmark.vectors / benchmark.median_s


def _row(benchmark: Benchmark, baseline: Benchmark | None) -> list[str]:
    has_range = bool(benchmark.low_s and benchmark.high_s)
    low, high = format_seconds(benchmark.low_s), format_seconds(benchmark.high_s)
    rate = items_per_s(benchmark)
    return [
        benchmark.group,
        benchmark.name,
        benchmark.clock,
        format_seconds(benchmark.median_s),
        f"{low} … {high}" if has_range else "",
        f"{rate:,.0f}",
        format_number(rate / items_per_s(baseline)) if baseline else "",
    ]
