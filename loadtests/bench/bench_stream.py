"""Turns runs of the suite into a result stream: one record per benchmark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import getloadavg
from pathlib import Path
from statistics import median, quantiles

from loadtests.bench.suite import Suite, SuiteRun, Timing

from vecgate.gate.compare.benchmark_changes import qualified_name
from vecgate.results.benchmark_records import Benchmark
from vecgate.results.provenance import describe_machine, installed_versions, new_run_id, utc_now
from vecgate.results.records import Footer, Header, Stream
from vecgate.results.result_stream import StreamWriter

PACKAGES = (
    *("vecgate", "boto3", "botocore", "httptools", "moto", "msgspec", "numpy", "orjson", "pyarrow"),
    *("pysimdjson", "pytest-benchmark", "tantivy", "uvicorn"),
)
#: Rounds of a run that are kept, spread evenly over it.
ROUNDS_KEPT_MAX = 60
DIGITS = 9


def build_header(suite: Suite, *, runs: int, commit: str = "") -> Header:
    """Return the header of a result of *suite*, dated now."""
    optional = {"expression": suite.expression, "commit": commit}
    return Header(
        kind="benchmarks",
        run=new_run_id(),
        started_at=utc_now(),
        target="local",
        versions=installed_versions(PACKAGES),
        environment={**describe_machine(), "load": f"{getloadavg()[0]:.2f}"},
        options={
            "runs": str(runs),
            "seconds": f"{suite.seconds:g}",
            **{name: value for name, value in optional.items() if value},
        },
    )


def build_stream(header: Header, runs: Sequence[SuiteRun], duration_s: float) -> Stream:
    """Return the stream of *runs*; it is complete if nothing failed."""
    is_complete = not any(run.failures for run in runs)
    footer = Footer(ended_at=utc_now(), duration_s=round(duration_s, 3), is_complete=is_complete)
    return Stream(header, tuple(build_records(runs)), footer)


def write_stream(stream: Stream, path: Path | None) -> None:
    """Write *stream* to *path*, if one is given. Raises UsageError if it cannot be written."""
    if path is None:
        return
    with StreamWriter(path) as writer:
        for record in (stream.header, *stream.records, *([stream.footer] if stream.footer else [])):
            writer.write(record)


def group_timings(runs: Iterable[SuiteRun]) -> dict[str, list[Timing]]:
    """Return the timings of each benchmark, run by run."""
    groups: dict[str, list[Timing]] = {}
    for run in runs:
        for timing in run.timings:
            groups.setdefault(qualified_name(timing.group, timing.name), []).append(timing)
    return groups


def compute_medians(timings: Mapping[str, Sequence[Timing]]) -> dict[str, list[float]]:
    """Return the median of each run of each benchmark."""
    return {name: [median(timing.times_s) for timing in each] for name, each in timings.items()}


def build_records(runs: Iterable[SuiteRun]) -> Iterator[Benchmark]:
    """Yield one record per benchmark."""
    for timings in group_timings(runs).values():
        first, ranges = timings[0], [_interquartile_range(timing.times_s) for timing in timings]
        yield Benchmark(
            name=first.name,
            group=first.group,
            clock=first.clock,
            is_baseline=first.is_baseline,
            vectors=first.vectors,
            median_s=round(median(time for timing in timings for time in timing.times_s), DIGITS),
            low_s=round(min(low for low, _ in ranges), DIGITS),
            high_s=round(max(high for _, high in ranges), DIGITS),
            rounds=sum(len(timing.times_s) for timing in timings),
            iterations=first.iterations,
            times_s=tuple(round(time, DIGITS) for timing in timings for time in _thin_out(timing.times_s)),
        )


def _interquartile_range(times_s: Sequence[float]) -> tuple[float, float]:
    if len(times_s) == 1:
        return times_s[0], times_s[0]
    low, _, high = quantiles(times_s, n=4, method="inclusive")
    return low, high


def _thin_out(times_s: Sequence[float]) -> Sequence[float]:
    if len(times_s) <= ROUNDS_KEPT_MAX:
        return times_s
    return [times_s[number * len(times_s) // ROUNDS_KEPT_MAX] for number in range(ROUNDS_KEPT_MAX)]
