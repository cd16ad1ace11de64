"""What one worker of a load run did, second by second, and the seconds of several workers as one.

Recording is on the path of every request: it counts, and nothing more. What costs is done once a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from msgspec.structs import replace

from vecgate.results.counts import Counts, by_operation
from vecgate.results.load import OperationSecond, Second, WorkerTotals
from vecgate.s3vectors.pricing import PUT_BYTES_MIN, requests_usd

#: A request that starts longer than this after it was due is late.
LATE_S = 0.010


class Recorder:
    """Counts what happens on one worker. For one thread: nothing here waits or locks."""

    def __init__(self) -> None:
        self._second, self._totals = _Running(), _Running()
        self._in_flight = 0
        self._cpu_s = 0.0

    def due(self, arrivals: int, vectors: int) -> None:
        """By the schedule, *arrivals* more requests, of *vectors* together, should have started."""
        self._second.due += arrivals
        self._second.due_vectors += vectors

    def started(self, late_s: float) -> None:
        """A request started *late_s* after it was due. It is in flight until it has ended."""
        self._second.started += 1
        self._second.late += late_s > LATE_S
        self._in_flight += 1

    def dropped(self, number: int = 1) -> None:
        """So many requests were given up before they started."""
        self._second.dropped += number

    def ended(
        self,
        operation: str,
        *,
        response_s: float,
        service_s: float,
        vectors: int = 0,
        bytes_out: int = 0,
        bytes_in: int = 0,
        stored_bytes: int = 0,
        code: str = "",
        is_throttled: bool = False,
        retried: int = 0,
    ) -> None:
        """A request that had started was done, or failed with the error *code*.

        response_s    since it was due; *service_s*, since it started
        stored_bytes  what Amazon charges a PutVectors for: vectors, keys and metadata. Where that is not
                      told the price is that of *bytes_out*, which is more
        retried       how often it was sent again; `attempt_failed` says why
        """
        self._in_flight -= 1
        counts = self._second.operations.get(operation) or self._second.opened(operation)
        counts.response.record(response_s)
        counts.service.record(service_s)
        counts.bytes_out += bytes_out
        counts.bytes_in += bytes_in
        counts.retried += retried
        if code:
            counts.errors[code] += 1
            counts.throttled += is_throttled
        else:
            counts.ok += 1
            counts.vectors += vectors
        if operation == "PutVectors":
            self._second.put_bytes += (retried + 1) * max(stored_bytes or bytes_out, PUT_BYTES_MIN)

    def attempt_failed(self, operation: str, *, is_throttled: bool) -> None:
        """A request that will be sent again was refused: nothing ended, but the target may have throttled."""
        counts = self._second.operations.get(operation) or self._second.opened(operation)
        counts.throttled += is_throttled

    def lag(self, seconds: float) -> None:
        """The event loop came back *seconds* later than it should have."""
        self._second.lag_s = max(self._second.lag_s, seconds)

    def take(self, at_s: int, *, cores: float = 0.0) -> Second:
        """The second that began at *at_s* and is over, in which the worker used *cores*; the next one begins.

        Its *usd* is the price of its own requests: `merged_second` adds them up.
        """
        counts, self._second = self._second, _Running()
        self._totals.add(counts)
        self._cpu_s += cores
        return Second(
            at_s=at_s,
            due=counts.due,
            due_vectors=counts.due_vectors,
            started=counts.started,
            late=counts.late,
            dropped=counts.dropped,
            in_flight=self._in_flight,
            generator_cores=round(cores, 3),
            busiest_cores=round(cores, 3),
            loop_lag_ms=round(counts.lag_s * 1e3, 3),
            usd=counts.usd,
            operations=counts.records(),
        )

    def totals(self, worker: str) -> WorkerTotals:
        """What *worker* did in all the seconds that were taken."""
        return WorkerTotals(
            worker=worker,
            started=self._totals.started,
            dropped=self._totals.dropped,
            cpu_s=round(self._cpu_s, 3),
            loop_lag_ms=round(self._totals.lag_s * 1e3, 3),
            operations=self._totals.records(),
        )


def merged_second(parts: Sequence[Second], *, at_s: int, usd: float = 0.0) -> Second:
    """The seconds that several workers took, as one second of the run, which has cost *usd* before it."""
    return Second(
        at_s=at_s,
        due=sum(part.due for part in parts),
        due_vectors=sum(part.due_vectors for part in parts),
        started=sum(part.started for part in parts),
        late=sum(part.late for part in parts),
        dropped=sum(part.dropped for part in parts),
        lost=sum(part.lost for part in parts),
        in_flight=sum(part.in_flight for part in parts),
        workers=sum(part.workers for part in parts),
        generator_cores=sum(part.generator_cores for part in parts),
        busiest_cores=max((part.busiest_cores for part in parts), default=0.0),
        loop_lag_ms=max((part.loop_lag_ms for part in parts), default=0.0),
        usd=usd + sum(part.usd for part in parts),
        operations=_merged([part.operations for part in parts]),
        parts=_merged_parts([part.parts for part in parts]),
    )


def joined_second(parts: Sequence[Second]) -> Second:
    """The parts of one second that one worker took one after the other, as stages ended within it."""
    if len(parts) == 1:
        return parts[0]
    cores = round(sum(part.generator_cores for part in parts), 3)
    return replace(
        merged_second(parts, at_s=parts[0].at_s),
        workers=parts[-1].workers,
        in_flight=parts[-1].in_flight,
        busiest_cores=cores,
        parts=tuple(replace(part, usd=0.0) for part in parts),
    )


@dataclass(slots=True)
class _Running:
    """A second, or all of them, while it is counted.

    put_bytes  that PutVectors are charged for
    """

    due: int = 0
    due_vectors: int = 0
    started: int = 0
    late: int = 0
    dropped: int = 0
    lag_s: float = 0.0
    put_bytes: int = 0
    operations: dict[str, Counts] = field(default_factory=dict)

    def opened(self, operation: str) -> Counts:
        return self.operations.setdefault(operation, Counts())

    def add(self, other: _Running) -> None:
        self.started += other.started
        self.dropped += other.dropped
        self.lag_s = max(self.lag_s, other.lag_s)
        for name, counts in other.operations.items():
            self.opened(name).add(counts)

    @property
    def usd(self) -> float:
        """The price of the requests. All are charged for: those that failed, and those sent again."""
        sent = {name: counts.requests + counts.retried for name, counts in self.operations.items()}
        return requests_usd(sent, put_bytes=self.put_bytes)

    def records(self) -> dict[str, OperationSecond]:
        return {name: self.operations[name].record() for name in sorted(self.operations)}


def _merged_parts(workers: Sequence[Sequence[Second]]) -> tuple[Second, ...]:
    # Who was over before a stage was has nothing of the next.
    columns = zip_longest(*(parts for parts in workers if parts))
    merged = ([part for part in column if part is not None] for column in columns)
    return tuple(merged_second(parts, at_s=parts[0].at_s) for parts in merged)


def _merged(parts: Sequence[Mapping[str, OperationSecond]]) -> dict[str, OperationSecond]:
    # The usual case is one worker, and its second needs no decoding.
    if len(parts) == 1:
        return dict(parts[0])
    return {name: counts.record() for name, counts in by_operation(parts).items()}
