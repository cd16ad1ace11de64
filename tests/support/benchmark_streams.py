"""Streams of benchmarks for tests of comparisons."""

from __future__ import annotations

from typing import Any

from sample_streams import foot, head

from vecgate.results.benchmark_records import Benchmark
from vecgate.results.records import Stream

GROUP = "put 500 x 1024"


def bench(name: str, median_ms: float, *, spread: float = 0.01, **more: Any) -> Benchmark:
    """Return a benchmark whose interquartile range extends *spread* to each side of the median."""
    median_s = median_ms / 1e3
    fields: dict[str, Any] = {
        "group": GROUP,
        "clock": "CPU",
        "rounds": 30,
        "vectors": 500,
        "low_s": median_s * (1 - spread),
        "high_s": median_s * (1 + spread),
    }
    return Benchmark(name=name, median_s=median_s, **{**fields, **more})


def bench_stream(*benchmarks: Benchmark, **options: str) -> Stream:
    """Return a stream of *benchmarks*, measured in three runs."""
    header = head("benchmarks", options={"runs": "3", **options})
    return Stream(header, benchmarks, foot(90.0))
