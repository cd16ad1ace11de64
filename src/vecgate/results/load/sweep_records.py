"""The records of a sweep: what was measured at each rate, and the knee of the curve."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class PointOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation at one rate of a sweep.

    achieved_per_s  successful requests per second
    requests        requests that ended; the latencies are theirs
    """

    achieved_per_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    requests: int = 0
    errors: int = 0


class SweepPoint(msgspec.Struct, frozen=True, kw_only=True, tag="sweep-point", tag_field="record"):
    """One rate of a sweep: a load test of its own.

    Rates, latencies and numbers of requests are those of the swept operation, or of all together, in the
    stage with the highest rate. Latencies count from the scheduled start.

    number           counted from 1; a rate that was tried again has several points
    rate_per_s       offered rate; *achieved_per_s* is what was answered within the stage
    requests         sample of the percentiles
    held             the target kept up, and every threshold was met; *reason* names what was not
    is_inconclusive  the load generator was the limit: the point says nothing about the target
    usd              price of this load test; *usd_per_hour* is that of an hour at this rate
    recall           recall@*k* of sampled queries; None if it was not measured
    operations       each operation by itself
    late_starts      share of requests that the generator started late although it could have started them;
                     empty for few
    noise            quantiles of the resampled figures: p50 and p99 in ms, achieved and errors as parts of 1
    """

    number: int
    rate_per_s: float
    achieved_per_s: float = 0.0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    requests: int = 0
    errors: int = 0
    throttled: int = 0
    held: bool
    reason: str = ""
    is_inconclusive: bool = False
    usd: float = 0.0
    usd_per_hour: float = 0.0
    recall: float | None = None
    k: int = 0
    operations: Mapping[str, PointOperation] = msgspec.field(default_factory=dict)
    late_starts: str = ""
    noise: Mapping[str, tuple[float, ...]] = msgspec.field(default_factory=dict)


class Knee(msgspec.Struct, frozen=True, kw_only=True, tag="knee", tag_field="record"):
    """The point of a sweep at which more load starts to cost more latency than it gains in throughput.

    Of the points that held, the one with the highest ratio of achieved rate to p99.

    number  of the point
    """

    number: int
    rate_per_s: float
    achieved_per_s: float
    p50_ms: float
    p99_ms: float
