"""The records of a load run: its plan, each second, the events, and the totals.

Latencies are HDR histograms of microseconds (`HdrHistogram` V2, base64), so that seconds and workers add up
exactly. *Response* times count from the time at which the schedule wanted a request to start, *service* times
from the time at which it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from vecgate.formatting import format_exact

#: The unit of all rates of a run.
Unit: TypeAlias = Literal["vectors", "requests"]
Client: TypeAlias = Literal["direct", "bulk"]
StageKind: TypeAlias = Literal["constant", "ramp", "step", "sine", "poisson"]
EventKind: TypeAlias = Literal["stage", "worker-joined", "worker-lost", "aborted", "note"]

#: Error codes of failures without a code from the service. UNANSWERED: the request was still in flight when
#: the drain deadline of the run had passed.
TRANSPORT, PROTOCOL, UNANSWERED = "Transport", "Protocol", "Unanswered"
#: Error code of a request that a worker could not sign: the generator's fault, not the target's.
NO_CREDENTIALS = "NoCredentials"

#: Cells of a scaling grid that reach this share of the best throughput count as good as the best.
NEAR_BEST = 0.95


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the schedule. Its rates are in the unit of the plan.

    kind        how the rate changes from *from_per_s* to *to_per_s*: a constant rate (constant), a straight
                line (ramp), *steps* equal steps (step), a sine wave of *period_s* between the two (sine), or
                random arrivals with a mean rate of *to_per_s* (poisson)
    name        as given in the scenario, may be empty; `label` is never empty
    warm_up     its requests are shown, and left out of totals, thresholds and verdict
    """

    kind: StageKind
    from_per_s: float
    to_per_s: float
    duration_s: float
    steps: int = 0
    period_s: float = 0.0
    name: str = ""
    warm_up: bool = False

    @property
    def label(self) -> str:
        """The name, or the kind and the rates of a stage without a name."""
        if self.name:
            return self.name
        start = f"{format_exact(self.from_per_s)} to " if self.kind not in {"constant", "poisson"} else ""
        return f"{self.kind} {start}{format_exact(self.to_per_s)}/s"


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True, tag="plan", tag_field="record"):
    """The plan of a load run.

    scenario             its name; *description* is one line about it
    unit                 of the rates: vectors or requests per second
    client               direct: each arrival is one request and is never retried; bulk: the batch client
                         paces and retries requests
    operations           share of the arrivals by operation; the shares add up to 1
    dimension            of the vectors; *vectors_per_request* is the size of a PutVectors
    data                 where the vectors come from
    stages               in the order of the schedule; *duration_s* is their total
    scheduled            requests that are due over the whole schedule
    in_flight_max        most requests in flight, over all workers
    start_deadline_s     a request that has not started this long after it was due is dropped
    thresholds           what the run must meet
    seed                 of all random choices
    preload_usd          price of the vectors that are preloaded before the schedule starts
    sweep_operation      operation whose rate a sweep raises, while the others keep theirs; empty for all
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
    start_deadline_s: float
    thresholds: tuple[str, ...] = ()
    seed: int = 0
    preload_usd: float = 0.0
    sweep_operation: str = ""


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """The latencies of *count* requests: the usual percentiles, and all of them as a histogram."""

    count: int = 0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    histogram: str = ""


class OperationSecond(msgspec.Struct, frozen=True, kw_only=True):
    """One operation in one second. A request counts in the second in which it *ended*.

    ok         requests that succeeded; *vectors* is what they wrote, read or deleted
    errors     number by error code; `Transport` for a failed connection, `Protocol` for an invalid answer,
               `Unanswered` for requests without an answer when the run was over
    throttled  throttled requests among the errors; with the client `bulk`, throttled attempts
    retried    requests sent again (client `bulk`)
    bytes_out  bytes of the bodies sent; *bytes_in* is bytes received
    response   latencies from the scheduled start, *service* from the actual start; both include failed
               requests
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
    """One second of a load run, beginning at *at_s*, on all workers together.

    at_s          seconds since the schedule started
    due           requests that the schedule wanted to start; *due_vectors* is the vectors in them
    started       requests that started; *late* of them more than 10 ms after they were due
    dropped       requests that were never sent, because no slot became free in time
    lost          requests that were due on a worker that had disappeared, and were not sent
    unknown       requests that were sent and whose result is unknown, because their worker disappeared or
                  Locust ended their user
    in_flight     at the end of the second
    workers       connected workers
    generator_cores  processor cores used by all workers; *busiest_cores* by the busiest worker
    waited_s      seconds in which the worst worker could have run and had no processor (0 if not known)
    loop_lag_ms   longest delay of the event loop, of the worst worker
    connects      connections that were opened; *connect_ms* is the longest time that one took
    usd           price of the run so far, with the preloaded vectors
    parts         if a stage ends within the second: the part of each stage, in order, without prices
    """

    at_s: int
    due: int = 0
    due_vectors: int = 0
    started: int = 0
    late: int = 0
    dropped: int = 0
    lost: int = 0
    unknown: int = 0
    in_flight: int = 0
    workers: int = 1
    generator_cores: float = 0.0
    busiest_cores: float = 0.0
    waited_s: float = 0.0
    loop_lag_ms: float = 0.0
    connects: int = 0
    connect_ms: float = 0.0
    usd: float = 0.0
    operations: Mapping[str, OperationSecond] = msgspec.field(default_factory=dict)
    parts: tuple[Second, ...] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True, tag="event", tag_field="record"):
    """Something that happened to the run, *at_s* seconds after the schedule started."""

    at_s: float
    kind: EventKind
    text: str


