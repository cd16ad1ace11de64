"""Writes records from a source to their acknowledgement, on threads.

The caller's thread reads. `in_flight` workers, of which each takes its batches itself, validate, batch,
encode and send. `core.delivery` and `core.run_state` make the decisions; this module adds locks, a clock
and waiting.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Condition, Lock, Thread, get_native_id
from typing import Any, Protocol, TypeAlias

from vecgate.bulk.block_handover import BlockHandover
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.argument_types import check_instance, described
from vecgate.bulk.core.batching import Batch, batches
from vecgate.bulk.core.body_encoding import Body, encode_delete, encode_put
from vecgate.bulk.core.delivery import (
    Acknowledged,
    Departure,
    Failed,
    Rejected,
    RunEnded,
    deliver,
    drive,
)
from vecgate.bulk.core.pacing import DepartureSource
from vecgate.bulk.core.record_blocks import Block, RejectedRecord
from vecgate.bulk.core.record_validation import validate, validate_keys
from vecgate.bulk.core.retry import RetryDecision
from vecgate.bulk.core.run_state import BulkOutcome, BulkRun, RunJournal
from vecgate.bulk.index_setup import IndexDescription, read_index
from vecgate.bulk.journal import Journal, JournalIdentity
from vecgate.bulk.progress import ReadRetried, Subscriber, publish
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.rejects_file import RejectsFile, default_rejects_path
from vecgate.bulk.resume_check import ResumeCheck
from vecgate.bulk.sources import ColumnChoice, Source
from vecgate.bulk.sources.in_memory.source_argument import SourceArgument, as_source
from vecgate.bulk.subscribers.subscriber_argument import SubscriberArgument, as_subscribers
from vecgate.bulk.transport.sender import Boto3Sender, Sender, endpoint_identity
from vecgate.bulk.verify import ROWS, Comparison, Sample, compare
from vecgate.errors import IndexUnusable, SourceError, UsageError, VecgateError
from vecgate.extras import import_extra
from vecgate.formatting import format_count
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.metadata import Metadata

#: Splits a block into valid records and rejects.
Validator: TypeAlias = Callable[[Block], tuple[Block, tuple[RejectedRecord, ...]]]

#: Batches per block of a source: enough to make reading cheap, few enough to need little memory.
BATCHES_PER_BLOCK = 8
#: Fewest records per block of a source that can be read again. Any other may yield its records as they come
#: into being, and none should wait for many that follow.
BLOCK_ROWS_MIN = 100
#: Longest wait before a thread checks whether the run has ended. A signal handler must not take a lock, so
#: `stop` cannot notify.
POLL_S = 0.1
#: More workers start, as many as there are, when those that run used less than this share of a processor for
#: this long: they wait for responses. Threads that do not would only compete for the interpreter.
BUSY_SHARE, RAMP_S = 0.5, 0.01


class WaitableDepartures(DepartureSource, Protocol):
    """A `DepartureSource` that also waits, on any thread and without the lock of a run."""

    def wait(self, seconds: float) -> None:
        """Wait *seconds*, or less if a request may depart earlier."""
        ...


class BulkWriter:
    """Puts and deletes many vectors on one index.

    *client* is a boto3 `s3vectors` client, accelerated or not, or a `Sender`. *index* is a name, with its
    *bucket*, or an ARN. *subscribers* get the events of a run: functions, or objects with `on_event`. With
    *progress*, each run shows a progress bar. *departures* says when each request of a put or a delete may
    depart, in place of the rates of *config*.

    >>> outcome = BulkWriter(boto3.client("s3vectors"), bucket="media", index="films").put("films.parquet")
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 makes its client classes at run time
        *,
        bucket: str = "",
        index: str,
        config: BulkConfig | None = None,
        subscribers: SubscriberArgument | Sequence[SubscriberArgument] = (),
        progress: bool = False,
        departures: WaitableDepartures | None = None,
    ) -> None:
        self.address: IndexAddress = IndexAddress.parse(bucket=bucket, index=index)
        check_instance("config", config, BulkConfig, optional=True)
        self.config: BulkConfig = config or BulkConfig()
        self._sender: Sender = client if hasattr(client, "send") else Boto3Sender(client)
        self._subscribers = as_subscribers(subscribers)
        self._shows_progress, self._departures = progress, departures
        self._is_stopped = False
        self._reads_lock = Lock()

    def put(
        self,
        source: SourceArgument,
        *,
        keys: Sequence[str] | None = None,
        metadata: Sequence[Metadata | None] | None = None,
        columns: ColumnChoice | None = None,
        journal: str | Path | None = None,
        rejects: str | Path | None = None,
        strict: bool = False,
        stable_order: bool = False,
        run_journal: RunJournal | None = None,
    ) -> BulkOutcome:
        """Write every record of *source*. The last record of each key wins.

        source        a path or several; a pandas or polars DataFrame, an Arrow table, a DuckDB relation or
                      anything else with the Arrow PyCapsule interface; an iterable of dicts (`key`, `vector`,
                      `metadata`) or such tuples; a matrix of numpy, torch or JAX with *keys*; or a `Source`
        keys          of the rows of a matrix
        metadata      likewise
        columns       the use of the columns of *source*; None recognises them by name
        journal       the file for acknowledged records; records that it already has are skipped
        rejects       the file for records that cannot be written, as JSON lines; see `RejectsFile`
        strict        stop at the first such record
        stable_order  an iterable yields the same records in the same order each time; it needs a journal
        run_journal   stores what is acknowledged, in place of *journal*

        The outcome, not an exception, says what ended a run early. Raises UsageError or a subclass if the
        input cannot be read, the index is missing or has another dimension, or the journal belongs to another
        run; ServiceError or TransportError if the index cannot be described.
        """
        source = as_source(source, columns=columns, keys=keys, metadata=metadata)
        _check_order(source, journal, is_stable=stable_order)
        index = read_index(self._sender, self.address)
        rules = index.rules
        if source.dimension not in {None, rules.dimension}:
            raise IndexUnusable(
                f"the vectors of {source.name} have {source.dimension} dimensions, "
                f"those of the index {self.address} {rules.dimension}",
                hint="Name the index that was created for these vectors, or create one with --create.",
            )
        return self._run(
            "PutVectors",
            source,
            index,
            source.blocks(dimension=rules.dimension, rows=self._block_rows(source)),
            validator=lambda block: validate(block, rules),
            encode=lambda batch: encode_put(self.address, batch.block),
            journal_path=_as_path("journal", journal),
            rejects_path=_as_path("rejects", rejects),
            strict=strict,
            run_journal=run_journal,
        )

    def delete(
        self,
        source: SourceArgument,
        *,
        journal: str | Path | None = None,
        rejects: str | Path | None = None,
        strict: bool = False,
        stable_order: bool = False,
    ) -> BulkOutcome:
        """Delete the vectors of all keys of *source*; keys that are not stored are ignored. Otherwise like
        `put`. An iterable may also yield the keys themselves.
        """
        source = as_source(source, keys_only=True)
        _check_order(source, journal, is_stable=stable_order)
        index = read_index(self._sender, self.address)
        return self._run(
            "DeleteVectors",
            source,
            index,
            source.blocks(rows=self._block_rows(source)),
            validator=validate_keys,
            encode=lambda batch: encode_delete(self.address, batch.block.keys),
            journal_path=_as_path("journal", journal),
            rejects_path=_as_path("rejects", rejects),
            strict=strict,
        )

    async def put_async(self, source: SourceArgument, **options: Any) -> BulkOutcome:  # noqa: ANN401 - those of `put`
        """Do what `put` does, with its *options*, on another thread. *source* may also be an async iterable
        of records.

        If the task is cancelled, the writer stops as `stop` says, and the requests in flight are awaited.
        """
        return await self._run_async(self.put, source, options)

    async def delete_async(self, source: SourceArgument, **options: Any) -> BulkOutcome:  # noqa: ANN401 - those of `delete`
        """Do what `delete` does as `put_async` does. *source* may also be an async iterable of keys."""
        return await self._run_async(self.delete, source, options)

    async def _run_async(
        self, run: Callable[..., BulkOutcome], source: SourceArgument, options: dict[str, Any]
    ) -> BulkOutcome:
        # Whoever awaits has loaded asyncio; for others it would take a tenth of the time of this module.
        from vecgate.bulk.sources.in_memory.async_records import run_with  # noqa: PLC0415 - as above

        return await run_with(
            lambda given: run(given, **options), source, stop=self.stop, is_stopped=lambda: self._is_stopped
        )

    def verify(
        self,
        source: SourceArgument,
        *,
        keys: Sequence[str] | None = None,
        metadata: Sequence[Metadata | None] | None = None,
        columns: ColumnChoice | None = None,
        outcome: BulkOutcome | None = None,
        sample: Sample | None = None,
        extra: bool = False,
    ) -> Comparison:
        """Read the records of *source* back by key and compare them with the index, without writing.

        *keys*, *metadata* and *columns* are those of `put`.

        outcome  that of the `put` of this source: records that the service rejected are not compared
        sample   the keys to compare; None for all
        extra    list the index, to find keys that the source does not have

        The last record of a key counts. A read is tried again for up to `retry_for_s`. The comparison, not an
        exception, says what ended it early. Raises UsageError or a subclass if the input cannot be opened or
        the index is missing; ServiceError or TransportError if the index cannot be described.
        """
        source = as_source(source, columns=columns, keys=keys, metadata=metadata)
        rules = read_index(self._sender, self.address).rules
        comparison = compare(
            source.blocks(dimension=rules.dimension, rows=ROWS),
            self._patient_reader(),
            rules,
            rejected=outcome.refused if outcome else None,
            sample=sample,
            extra=extra,
            total=outcome.read if outcome else source.total,
            subscribers=self._subscribers,
            is_stopped=lambda: self._is_stopped,
        )
        if outcome and outcome.is_complete and comparison.is_complete:
            changed = ""
            if comparison.read != outcome.read:
                changed = f"{outcome.read:,} records were put, and {comparison.read:,} read again"
            elif comparison.rejected > outcome.rejected:
                # They were put, and are not compared.
                wrong = comparison.rejected - outcome.rejected
                changed = f"{format_count(wrong, 'record')} that could be put cannot be any more"
            if changed:
                return replace(comparison, stopped_by=SourceError(f"{source.name} has changed: {changed}"))
        return comparison

    def stop(self) -> None:
        """End the run: requests in flight are awaited, the other records stay pending. Safe in a signal
        handler.

        It is permanent: a later run of this writer ends at once.
        """
        self._is_stopped = True

    def _block_rows(self, source: Source) -> int:
        return max(self.config.batch_vectors * BATCHES_PER_BLOCK, BLOCK_ROWS_MIN * source.is_repeatable)

    @contextmanager
    def _progress_bar(self) -> Iterator[list[Subscriber]]:
        if not self._shows_progress:
            yield []
            return
        # Imported on use: rich is slow to import, and not in the core.
        with import_extra("vecgate.bulk.subscribers.progress_bar", "progress=True").ProgressBar() as bar:
            yield [bar]

    def _patient_reader(self) -> BulkReader:
        """Return a reader whose requests wait for an unavailable target for `retry_for_s`."""
        return BulkReader(
            self._sender,
            bucket=self.address.bucket,
            index=self.address.arn or self.address.index,
            retry=self.config.read_retry,
            parallel=self.config.in_flight,
            pause=self._pause_read,
        )

    def _pause_read(self, seconds: float) -> bool:
        """Wait *seconds*, or less if the writer is stopped. Return true if it is."""
        # Reads are on threads, in which no KeyboardInterrupt is raised.
        with self._reads_lock:
            publish(self._subscribers, ReadRetried(seconds))
        until_s = time.monotonic() + seconds
        while not self._is_stopped and (remaining_s := until_s - time.monotonic()) > 0:
            time.sleep(min(remaining_s, POLL_S))
        return self._is_stopped

    def _run(
        self,
        operation: str,
        source: Source,
        index: IndexDescription,
        blocks: Iterator[Block],
        *,
        validator: Validator,
        encode: Callable[[Batch], Body],
        journal_path: Path | None,
        rejects_path: Path | None,
        strict: bool,
        run_journal: RunJournal | None = None,
    ) -> BulkOutcome:
        handover = BlockHandover()

        def is_stopped() -> bool:
            return self._is_stopped or handover.is_abandoned

        resume_check: ResumeCheck | None = None

        def validate_resumed(block: Block) -> tuple[Block, tuple[RejectedRecord, ...]]:
            if resume_check is not None:
                resume_check.check(block)
            return validator(block)

        def write() -> BulkOutcome:
            nonlocal resume_check
            journal = None
            if journal_path is not None:
                identity = JournalIdentity(
                    endpoint=endpoint_identity(self._sender),
                    index=index.arn or str(self.address),
                    created=index.created,
                    operation=operation,
                    mapping=source.describe(),
                    input=source.fingerprint,
                )
                journal = Journal(journal_path, identity)
                if operation == "PutVectors":
                    resume_check = ResumeCheck(self._sender, self.address, journal)
            outcome = None
            path = rejects_path or default_rejects_path(source.name)
            try:
                rejects = RejectsFile(journal.untouched_rejects_path(path) if journal else path)
                with closing(rejects), self._progress_bar() as bars:
                    run = BulkRun(
                        self.config,
                        rejects=rejects,
                        journal=journal or run_journal,
                        subscribers=[*self._subscribers, *bars],
                        total=source.total,
                        strict=strict,
                        departures=self._departures,
                        now_s=time.monotonic(),
                    )
                    threads = _ThreadedRun(
                        run,
                        self._sender,
                        operation,
                        encode,
                        is_stopped=is_stopped,
                        wait=self._departures.wait if self._departures else time.sleep,
                    )
                    threads.write_all(handover, validate_resumed)
                    # A stop after the last record changes nothing.
                    is_interrupted = is_stopped() and not (handover.is_exhausted and not run.pending)
                    outcome = run.outcome(now_s=time.monotonic(), interrupted=is_interrupted)
            finally:
                if journal:
                    journal.close(finished=outcome is not None and outcome.is_complete)
            return outcome

        return handover.run(blocks, write)


