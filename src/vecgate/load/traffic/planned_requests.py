"""The request of each arrival: its operation, its records and, for some queries, its recall sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
import orjson

from vecgate.bulk.core.body_encoding import Body
from vecgate.load.scenario.scenario_spec import QUERIES, Scenario
from vecgate.load.schedule.operation_mix import OperationMix
from vecgate.load.traffic.recall import IndexContents, Mask, compute_recall
from vecgate.load.traffic.request_bodies import RequestBodies, pick_records, record_number
from vecgate.load.traffic.vector_pool import GROUPS, VectorPool
from vecgate.results.load_records import Recall

#: The name of queries with a filter in the operation mix.
FILTERED = "QueryVectors, filtered"
#: Number of previous arrivals in which a DeleteVectors searches for records that were put.
LOOK_BACK = 256


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request that is ready to be sent.

    vectors       number of vectors that it writes, reads or deletes
    records       numbers of the records in a PutVectors
    stored_bytes  bytes of these records as AWS counts them
    on_ok         called with the body of a successful answer
    """

    operation: str
    body: Body
    vectors: int = 0
    records: range = range(0)
    stored_bytes: int = 0
    on_ok: Callable[[bytes], None] | None = None


@dataclass(slots=True)
class SampledAnswers:
    """The answers to the queries whose recall is computed.

    total       number of answers over all workers
    part, parts  worker *part* of *parts*; each worker samples different queries
    kept         records in the answer, by query number and whether the query had a filter
    """

    total: int
    part: int = 0
    parts: int = 1
    kept: dict[tuple[int, bool], list[int]] = field(default_factory=dict)

    def collector(self, number: int, *, filtered: bool) -> Callable[[bytes], None] | None:
        """Return a function that keeps the answer to that query; None if the answer is not needed."""
        query = (number % QUERIES, filtered)
        is_sampled_here = query[0] % self.parts == self.part
        if not is_sampled_here or len(self.kept) >= self._limit or query in self.kept:
            return None

        def keep(body: bytes) -> None:
            if len(self.kept) < self._limit:
                self.kept.setdefault(query, _parse_records(body))

        return keep

    @property
    def _limit(self) -> int:
        """The number of answers that this worker keeps."""
        return self.total // self.parts + (self.part < self.total % self.parts)


class RequestPlanner:
    """Plans the request of each arrival. Every worker plans the same one."""

    def __init__(self, scenario: Scenario, bodies: RequestBodies, pool: VectorPool) -> None:
        self._scenario, self._bodies, self._pool = scenario, bodies, pool
        self._mix = OperationMix.from_weights(_mix_weights(scenario), seed=scenario.seed)
        is_sampled = not {"PutVectors", "DeleteVectors"} & scenario.operations.keys()
        self.answers = SampledAnswers(scenario.query.recall_sample if is_sampled else 0)

    def plan(self, arrival: int) -> PlannedRequest:
        """Return the request of *arrival*."""
        scenario, name = self._scenario, self._mix.operation_of(arrival)
        match name:
            case "PutVectors":
                return self._plan_put(self._records_of(arrival))
            case "GetVectors":
                records = pick_records(arrival, scenario.get_keys, scenario.preload or 1)
                return PlannedRequest(name, self._bodies.get(records), len(records))
            case "DeleteVectors":
                return self._plan_delete(arrival)
            case "ListVectors":
                return PlannedRequest(name, self._bodies.listing())
            case _:
                filtered = name == FILTERED
                on_ok = self.answers.collector(arrival, filtered=filtered)
                return PlannedRequest(
                    "QueryVectors", self._bodies.query(arrival, filtered=filtered), on_ok=on_ok
                )

    def recall(self) -> Recall | None:
        """Compute the recall of the kept answers; None if no answer was kept."""
        queries, scenario = sorted(self.answers.kept), self._scenario
        if not queries:
            return None
        contents = IndexContents(self._pool.vectors[: scenario.preload], scenario.preload)
        return compute_recall(
            [self.answers.kept[query] for query in queries],
            self._bodies.queries[[number for number, _ in queries]],
            contents,
            metric=scenario.vectors.metric,
            k=scenario.query.top_k,
            masks=(
                _filter_mask(number, len(contents.vectors)) if filtered else None
                for number, filtered in queries
            ),
        )

    def _plan_put(self, records: range) -> PlannedRequest:
        bodies = self._bodies
        return PlannedRequest(
            "PutVectors", bodies.put(records), len(records), records, bodies.stored_bytes(records)
        )

    def _plan_delete(self, arrival: int) -> PlannedRequest:
        # Delete what was put last and keep the preloaded records, which reads need. A mix without PutVectors
        # deletes preloaded records in order, starting over at the end.
        count, preload = self._scenario.delete_keys, self._scenario.preload
        if "PutVectors" not in self._scenario.operations:
            first = arrival * count
            return self._delete([(first + offset) % preload for offset in range(min(count, preload))])
        puts = (each for each in self._before(arrival) if self._mix.operation_of(each) == "PutVectors")
        records = list(islice(chain.from_iterable(map(self._records_of, puts)), count))
        return self._delete(records or [preload])

    def _delete(self, records: list[int]) -> PlannedRequest:
        return PlannedRequest("DeleteVectors", self._bodies.delete(records), len(records))

    def _records_of(self, arrival: int) -> range:
        first = self._scenario.preload + arrival * self._scenario.vectors.per_request
        return range(first, first + self._scenario.vectors.per_request)

    @staticmethod
    def _before(arrival: int) -> range:
        return range(arrival - 1, max(-1, arrival - 1 - LOOK_BACK), -1)


def _filter_mask(number: int, rows: int) -> Mask:
    return np.asarray(np.arange(rows) % GROUPS == number % GROUPS)


def _mix_weights(scenario: Scenario) -> dict[str, float]:
    """Return the weights of the operations, with separate entries for queries with and without a filter."""
    queries = scenario.operations.get("QueryVectors", 0.0)
    filtered = scenario.query.filtered_share
    return {**scenario.operations, "QueryVectors": queries * (1 - filtered), FILTERED: queries * filtered}


def _parse_records(answer: bytes) -> list[int]:
    return [record_number(hit["key"]) for hit in orjson.loads(answer)["vectors"]]
