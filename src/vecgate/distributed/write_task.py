"""The write of one task: its record batches, to one index or to the indexes that a column names.

Nothing here knows an engine. A task says in its outcome what it has not written, and raises only what the
engine or the user's own code raises.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from queue import Queue
from typing import Any, Protocol, TypeVar

import numpy as np

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.position_ranges import Ranges
from vecgate.bulk.core.record_blocks import Positions, RejectedRecord, reject_row
from vecgate.bulk.core.reject_limit import RejectLimit
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.index_admin import create_index
from vecgate.bulk.index_setup import INDEX_NAME, read_index
from vecgate.bulk.progress import BatchMetric, Event, Progress, RecordsRejected
from vecgate.bulk.rejects_file import SUFFIX, RejectsFile
from vecgate.bulk.sources.column_mapping import GUESS, ColumnChoice
from vecgate.bulk.sources.tables.arrow_types import Batch
from vecgate.bulk.transport.sender import Sender
from vecgate.bulk.writer import BulkWriter, WaitableDepartures
from vecgate.distributed.record_batches import (
    INDEX_MISSING,
    BatchSource,
    RepeatedKeys,
    split_by_index,
)
from vecgate.distributed.shared_budget import Rates
from vecgate.distributed.write_outcome import (
    REJECTS_KEPT,
    BatchOutcome,
    IndexTotals,
    RejectedRow,
    WriteOutcome,
)
from vecgate.errors import ServiceError, TransportError, UsageError, VecgateError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice, is_embedded

Choice = TypeVar("Choice", bound=StrEnum)

#: Indexes that one task writes to at once, and batches that wait for each of them.
INDEXES_MAX, BATCHES_WAITING = 256, 8
#: Requests in flight to each index, if there are many.
IN_FLIGHT_EACH = 2
#: Wait before an index that could not be described is described again.
DESCRIBE_WAIT_S = 1.0
STOPPED = "another task ended the job"


class OnReject(StrEnum):
    """Treatment of rejected rows: the job fails, or they are collected."""

    FAIL = "fail"
    COLLECT = "collect"


def chosen(name: str, value: str, choices: type[Choice]) -> Choice:
    """Return *value* of the argument *name* as one of *choices*. Raises UsageError."""
    try:
        return choices(value)
    except ValueError:
        allowed = " or ".join(f'"{each}"' for each in choices)
        raise UsageError(f"{name} is {value!r}, allowed is {allowed}") from None


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """The settings of a job, for all of its tasks.

    target        of the requests; each task uses the credentials of its machine
    bucket        name of the bucket, needed unless *index* is an ARN
    index         name or ARN, or *index_column*, which has the name for each row
    create        arguments of `create_index` for indexes that do not exist; None to create none
    columns       the use of the other columns
    rates         of each index, for all tasks together
    on_reject     treatment of rows that cannot be written
    rejects       folder for all of them; empty for none
    repeated_keys treatment of rows of one batch with the same key
    config        of the batch client; its rates are not used

    Raises UsageError if they contradict each other.
    """

    target: TargetChoice
    bucket: str = ""
    index: str = ""
    index_column: str = ""
    create: Mapping[str, Any] | None = None
    columns: ColumnChoice = GUESS
    rates: Rates = field(default_factory=Rates)
    on_reject: OnReject = OnReject.FAIL
    rejects: str = ""
    repeated_keys: RepeatedKeys = RepeatedKeys.REJECT
    config: BulkConfig = field(default_factory=BulkConfig)

    def __post_init__(self) -> None:
        if bool(self.index) == bool(self.index_column):
            raise UsageError(
                "name the index, or the column that names it for each row",
                hint='Pass index="films" or index_column="language".',
            )
        if self.index:
            IndexAddress.parse(bucket=self.bucket, index=self.index)
        elif not self.bucket:
            raise UsageError("index_column needs the name of the bucket", hint="Pass bucket=.")
        if is_embedded(self.target.name):
            raise UsageError(
                f"the target {self.target.name!r} is a server for one process: each task would have its own",
                hint="Start `vecgate serve` on one machine, and give its URL.",
            )

    @property
    def bulk_config(self) -> BulkConfig:
        """The settings of the batch client of each index."""
        config = self.config
        if self.on_reject is OnReject.COLLECT:
            # The job decides whether they are too many.
            config = replace(config, rejects_max=RejectLimit(percent=None))
        if self.index_column:
            config = replace(config, in_flight=min(config.in_flight, IN_FLIGHT_EACH))
        return config

    def rejects_path(self, index: str, task: str) -> Path | None:
        """Return the file for the rejected rows of a task, the same for every attempt of it."""
        return Path(self.rejects) / f"{_file_name(index)}-{task}{SUFFIX}" if self.rejects else None


class JobControl(Protocol):
    """The other tasks of the job, as one task knows them."""

    def departures(self, index: str) -> AbstractContextManager[WaitableDepartures | None]:
        """Return what lets requests to *index* depart; None for `rates` of this task alone."""
        ...

    def rates(self) -> Rates:
        """Return the rates of this task, where tasks do not share a budget."""
        ...

    def is_stopped(self) -> bool:
        """Return true if the job is to end."""
        ...

    def record_progress(self, index: str, acknowledged: int) -> None:
        """Note that *acknowledged* rows of this task are certainly written to *index*."""
        ...


class SingleTask:
    """The `JobControl` of a task that has *shares* of the rates for itself."""

    def __init__(self, shares: Rates) -> None:
        self._shares = shares

    def departures(self, index: str) -> AbstractContextManager[None]:
        """Return nothing: the batch client keeps the rates."""
        del index
        return nullcontext()

    def rates(self) -> Rates:
        """Return the rates of this task."""
        return self._shares

    def is_stopped(self) -> bool:
        """Return false."""
        return False

    def record_progress(self, index: str, acknowledged: int) -> None:
        """Do nothing."""


def divided_among(settings: WriteSettings, tasks: int) -> tuple[WriteSettings, SingleTask]:
    """Return the settings and the control of one of *tasks* that run at once and cannot share a budget.

    A request has at most the vectors of one second of the part of a task. So all tasks together send no more
    at once than the index takes in a second, which is the burst that a quota per second leaves room for.
    """
    shares = settings.rates.divided(tasks)
    vectors = max(1, min(settings.config.batch_vectors, int(shares.vectors_per_s)))
    return replace(settings, config=replace(settings.config, batch_vectors=vectors)), SingleTask(shares)


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The result of a task: its outcome, and that of each of its batches in the order they were read."""

    outcome: WriteOutcome
    batches: tuple[BatchOutcome, ...]


