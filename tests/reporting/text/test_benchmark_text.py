from __future__ import annotations

from benchmark_streams import bench, bench_stream

from vecgate.reporting.text.benchmark_text import (
    HEADINGS,
    benchmark_markdown,
    benchmark_rows,
    benchmark_text,
)

RUN = bench_stream(
    bench("stock boto3", 427, is_baseline=True),
    bench("direct sender", 12.8),
    bench("pacing", 0.0021, group="decide", vectors=1, low_s=0.0, high_s=0.0),
)
ROWS = [
    ["decide", "pacing", "CPU", "2.10 µs", "", "476,190", ""],
    ["put 500 x 1024", "stock boto3", "CPU", "427 ms", "423 ms … 431 ms", "1,171", "1.00"],
    ["put 500 x 1024", "direct sender", "CPU", "12.8 ms", "12.7 ms … 12.9 ms", "39,062", "33.4"],
]


def test_each_benchmark_is_compared_with_its_baseline() -> None:
    """The slowest of a group is first; the last column is the speed relative to the baseline."""
    assert list(benchmark_rows(RUN.records)) == ROWS  # type: ignore[arg-type]  # all are benchmarks


def test_the_table_is_for_the_terminal_and_in_markdown() -> None:
    """Markdown also names the machine and the versions."""
    lines = benchmark_text(RUN).splitlines()
    assert lines[0].split() == " ".join(HEADINGS).split()
    assert lines[2].split() == " ".join(ROWS[1]).split()
    text = benchmark_markdown(RUN)
    assert text.startswith("2026-11-24, 2 cores of Example CPU, Linux; python 3.11.7, vecgate 0.1.0, ")
    assert f"| {' | '.join(ROWS[2])} |" in text


def test_without_a_baseline_there_is_no_ratio() -> None:
    """The slowest does not replace it. Benchmarks of another suite may have no group."""
    rows = list(benchmark_rows([bench("b", 1, group=""), bench("a", 4, group="")]))
    assert [(row[1], row[-1]) for row in rows] == [("a", ""), ("b", "")]
