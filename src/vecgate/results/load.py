"""The records of a load run: what was planned, every second of it, what happened to it, and what it came to.

Latencies are kept as HDR histograms of microseconds (`HdrHistogram` V2, base64), so that seconds and workers
add up exactly. *Response* times count from the moment a request should have left, *service* times from the
moment it did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

#: What a rate is counted in.
Unit: TypeAlias = Literal["vectors", "requests"]
Client: TypeAlias = Literal["direct", "bulk"]
StageKind: TypeAlias = Literal["constant", "ramp", "step", "sine", "poisson"]
EventKind: TypeAlias = Literal["stage", "worker-joined", "worker-lost", "aborted", "note"]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the schedule, its rates in the unit of the plan.

    kind        how the rate goes from *from_per_s* to *to_per_s*: at once and flat (constant), evenly (ramp),
                in *steps* equal ones (step), in a wave of *period_s* between both (sine), or at random around
                *to_per_s* (poisson)
    duration_s  of it
    name        that it was given; `told` is for people
    """

    kind: StageKind
    from_per_s: float
    to_per_s: float
    duration_s: float
    steps: int = 0
    period_s: float = 0.0
    name: str = ""

    @property
    def told(self) -> str:
        """Its name, else its kind and rates."""
        if self.name:
            return self.name
        rates = f"{self.from_per_s:,.10g} to " if self.kind not in {"constant", "poisson"} else ""
        return f"{self.kind} {rates}{self.to_per_s:,.10g}/s"


class Plan(msgspec.Struct, frozen=True, kw_only=True, tag="plan", tag_field="record"):
    """What a load run is to do.

    scenario             its name; *description*, a line about it
    unit                 of the rates: vectors or requests a second
    client               direct: each arrival is one request, never retried; bulk: paced and tried again as
                         the batch client does
    operations           share of the arrivals by operation, together 1
    dimension            of the vectors; *vectors_per_request*, those of a PutVectors
    data                 where the vectors come from
    stages               of the schedule, one after the other; *duration_s*, of all
    scheduled            requests that are due in all
    in_flight_max        requests at once, over all workers
    start_within_s       a request that could not start so long after it was due is dropped
    thresholds           what the run must meet
    seed                 of all that is drawn
    usd_before           the price of what is put before the schedule begins
    """

    scenario: str
    description: str = ""
    unit: Unit = "vectors"
    client: Client = "direct"
    operations: Mapping[str, float]
    dimension: int
    vectors_per_request: int
    data: str = ""
    stages: tuple[Stage, ...]
    duration_s: float
    scheduled: int
    in_flight_max: int
    start_within_s: float
    thresholds: tuple[str, ...] = ()
    seed: int = 0
    usd_before: float = 0.0


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """How long requests took: *count* of them, the usual percentiles, and all of it as a histogram."""

    count: int = 0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    histogram: str = ""


class OperationSecond(msgspec.Struct, frozen=True, kw_only=True):
    """One operation in one second, by when its requests *ended*.

    ok         requests that were done; *vectors*, those written, read or deleted by them
    errors     number by error code; a connection that failed is `Transport`, an answer that is none
               `Protocol`, none until the run was over `Unanswered`
    throttled  those of them that were throttled; of the client `bulk`, attempts that were
    retried    requests that were sent again (client `bulk`)
    bytes_out  in bodies sent; *bytes_in*, received
    response   latencies from the intended departure, *service* from the actual one; also of requests
               that failed
    """

    ok: int = 0
    vectors: int = 0
    errors: Mapping[str, int] = msgspec.field(default_factory=dict)
    throttled: int = 0
    retried: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    response: Latencies = msgspec.field(default_factory=Latencies)
    service: Latencies = msgspec.field(default_factory=Latencies)


class Second(msgspec.Struct, frozen=True, kw_only=True, tag="second", tag_field="record"):
    """What happened from *at_s* to a second later, on all workers together.

    at_s          since the schedule began
    due           requests that should have started by the schedule; *due_vectors*, the vectors in them
    started       that did start; *late*, those of them that did so more than 10 ms after they were due
    dropped       that were given up unsent, because nothing was free in time
    lost          that were due on a worker that was gone
    in_flight     at the end of the second
    workers       that were there
    generator_cores  processor cores that the workers used; *busiest_cores*, that the busiest of them used
    loop_lag_ms   how late the event loop of the worst of them was, at most
    usd           the price of the run so far, with what was put before the schedule began
    parts         where a stage ends within the second: what each stage has of it, in their order; without
                  prices
    """

    at_s: int
    due: int = 0
    due_vectors: int = 0
    started: int = 0
    late: int = 0
    dropped: int = 0
    lost: int = 0
    in_flight: int = 0
    workers: int = 1
    generator_cores: float = 0.0
    busiest_cores: float = 0.0
    loop_lag_ms: float = 0.0
    usd: float = 0.0
    operations: Mapping[str, OperationSecond] = msgspec.field(default_factory=dict)
    parts: tuple[Second, ...] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True, tag="event", tag_field="record"):
    """Something that happened to the run at *at_s* since the schedule began."""

    at_s: float
    kind: EventKind
    text: str


class WorkerTotals(msgspec.Struct, frozen=True, kw_only=True, tag="worker", tag_field="record"):
    """What one worker did by its own account: the parts that the seconds are the sum of."""

    worker: str
    started: int = 0
    dropped: int = 0
    cpu_s: float = 0.0
    loop_lag_ms: float = 0.0
    operations: Mapping[str, OperationSecond] = msgspec.field(default_factory=dict)


class Recall(msgspec.Struct, frozen=True, kw_only=True, tag="recall", tag_field="record"):
    """How much of the exact answer the answers of *queries* sampled queries held, topK *k*.

    mean  share of the true nearest that were returned; *lowest*, of the worst query
    """

    k: int
    queries: int
    mean: float
    lowest: float


class Trial(msgspec.Struct, frozen=True, kw_only=True, tag="trial", tag_field="record"):
    """One rate that a capacity search tried.

    rate_per_s   that was offered, in the unit of the plan; *achieved_per_s*, that came out
    held         every threshold held; *reason*, which did not
    phase        bracket, bisect or confirm
    is_invalid   the generator, not the target, was the limit
    """

    number: int
    phase: Literal["bracket", "bisect", "confirm"]
    rate_per_s: float
    achieved_per_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    errors: int = 0
    throttled: int = 0
    held: bool
    reason: str = ""
    is_invalid: bool = False


class Capacity(msgspec.Struct, frozen=True, kw_only=True, tag="capacity", tag_field="record"):
    """What a capacity search found: the highest rate that held, confirmed *confirmations* times.

    failed_per_s  the lowest rate that did not hold, None where the highest one allowed did
    """

    rate_per_s: float
    failed_per_s: float | None = None
    unit: Unit = "vectors"
    confirmations: int = 0


class Cell(msgspec.Struct, frozen=True, kw_only=True, tag="cell", tag_field="record"):
    """One configuration of a scaling grid, as fast as it goes.

    vectors_per_s   written; *efficiency*, of what in_flight times the rate of one in flight would be
    cpu_s_per_1000  seconds of the client's processor for 1,000 vectors
    usd_per_million the price of a million vectors sent like this
    is_recommended  the cheapest in time and money that is near the best
    """

    vectors_per_request: int
    in_flight: int
    vectors_per_s: float
    requests_per_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    cpu_s_per_1000: float = 0.0
    usd_per_million: float = 0.0
    efficiency: float = 0.0
    throttled: int = 0
    errors: int = 0
    is_recommended: bool = False