def _check_order(source: Source, journal: str | Path | None, *, is_stable: bool) -> None:
    """Raise UsageError if a journal cannot tell which records of *source* it has."""
    if journal is not None and not (source.is_identified or is_stable):
        raise UsageError(
            f"a journal needs to know the order of the records, and {source.name} does not state it",
            hint="Pass stable_order=True if it yields the same records in the same order each time.",
        )


def _as_path(name: str, path: str | Path | None) -> Path | None:
    """Return *path* as a Path. Raises UsageError if it is something else."""
    if path is None or isinstance(path, str | Path):
        return None if path is None else Path(path)
    raise UsageError(f"{name} must be a path, but is {described(path)}")


class _ThreadedRun:
    """Runs a `BulkRun` on threads: its locks, its clock and its workers. It is the `DeliveryHandler` of all
    batches.

    Each worker takes its next batch itself: for small requests, passing every batch from one thread to
    another would cost more than sending it. For the same reason, a worker starts only when those that run
    wait for responses. No thread that takes a lock can be interrupted; see
    `block_handover`.
    """

    def __init__(
        self,
        run: BulkRun,
        sender: Sender,
        operation: str,
        encode: Callable[[Batch], Body],
        *,
        is_stopped: Callable[[], bool],
        wait: Callable[[float], object],
    ) -> None:
        self._run, self._sender, self._operation, self._encode = run, sender, operation, encode
        self._is_stopped, self._wait_for_departure = is_stopped, wait
        # Whoever holds the turn takes the next batch, and waits for blocks and keys; the others send.
        self._turn = Lock()
        self._changed = Condition()
        # By the thread of the system: Locust runs all workers on one.
        self._worker_cpu_s: dict[int, float] = {}
        self._random = random.Random()  # noqa: S311 - jitter is no secret

    def write_all(self, handover: BlockHandover, validator: Validator) -> None:
        """Validate, batch and deliver until the source or the run ends."""
        todo = batches(self._admit(handover, validator), self._run.batch_rows)
        failures: list[BaseException] = []
        workers: list[Thread] = []
        limit = self._run.config.in_flight
        try:
            while len(workers) < limit and (not workers or self._needs_more(workers[0])):
                for _ in range(min(limit - len(workers), len(workers) or 1)):
                    # Daemons: after a second interrupt, a request that hangs must not keep the process alive.
                    worker = Thread(
                        target=self._work,
                        args=(todo, failures),
                        name=f"vecgate-worker-{len(workers)}",
                        daemon=True,
                    )
                    worker.start()
                    workers.append(worker)
        except RuntimeError as error:
            self._stop(
                VecgateError(
                    f"{len(workers)} of {limit} threads were started: {error}",
                    hint="Lower the number of requests in flight.",
                )
            )
        # Those that were started must end before the caller closes the journal.
        for worker in workers:
            worker.join()
        if failures:
            raise failures[0]

    def _needs_more(self, worker: Thread) -> bool:
        """Wait until the workers mostly wait for responses. Return False if *worker* ends first."""
        used_s, at_s = self._cpu_s(), time.monotonic()
        while True:
            worker.join(RAMP_S)
            if not worker.is_alive():
                return False
            used_before_s, before_s = used_s, at_s
            used_s, at_s = self._cpu_s(), time.monotonic()
            # Whoever holds the turn waits for the source, and another worker would wait for the turn.
            is_busy = used_s - used_before_s >= BUSY_SHARE * (at_s - before_s)
            if not is_busy and not self._turn.locked():
                return True

    def _cpu_s(self) -> float:
        return sum(self._worker_cpu_s.copy().values())

    def acquire(self, vectors: int) -> Departure:
        """Wait until the pace allows a request of *vectors*."""
        while not self._is_over():
            with self._changed:
                departure = self._run.try_acquire(vectors, now_s=time.monotonic())
            if isinstance(departure, Departure):
                return departure
            self._wait_for_departure(min(departure, POLL_S))
        raise RunEnded

    def send(self, body: Body) -> float:
        """Send *body* and return the latency in seconds."""
        begun_s = time.monotonic()
        self._sender.send(self._operation, body)
        return time.monotonic() - begun_s

    def decide_retry(self, failed: Failed) -> RetryDecision:
        """Let the run decide, under the lock."""
        with self._changed:
            return self._run.decide_retry(failed, now_s=time.monotonic(), random_value=self._random.random())

    def pause(self, seconds: float) -> None:
        """Wait *seconds* unless the run ends."""
        self._wait(seconds)
        if self._is_over():
            raise RunEnded

    def record_acknowledged(self, acknowledged: Acknowledged) -> None:
        """Record an acknowledged batch under the lock."""
        with self._changed:
            self._run.record_acknowledged(acknowledged, now_s=time.monotonic())

    def record_rejected(self, rejected: Rejected) -> None:
        """Record a rejected record under the lock."""
        with self._changed:
            self._run.record_rejected(rejected)

    def _admit(self, handover: BlockHandover, validator: Validator) -> Iterator[Block]:
        for block in handover.taken(is_stopped=self._is_over):
            if self._is_over():
                return
            valid, rejects = validator(block)
            with self._changed:
                unsettled = self._run.admit(valid, rejects)
            yield unsettled

    def _work(self, todo: Iterator[Batch], failures: list[BaseException]) -> None:
        while (batch := self._take(todo, failures)) is not None:
            self._deliver(batch)
            self._worker_cpu_s[get_native_id()] = time.thread_time()

    def _take(self, todo: Iterator[Batch], failures: list[BaseException]) -> Batch | None:
        """Return the next batch, with its keys claimed, or None if the source or the run has ended."""
        try:
            with self._turn:
                batch = next(todo, None)
                return batch if batch is not None and self._claim(batch) else None
        except VecgateError as error:
            self._stop(error)
        except BaseException as error:  # noqa: BLE001 - not an error of vecgate: raised by `write_all`
            failures.append(error)
            self._stop(VecgateError("the input could not be read to its end"))
        return None

    def _claim(self, batch: Batch) -> bool:
        """Wait until none of the keys is in flight. Return False if the run ends first."""
        with self._changed:
            while not self._is_over():
                if self._run.keys.claim(batch.block.keys):
                    return True
                self._changed.wait(POLL_S)
        return False

    def _deliver(self, batch: Batch) -> None:
        is_settled = False
        try:
            steps = deliver(batch, self._encode, payload_bytes_max=self._run.config.payload_bytes_max)
            is_settled = drive(steps, self)
        except VecgateError as error:
            self._stop(error)
        except BaseException as error:  # noqa: BLE001 - a bug in vecgate: the run ends and reports it
            self._stop(VecgateError(f"vecgate itself failed: {type(error).__name__}: {error}"))
        finally:
            with self._changed:
                # Keys of a pending batch stay claimed: no record of the same key may be journaled after it.
                if is_settled:
                    self._run.keys.release(batch.block.keys)
                self._changed.notify_all()

    def _stop(self, reason: VecgateError) -> None:
        with self._changed:
            self._run.stop(reason)

    def _wait(self, seconds: float) -> None:
        """Wait *seconds*, or less if the run ends."""
        until_s = time.monotonic() + seconds
        while (remaining_s := until_s - time.monotonic()) > 0 and not self._is_over():
            time.sleep(min(remaining_s, POLL_S))

    def _is_over(self) -> bool:
        return self._is_stopped() or self._run.stopped_by is not None
