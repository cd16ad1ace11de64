"""The values of a scenario, with bounds and defaults. `scenario_file` reads them from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

from vecgate.load.schedule.arrival_schedule import Schedule
from vecgate.results.load.load_records import LoadPlan, Stage, Unit
from vecgate.s3vectors.limits import (
    DIMENSION_MAX,
    KEYS_PER_DELETE_MAX,
    KEYS_PER_GET_MAX,
    QUERY_PAGE_MAX,
    VECTORS_PER_PUT_MAX,
)
from vecgate.toml_schema import Duration, PositiveDuration

SYNTHETIC = "synthetic"
#: Distinct query vectors of a run; each can be sent with and without a filter.
QUERIES = 256
Fraction: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]


class VectorsSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The vectors and their requests.

    dimension    dimension of the vectors and the index
    metric       distance metric of the index
    per_request  vectors per PutVectors request
    metadata     none; small: three filterable keys; full: a paragraph of text too; file: that of the source
    source       synthetic, or a file of vectors, relative to the scenario's folder
    clusters     number of cluster centres of synthetic vectors
    spread       distance of synthetic vectors from their centre; 1 is the distance between centres
    pool         number of distinct vectors, which are put repeatedly under new keys
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

    top_k            number of results, at most one page
    filtered_share   fraction of the queries that have a filter, which one in a hundred vectors passes
    return_metadata  request the metadata of the results
    recall_sample    number of distinct queries whose results are compared with the exact ones
    source           file of held-out query vectors; empty for vectors near those of the pool
    neighbors        file with the true neighbours of these queries; empty to compute them
    choice           uniform: each query in turn; zipf: a few often and most seldom, as popular searches are
    """

    top_k: Annotated[int, msgspec.Meta(ge=1, le=QUERY_PAGE_MAX)] = 10
    filtered_share: Fraction = 0.0
    return_metadata: bool = False
    recall_sample: Annotated[int, msgspec.Meta(ge=0, le=2 * QUERIES)] = 0
    source: str = ""
    neighbors: str = ""
    choice: Literal["uniform", "zipf"] = "uniform"


class ThresholdSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that the run must meet.

    expression     for example `p(99){operation:PutVectors} < 500ms`
    abort_on_fail  end the run as soon as the condition fails, but not in the first *grace_s*
    """

    expression: str = msgspec.field(name="threshold")
    abort_on_fail: bool = False
    grace_s: Duration = msgspec.field(name="grace", default=0.0)


class LocalSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Options of `vecgate serve` for the local endpoint, used when it is the target."""

    quotas: str = "off"
    inject: str = "off"
    latency: str = "off"


class SweepSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What `vecgate sweep` does with the scenario unless its options say otherwise.

    operation  the operation whose rate is raised, while the others keep theirs; empty for all together
    rates      the rates, ascending, of that operation or in the unit of the scenario
    trial_s    duration of the load test at each rate
    """

    operation: str = ""
    rates: tuple[Annotated[float, msgspec.Meta(gt=0, le=1_000_000)], ...] = ()
    trial_s: PositiveDuration = msgspec.field(name="trial", default=20.0)


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A load test. Build one with `load_scenario`.

    name              name of the scenario, by default that of the file
    description       one line about the scenario
    unit              unit of the rates: vectors or requests per second
    client            direct: each request is sent once; bulk: paced and retried like the batch client
    seed              seed of all random values
    in_flight_max     maximum number of concurrent requests, over all workers
    start_deadline_s  a request that did not start within this time after it was due is dropped
    drain_deadline_s  time to wait at the end for requests in flight
    vectors           the vectors; see `VectorsSpec`
    operations        fraction of the arrivals by operation; the sum is 1
    query             the queries; see `QuerySpec`
    get_keys          keys per GetVectors request
    delete_keys       keys per DeleteVectors request
    preload           number of vectors put before the schedule begins
    stages            stages of the schedule, in order
    thresholds        conditions that the run must meet
    local             options of the local endpoint; see `LocalSpec`
    sweep             options of a sweep; see `SweepSpec`
    """

    name: str = ""
    description: str = ""
    unit: Unit = "vectors"
    client: Literal["direct", "bulk"] = "direct"
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = 0
    in_flight_max: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64
    start_deadline_s: PositiveDuration = msgspec.field(name="start_within", default=1.0)
    drain_deadline_s: Duration = msgspec.field(name="drain_within", default=30.0)
    vectors: VectorsSpec = VectorsSpec()
    operations: Mapping[str, float] = msgspec.field(default_factory=lambda: {"PutVectors": 1.0})
    query: QuerySpec = QuerySpec()
    get_keys: Annotated[int, msgspec.Meta(ge=1, le=KEYS_PER_GET_MAX)] = 10
    delete_keys: Annotated[int, msgspec.Meta(ge=1, le=KEYS_PER_DELETE_MAX)] = 10
    preload: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    stages: tuple[Stage, ...] = ()
    thresholds: tuple[ThresholdSpec, ...] = ()
    local: LocalSpec = LocalSpec()
    sweep: SweepSpec = SweepSpec()

    @property
    def vectors_per_arrival(self) -> float:
        """Vectors per request, on average: written, read by key or deleted."""
        vectors = {
            "PutVectors": self.vectors.per_request,
            "GetVectors": self.get_keys,
            "DeleteVectors": self.delete_keys,
        }
        return sum(fraction * vectors.get(name, 0) for name, fraction in self.operations.items())

    def schedule(self) -> Schedule:
        """Return the schedule: when each request is due."""
        units_per_arrival = self.vectors.per_request if self.unit == "vectors" else 1
        return Schedule.from_stages(self.stages, units_per_arrival=units_per_arrival, seed=self.seed)

    def plan(self) -> LoadPlan:
        """Return the plan of the run as the result stream records it."""
        schedule = self.schedule()
        return LoadPlan(
            scenario=self.name,
            description=self.description,
            unit=self.unit,
            client=self.client,
            operations=self.operations,
            dimension=self.vectors.dimension,
            vectors_per_request=self.vectors.per_request,
            data=self._describe_data(),
            stages=self.stages,
            duration_s=schedule.duration_s,
            scheduled=schedule.total,
            in_flight_max=self.in_flight_max,
            start_deadline_s=self.start_deadline_s,
            thresholds=tuple(each.expression for each in self.thresholds),
            seed=self.seed,
        )

    def serve_options(self) -> tuple[str, ...]:
        """Return the options of `vecgate serve` for the local endpoint."""
        chosen = msgspec.structs.asdict(self.local)
        return tuple(
            word for name, value in chosen.items() if value != "off" for word in (f"--{name}", value)
        )

    def _describe_data(self) -> str:
        vectors = self.vectors
        synthetic = f"synthetic: {vectors.clusters:,} clusters, spread {vectors.spread:g}"
        origin = synthetic if vectors.source == SYNTHETIC else vectors.source
        return f"{origin}, {vectors.pool:,} distinct, metadata {vectors.metadata}"
