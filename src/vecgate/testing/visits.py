"""From visits to records: what each benchmark took over all of them, and how far they lay apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import getloadavg
from statistics import median, quantiles

from vecgate.gate.compare_benchmarks import named
from vecgate.results.benchmarks import Benchmark
from vecgate.results.provenance import environment, new_run, now, versions_of
from vecgate.results.records import Header
from vecgate.testing.benching import Suite
from vecgate.testing.timings import Timing, Visit

PACKAGES = (
    *("vecgate", "boto3", "botocore", "httptools", "moto", "msgspec", "numpy", "orjson", "pyarrow"),
    *("pysimdjson", "pytest-benchmark", "tantivy", "uvicorn"),
)
#: Rounds of a visit that are kept, evenly over it.
KEPT = 60
DIGITS = 9


def header_of(suite: Suite, *, visits: int, commit: str = "") -> Header:
    """The header of a run of *suite*, made now."""
    options = {"visits": str(visits), "seconds": f"{suite.seconds:g}"}
    options |= {
        name: value for name, value in (("expression", suite.expression), ("commit", commit)) if value
    }
    return Header(
        kind="benchmarks",
        run=new_run(),
        started_at=now(),
        target="local",
        versions=versions_of(PACKAGES),
        environment={**environment(), "load": f"{getloadavg()[0]:.2f}"},
        options=options,
    )


def by_name(visits: Iterable[Visit]) -> dict[str, list[Timing]]:
    """The timings of each benchmark, visit by visit."""
    found: dict[str, list[Timing]] = {}
    for visit in visits:
        for timing in visit.timings:
            found.setdefault(named(timing.group, timing.name), []).append(timing)
    return found


def medians(timings: Mapping[str, Sequence[Timing]]) -> dict[str, list[float]]:
    """The median of each visit of each benchmark."""
    return {name: [median(timing.times_s) for timing in each] for name, each in timings.items()}


def records_of(visits: Iterable[Visit]) -> Iterator[Benchmark]:
    """A record for each benchmark."""
    for timings in by_name(visits).values():
        yield _record(timings)


def _record(timings: Sequence[Timing]) -> Benchmark:
    first, halves = timings[0], [_middle_half(timing.times_s) for timing in timings]
    return Benchmark(
        name=first.name,
        group=first.group,
        clock=first.clock,
        is_baseline=first.is_baseline,
        vectors=first.vectors,
        median_s=round(median(time for timing in timings for time in timing.times_s), DIGITS),
        low_s=round(min(low for low, _ in halves), DIGITS),
        high_s=round(max(high for _, high in halves), DIGITS),
        rounds=sum(len(timing.times_s) for timing in timings),
        iterations=first.iterations,
        times_s=tuple(round(time, DIGITS) for timing in timings for time in _thinned(timing.times_s)),
    )


def _middle_half(times_s: Sequence[float]) -> tuple[float, float]:
    if len(times_s) == 1:
        return times_s[0], times_s[0]
    low, _, high = quantiles(times_s, n=4, method="inclusive")
    return low, high


def _thinned(times_s: Sequence[float]) -> Sequence[float]:
    if len(times_s) <= KEPT:
        return times_s
    return [times_s[number * len(times_s) // KEPT] for number in range(KEPT)]
