"""Start-up, put throughput, query latency and memory of servers, one after the other.

One client with one connection, prepared bodies and a constant signature, so that the time is the server's.
A stage that does not end within its limit is reported with what it reached.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

import numpy as np
import psutil

from vecgate.bulk.core.body_encoding import Body, encode_request
from vecgate.errors import VecgateError
from vecgate.results.benchmark_records import Benchmark
from vecgate.results.provenance import describe_machine, installed_versions, new_run_id, utc_now
from vecgate.results.records import Footer, Header
from vecgate.results.result_stream import StreamWriter
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice

TARGETS = ("local", "moto", "s3mock", "local-s3")
SIZES = (10_000, 100_000)
BATCH, TOP_K = 500, 10
#: Targets that do not implement QueryVectors.
WITHOUT_QUERIES = frozenset({"moto"})
REQUEST_TIMEOUT_S = 60.0
#: No signature is made, but moto takes the service from the scope of the credentials.
HEADERS = {
    "Content-Type": "application/json",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3vectors/aws4_request, "
    "SignedHeaders=host, Signature=none",
}
ADDRESS = IndexAddress.parse(bucket="vg-servers", index="speed")
PACKAGES = ("vecgate", "boto3", "botocore", "numpy", "orjson", "uvicorn")
DIGITS = 6
MB = 1_000_000


def measure_servers(
    names: Sequence[str],
    sizes: Sequence[int],
    *,
    dimension: int,
    queries: int,
    starts: int,
    stage_s: float,
    results: Path,
) -> dict[str, str]:
    """Measure each server, write the records to *results*, and return why a server could not be measured."""
    started_s, problems = time.monotonic(), dict[str, str]()
    measured: list[Benchmark] = []
    versions = installed_versions(PACKAGES)
    load = f"{os.getloadavg()[0]:.2f}"
    started_at = utc_now()
    for name in names:
        try:
            for record in _measure(name, sizes, dimension, queries, starts, stage_s, versions):
                measured.append(record)
                print(f"{name:<10} {record.group:<44} {record.median_s * 1e3:10.2f} ms", file=sys.stderr)
        except VecgateError as error:
            problems[name] = str(error)
    header = Header(
        kind="benchmarks",
        run=new_run_id(),
        started_at=started_at,
        target="servers",
        versions=versions,
        environment={**describe_machine(), "load": load},
        options={
            "client": f"one connection, {BATCH} vectors per put, topK {TOP_K}",
            "seconds": f"{stage_s:g}",
            **{f"problem {name}": problem for name, problem in problems.items()},
        },
    )
    with StreamWriter(results) as stream:
        stream.write(header)
        for record in sorted(measured, key=lambda each: each.group):
            stream.write(record)
        duration_s = round(time.monotonic() - started_s, 1)
        stream.write(Footer(ended_at=utc_now(), duration_s=duration_s, is_complete=not problems))
    return problems


def _measure(
    name: str,
    sizes: Sequence[int],
    dimension: int,
    queries: int,
    starts: int,
    stage_s: float,
    versions: dict[str, str],
) -> Iterator[Benchmark]:
    yield _record(name, "start", [_time(lambda: _start(name)) for _ in range(starts)])
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with open_target(TargetChoice(name), os.environ) as target, closing(_connect(target)) as connection:
        if target.version:
            versions[target.name] = target.version
        server = [each for each in psutil.Process().children(recursive=True) if each.pid not in before]
        _create_index(target, dimension)
        stored = 0
        for size in sizes:
            bodies = _put_bodies(stored, size, dimension)
            times_s = _time_each(connection, "PutVectors", bodies, stage_s)
            stored += BATCH * len(times_s)
            shape = f"{stored:,} × {dimension}"
            yield _record(
                name, f"put into {size:,} × {dimension}", times_s, vectors=BATCH, memory_mb=_memory(server)
            )
            if stored < size:
                raise VecgateError(f"stored {shape} in {stage_s:g} s, too slow for {size:,}")
            if target.name in WITHOUT_QUERIES:
                continue
            times_s = _time_each(connection, "QueryVectors", _query_bodies(queries, dimension), stage_s)
            yield _record(name, f"query {shape}", times_s, memory_mb=_memory(server))


def _start(name: str) -> None:
    """Start a server and wait for its first answer."""
    with open_target(TargetChoice(name), os.environ) as target, closing(target.client()) as client:
        client.list_vector_buckets()


def _create_index(target: Target, dimension: int) -> None:
    members = ADDRESS.members()
    with closing(target.client()) as client:
        client.create_vector_bucket(vectorBucketName=members["vectorBucketName"])
        client.create_index(**members, dataType="float32", dimension=dimension, distanceMetric="cosine")


def _put_bodies(start: int, end: int, dimension: int) -> Iterator[Body]:
    for first in range(start, end, BATCH):
        rows = np.random.default_rng(first).standard_normal((BATCH, dimension), np.float32)
        vectors = [
            {"key": f"k{first + number}", "data": {"float32": row}, "metadata": {"part": number % 10}}
            for number, row in enumerate(rows)
        ]
        yield encode_request(ADDRESS, vectors=vectors)


def _query_bodies(number: int, dimension: int) -> Iterator[Body]:
    for row in np.random.default_rng(7).standard_normal((number, dimension), np.float32):
        yield encode_request(ADDRESS, topK=TOP_K, queryVector={"float32": row}, returnDistance=True)


def _connect(target: Target) -> HTTPConnection:
    assert target.endpoint_url is not None
    return HTTPConnection(urlsplit(target.endpoint_url).netloc, timeout=REQUEST_TIMEOUT_S)


def _send(connection: HTTPConnection, operation: str, body: Body) -> None:
    """Send a request. Raises VecgateError if it does not succeed."""
    try:
        connection.request("POST", f"/{operation}", body.data, HEADERS)
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException) as error:
        raise VecgateError(f"{operation}: {type(error).__name__}: {error}") from error
    if answer.status != HTTPStatus.OK:
        raise VecgateError(f"{operation} was answered with {answer.status}")


def _time_each(
    connection: HTTPConnection, operation: str, bodies: Iterator[Body], stage_s: float
) -> list[float]:
    """Return the time of each request, until all are sent or *stage_s* are over."""
    times_s: list[float] = []
    deadline_s = time.monotonic() + stage_s
    for body in bodies:
        times_s.append(_time(partial(_send, connection, operation, body)))
        if time.monotonic() > deadline_s:
            break
    return times_s


def _time(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def _memory(processes: Sequence[psutil.Process]) -> float:
    """Return the resident memory of *processes* together, in MB."""
    total = sum(int(each.memory_info().rss) for each in processes if each.is_running())
    return round(total / MB, 1)


def _record(
    name: str, group: str, times_s: Sequence[float], *, vectors: int = 1, memory_mb: float = 0.0
) -> Benchmark:
    low, _, high = quantiles(times_s, n=4, method="inclusive") if len(times_s) > 1 else [times_s[0]] * 3
    return Benchmark(
        name=name,
        group=group,
        is_baseline=name == "local",
        vectors=vectors,
        median_s=round(median(times_s), DIGITS),
        low_s=round(low, DIGITS),
        high_s=round(high, DIGITS),
        rounds=len(times_s),
        iterations=1,
        times_s=tuple(round(each, DIGITS) for each in times_s),
        memory_mb=memory_mb,
    )
