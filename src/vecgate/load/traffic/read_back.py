"""Looks up a sample of the acknowledged writes at the end of a run: an acknowledgement stores nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson

from vecgate.bulk.core.body_encoding import encode_request
from vecgate.bulk.core.record_blocks import Float32Matrix
from vecgate.bulk.transport.sender import Sender
from vecgate.errors import ProtocolError, ServiceError, TransportError, VecgateError
from vecgate.load.scenario.scenario_spec import Scenario
from vecgate.load.schedule.operation_mix import OperationMix
from vecgate.load.traffic.acknowledged_writes import SAMPLE, AcknowledgedWrites, merge_samples
from vecgate.load.traffic.planned_requests import LOOK_BACK, operation_mix
from vecgate.load.traffic.request_bodies import record_key, record_number
from vecgate.load.traffic.vector_pool import VectorPool
from vecgate.results.load.load_records import ReadBack
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.pricing import requests_usd

#: A look-up that failed is repeated within this time.
LOOK_UP_WITHIN_S = 20.0
#: Writes are strongly consistent. What is not found is looked up again within this time all the same.
SETTLED_WITHIN_S = 5.0
PAUSE_S = 1.0


def read_back(
    sender: Sender,
    address: IndexAddress,
    pool: VectorPool,
    scenario: Scenario,
    writes: Sequence[AcknowledgedWrites],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> ReadBack:
    """Look up a sample of *writes*, those of all workers, in the index at *address*."""
    reader = _Reader(sender, address, clock, sleep)
    stored, absent = stored_records(scenario, writes), absent_records(writes)
    looked_up, missing, different, deleted_looked_up, remaining, problem = 0, 0, 0, 0, 0, ""
    try:
        wrong = reader.settle(stored, lambda found: [each for each in stored if not found.has(each, pool)])
        looked_up, missing = len(stored), sum(each not in reader.found.vectors for each in wrong)
        different = len(wrong) - missing
        kept = reader.settle(absent, lambda found: [each for each in absent if each in found.vectors])
        deleted_looked_up, remaining = len(absent), len(kept)
    except VecgateError as error:
        problem = str(error)
    return ReadBack(
        acknowledged=sum(each.put for each in writes),
        looked_up=looked_up,
        missing=missing,
        different=different,
        deleted=sum(each.deleted for each in writes),
        deleted_looked_up=deleted_looked_up,
        remaining=remaining,
        requests=reader.requests,
        usd=requests_usd({"GetVectors": reader.requests}),
        problem=problem,
    )


def stored_records(scenario: Scenario, writes: Iterable[AcknowledgedWrites]) -> list[int]:
    """Return a sample of the records that are certainly stored, of at most SAMPLE."""
    first_records = merge_samples((each.put, each.puts) for each in writes)
    offsets = random.sample(range(scenario.vectors.per_request), scenario.vectors.per_request)
    mix, scheduled = operation_mix(scenario), scenario.schedule().total
    found: list[int] = []
    # One record of each request, and further ones if there are few requests.
    for offset in offsets:
        for first in first_records:
            record = first + offset
            if not may_be_deleted(record, scenario, mix, scheduled):
                found.append(record)
            if len(found) == SAMPLE:
                return found
    return found


def absent_records(writes: Iterable[AcknowledgedWrites]) -> list[int]:
    """Return a sample of the records that are certainly deleted, of at most SAMPLE."""
    merged = merge_samples((each.deleted, each.deletes) for each in writes)
    return list(dict.fromkeys(merged))[:SAMPLE]


def may_be_deleted(record: int, scenario: Scenario, mix: OperationMix, scheduled: int) -> bool:
    """Return True if a DeleteVectors of the schedule has *record*, which a PutVectors of it has put."""
    if "DeleteVectors" not in scenario.operations:
        return False
    # A delete that finds no recent put has the first record.
    if record == scenario.preload:
        return True
    arrival, before = divmod(record - scenario.preload, scenario.vectors.per_request)
    # Each delete has the records that were put last: *before* is how many come before this one.
    for later in range(arrival + 1, min(arrival + LOOK_BACK + 1, scheduled)):
        operation = mix.operation_of(later)
        if before >= scenario.delete_keys:
            return False
        if operation == "DeleteVectors":
            return True
        before += scenario.vectors.per_request * (operation == "PutVectors")
    return False


@dataclass(frozen=True, slots=True)
class _Found:
    """The vectors that were found, by record."""

    vectors: dict[int, Float32Matrix] = field(default_factory=dict)

    def has(self, record: int, pool: VectorPool) -> bool:
        """Return True if *record* was found with all of its float32 values."""
        values = self.vectors.get(record)
        return values is not None and np.array_equal(values, pool.vectors[record % len(pool)])


class _Reader:
    """Reads records by key.

    requests  number of requests that were sent
    found     the records of the last answer
    """

    def __init__(
        self,
        sender: Sender,
        address: IndexAddress,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._sender, self._address, self._clock, self._sleep = sender, address, clock, sleep
        self._deadline_s = clock() + LOOK_UP_WITHIN_S
        self.requests = 0
        self.found = _Found()

    def settle(self, records: Sequence[int], wrong: Callable[[_Found], list[int]]) -> list[int]:
        """Read *records* until none of them is *wrong*, or the time is over. Return those that are."""
        if not records:
            return []
        self.found = self._get(records)
        until_s = self._clock() + SETTLED_WITHIN_S
        while (remaining := wrong(self.found)) and self._clock() < until_s:
            self._sleep(PAUSE_S)
            self.found = self._get(records)
        return remaining

    def _get(self, records: Sequence[int]) -> _Found:
        body = encode_request(self._address, keys=list(map(record_key, records)), returnData=True)
        while True:
            self.requests += 1
            try:
                return _parse(self._sender.send("GetVectors", body))
            except (TransportError, ServiceError) as error:
                is_final = isinstance(error, ServiceError) and not error.is_retryable
                if is_final or self._clock() >= self._deadline_s:
                    raise
            self._sleep(PAUSE_S)


def _parse(answer: bytes) -> _Found:
    try:
        records = orjson.loads(answer)["vectors"]
        return _Found(
            {
                record_number(each["key"]): np.array(each["data"]["float32"], dtype=np.float32)
                for each in records
            }
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError("GetVectors has an answer of another form") from error
