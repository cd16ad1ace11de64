"""Generated result streams of load runs, capacity searches, grids, benchmarks, peers and bulk runs.

Rates, latencies and faults are random with fixed seeds, so the same call returns the same stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal

from vecgate.results.benchmark_records import Benchmark, PeerRun
from vecgate.results.bulk_records import BulkPlan, BulkTotals
from vecgate.results.histograms import Histogram
from vecgate.results.load.load_records import (
    Capacity,
    Cell,
    Client,
    Event,
    Latencies,
    LoadPlan,
    OperationSecond,
    Recall,
    Second,
    Stage,
    Trial,
    WorkerTotals,
)
from vecgate.results.load.operation_counts import sum_by_operation
from vecgate.results.load.sweep_records import Knee, PointOperation, SweepPoint
from vecgate.results.records import Footer, Header, Record, Stream
from vecgate.results.result_stream import StreamWriter
from vecgate.results.verdict_records import Check, Grade, VerdictRecord

OPERATIONS = ("PutVectors", "QueryVectors", "GetVectors", "ListVectors", "DeleteVectors")
#: Typical latency of each operation, and vectors per request.
TYPICAL_MS = {
    "PutVectors": 9.0,
    "QueryVectors": 4.0,
    "GetVectors": 2.5,
    "ListVectors": 14.0,
    "DeleteVectors": 3.0,
}
VECTORS = {"PutVectors": 50, "GetVectors": 20, "ListVectors": 100, "DeleteVectors": 20}
STALL_S = 2
POOL, SAMPLES = 12, 60
ENVIRONMENT = {"system": "Linux-6.1-x86_64", "machine": "x86_64", "processor": "Example CPU", "cores": "2"}
VERSIONS = {"python": "3.11.7", "vecgate": "0.1.0", "locust": "2.47.0"}


def head(kind: str, **more: Any) -> Header:
    fields = {
        "run": "5eed0001",
        "started_at": "2026-11-24T10:00:00.000+00:00",
        "target": "local",
        "url": "http://127.0.0.1:7333",
        "region": "us-east-1",
        "versions": VERSIONS,
        "environment": ENVIRONMENT,
        "options": {"processes": "2"},
    }
    return Header(kind=kind, **{**fields, **more})  # type: ignore[arg-type]  # any text, to keep tables short


def foot(duration_s: float, **more: Any) -> Footer:
    return Footer(ended_at="2026-11-24T11:00:00.000+00:00", duration_s=duration_s, **more)


def write_stream(path: Path, stream: Stream) -> Path:
    """Write *stream* to *path*."""
    with StreamWriter(path) as writer:
        for record in (stream.header, *stream.records, *([stream.footer] if stream.footer else [])):
            writer.write(record)
    return path


def latencies(times_ms: Iterable[float]) -> Latencies:
    histogram = Histogram()
    for each in times_ms:
        histogram.record(each / 1e3)
    return histogram.to_record()


def load_stream(
    seconds: int = 60,
    operations: Sequence[str] = ("PutVectors",),
    *,
    rate: int = 1_000,
    stall_at: int | None = None,
    throttled_from: int | None = None,
    generator_bound_from: int | None = None,
    thresholds: tuple[str, ...] = ("p(99){operation:PutVectors} < 500ms", "achieved >= 99%", "dropped == 0"),
    recall: bool = False,
    workers: int = 2,
    client: Client = "direct",
    header: Mapping[str, Any] | None = None,
) -> Stream:
    """Return a run of *seconds* with *rate* vectors per second: a ramp over a sixth of it, then constant.

    Throttled requests have failed, except with the *client* `bulk`, which retries them.
    """
    ramp_s = max(1, seconds // 6)
    faults = Faults(stall_at, throttled_from, generator_bound_from, is_retried=client == "bulk")
    made = _Seconds(operations, rate, ramp_s, faults)
    generated = [made.second(at) for at in range(seconds)]
    plan = LoadPlan(
        scenario="ramp-1000",
        description="Up to 1,000 vectors per second in batches, then constant.",
        operations=dict.fromkeys(operations, 1 / len(operations)),
        dimension=1_024,
        vectors_per_request=50,
        data="32 clusters, spread 0.2",
        client=client,
        stages=(
            Stage(kind="ramp", from_per_s=0, to_per_s=rate, duration_s=ramp_s, name="up"),
            Stage(kind="constant", from_per_s=rate, to_per_s=rate, duration_s=seconds - ramp_s, name="hold"),
        ),
        duration_s=seconds,
        scheduled=sum(each.due for each in generated),
        in_flight_max=64,
        start_deadline_s=1.0,
        thresholds=thresholds,
        seed=7,
    )
    events = [Event(at_s=0.0, kind="stage", text="up"), Event(at_s=float(ramp_s), kind="stage", text="hold")]
    if stall_at is not None:
        events.append(Event(at_s=float(stall_at), kind="note", text="the endpoint stalls for 2 s"))
    records: list[Record] = [plan, *events, *generated]
    records += [_worker(number, generated[number::workers]) for number in range(workers)]
    records += [Recall(k=10, queries=200, mean=0.9935, lowest=0.8)] if recall else []
    requests = {name: sum(each.operations[name].ok for each in generated) for name in operations}
    return Stream(head("load", **(header or {})), tuple(records), foot(seconds + 1.5, requests=requests))


@dataclass(frozen=True, slots=True)
class Faults:
    """The seconds in which the endpoint stalls or throttles, or the generator is overloaded; None for never.

    is_retried  throttled requests are retried and succeed
    """

    stall_at: int | None = None
    throttled_from: int | None = None
    bound_from: int | None = None
    is_retried: bool = False


class _Seconds:
    """Generates the seconds of a run from pools of latencies."""

    def __init__(self, operations: Sequence[str], rate: int, ramp_s: int, faults: Faults) -> None:
        self._operations, self._rate, self._ramp_s, self._faults = operations, rate, ramp_s, faults
        self._usd = 0.0
        self._pools, self._stalled, state = _pools(tuple(operations))
        self._random = Random()  # noqa: S311 - not for secrets
        self._random.setstate(state)

    def second(self, at: int) -> Second:
        level = self._rate * min(1.0, (at + 0.5) / self._ramp_s)
        each = max(1, round(level / 50))
        due = each * len(self._operations)
        is_stalled = (
            self._faults.stall_at is not None
            and self._faults.stall_at <= at < self._faults.stall_at + STALL_S
        )
        is_bound = self._faults.bound_from is not None and at >= self._faults.bound_from
        dropped = due // 4 if is_bound else 0
        self._usd += due * 2.5e-6
        return Second(
            at_s=at,
            due=due,
            due_vectors=sum(each * VECTORS.get(name, 0) for name in self._operations),
            started=due - dropped,
            late=due if is_stalled else 0,
            dropped=dropped,
            in_flight=min(64, each * (1 + at - (self._faults.stall_at or 0)) * len(self._operations))
            if is_stalled
            else self._random.randint(1, 6),
            workers=2,
            generator_cores=1.96 if is_bound else round(self._random.uniform(0.4, 0.6), 2),
            busiest_cores=0.99 if is_bound else round(self._random.uniform(0.2, 0.3), 2),
            loop_lag_ms=310.0 if is_bound else round(self._random.uniform(0.5, 4), 1),
            usd=round(self._usd, 6),
            operations={name: self._operation(name, each, at) for name in self._operations},
        )

    def _operation(self, name: str, due: int, at: int) -> OperationSecond:
        after = at - self._faults.stall_at if self._faults.stall_at is not None else -1
        if 0 <= after < STALL_S:
            return OperationSecond()
        is_throttled = self._faults.throttled_from is not None and at >= self._faults.throttled_from
        throttled = due // 5 if is_throttled else 0
        rejected = 0 if self._faults.is_retried else throttled
        reset = int(after == STALL_S)
        # Requests that waited are answered when the stall is over, and their response times include the wait.
        is_late = after == STALL_S
        ok = (due - rejected) * (STALL_S + 1 if is_late else 1) - reset
        errors = {"TooManyRequestsException": rejected, "Transport": reset}
        response, service = self._random.choice((self._stalled if is_late else self._pools)[name])
        return OperationSecond(
            ok=ok,
            vectors=ok * VECTORS.get(name, 0),
            errors={code: number for code, number in errors.items() if number},
            throttled=throttled,
            retried=throttled - rejected,
            bytes_out=ok * 640_000,
            bytes_in=ok * 600,
            response=response,
            service=service,
        )


Pool = list[tuple[Latencies, Latencies]]


@cache
def _pools(operations: tuple[str, ...]) -> tuple[dict[str, Pool], dict[str, Pool], tuple[Any, ...]]:
    """Return the latencies of *operations*, those after a stall, and the state of the random generator then."""
    random = Random(3)  # noqa: S311 - not for secrets
    typical = {name: _pool(random, TYPICAL_MS[name]) for name in operations}
    stalled = {name: _pool(random, TYPICAL_MS[name], STALL_S * 1e3) for name in operations}
    return typical, stalled, random.getstate()


def _pool(random: Random, typical_ms: float, stall_ms: float = 0.0) -> Pool:
    pool = []
    for _ in range(POOL):
        times = [typical_ms * random.lognormvariate(0, 0.35) for _ in range(SAMPLES)]
        waits = [random.expovariate(1.0) + random.uniform(0, stall_ms) for _ in range(SAMPLES)]
        service = [*times[:-2], *(each + stall_ms for each in times[-2:])]
        pool.append((latencies(map(sum, zip(times, waits, strict=True))), latencies(service)))
    return pool


def _worker(number: int, seconds: Sequence[Second]) -> WorkerTotals:
    """Return the totals of a worker that handled *seconds* alone, so that all workers add up to the run."""
    counts = sum_by_operation(each.operations for each in seconds)
    return WorkerTotals(
        worker=f"worker-{number + 1}",
        started=sum(each.started for each in seconds),
        dropped=sum(each.dropped for each in seconds),
        cpu_s=round(sum(each.generator_cores for each in seconds), 1),
        loop_lag_ms=max((each.loop_lag_ms for each in seconds), default=0.0),
        operations={name: each.to_record() for name, each in counts.items()},
    )


def truncated(stream: Stream, keep: int) -> Stream:
    """Return *stream* as if the run had been killed after *keep* records."""
    return Stream(stream.header, stream.records[:keep], None, ("run.jsonl was cut off",))


def capacity_stream(*, found: bool = True) -> Stream:
    """Return a search that brackets, bisects and confirms."""
    tried: list[tuple[Any, float, bool, str]] = [
        ("bracket", 500, True, ""),
        ("bracket", 1_000, True, ""),
        ("bracket", 2_000, True, ""),
        ("bracket", 4_000, False, "achieved >= 99%: 61.3 %"),
        ("bisect", 2_830, False, "throttled < 1%: 11.7 %"),
        ("bisect", 2_380, True, ""),
        ("bisect", 2_590, False, "p(99) < 500ms: 812 ms"),
        ("confirm", 2_380, True, ""),
        ("confirm", 2_380, True, ""),
    ]
    trials = [
        Trial(
            number=number,
            phase=phase,
            rate_per_s=rate,
            achieved_per_s=rate if held else rate * 0.8,
            p50_ms=8.0 + rate / 500,
            p99_ms=20 + rate / 50 * (1 if held else 10),
            throttled=0 if held else 40,
            held=held,
            reason=reason,
        )
        for number, (phase, rate, held, reason) in enumerate(tried, start=1)
    ]
    capacity = [Capacity(rate_per_s=2_380, failed_per_s=2_590, confirmations=2)] if found else []
    return Stream(head("capacity"), (*trials, *capacity), foot(320.0))


def sweep_stream(*, grade: Grade | None = "passed") -> Stream:
    """Return a sweep of one operation beside another with a fixed rate; without its verdict if *grade* is None."""
    rates: list[tuple[float, float, float, bool, str, bool]] = [
        (100, 99.5, 8.0, True, "", False),
        (200, 199.0, 10.0, True, "", False),
        (400, 398.0, 18.0, True, "", False),
        (500, 441.0, 95.0, False, "achieved >= 99%: 88.2 %", False),
        (600, 452.0, 900.0, False, "achieved >= 99%: 75.3 %", False),
        (800, 700.0, 2.0, True, "the load generator was the limit", True),
    ]
    points = [
        SweepPoint(
            number=number,
            rate_per_s=rate,
            achieved_per_s=achieved,
            p50_ms=p99 / 3,
            p95_ms=p99 / 2,
            p99_ms=p99,
            requests=round(achieved * 5),
            held=held,
            reason=reason,
            is_inconclusive=is_inconclusive,
            usd_per_hour=rate / 100,
            recall=0.99,
            k=10,
            operations={
                "QueryVectors": PointOperation(
                    achieved_per_s=achieved, p50_ms=p99 / 3, p99_ms=p99, requests=900
                ),
                "PutVectors": PointOperation(achieved_per_s=10, p50_ms=5, p99_ms=12, requests=50),
            },
        )
        for number, (rate, achieved, p99, held, reason, is_inconclusive) in enumerate(rates, start=1)
    ]
    knee = Knee(number=3, rate_per_s=400, achieved_per_s=398, p50_ms=6, p99_ms=18)
    check = Check("must hold", "held up to 400 requests/s", grade or "passed")
    verdict = [VerdictRecord(grade=grade, checks=(check,))] if grade else []
    return Stream(head("sweep"), (*points, knee, *verdict), foot(60.0))


def scale_stream(in_flight: Sequence[int] = (1, 2, 5, 10)) -> Stream:
    """Return a grid of four batch sizes and the numbers *in_flight*."""
    cells = [
        Cell(
            vectors_per_request=batch,
            in_flight=flight,
            vectors_per_s=round(speed(batch, flight)),
            requests_per_s=round(speed(batch, flight) / batch, 1),
            p50_ms=round(4 + batch / 25 + flight, 1),
            p99_ms=round(9 + batch / 12 + flight * 2, 1),
            cpu_s_per_1000=round(0.05 + 1 / batch, 3),
            usd_per_million=round(0.8 + 24 / batch, 2),
            efficiency=round(speed(batch, flight) / (flight * speed(batch, 1)), 3),
            throttled=12 if batch * flight >= 4_000 else 0,
            is_recommended=(batch, flight) == (100, 5),
        )
        for batch in (1, 25, 100, 500)
        for flight in in_flight
    ]
    return Stream(head("scale"), tuple(cells), foot(200.0))


def speed(batch: int, flight: int) -> float:
    return 20_000 * (batch / (batch + 40)) * (flight / (flight + 3))


def benchmark_stream() -> Stream:
    """Return groups of benchmarks with their baselines."""
    groups: Mapping[str, Sequence[tuple[str, float, bool]]] = {
        "put 500 x 1024": (
            ("stock boto3", 0.427, True),
            ("accelerated from a float32 matrix", 0.0149, False),
            ("direct sender", 0.0139, False),
        ),
        "query 100": (("stock boto3", 0.00465, True), ("accelerated", 0.00135, False)),
        "compute departure times": (("pacing", 0.0000021, False),),
    }
    random = Random(5)  # noqa: S311 - not for secrets
    benchmarks = [
        _benchmark(random, group, name, median, is_baseline)
        for group, rows in groups.items()
        for name, median, is_baseline in rows
    ]
    return Stream(head("benchmarks"), tuple(benchmarks), foot(45.0))


def _benchmark(random: Random, group: str, name: str, median: float, is_baseline: bool) -> Benchmark:
    times = sorted(median * random.lognormvariate(0, 0.06) for _ in range(31))
    return Benchmark(
        name=name,
        group=group,
        clock="CPU",
        is_baseline=is_baseline,
        vectors=500 if "500" in group else 1,
        median_s=times[15],
        low_s=times[7],
        high_s=times[23],
        rounds=31,
        times_s=tuple(times),
    )


def peers_stream() -> Stream:
    """Return clients that did the same work, and one that failed."""
    rows: Sequence[tuple[str, str, float, float, float, float]] = (
        ("vecgate", "0.1.0", 17_565, 0.049, 12_847, 103),
        ("AWS SDK for JavaScript v3", "3.1137.0", 3_253, 0.350, 21_795, 276),
        ("boto3", "1.44.5", 451, 2.145, 22_824, 175),
    )
    work = "put 10,000 x 1024"
    runs = [
        PeerRun(
            client=client,
            version=version,
            work=work,
            vectors=10_000,
            dimension=1_024,
            vectors_per_s=rate,
            cpu_s_per_1000=cpu,
            bytes_per_vector=size,
            peak_memory_mb=memory,
        )
        for client, version, rate, cpu, size, memory in rows
    ]
    runs.append(PeerRun(client="aiobotocore", version="3.10.0", work=work, problem="not installed"))
    return Stream(head("peers"), tuple(runs), foot(90.0))


def bulk_stream(
    operation: Literal["PutVectors", "DeleteVectors"] = "PutVectors",
    *,
    throttled_at: int | None = None,
    **totals: Any,
) -> Stream:
    """Return a run of four seconds with 3,500 records, 1,000 per second; *totals* replace the default ones."""
    plan = BulkPlan(
        operation=operation,
        source="films.parquet",
        total=3_500,
        dimension=64,
        batch_vectors=500,
        vectors_per_s=1_000,
        requests_per_s=100,
        in_flight_max=5,
    )
    defaults = {
        **dict.fromkeys(("total", "read", "acknowledged"), 3_500),
        "requests": 7,
        "payload_bytes": 700_000,
        "vectors_per_s": 998.5,
        "elapsed_s": 3.5,
        "cpu_s": 0.14,
    }
    seconds = [
        Second(
            at_s=at,
            generator_cores=0.04,
            busiest_cores=0.04,
            operations={
                operation: OperationSecond(
                    ok=requests,
                    vectors=500 * requests,
                    throttled=3 * (at == throttled_at),
                    retried=4 * (at == throttled_at),
                    bytes_out=100_000 * requests,
                    service=latencies([10.0 + at] * requests),
                )
            },
        )
        for at, requests in enumerate((2, 2, 2, 1))
    ]
    return Stream(
        head("bulk"),
        (plan, *seconds, BulkTotals(**{**defaults, **totals})),
        foot(4.0, requests={operation: 7}),
    )


#: A small stream of each kind except conformance.
EXAMPLES: Mapping[str, Callable[[], Stream]] = {
    "load": lambda: load_stream(20, ("PutVectors", "QueryVectors"), stall_at=12, recall=True),
    "capacity": capacity_stream,
    "sweep": sweep_stream,
    "scale": scale_stream,
    "benchmarks": benchmark_stream,
    "peers": peers_stream,
    "bulk": bulk_stream,
}
