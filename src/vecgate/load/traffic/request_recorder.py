"""Records the requests of one worker second by second, and merges the seconds of several workers.

Recording is on the path of every request, so it only counts. Everything expensive happens once per second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from msgspec.structs import replace

from vecgate.load.traffic.request_log import RequestLog
from vecgate.results.load.load_records import OperationSecond, Second, WorkerTotals
from vecgate.results.load.operation_counts import OperationCounts, sum_by_operation
from vecgate.s3vectors.pricing import PUT_BYTES_MIN, requests_usd

#: A request is late if it starts more than this after it was due.
LATE_S = 0.010


class RequestRecorder:
    """Counts the requests of one worker. Not thread-safe: it has no locks and never waits.

    log  collects what is kept of single requests
    """

    def __init__(self) -> None:
        self.log: RequestLog = RequestLog()
        self._first_ms: dict[str, float] = {}
        self._second, self._totals = _Counters(), _Counters()
        self._in_flight = 0
        self._cpu_s = 0.0

    def record_due(self, arrivals: int, vectors: int) -> None:
        """Count *arrivals* requests with *vectors* vectors in total as due by the schedule."""
        self._second.due += arrivals
        self._second.due_vectors += vectors

    def record_start(self, late_s: float) -> None:
        """Count a request that started *late_s* after it was due. It is in flight until `record_end`."""
        self._second.started += 1
        self._second.late += late_s > LATE_S
        self._in_flight += 1

    def record_unknown(
        self, operation: str, *, bytes_out: int = 0, stored_bytes: int = 0, retried: int = 0
    ) -> None:
        """Count a started request whose result nobody will know. AWS charges for its attempts anyway."""
        self._in_flight -= 1
        self._second.unknown += 1
        self._second.unknown_sent[operation] += retried + 1
        if operation == "PutVectors":
            self._second.put_bytes += (retried + 1) * max(stored_bytes or bytes_out, PUT_BYTES_MIN)

    def record_lost(self) -> None:
        """Count a request that was not sent, because Locust ended the user that had it."""
        self._second.lost += 1

    def record_connect(self, seconds: float) -> None:
        """Count a new connection, which took *seconds* to open."""
        self._second.connects += 1
        self._second.connect_s = max(self._second.connect_s, seconds)

    def record_drops(self, number: int = 1) -> None:
        """Count *number* requests that were dropped before they started."""
        self._second.dropped += number

    def record_end(
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
        """Count a started request as completed, or as failed if *code* is not empty.

        response_s    time since it was due
        service_s     time since it was sent
        stored_bytes  bytes that AWS charges for a PutVectors: vectors, keys and metadata. If 0, the price is
                      that of *bytes_out*, which is higher
        code          error code
        retried       number of retries; `record_failed_attempt` counts their causes
        """
        self._in_flight -= 1
        counts = self._second.operations.get(operation) or self._second.counts_of(operation)
        if operation not in self._first_ms:
            self._first_ms[operation] = round(service_s * 1e3, 3)
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

    def record_failed_attempt(self, operation: str, *, is_throttled: bool) -> None:
        """Count a failed attempt of a request that will be retried, and therefore has not ended."""
        counts = self._second.operations.get(operation) or self._second.counts_of(operation)
        counts.throttled += is_throttled

    def record_loop_lag(self, seconds: float) -> None:
        """Record that the event loop resumed *seconds* later than it should have."""
        self._second.lag_s = max(self._second.lag_s, seconds)

    def take_second(self, at_s: int, *, cores: float = 0.0, waited_s: float = 0.0) -> Second:
        """Return the second that began at *at_s*, and start counting the next one.

        cores     processor cores that the worker used
        waited_s  seconds in which it could have run and had no processor

        The *usd* of the second is the price of its requests; `merge_seconds` adds up the prices.
        """
        counts, self._second = self._second, _Counters()
        self._totals.add(counts)
        self._cpu_s += cores
        return Second(
            at_s=at_s,
            due=counts.due,
            due_vectors=counts.due_vectors,
            started=counts.started,
            late=counts.late,
            dropped=counts.dropped,
            lost=counts.lost,
            unknown=counts.unknown,
            in_flight=self._in_flight,
            generator_cores=round(cores, 3),
            busiest_cores=round(cores, 3),
            waited_s=round(waited_s, 3),
            loop_lag_ms=round(counts.lag_s * 1e3, 3),
            connects=counts.connects,
            connect_ms=round(counts.connect_s * 1e3, 3),
            usd=counts.usd,
            operations=counts.records(),
        )

    def totals(self, worker: str) -> WorkerTotals:
        """Return the totals of *worker* over all seconds taken so far."""
        return WorkerTotals(
            worker=worker,
            started=self._totals.started,
            dropped=self._totals.dropped,
            cpu_s=round(self._cpu_s, 3),
            loop_lag_ms=round(self._totals.lag_s * 1e3, 3),
            first_ms=dict(sorted(self._first_ms.items())),
            operations=self._totals.records(),
        )


def merge_seconds(parts: Sequence[Second], *, at_s: int, usd: float = 0.0) -> Second:
    """Merge the seconds of several workers into one of the run, which had cost *usd* before that second."""
    return Second(
        at_s=at_s,
        due=sum(part.due for part in parts),
        due_vectors=sum(part.due_vectors for part in parts),
        started=sum(part.started for part in parts),
        late=sum(part.late for part in parts),
        dropped=sum(part.dropped for part in parts),
        lost=sum(part.lost for part in parts),
        unknown=sum(part.unknown for part in parts),
        in_flight=sum(part.in_flight for part in parts),
        workers=sum(part.workers for part in parts),
        generator_cores=sum(part.generator_cores for part in parts),
        busiest_cores=max((part.busiest_cores for part in parts), default=0.0),
        waited_s=max((part.waited_s for part in parts), default=0.0),
        loop_lag_ms=max((part.loop_lag_ms for part in parts), default=0.0),
        connects=sum(part.connects for part in parts),
        connect_ms=max((part.connect_ms for part in parts), default=0.0),
        usd=usd + sum(part.usd for part in parts),
        operations=_merge_operations([part.operations for part in parts]),
        parts=_merge_parts([part.parts for part in parts]),
    )


def join_parts(parts: Sequence[Second], *, is_split: bool = True) -> Second:
    """Join the parts of one second of one worker; it *is_split* if a stage ended within it.

    A worker that has finished by then has one part of a second that is split.
    """
    if not is_split:
        return parts[0]
    cores = round(sum(part.generator_cores for part in parts), 3)
    return replace(
        merge_seconds(parts, at_s=parts[0].at_s),
        workers=parts[-1].workers,
        in_flight=parts[-1].in_flight,
        busiest_cores=cores,
        waited_s=round(sum(part.waited_s for part in parts), 3),
        parts=tuple(replace(part, usd=0.0) for part in parts),
    )


@dataclass(slots=True)
class _Counters:
    """The counters of a second, or of the whole run.

    unknown_sent  attempts of the requests whose result is unknown, by operation
    put_bytes     bytes that AWS charges PutVectors for
    """

    due: int = 0
    due_vectors: int = 0
    started: int = 0
    late: int = 0
    dropped: int = 0
    lost: int = 0
    unknown: int = 0
    unknown_sent: Counter[str] = field(default_factory=Counter)
    lag_s: float = 0.0
    connects: int = 0
    connect_s: float = 0.0
    put_bytes: int = 0
    operations: dict[str, OperationCounts] = field(default_factory=dict)

    def counts_of(self, operation: str) -> OperationCounts:
        return self.operations.setdefault(operation, OperationCounts())

    def add(self, other: _Counters) -> None:
        self.started += other.started
        self.dropped += other.dropped
        self.lag_s = max(self.lag_s, other.lag_s)
        for name, counts in other.operations.items():
            self.counts_of(name).add(counts)

    @property
    def usd(self) -> float:
        """The price of the requests, including failed ones and retries: AWS charges for all of them."""
        sent = Counter(self.unknown_sent)
        sent.update({name: each.requests + each.retried for name, each in self.operations.items()})
        return requests_usd(sent, put_bytes=self.put_bytes)

    def records(self) -> dict[str, OperationSecond]:
        return {name: self.operations[name].to_record() for name in sorted(self.operations)}


def _merge_parts(workers: Sequence[Sequence[Second]]) -> tuple[Second, ...]:
    # A worker that finished before a stage ended has no part of the next stage.
    columns = zip_longest(*(parts for parts in workers if parts))
    merged = ([part for part in column if part is not None] for column in columns)
    return tuple(merge_seconds(parts, at_s=parts[0].at_s) for parts in merged)


def _merge_operations(parts: Sequence[Mapping[str, OperationSecond]]) -> dict[str, OperationSecond]:
    # With one worker, the usual case, no histogram needs to be decoded.
    if len(parts) == 1:
        return dict(parts[0])
    return {name: counts.to_record() for name, counts in sum_by_operation(parts).items()}
