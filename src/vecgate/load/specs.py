"""The parts of a scenario, with bounds and default of each value; `scenario` reads them from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

from vecgate.load.arrivals import Schedule
from vecgate.load.reading import Duration, Length
from vecgate.results.load import Plan, Stage, Unit
from vecgate.s3vectors.limits import (
    DIMENSION_MAX,
    KEYS_PER_DELETE_MAX,
    KEYS_PER_GET_MAX,
    QUERY_PAGE_MAX,
    VECTORS_PER_PUT_MAX,
)

SYNTHETIC = "synthetic"
#: Distinct queries of a run, and as many with a filter.
QUERIES = 256
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]


class VectorsSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The vectors, and how they are put.

    dimension    of them and of the index; *metric*, of the index
    per_request  vectors in a PutVectors
    metadata     none; small, three filterable keys; full, a paragraph of text too; file, the source's own
    source       synthetic, or a file of vectors, relative to the scenario's own
    clusters     centres of the synthetic ones; *spread*, how far around them they are, 1 being as far as
                 the centres are from one another
    pool         distinct vectors, which are put again and again under new keys
    """

    dimension: Annotated[int, msgspec.Meta(ge=1, le=DIMENSION_MAX)] = 1024
    metric: Literal["cosine", "euclidean"] = "cosine"
    per_request: Annotated[int, msgspec.Meta(ge=1, le=VECTORS_PER_PUT_MAX)] = 100
    metadata: Literal["none", "small", "full", "file"] = "small"
    source: str = SYNTHETIC
    clusters: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 50
    spread: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.3
    pool: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1_000


class QuerySpec(msgspec.Struct, frozen=True, kw_only=True):
    """The queries.

    top_k            answers wanted, no more than come on one page
    filtered_share   of the queries that have a filter, which keeps one in a hundred vectors
    return_metadata  ask for it
    recall_sample    queries whose answers are judged against the exact ones, each of them once
    """

    top_k: Annotated[int, msgspec.Meta(ge=1, le=QUERY_PAGE_MAX)] = 10
    filtered_share: Share = 0.0
    return_metadata: bool = False
    recall_sample: Annotated[int, msgspec.Meta(ge=0, le=2 * QUERIES)] = 0


class ThresholdSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the run must meet.

    expression     such as `p(99){operation:PutVectors} < 500ms`
    abort_on_fail  end the run once it does not hold, but not in the first *grace_s*
    """

    expression: str = msgspec.field(name="threshold")
    abort_on_fail: bool = False
    grace_s: Duration = msgspec.field(name="grace", default=0.0)


class LocalSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How the local endpoint behaves where it is the target: options of `vecgate serve`."""

    quotas: str = "off"
    inject: str = "off"
    latency: str = "off"


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A load test; made by `load_scenario`.

    name            without one, that of the file; *description*, a line about it
    unit            of the rates: vectors or requests a second
    client          direct: a request is sent once; bulk: paced and tried again as the batch client does
    seed            of all that is drawn
    in_flight_max   requests at once, over all workers
    start_within_s  a request that could not start so long after it was due is dropped
    drain_within_s  how long the run waits at the end for what is under way
    vectors         see there; *query* and *local* likewise
    operations      share of the arrivals by operation, together 1
    get_keys        keys in a GetVectors; *delete_keys*, in a DeleteVectors
    preload         vectors that are put before the schedule begins
    stages          of the schedule, one after the other
    thresholds      what the run must meet
    """

    name: str = ""
    description: str = ""
    unit: Unit = "vectors"
    client: Literal["direct", "bulk"] = "direct"
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = 0
    in_flight_max: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64
    start_within_s: Length = msgspec.field(name="start_within", default=1.0)
    drain_within_s: Duration = msgspec.field(name="drain_within", default=30.0)
    vectors: VectorsSpec = VectorsSpec()
    operations: Mapping[str, float] = msgspec.field(default_factory=lambda: {"PutVectors": 1.0})
    query: QuerySpec = QuerySpec()
    get_keys: Annotated[int, msgspec.Meta(ge=1, le=KEYS_PER_GET_MAX)] = 10
    delete_keys: Annotated[int, msgspec.Meta(ge=1, le=KEYS_PER_DELETE_MAX)] = 10
    preload: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    stages: tuple[Stage, ...] = ()
    thresholds: tuple[ThresholdSpec, ...] = ()
    local: LocalSpec = LocalSpec()

    @property
    def vectors_per_arrival(self) -> float:
        """Vectors that an arrival writes, reads by key or deletes, on average."""
        each = {
            "PutVectors": self.vectors.per_request,
            "GetVectors": self.get_keys,
            "DeleteVectors": self.delete_keys,
        }
        return sum(share * each.get(operation, 0) for operation, share in self.operations.items())

    def schedule(self) -> Schedule:
        """When each request is due."""
        per_arrival = self.vectors.per_request if self.unit == "vectors" else 1
        return Schedule.of(self.stages, per_arrival=per_arrival, seed=self.seed)

    def plan(self) -> Plan:
        """What the run is to do, for its record."""
        schedule = self.schedule()
        return Plan(
            scenario=self.name,
            description=self.description,
            unit=self.unit,
            client=self.client,
            operations=self.operations,
            dimension=self.vectors.dimension,
            vectors_per_request=self.vectors.per_request,
            data=self._data(),
            stages=self.stages,
            duration_s=schedule.duration_s,
            scheduled=schedule.total,
            in_flight_max=self.in_flight_max,
            start_within_s=self.start_within_s,
            thresholds=tuple(each.expression for each in self.thresholds),
            seed=self.seed,
        )

    def serve_options(self) -> tuple[str, ...]:
        """The options of `vecgate serve` where the local endpoint is the target."""
        chosen = msgspec.structs.asdict(self.local)
        return tuple(
            word for name, value in chosen.items() if value != "off" for word in (f"--{name}", value)
        )

    def _data(self) -> str:
        vectors = self.vectors
        drawn = f"synthetic: {vectors.clusters:,} clusters, spread {vectors.spread:g}"
        origin = drawn if vectors.source == SYNTHETIC else vectors.source
        return f"{origin}, {vectors.pool:,} distinct, metadata {vectors.metadata}"
