"""Streams of benchmarks for tests of comparisons."""

from __future__ import annotations

from typing import Any

from load_streams import foot, head

from vecgate.results.benchmarks import Benchmark
from vecgate.results.records import Stream

GROUP = "put 500 x 1024"


def bench(name: str, median_ms: float, *, spread: float = 0.01, **more: Any) -> Benchmark:
    """A benchmark whose middle half reaches *spread* to each side."""
    median_s = median_ms / 1e3
    told: dict[str, Any] = {
        "group": GROUP,
        "clock": "CPU",
        "rounds": 30,
        "vectors": 500,
        "low_s": median_s * (1 - spread),
        "high_s": median_s * (1 + spread),
    }
    return Benchmark(name=name, median_s=median_s, **{**told, **more})


def bench_stream(*benchmarks: Benchmark, **options: str) -> Stream:
    """A run of them in three visits."""
    header = head("benchmarks", options={"visits": "3", **options})
    return Stream(header, benchmarks, foot(90.0))