def write_batches(
    batches: Iterable[Batch], settings: WriteSettings, control: JobControl, *, task: str = "0"
) -> TaskResult:
    """Write *batches*, Arrow record batches, and return the outcome of every row.

    task  names the task for its rejects files; another attempt of it has the same name
    """
    connections = settings.bulk_config.in_flight * (IN_FLIGHT_EACH if settings.index_column else 1)
    with (
        open_target(settings.target, os.environ) as target,
        target.sender(connections=max(10, connections)) as sender,
    ):
        writing = _Task(sender, settings, control, task)
        return (
            writing.write_index(settings.index, batches)
            if settings.index
            else _Routing(writing).write(batches)
        )


def prepare_index(settings: WriteSettings) -> None:
    """Create the index if that was asked for, and check that it exists. For the driver, before the tasks.

    Raises UsageError or a subclass, ServiceError or TransportError.
    """
    with open_target(settings.target, os.environ) as target, target.sender() as sender:
        if settings.index:
            _create_index(sender, settings, settings.index)
            read_index(sender, IndexAddress.parse(bucket=settings.bucket, index=settings.index))


def _create_index(sender: Sender, settings: WriteSettings, index: str) -> None:
    if settings.create is not None:
        create_index(sender, bucket=settings.bucket, index=index, **settings.create)


@dataclass(frozen=True, slots=True)
class _Task:
    """A task named *name*, which writes through *sender*."""

    sender: Sender
    settings: WriteSettings
    control: JobControl
    name: str

    def write_index(self, index: str, batches: Iterable[Batch]) -> TaskResult:
        """Write *batches* to one index."""
        settings, control = self.settings, self.control
        source = BatchSource(
            _until_stopped(batches, control), columns=settings.columns, repeated=settings.repeated_keys
        )
        ledger = _Ledger(source, index, control)
        outcome: BulkOutcome | None = None
        cause, rest = "", 0
        with control.departures(index) as departures, tempfile.TemporaryDirectory() as folder:
            path = settings.rejects_path(index, self.name) or Path(folder) / "rejects.jsonl"
            try:
                outcome = self._put(index, source, ledger, path, departures)
                cause = _described(outcome.stopped_by) if outcome.stopped_by else ""
            except VecgateError as error:
                cause = _described(error)
            except _Stopped as stopped:
                cause, rest = STOPPED, stopped.count_remaining()
        try:
            rest += source.count_remaining()
        except _Stopped as stopped:
            rest += stopped.count_remaining()
        return ledger.result(outcome, cause, rest)

    def _put(
        self,
        index: str,
        source: BatchSource,
        ledger: _Ledger,
        rejects: Path,
        departures: WaitableDepartures | None,
    ) -> BulkOutcome:
        """Put *source*. An index that cannot be described is waited for as a run waits for its requests."""
        settings, rates = self.settings, self.control.rates()
        config = replace(
            settings.bulk_config, vectors_per_s=rates.vectors_per_s, requests_per_s=rates.requests_per_s
        )
        is_strict = settings.on_reject is OnReject.FAIL
        begun_s = time.monotonic()
        while True:
            try:
                if settings.index_column:
                    _create_index(self.sender, settings, index)
                writer = BulkWriter(
                    self.sender,
                    bucket=settings.bucket,
                    index=index,
                    config=config,
                    subscribers=[ledger],
                    departures=departures,
                )
                return writer.put(source, rejects=rejects, strict=is_strict, run_journal=ledger)
            except (ServiceError, TransportError) as error:
                is_final = isinstance(error, ServiceError) and not error.is_retryable
                if is_final or source.spans or time.monotonic() - begun_s > config.retry_for_s:
                    raise
                time.sleep(DESCRIBE_WAIT_S)