class WorkerTotals(msgspec.Struct, frozen=True, kw_only=True, tag="worker", tag_field="record"):
    """The totals of one worker as it counted them itself. The seconds are the sums over all workers.

    first_ms    service time of the first request of each operation, which found everything cold
    lost_at_s   when a worker that ended early was last heard of, in seconds since the schedule began: its
                totals are those that it had reported, without its operations; None for one that finished
    """

    worker: str
    started: int = 0
    dropped: int = 0
    cpu_s: float = 0.0
    loop_lag_ms: float = 0.0
    first_ms: Mapping[str, float] = msgspec.field(default_factory=dict)
    lost_at_s: float | None = None
    operations: Mapping[str, OperationSecond] = msgspec.field(default_factory=dict)


class Recall(msgspec.Struct, frozen=True, kw_only=True, tag="recall", tag_field="record"):
    """The recall of *queries* sampled queries with topK *k*.

    mean    mean share of the true nearest vectors that were returned; *lowest* is that of the worst query
    """

    k: int
    queries: int
    mean: float
    lowest: float


class ReadBack(msgspec.Struct, frozen=True, kw_only=True, tag="read-back", tag_field="record"):
    """The result of looking up, at the end of the run, writes that the target had acknowledged.

    acknowledged       vectors in acknowledged PutVectors; *looked_up* is the size of the sample
    missing            vectors of the sample that are not stored; *different* are stored with other values
    deleted            vectors in acknowledged DeleteVectors, whose put had been acknowledged before
    deleted_looked_up  size of their sample; *remaining* of them are still stored
    requests           GetVectors requests, which cost *usd*
    problem            why the look-up could not be done; empty if it was
    """

    acknowledged: int = 0
    looked_up: int = 0
    missing: int = 0
    different: int = 0
    deleted: int = 0
    deleted_looked_up: int = 0
    remaining: int = 0
    requests: int = 0
    usd: float = 0.0
    problem: str = ""

    @property
    def failures(self) -> tuple[str, ...]:
        """Acknowledged writes that the target did not do, a sentence each."""
        looked_up = f"of {self.looked_up:,} acknowledged vectors that were looked up"
        deletes = f"of {self.deleted_looked_up:,} acknowledged deletes that were looked up"
        found = (
            (self.missing, f"{self.missing:,} {looked_up} are not stored"),
            (self.different, f"{self.different:,} {looked_up} are stored with other values"),
            (self.remaining, f"{self.remaining:,} {deletes} left their vectors stored"),
        )
        return tuple(text for number, text in found if number)

    @property
    def text(self) -> str:
        """The result in one line."""
        if self.failures or self.problem:
            return "; ".join((*self.failures, *((self.problem,) if self.problem else ())))
        puts = f"{self.looked_up:,} of {self.acknowledged:,} acknowledged vectors looked up, all stored"
        deletes = f"{self.deleted_looked_up:,} of {self.deleted:,} deleted vectors looked up, all gone"
        found = (self.looked_up, puts), (self.deleted_looked_up, deletes)
        return (
            "; ".join(text for number, text in found if number) or "no acknowledged write could be looked up"
        )


class Trial(msgspec.Struct, frozen=True, kw_only=True, tag="trial", tag_field="record"):
    """One rate that a capacity search tried.

    rate_per_s       offered rate in the unit of the plan; *achieved_per_s* is the measured rate
    requests         sample of the percentiles; 0 in streams of an earlier version
    held             every threshold was met; *reason* names the one that was not
    is_inconclusive  the load generator, not the target, was the limit
    """

    number: int
    phase: Literal["bracket", "bisect", "confirm"]
    rate_per_s: float
    achieved_per_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    requests: int = 0
    errors: int = 0
    throttled: int = 0
    held: bool
    reason: str = ""
    is_inconclusive: bool = False


class Capacity(msgspec.Struct, frozen=True, kw_only=True, tag="capacity", tag_field="record"):
    """The result of a capacity search: the highest rate that held, confirmed *confirmations* times.

    failed_per_s  the lowest rate that did not hold; None if the highest allowed rate held
    """

    rate_per_s: float
    failed_per_s: float | None = None
    unit: Unit = "vectors"
    confirmations: int = 0


class Cell(msgspec.Struct, frozen=True, kw_only=True, tag="cell", tag_field="record"):
    """One configuration of a scaling grid at its full speed.

    vectors_per_s   vectors written per second; *efficiency* compares it with the rate of one request in
                    flight, times *in_flight*
    cpu_s_per_1000  processor seconds of the client for 1,000 vectors
    usd_per_million price of a million vectors with this configuration
    is_recommended  the cheapest cell, in time and money, of those near the best throughput
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

    @property
    def client_cores(self) -> float:
        """Processor cores that the client used."""
        return self.cpu_s_per_1000 * self.vectors_per_s / 1_000
