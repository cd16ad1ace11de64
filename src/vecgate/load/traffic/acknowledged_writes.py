"""Samples the writes that were acknowledged, so that the end of the run can look some of them up.

Only what is certain is sampled. A vector may be put and deleted in one run: it is certainly absent if its put
had been acknowledged before its delete was sent, and certainly stored if no delete of the schedule covers it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from vecgate.load.scenario.scenario_spec import Scenario
from vecgate.load.traffic.planned_requests import LOOK_BACK, PlannedRequest

#: Vectors that are looked up, and requests that each worker keeps for it.
SAMPLE = 100


class AcknowledgedWrites(msgspec.Struct, frozen=True, kw_only=True):
    """The acknowledged writes of one worker.

    put      number of vectors put; *deleted* of vectors that are certainly deleted
    puts     first record of each sampled PutVectors
    deletes  record of each sampled DeleteVectors
    """

    put: int = 0
    deleted: int = 0
    puts: tuple[int, ...] = ()
    deletes: tuple[int, ...] = ()


@dataclass(slots=True)
class _Reservoir:
    """A uniform sample of SAMPLE of the records that were added."""

    random: random.Random
    kept: list[int] = field(default_factory=list)
    seen: int = 0

    def add(self, record: int) -> None:
        self.seen += 1
        if len(self.kept) < SAMPLE:
            self.kept.append(record)
        elif (place := self.random.randrange(self.seen)) < SAMPLE:
            self.kept[place] = record


class WriteSampler:
    """Samples the acknowledged writes of one worker."""

    def __init__(self, scenario: Scenario) -> None:
        self._preload, self._per_request = scenario.preload, scenario.vectors.per_request
        self._has_deletes = "DeleteVectors" in scenario.operations
        self._random = random.Random()  # noqa: S311 - a sample is not a secret
        self._puts, self._deletes = _Reservoir(self._random), _Reservoir(self._random)
        self._put = self._deleted = 0
        # When the latest puts were acknowledged, by their first record.
        self._acknowledged_s: dict[int, float] = {}

    def record(self, request: PlannedRequest, *, sent_s: float, ended_s: float, retried: int) -> None:
        """Count *request* if it is a write. It was sent at *sent_s* and acknowledged at *ended_s*."""
        if request.records:
            self._put += len(request.records)
            self._puts.add(request.records.start)
            # The first attempt of a put that was retried may still be stored.
            if self._has_deletes and not retried:
                self._acknowledged_s[request.records.start] = ended_s
                if len(self._acknowledged_s) > LOOK_BACK:
                    del self._acknowledged_s[next(iter(self._acknowledged_s))]
        elif request.deletes and (
            gone := [each for each in request.deletes if self._is_stored(each, sent_s)]
        ):
            self._deleted += len(gone)
            self._deletes.add(self._random.choice(gone))

    def writes(self) -> AcknowledgedWrites:
        """Return what was sampled so far."""
        return AcknowledgedWrites(
            put=self._put,
            deleted=self._deleted,
            puts=tuple(self._puts.kept),
            deletes=tuple(self._deletes.kept),
        )

    def _is_stored(self, record: int, time_s: float) -> bool:
        """Return True if the put of *record* was acknowledged before *time_s*, or in the preload."""
        if record < self._preload:
            return True
        first = record - (record - self._preload) % self._per_request
        return self._acknowledged_s.get(first, time_s + 1) <= time_s


def merge_samples(samples: Iterable[tuple[int, Sequence[int]]]) -> list[int]:
    """Return one uniform sample, in random order, of *samples* of several workers, each with its total."""
    totals, kept = [], []
    for total, sample in samples:
        if sample:
            totals.append(float(total))
            kept.append(random.sample(sample, len(sample)))
    merged = []
    while kept:
        (at,) = random.choices(range(len(kept)), totals)  # noqa: S311 - a sample is not a secret
        merged.append(kept[at].pop())
        if not kept[at]:
            del kept[at], totals[at]
    return merged
