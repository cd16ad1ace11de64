"""The request of an arrival: which operation, on which records, and what its answer is kept for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
import orjson

from vecgate.bulk.encoding import Body
from vecgate.load.bodies import Bodies, record_of, spread_over
from vecgate.load.data import GROUPS, Pool
from vecgate.load.mix import Mix
from vecgate.load.recall import Held, Mask, recall_of
from vecgate.load.specs import QUERIES, Scenario
from vecgate.results.load import Recall

#: What the mix calls queries with a filter, beside those without.
FILTERED = "QueryVectors, filtered"
#: Arrivals among which a delete looks for what was put.
LOOK_BACK = 256


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is ready to be sent.

    vectors  that it writes, reads or deletes
    records  that a PutVectors holds, by number, and *stored_bytes* of them, as Amazon counts
    on_ok    is given the body of the answer
    """

    operation: str
    body: Body
    vectors: int = 0
    records: range = range(0)
    stored_bytes: int = 0
    on_ok: Callable[[bytes], None] | None = None


@dataclass(slots=True)
class Answers:
    """Answers to the queries that are judged: number of the query and whether it was filtered, to records.

    wanted       of all workers together
    part, parts  which worker this is, of how many: each judges queries of its own
    """

    wanted: int
    part: int = 0
    parts: int = 1
    kept: dict[tuple[int, bool], list[int]] = field(default_factory=dict)

    def keeper(self, number: int, *, filtered: bool) -> Callable[[bytes], None] | None:
        """Takes the answer to that query; None where it is not needed."""
        query = (number % QUERIES, filtered)
        is_ours = query[0] % self.parts == self.part
        if not is_ours or len(self.kept) >= self._own or query in self.kept:
            return None

        def keep(body: bytes) -> None:
            if len(self.kept) < self._own:
                self.kept.setdefault(query, _records_in(body))

        return keep

    @property
    def _own(self) -> int:
        """How many of those that are wanted are for this worker."""
        return self.wanted // self.parts + (self.part < self.wanted % self.parts)


class Requests:
    """Makes the request of each arrival, the same on every worker."""

    def __init__(self, scenario: Scenario, bodies: Bodies, pool: Pool) -> None:
        self._scenario, self._bodies, self._pool = scenario, bodies, pool
        self._mix = Mix.of(_names(scenario), seed=scenario.seed)
        is_judged = not {"PutVectors", "DeleteVectors"} & scenario.operations.keys()
        self.answers = Answers(scenario.query.recall_sample if is_judged else 0)

    def of(self, arrival: int) -> Request:
        """The request of *arrival*."""
        scenario, name = self._scenario, self._mix.operation_of(arrival)
        match name:
            case "PutVectors":
                return self._put(self._records_of(arrival))
            case "GetVectors":
                records = spread_over(arrival, scenario.get_keys, scenario.preload or 1)
                return Request(name, self._bodies.get(records), len(records))
            case "DeleteVectors":
                return self._delete(arrival)
            case "ListVectors":
                return Request(name, self._bodies.listing())
            case _:
                filtered = name == FILTERED
                keep = self.answers.keeper(arrival, filtered=filtered)
                return Request("QueryVectors", self._bodies.query(arrival, filtered=filtered), on_ok=keep)

    def recall(self) -> Recall | None:
        """The recall of the answers that were kept; None where none were."""
        asked, scenario = sorted(self.answers.kept), self._scenario
        if not asked:
            return None
        held = Held(self._pool.vectors[: scenario.preload], scenario.preload)
        return recall_of(
            [self.answers.kept[query] for query in asked],
            self._bodies.queries[[number for number, _ in asked]],
            held,
            metric=scenario.vectors.metric,
            k=scenario.query.top_k,
            keeps=(_kept_by(number, len(held.vectors)) if filtered else None for number, filtered in asked),
        )

    def _put(self, records: range) -> Request:
        bodies = self._bodies
        return Request("PutVectors", bodies.put(records), len(records), records, bodies.stored_bytes(records))

    def _delete(self, arrival: int) -> Request:
        # Of what was put last, never of what was there before the run: reads want that. Where nothing is put
        # that is all there is: one after the other, and at the end from the beginning.
        wanted, held = self._scenario.delete_keys, self._scenario.preload
        if "PutVectors" not in self._scenario.operations:
            first = arrival * wanted
            return self._deleted([(first + at) % held for at in range(min(wanted, held))])
        puts = (each for each in self._before(arrival) if self._mix.operation_of(each) == "PutVectors")
        records = list(islice(chain.from_iterable(map(self._records_of, puts)), wanted))
        return self._deleted(records or [held])

    def _deleted(self, records: list[int]) -> Request:
        return Request("DeleteVectors", self._bodies.delete(records), len(records))

    def _records_of(self, arrival: int) -> range:
        first = self._scenario.preload + arrival * self._scenario.vectors.per_request
        return range(first, first + self._scenario.vectors.per_request)

    @staticmethod
    def _before(arrival: int) -> range:
        return range(arrival - 1, max(-1, arrival - 1 - LOOK_BACK), -1)


def _kept_by(number: int, rows: int) -> Mask:
    return np.asarray(np.arange(rows) % GROUPS == number % GROUPS)


def _names(scenario: Scenario) -> dict[str, float]:
    """The operations of *scenario* as the mix takes them: queries with a filter apart from those without."""
    queries = scenario.operations.get("QueryVectors", 0.0)
    share = scenario.query.filtered_share
    return {**scenario.operations, "QueryVectors": queries * (1 - share), FILTERED: queries * share}


def _records_in(answer: bytes) -> list[int]:
    return [record_of(hit["key"]) for hit in orjson.loads(answer)["vectors"]]
