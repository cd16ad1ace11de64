"""The batch client: walks records from a source to their acknowledgement, on threads.

One thread, the caller's, reads, checks and cuts; `in_flight` others encode and send. Decisions are made
elsewhere (`delivery`, `run`); here is what they need of the world: a lock, a clock, waiting.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Condition
from typing import Any

from vecgate.bulk.aside import SetAsideFile, aside_path
from vecgate.bulk.batching import Batch, batches
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.delivery import (
    Departure,
    Effect,
    Failed,
    Leave,
    Pause,
    Refused,
    Send,
    Steps,
    Taken,
    deliver,
)
from vecgate.bulk.encoding import Body, encode_delete, encode_put
from vecgate.bulk.indexes import describe_index
from vecgate.bulk.journal import Identity, Journal
from vecgate.bulk.progress import Subscriber
from vecgate.bulk.records import Block, Reject
from vecgate.bulk.run import BulkOutcome, Run
from vecgate.bulk.sources import Source, open_source, source_of
from vecgate.bulk.validation import validate, validate_keys
from vecgate.bulk.wire import Boto3Sender, Sender
from vecgate.errors import IndexUnusable, VecgateError
from vecgate.s3vectors.arn import IndexAddress

#: Blocks of a source hold so many batches: enough that reading costs little, little enough to stay small.
BATCHES_PER_BLOCK = 8
#: Whoever waits looks up this often whether the run is to end: a signal handler must not take a lock.
GLANCE_S = 0.1


class BulkWriter:
    """Puts and deletes many vectors on one index.

    *client* is a boto3 `s3vectors` client, which is accelerated, or a `Sender`. *index* is a name, with its
    *bucket*, or an ARN.

    >>> outcome = BulkWriter(boto3.client("s3vectors"), bucket="media", index="films").put("films.parquet")
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 makes its client classes at run time
        *,
        bucket: str = "",
        index: str,
        config: BulkConfig | None = None,
        subscribers: Sequence[Subscriber] = (),
    ) -> None:
        self.address = IndexAddress.parse(bucket=bucket, index=index)
        self.config = config or BulkConfig()
        self._sender: Sender = client if hasattr(client, "send") else Boto3Sender(client)
        self._subscribers = subscribers
        self._asked_to_stop = False

    def put(
        self,
        source: Source | str | Path | Iterable[Any],
        *,
        journal: Path | None = None,
        set_aside: Path | None = None,
        strict: bool = False,
    ) -> BulkOutcome:
        """Write every record of *source*; of equal keys the last stays.

        source     a path, a `Source`, or an iterable of dicts (`key`, `vector`, `metadata`) or such tuples
        journal    keep what is acknowledged there, and skip what an earlier run has acknowledged
        set_aside  the file for records that cannot be written, as JSON lines; see `SetAsideFile`
        strict     stop at the first such record

        What ended a run early is in the outcome, not raised. Raises UsageError and its kin for input that
        cannot be read, an index that is missing or of another dimension, and a journal of something else;
        ServiceError or TransportError where the index cannot even be described.
        """
        source = as_source(source)
        rules = describe_index(self._sender, self.address)
        if source.dimension not in {None, rules.dimension}:
            raise IndexUnusable(
                f"the vectors of {source.name} have {source.dimension} dimensions, "
                f"those of the index {self.address} {rules.dimension}",
                hint="Give the index that was made for these vectors, or make one with --create.",
            )
        return self._run(
            "PutVectors",
            source,
            source.blocks(dimension=rules.dimension, rows=self.config.batch_vectors * BATCHES_PER_BLOCK),
            check=lambda block: validate(block, rules),
            encode=lambda batch: encode_put(self.address, batch.block),
            journal=journal,
            set_aside=set_aside,
            strict=strict,
        )

    def delete(
        self,
        source: Source | str | Path | Iterable[Any],
        *,
        journal: Path | None = None,
        set_aside: Path | None = None,
        strict: bool = False,
    ) -> BulkOutcome:
        """Delete the vector of every key of *source*, where there is one; all else as of `put`."""
        source = as_source(source, keys_only=True)
        describe_index(self._sender, self.address)
        return self._run(
            "DeleteVectors",
            source,
            source.blocks(rows=self.config.batch_vectors * BATCHES_PER_BLOCK),
            check=validate_keys,
            encode=lambda batch: encode_delete(self.address, batch.block.keys),
            journal=journal,
            set_aside=set_aside,
            strict=strict,
        )

    def stop(self) -> None:
        """End the run: what is in flight is awaited, the rest stays pending. Safe in a signal handler.

        It lasts: a later run of this writer ends at once.
        """
        self._asked_to_stop = True

    def _run(
        self,
        operation: str,
        source: Source,
        blocks: Iterator[Block],
        *,
        check: Callable[[Block], tuple[Block, tuple[Reject, ...]]],
        encode: Callable[[Batch], Body],
        journal: Path | None,
        set_aside: Path | None,
        strict: bool,
    ) -> BulkOutcome:
        kept = None
        if journal is not None:
            kept = Journal(journal, Identity(source.fingerprint, str(self.address), operation))
        outcome = None
        path = set_aside or aside_path(source.name)
        try:
            aside = SetAsideFile(path, kept_bytes=kept.kept_bytes(path) if kept else None)
            with closing(aside):
                run = Run(
                    self.config,
                    aside=aside,
                    journal=kept,
                    subscribers=self._subscribers,
                    total=source.total,
                    strict=strict,
                    now_s=time.monotonic(),
                )
                threads = _Threads(
                    run, self._sender, operation, encode, is_asked_to_stop=lambda: self._asked_to_stop
                )
                threads.work_through(blocks, check)
                # A wish to stop that came after the last record changes nothing.
                is_cut_short = self._asked_to_stop and not (threads.is_read and not run.pending)
                outcome = run.outcome(now_s=time.monotonic(), interrupted=is_cut_short)
        finally:
            if kept is not None:
                kept.close(finished=outcome is not None and outcome.is_complete)
        return outcome


