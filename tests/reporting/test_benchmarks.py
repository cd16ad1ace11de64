from __future__ import annotations

from comparisons import bench, bench_stream
from goldens import is_golden

from vecgate.reporting.benchmarks import benchmark_markdown, benchmark_text, rows_of

RUN = bench_stream(
    bench("stock boto3", 427, is_baseline=True),
    bench("direct sender", 12.8),
    bench("pacing", 0.0021, group="decide", vectors=1, low_s=0.0, high_s=0.0),
)


def test_each_stands_beside_its_peer() -> None:
    """The slowest first, as many times as fast as the baseline of its group."""
    assert is_golden("benchmarks.txt", benchmark_text(RUN))
    assert is_golden("benchmarks.md", benchmark_markdown(RUN))


def test_without_a_baseline_there_is_no_ratio() -> None:
    """The slowest is not taken for one; of somebody else's suite there may be no group."""
    rows = list(rows_of([bench("b", 1, group=""), bench("a", 4, group="")]))
    assert [(row[1], row[-1]) for row in rows] == [("a", ""), ("b", "")]