class _Stopped(Exception):
    """Raised in place of a batch when the job is to end. *count_remaining* counts all rows left."""

    def __init__(self, batch: Batch, others: Iterator[Batch]) -> None:
        super().__init__()
        self._rows, self._others = batch.num_rows, others

    def count_remaining(self) -> int:
        rows: int = self._rows + sum(batch.num_rows for batch in self._others)
        return rows


def _until_stopped(batches: Iterable[Batch], control: JobControl) -> Iterator[Batch]:
    iterator = iter(batches)
    for batch in iterator:
        if control.is_stopped():
            raise _Stopped(batch, iterator)
        yield batch


def _described(error: VecgateError) -> str:
    return f"{error}. {error.hint}" if error.hint else str(error)


class _Ledger:
    """Counts the settled rows of each batch, as the `RunJournal` and a subscriber of the run."""

    def __init__(self, source: BatchSource, index: str, control: JobControl) -> None:
        self.acknowledged = self.rejected = Ranges.of(())
        self._source, self._index, self._control = source, index, control
        self._counts: dict[str, dict[int, int]] = {"acknowledged": {}, "rejected": {}}
        self._rejects: list[tuple[int, RejectedRow]] = []
        self._first_s = self._last_s = 0.0
        self._first_rows = 0

    def record_acknowledged(self, positions: Positions) -> None:
        """Count acknowledged rows."""
        self._count("acknowledged", positions)
        self._last_s = time.time()
        if not self._first_s:
            self._first_s, self._first_rows = self._last_s, len(positions)

    def record_rejected(self, positions: Positions, file: Path, *, file_bytes: int) -> None:
        """Count rejected rows."""
        del file, file_bytes
        self._count("rejected", positions)

    def on_event(self, event: Event) -> None:
        """Keep some of the rejected rows, and pass the progress on."""
        match event:
            case RecordsRejected(rejects):
                room = REJECTS_KEPT - len(self._rejects)
                self._rejects += [
                    (each.position, RejectedRow(self._index, each.key, each.problem))
                    for each in rejects[: max(0, room)]
                ]
            case BatchMetric() | Progress():
                self._control.record_progress(self._index, sum(self._counts["acknowledged"].values()))

    def result(self, outcome: BulkOutcome | None, cause: str, rest: int) -> TaskResult:
        """Return the result. *rest* rows were read after the run had ended, because of *cause*."""
        batches = [self._batch_outcome(number, cause) for number in range(len(self._source.spans))]
        if rest:
            batches.append(BatchOutcome(self._index, rest, 0, 0, rest, cause=cause))
        pending = sum(each.pending for each in batches)
        totals = IndexTotals(
            rows=sum(each.rows for each in batches),
            acknowledged=sum(each.acknowledged for each in batches),
            rejected=sum(each.rejected for each in batches),
            pending=pending,
            superseded=outcome.superseded if outcome else 0,
            requests=outcome.requests if outcome else 0,
            retries=outcome.retries if outcome else 0,
            throttles=outcome.throttles if outcome else 0,
            payload_bytes=outcome.payload_bytes if outcome else 0,
            first_s=self._first_s,
            first_rows=self._first_rows,
            last_s=self._last_s,
        )
        causes = (cause,) if cause and pending else ()
        rejects = tuple(reject for _, reject in self._rejects)
        return TaskResult(WriteOutcome({self._index: totals}, rejects, causes), tuple(batches))

    def _batch_outcome(self, number: int, cause: str) -> BatchOutcome:
        span = self._source.spans[number]
        rows = span.stop - span.start
        acknowledged = self._counts["acknowledged"].get(number, 0)
        rejected = self._counts["rejected"].get(number, 0)
        pending = rows - acknowledged - rejected
        rejects = tuple(reject for at, reject in self._rejects if span.start <= at < span.stop)
        return BatchOutcome(
            self._index, rows, acknowledged, rejected, pending, rejects, cause if pending else ""
        )

    def _count(self, what: str, positions: Positions) -> None:
        starts = [span.start for span in self._source.spans]
        numbers = np.searchsorted(starts, positions, side="right") - 1
        counts = self._counts[what]
        for number, count in zip(*np.unique(numbers, return_counts=True), strict=True):
            counts[int(number)] = counts.get(int(number), 0) + int(count)


