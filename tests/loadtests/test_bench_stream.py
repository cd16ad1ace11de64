from __future__ import annotations

from pathlib import Path

from loadtests.bench.bench_stream import (
    ROUNDS_KEPT_MAX,
    build_header,
    build_records,
    compute_medians,
    group_timings,
)
from loadtests.bench.suite import Suite, SuiteRun, Timing


def timing(name: str, *times_s: float) -> Timing:
    return Timing(
        f"test_a.py::test_{name}",
        name,
        "g",
        "CPU",
        is_baseline=False,
        vectors=5,
        iterations=2,
        times_s=times_s,
    )


def test_runs_become_records() -> None:
    """The median of all rounds, and the lowest and highest quartile of any run."""
    first = SuiteRun((timing("a", 1.0, 2.0, 3.0, 4.0, 5.0), timing("b", 1.0)))
    second = SuiteRun((timing("a", 11.0, 12.0, 13.0, 14.0, 15.0),))
    a, b = build_records([first, second])
    assert (a.name, a.group, a.clock, a.vectors, a.iterations) == ("a", "g", "CPU", 5, 2)
    assert (a.median_s, a.low_s, a.high_s, a.rounds) == (8.0, 2.0, 14.0, 10)
    assert a.times_s == (1.0, 2.0, 3.0, 4.0, 5.0, 11.0, 12.0, 13.0, 14.0, 15.0)
    assert (b.median_s, b.low_s, b.high_s) == (1.0, 1.0, 1.0)
    assert compute_medians(group_timings([first, second])) == {"g/a": [3.0, 13.0], "g/b": [1.0]}


def test_some_of_many_rounds_are_kept() -> None:
    """Evenly over the run; all of them are counted."""
    (record,) = build_records([SuiteRun((timing("a", *(number / 1e3 for number in range(1, 601))),))])
    assert record.rounds == 600
    assert len(record.times_s) == ROUNDS_KEPT_MAX
    assert record.times_s[:3] == (0.001, 0.011, 0.021)


def test_the_header_has_the_options_and_the_machine() -> None:
    """Including its load."""
    header = build_header(Suite(Path("bench"), "put", 0.5), runs=3, commit="abc")
    assert (header.kind, dict(header.options)) == (
        "benchmarks",
        {"runs": "3", "seconds": "0.5", "expression": "put", "commit": "abc"},
    )
    assert float(header.environment["load"]) >= 0
    assert header.versions["python"]
