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
from vecgate.load.traffic.answer_checks import CheckAnswer, GetAnswer, ListAnswer, QueryAnswer
from vecgate.load.traffic.growing_recall import SpreadAnswers, growing_snapshots
from vecgate.load.traffic.recall import IndexContents, Mask, compute_recall, recall_of_neighbors
from vecgate.load.traffic.request_bodies import (
    LIST_KEYS,
    RequestBodies,
    pick_records,
    record_key,
    record_number,
)
from vecgate.load.traffic.vector_pool import GROUPS, VectorPool
from vecgate.results.load.load_records import Recall

#: The name of queries with a filter in the operation mix.
FILTERED = "QueryVectors, filtered"
#: Number of previous arrivals in which a DeleteVectors searches for records that were put.
LOOK_BACK = 256


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request that is ready to be sent.

    vectors       number of vectors that it writes, reads or deletes
    records       numbers of the records in a PutVectors
    deletes       numbers of the records in a DeleteVectors
    stored_bytes  bytes of the records that are put, as AWS counts them
    check         checks the body of a successful answer
    on_ok         called with a body that passed it
    """

    operation: str
    body: Body
    vectors: int = 0
    records: range = range(0)
    deletes: tuple[int, ...] = ()
    stored_bytes: int = 0
    check: CheckAnswer | None = None
    on_ok: Callable[[bytes], None] | None = None


@dataclass(slots=True)
class SampledAnswers:
    """The answers to the queries whose recall is computed.

    total       number of answers over all workers
    part, parts  worker *part* of *parts*; each worker samples different queries
    kept         records in the answer, by query number and whether the query had a filter
    queries      number of distinct queries; their numbers repeat after it
    """

    total: int
    part: int = 0
    parts: int = 1
    kept: dict[tuple[int, bool], list[int]] = field(default_factory=dict)
    queries: int = QUERIES

    def collector(self, number: int, *, filtered: bool) -> Callable[[bytes], None] | None:
        """Return a function that keeps the answer to that query; None if the answer is not needed."""
        query = (number % self.queries, filtered)
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
        self._mix = operation_mix(scenario)
        # Records that are stored during the whole run: a mix with PutVectors deletes only what it has put.
        deletes_preload = "DeleteVectors" in scenario.operations and "PutVectors" not in scenario.operations
        self._certain = 0 if deletes_preload else scenario.preload
        self._query_checks = {filtered: self._query_check(filtered=filtered) for filtered in (False, True)}
        # Records that are deleted during the run would change the exact answers.
        sample = 0 if "DeleteVectors" in scenario.operations else scenario.query.recall_sample
        self.answers: SampledAnswers | SpreadAnswers = SampledAnswers(sample, queries=len(bodies.query_set))
        if sample and "PutVectors" in scenario.operations:
            scheduled = scenario.schedule().total
            self.answers = SpreadAnswers(sample, scheduled, lambda: scheduled)

    def count_due(self, elapsed_s: Callable[[], float]) -> None:
        """Use *elapsed_s*, the time since the schedule began, to tell which writes may have been stored."""
        if isinstance(self.answers, SpreadAnswers):
            schedule = self._scenario.schedule()
            self.answers.due_by_now = lambda: schedule.due_before(elapsed_s())

    def plan(self, arrival: int) -> PlannedRequest:
        """Return the request of *arrival*."""
        scenario, name = self._scenario, self._mix.operation_of(arrival)
        match name:
            case "PutVectors":
                return self._plan_put(self._records_of(arrival))
            case "GetVectors":
                records = pick_records(arrival, scenario.get_keys, scenario.preload or 1)
                check = GetAnswer(
                    frozenset(record_key(record).encode() for record in records),
                    scenario.vectors.dimension,
                    is_certain=bool(self._certain),
                )
                return PlannedRequest(name, self._bodies.get(records), len(records), check=check)
            case "DeleteVectors":
                return self._plan_delete(arrival)
            case "ListVectors":
                check_list = ListAnswer(min(1, self._certain), LIST_KEYS)
                return PlannedRequest(name, self._bodies.listing(), check=check_list)
            case _:
                filtered = name == FILTERED
                on_ok = self._collector(arrival, filtered=filtered)
                return PlannedRequest(
                    "QueryVectors",
                    self._bodies.query(arrival, filtered=filtered),
                    check=self._query_checks[filtered],
                    on_ok=on_ok,
                )

    def operation_of(self, arrival: int) -> str:
        """Return the operation of the request of *arrival*."""
        name = self._mix.operation_of(arrival)
        return "QueryVectors" if name == FILTERED else name

    def recall(self) -> Recall | None:
        """Compute the recall of the kept answers; None if no answer was kept."""
        if isinstance(self.answers, SpreadAnswers):
            return self._growing_recall(self.answers)
        queries, scenario = sorted(self.answers.kept), self._scenario
        if not queries:
            return None
        numbers, query_set = [number for number, _ in queries], self._bodies.query_set
        if query_set.neighbors is not None and not any(filtered for _, filtered in queries):
            return recall_of_neighbors(
                [self.answers.kept[query] for query in queries],
                query_set.vectors[numbers],
                self._pool.vectors,
                query_set.neighbors[numbers],
                metric=scenario.vectors.metric,
                k=scenario.query.top_k,
            )
        contents = IndexContents(self._pool.vectors[: scenario.preload], scenario.preload)
        return compute_recall(
            [self.answers.kept[query] for query in queries],
            self._bodies.query_set.vectors[numbers],
            contents,
            metric=scenario.vectors.metric,
            k=scenario.query.top_k,
            masks=(
                _filter_mask(number, len(contents.vectors)) if filtered else None
                for number, filtered in queries
            ),
        )

    def _growing_recall(self, answers: SpreadAnswers) -> Recall | None:
        kept, scenario = answers.in_order(), self._scenario
        if not kept:
            return None
        contents = IndexContents(self._pool.vectors, scenario.preload)
        rows, per_request = len(self._pool), scenario.vectors.per_request
        return compute_recall(
            [each.records for each in kept],
            self._bodies.query_set.vectors[[each.query for each in kept]],
            contents,
            metric=scenario.vectors.metric,
            k=scenario.query.top_k,
            masks=(_filter_mask(each.query, rows) if each.filtered else None for each in kept),
            snapshots=growing_snapshots(contents, kept, self._records_written, per_request),
        )

    def _records_written(self, arrival: int) -> range:
        return self._records_of(arrival) if self._mix.operation_of(arrival) == "PutVectors" else range(0)

    def _collector(self, arrival: int, *, filtered: bool) -> Callable[[bytes], None] | None:
        row = self._bodies.query_set.row_of(arrival)
        if isinstance(self.answers, SampledAnswers):
            return self.answers.collector(row, filtered=filtered)
        keep = self.answers.collector(arrival, row, filtered=filtered)
        return None if keep is None else lambda body: keep(_parse_records(body))

    def _query_check(self, *, filtered: bool) -> QueryAnswer:
        vectors, top_k = self._scenario.vectors, self._scenario.query.top_k
        least = min(top_k, self._certain)
        if filtered:
            # An approximate search with a filter may return fewer than match. Every group has a vector if
            # GROUPS are stored.
            has_groups = vectors.metadata in {"small", "full"} and len(self._pool) >= GROUPS
            least = int(has_groups and self._certain >= GROUPS)
        return QueryAnswer(vectors.metric, least, top_k)

    def _plan_put(self, records: range) -> PlannedRequest:
        bodies = self._bodies
        return PlannedRequest(
            "PutVectors",
            bodies.put(records),
            len(records),
            records,
            stored_bytes=bodies.stored_bytes(records),
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
        body = self._bodies.delete(records)
        return PlannedRequest("DeleteVectors", body, len(records), deletes=tuple(records))

    def _records_of(self, arrival: int) -> range:
        first = self._scenario.preload + arrival * self._scenario.vectors.per_request
        return range(first, first + self._scenario.vectors.per_request)

    @staticmethod
    def _before(arrival: int) -> range:
        return range(arrival - 1, max(-1, arrival - 1 - LOOK_BACK), -1)


def _filter_mask(number: int, rows: int) -> Mask:
    return np.asarray(np.arange(rows) % GROUPS == number % GROUPS)


def operation_mix(scenario: Scenario) -> OperationMix:
    """Return the operation of each arrival of *scenario*."""
    return OperationMix.from_weights(_mix_weights(scenario), seed=scenario.seed)


def _mix_weights(scenario: Scenario) -> dict[str, float]:
    """Return the weights of the operations, with separate entries for queries with and without a filter."""
    queries = scenario.operations.get("QueryVectors", 0.0)
    filtered = scenario.query.filtered_share
    return {**scenario.operations, "QueryVectors": queries * (1 - filtered), FILTERED: queries * filtered}


def _parse_records(answer: bytes) -> list[int]:
    return [record_number(hit["key"]) for hit in orjson.loads(answer)["vectors"]]