class _Routing:
    """A write to the indexes that a column names, with a thread for each of them."""

    def __init__(self, task: _Task) -> None:
        self._task, self._settings = task, task.settings
        self._queues: dict[str, Queue[Batch | None]] = {}
        self._threads: list[threading.Thread] = []
        self._results: list[TaskResult] = []
        self._errors: list[BaseException] = []

    def write(self, batches: Iterable[Batch]) -> TaskResult:
        """Write all *batches*, and wait for every index."""
        unrouted: list[TaskResult] = []
        try:
            for batch in batches:
                if batch.num_rows:
                    unrouted += self._route(batch)
        finally:
            for queue in self._queues.values():
                queue.put(None)
            for thread in self._threads:
                thread.join()
        if self._errors:
            raise self._errors[0]
        results = [*self._results, *unrouted]
        return TaskResult(
            WriteOutcome.combined(each.outcome for each in results),
            tuple(batch for each in results for batch in each.batches),
        )

    def _route(self, batch: Batch) -> Iterator[TaskResult]:
        """Pass the rows of *batch* to their indexes, and yield the results of the others."""
        try:
            parts, missing = split_by_index(batch, self._settings.index_column)
        except VecgateError as error:
            yield _pending("", batch.num_rows, _described(error))
            return
        if missing.num_rows:
            yield self._reject("", missing, INDEX_MISSING)
        for index, part in parts.items():
            if not INDEX_NAME.fullmatch(index):
                yield self._reject(index, part, f"{index[:80]!r} cannot name an index")
            elif index not in self._queues and len(self._queues) == INDEXES_MAX:
                cause = f"one task writes to at most {INDEXES_MAX} indexes. Repartition by the index column."
                yield _pending(index, part.num_rows, cause)
            else:
                self._queue(index).put(part)

    def _queue(self, index: str) -> Queue[Batch | None]:
        if index not in self._queues:
            queue: Queue[Batch | None] = Queue(BATCHES_WAITING)
            self._queues[index] = queue
            thread = threading.Thread(
                target=self._write_index, args=(index, queue), name=f"vecgate-{index}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return self._queues[index]

    def _write_index(self, index: str, queue: Queue[Batch | None]) -> None:
        parts = iter(queue.get, None)
        try:
            self._results.append(self._task.write_index(index, parts))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread of the task
            self._errors.append(error)
            for _ in parts:
                pass

    def _reject(self, index: str, batch: Batch, problem: str) -> TaskResult:
        """Reject all rows of *batch*."""
        source = BatchSource([batch], columns=self._settings.columns, repeated=RepeatedKeys.LAST)
        rejects: list[RejectedRecord] = []
        try:
            for block in source.blocks():
                rejects += [reject_row(block, row, problem) for row in range(len(block))]
                rejects += [replace(each, problem=problem) for each in block.rejects]
        except VecgateError as error:
            return _pending(index, batch.num_rows, _described(error))
        if path := self._settings.rejects_path("no-index", self._task.name):
            file = RejectsFile(path)
            file.write(rejects)
            file.close()
        rows = tuple(RejectedRow(index, each.key, each.problem) for each in rejects[:REJECTS_KEPT])
        outcome = BatchOutcome(index, batch.num_rows, 0, len(rejects), 0, rows)
        totals = IndexTotals(rows=batch.num_rows, rejected=len(rejects))
        return TaskResult(WriteOutcome({index: totals}, rows), (outcome,))


def _pending(index: str, rows: int, cause: str) -> TaskResult:
    outcome = BatchOutcome(index, rows, 0, 0, rows, cause=cause)
    return TaskResult(
        WriteOutcome({index: IndexTotals(rows=rows, pending=rows)}, causes=(cause,)), (outcome,)
    )


def _file_name(index: str) -> str:
    return re.sub(r"[^a-z0-9.-]+", "-", index)