def as_source(source: Source | str | Path | Iterable[Any], *, keys_only: bool = False) -> Source:
    """What `put` and `delete` take, as a source. Raises SourceError."""
    if isinstance(source, Source):
        return source
    if isinstance(source, str | Path):
        return open_source(source, keys_only=keys_only)
    return source_of(source, keys_only=keys_only)


class _Threads:
    """The world around a `Run`: its lock, its clock, and its workers."""

    def __init__(
        self,
        run: Run,
        sender: Sender,
        operation: str,
        encode: Callable[[Batch], Body],
        *,
        is_asked_to_stop: Callable[[], bool],
    ) -> None:
        self._run, self._sender, self._operation, self._encode = run, sender, operation, encode
        self._is_asked_to_stop = is_asked_to_stop
        self._changed = Condition()
        self._flying = 0
        #: The source has been read to its end.
        self.is_read = False
        self._chance = random.Random()  # noqa: S311 - jitter is no secret

    def work_through(
        self, blocks: Iterator[Block], check: Callable[[Block], tuple[Block, tuple[Reject, ...]]]
    ) -> None:
        """Read, check, cut and hand out until the source or the run ends; what is in flight is awaited."""
        with ThreadPoolExecutor(self._run.config.in_flight, thread_name_prefix="vecgate-put") as pool:
            try:
                for batch in batches(self._admitted(blocks, check), self._run.rows):
                    if not self._claim(batch):
                        break
                    pool.submit(self._work, batch)
            except VecgateError as error:
                with self._changed:
                    self._run.stop(error)
            except BaseException:
                # Not ours to judge: let the workers end, then let it out.
                with self._changed:
                    self._run.stop(VecgateError("the input could not be read to its end"))
                raise

    def _admitted(
        self, blocks: Iterator[Block], check: Callable[[Block], tuple[Block, tuple[Reject, ...]]]
    ) -> Iterator[Block]:
        for block in blocks:
            if self._is_over():
                return
            good, rejects = check(block)
            with self._changed:
                left = self._run.admit(good, rejects)
            yield left
        self.is_read = True

    def _claim(self, batch: Batch) -> bool:
        """Wait until there is room and none of the keys is in flight; False when the run ends first."""
        with self._changed:
            while not self._is_over():
                if self._flying < self._run.config.in_flight and self._run.keys.claim(batch.block.keys):
                    self._flying += 1
                    return True
                self._changed.wait(GLANCE_S)
        return False

    def _work(self, batch: Batch) -> None:
        is_settled = False
        try:
            steps = deliver(batch, self._encode, payload_bytes_max=self._run.config.payload_bytes_max)
            is_settled = self._drive(steps)
        except VecgateError as error:
            with self._changed:
                self._run.stop(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours: the run ends, and says so
            with self._changed:
                self._run.stop(VecgateError(f"vecgate itself failed: {type(error).__name__}: {error}"))
        finally:
            with self._changed:
                self._flying -= 1
                # Keys of a pending batch stay claimed: nothing of the same key may be journaled after it.
                if is_settled:
                    self._run.keys.release(batch.block.keys)
                self._changed.notify_all()

    def _drive(self, steps: Steps) -> bool:
        """Do what *steps* ask for, to their end; False when the run ends first."""
        answer: object = None
        failure: VecgateError | None = None
        while True:
            try:
                effect = steps.throw(failure) if failure else steps.send(answer)
            except StopIteration as end:
                return bool(end.value)
            answer = failure = None
            if isinstance(effect, Send):
                answer, failure = self._send(effect.body)
            else:
                answer = self._do(effect)
            if isinstance(effect, Leave | Pause) and self._is_over():
                steps.close()
                return False

    def _send(self, body: Body) -> tuple[float, VecgateError | None]:
        begun_s = time.monotonic()
        try:
            self._sender.send(self._operation, body)
        except VecgateError as error:
            return 0.0, error
        return time.monotonic() - begun_s, None

    def _do(self, effect: Effect) -> object:
        if isinstance(effect, Leave):
            return self._leave(effect.vectors)
        if isinstance(effect, Pause):
            self._wait(effect.seconds)
            return None
        with self._changed:
            match effect:
                case Failed():
                    return self._run.judge(effect, now_s=time.monotonic(), chance=self._chance.random())
                case Taken():
                    self._run.taken(effect, now_s=time.monotonic())
                case Refused():
                    self._run.refused(effect)
        return None

    def _leave(self, vectors: int) -> Departure | None:
        while not self._is_over():
            with self._changed:
                departure = self._run.try_leave(vectors, now_s=time.monotonic())
            if isinstance(departure, Departure):
                return departure
            self._wait(departure)
        return None

    def _wait(self, seconds: float) -> None:
        """Let *seconds* go by, or fewer when the run ends."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0 and not self._is_over():
            time.sleep(min(left_s, GLANCE_S))

    def _is_over(self) -> bool:
        return self._is_asked_to_stop() or self._run.stopped_by is not None
