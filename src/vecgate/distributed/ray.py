"""Ray: write a dataset to indexes under one budget for each, read an index as a dataset, and search one.

>>> outcome = write_s3_vectors(ray.data.read_parquet("films/"), bucket="media", index="films")
"""

from __future__ import annotations

import logging
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

try:
    import ray
    from ray.data import Datasink, Datasource
    from ray.data.block import BlockAccessor, BlockMetadata
    from ray.data.datasource import ReadTask
    from ray.exceptions import ActorDiedError, GetTimeoutError, RayActorError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as missing:
    raise ImportError(
        f"vecgate.distributed.ray needs Ray ({missing.name} is not installed): pip install 'vecgate[ray]'"
    ) from None

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.tables.arrow_types import Batch
from vecgate.distributed.budget_queue import ASK_S, BudgetQueue
from vecgate.distributed.index_segments import (
    IndexReading,
    VectorSearch,
    read_description,
    read_segment,
)
from vecgate.distributed.record_batches import RepeatedKeys
from vecgate.distributed.shared_budget import Rates, SharedBudget
from vecgate.distributed.shared_departures import Answer, Ask, BudgetUnavailable, SharedDepartures
from vecgate.distributed.write_outcome import WriteOutcome, check_outcome
from vecgate.distributed.write_task import (
    OnReject,
    WriteSettings,
    chosen,
    prepare_index,
    write_batches,
)
from vecgate.errors import UsageError, VecgateError
from vecgate.formatting import format_count
from vecgate.s3vectors.limits import SEGMENTS_MAX, WRITE_REQUESTS_PER_S, WRITE_VECTORS_PER_S
from vecgate.targets.target import TargetChoice

__all__ = [
    "S3VectorsDatasink",
    "S3VectorsDatasource",
    "VectorSearcher",
    "read_s3_vectors",
    "write_s3_vectors",
]

logger: logging.Logger = logging.getLogger(__name__)

#: The actor that owns the budgets of all indexes, for every job on the cluster.
ACTOR_NAME, NAMESPACE = "vecgate-budgets", "vecgate"
#: The actor gets this much longer than the longest answer.
REPLY_S = 15.0
#: The actor gets this long to start, with this wait between two attempts.
START_S, START_WAIT_S = 60.0, 0.2
#: A task asks this often whether the job is to end.
STOP_CHECK_S = 1.0


class BudgetActor:
    """The owner of the budgets of all indexes, and what running jobs have written so far.

    is_restart  an actor before this one was lost
    """

    def __init__(self, *, is_restart: bool = False) -> None:
        with warnings.catch_warnings():
            # Ray itself calls something that it has deprecated.
            warnings.simplefilter("ignore")
            self._is_restart = is_restart or ray.get_runtime_context().was_current_actor_reconstructed
        self._queues: dict[str, BudgetQueue] = {}
        self._written: dict[str, dict[tuple[str, str], int]] = {}
        self._stopped: set[str] = set()

    async def check_rates(self, name: str, rates: Rates) -> str:
        """Return the rates of a budget in use that has others than *rates*, else nothing."""
        queue = self._queues.get(name)
        if queue is None or queue.budget.rates == rates:
            return ""
        if queue.is_idle():
            del self._queues[name]
            return ""
        return str(queue.budget.rates)

    async def ask(self, name: str, rates: Rates, ask: Ask) -> Answer:
        """Answer a writer of the budget *name*."""
        if name not in self._queues:
            budget = SharedBudget(
                rates,
                now_s=time.monotonic(),
                is_restart=self._is_restart,
                first_number=uuid.uuid4().int >> 65,
            )
            self._queues[name] = BudgetQueue(budget)
        return await self._queues[name].ask(ask)

    async def report_throttle(self, name: str) -> None:
        """Lower the rates of the budget *name*."""
        if name in self._queues:
            self._queues[name].report_throttle()

    async def record_progress(self, job: str, task: str, index: str, acknowledged: int) -> None:
        """Note what *task* has certainly written. Another attempt of it begins with nothing."""
        written = self._written.setdefault(job, {})
        written[task, index] = max(acknowledged, written.get((task, index), 0))

    async def stop(self, job: str) -> None:
        """Let the tasks of *job* end."""
        self._stopped.add(job)

    async def is_stopped(self, job: str) -> bool:
        """Return true if the tasks of *job* are to end."""
        return job in self._stopped

    async def finish(self, job: str) -> dict[str, int]:
        """Forget *job*, and return the rows certainly written to each index."""
        self._stopped.discard(job)
        totals: dict[str, int] = {}
        for (_, index), count in self._written.pop(job, {}).items():
            totals[index] = totals.get(index, 0) + count
        return totals


def budget_actor(*, is_restart: bool = False) -> Any:  # noqa: ANN401 - Ray makes the class of a handle at run time
    """Return the actor of this cluster, and start it on this machine if it is not running.

    It ends with the last handle of the process that started it.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    options = {
        "name": ACTOR_NAME,
        "namespace": NAMESPACE,
        "get_if_exists": True,
        "max_restarts": -1,
        "max_concurrency": 10_000,
        "scheduling_strategy": here,
    }
    return ray.remote(num_cpus=0)(BudgetActor).options(**options).remote(is_restart=is_restart)


class RayBudgetOwner:
    """The budget *name* with *rates*, as a writer on Ray reaches it."""

    def __init__(self, name: str, rates: Rates) -> None:
        self._name, self._rates, self._actor = name, rates, budget_actor()

    def ask(self, ask: Ask) -> Answer:
        """Send *ask* and wait for the answer."""
        try:
            answer: Answer = ray.get(
                self._actor.ask.remote(self._name, self._rates, ask), timeout=ASK_S + REPLY_S
            )
        except (RayActorError, GetTimeoutError) as error:
            if isinstance(error, ActorDiedError):
                # It ended with the job that had started it.
                self._actor = budget_actor(is_restart=True)
            raise BudgetUnavailable(
                f"the owner of the write budget does not answer: {type(error).__name__}",
                hint=f"It is the Ray actor {ACTOR_NAME} in the namespace {NAMESPACE}.",
            ) from None
        return answer

    def report_throttle(self) -> None:
        """Say that the service throttled a request, without waiting."""
        self._actor.report_throttle.remote(self._name)


class RayJob:
    """The `JobControl` of a task on Ray."""

    def __init__(self, settings: WriteSettings, job: str, task: str) -> None:
        self._settings, self._job, self._task = settings, job, task
        self._actor = budget_actor()
        self._checked_s, self._is_stopped = 0.0, False

    def departures(self, index: str) -> AbstractContextManager[SharedDepartures]:
        """Return the departures of the shared budget of *index*."""
        return SharedDepartures(RayBudgetOwner(budget_name(self._settings, index), self._settings.rates))

    def rates(self) -> Rates:
        """Return the rates of the index."""
        return self._settings.rates

    def is_stopped(self) -> bool:
        """Return true if a task has ended the job."""
        now_s = time.monotonic()
        if not self._is_stopped and now_s - self._checked_s >= STOP_CHECK_S:
            self._checked_s = now_s
            self._is_stopped = bool(_ask_actor(self._actor.is_stopped.remote(self._job), default=False))
        return self._is_stopped

    def stop(self) -> None:
        """End the job: its other tasks write nothing any more."""
        _ask_actor(self._actor.stop.remote(self._job), default=None)

    def record_progress(self, index: str, acknowledged: int) -> None:
        """Note what this task has written."""
        self._actor.record_progress.remote(self._job, self._task, index, acknowledged)


def budget_name(settings: WriteSettings, index: str) -> str:
    """Return the name of the budget of *index*: jobs that write to the same index share it."""
    place = index if index.startswith("arn:") else f"{settings.bucket}/{index}"
    return f"{settings.target.name.rstrip('/')} {settings.target.region} {place}"


class S3VectorsDatasink(Datasink):  # type: ignore[misc]  # Ray is not installed where types are checked
    """Writes the rows of a dataset to an index, or to the indexes that a column names.

    bucket            name of the bucket
    index             name or ARN of the index, or
    index_column      the column that names it for each row
    key_column        and *vector_column*, *metadata_columns*: as the options of `vecgate put`; recognised by
                      name if absent
    target            `aws`, the URL of an endpoint, or a target file that every machine has
    vectors_per_s     and *requests_per_s*, of each index, for all writers on the cluster together
    on_reject         `fail`, or `collect` to write the other rows
    rejects           folder, which all machines share, for every rejected row
    repeated_keys     `reject` all rows of a block that have the same key, or let the `last` one count
    create            arguments of `vecgate.create_index` for indexes that do not exist
    config            of the batch client

    *outcome* is that of the job after it has ended. Raises UsageError if the arguments make no sense.
    """

    def __init__(
        self,
        *,
        bucket: str = "",
        index: str = "",
        index_column: str = "",
        key_column: str | None = None,
        vector_column: str | None = None,
        metadata_columns: Sequence[str] | None = None,
        target: str = "aws",
        region: str = "",
        profile: str = "",
        vectors_per_s: float = WRITE_VECTORS_PER_S,
        requests_per_s: float = WRITE_REQUESTS_PER_S,
        on_reject: str = "fail",
        rejects: str = "",
        repeated_keys: str = "reject",
        create: Mapping[str, Any] | None = None,
        config: BulkConfig | None = None,
    ) -> None:
        self.settings: WriteSettings = WriteSettings(
            target=TargetChoice(target, region=region, profile=profile),
            bucket=bucket,
            index=index,
            index_column=index_column,
            create=create,
            columns=ColumnChoice(
                key=key_column,
                vector=vector_column,
                metadata=None if metadata_columns is None else tuple(metadata_columns),
            ),
            rates=Rates(requests_per_s, vectors_per_s),
            on_reject=chosen("on_reject", on_reject, OnReject),
            rejects=rejects,
            repeated_keys=chosen("repeated_keys", repeated_keys, RepeatedKeys),
            config=config or BulkConfig(),
        )
        self.outcome: WriteOutcome | None = None
        #: Rows certainly written to each index by a job that failed, at least.
        self.certainly_written: dict[str, int] = {}
        self._job = uuid.uuid4().hex
        self._actor: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the actor, which tasks find by its name."""
        return self.__dict__ | {"_actor": None}

    def on_write_start(self, schema: object = None) -> None:
        """Check the index, on the driver, before any task."""
        del schema
        prepare_index(self.settings)
        # Kept until the end, so that the actor lives as long as the job.
        name = budget_name(self.settings, self.settings.index)
        self._actor, other = _start_actor(name, self.settings.rates)
        if other:
            raise UsageError(
                f"another job writes to {name.rpartition(' ')[2]} with {other}, "
                f"and this one asks for {self.settings.rates}",
                hint="Writers of one index share one budget: give both jobs the same rates.",
            )

    def write(self, blocks: Iterable[Any], ctx: Any) -> WriteOutcome:  # noqa: ANN401 - Ray's
        """Write the blocks of one task."""
        task = f"{ctx.task_idx:06}"
        control = RayJob(self.settings, self._job, task)
        outcome = write_batches(record_batches(blocks), self.settings, control, task=task).outcome
        is_failed = outcome.totals.rejected and self.settings.on_reject is OnReject.FAIL
        if is_failed or not outcome.is_complete:
            control.stop()
        return outcome

    def on_write_complete(self, write_result: Any) -> None:  # noqa: ANN401 - Ray's
        """Combine the outcomes of all tasks. Raises WriteIncomplete if a row was not written."""
        self.outcome = WriteOutcome.combined(write_result.write_returns)
        self._finish()
        if write_result.num_rows != self.outcome.totals.rows:
            raise VecgateError(
                f"Ray passed {format_count(write_result.num_rows, 'row')} to the tasks, "
                f"and their outcomes have {self.outcome.totals.rows:,}"
            )
        check_outcome(self.outcome, allows_rejects=self.settings.on_reject is OnReject.COLLECT)

    def on_write_failed(self, error: Exception) -> None:
        """Say what a job that failed has certainly written."""
        if self.outcome is not None:
            return  # the tasks have ended, and it says what each of them has written
        self.certainly_written = self._finish()
        total = sum(self.certainly_written.values())
        logger.error(
            "the job failed (%s); at least %s certainly written: %s",
            type(error).__name__,
            f"{total:,} row is" if total == 1 else f"{total:,} rows are",
            ", ".join(f"{count:,} to {index}" for index, count in sorted(self.certainly_written.items()))
            or "none",
        )

    def _finish(self) -> dict[str, int]:
        """Let the actor forget the job, and return what it has certainly written."""
        actor, self._actor = self._actor, None
        return {} if actor is None else dict(_ask_actor(actor.finish.remote(self._job), default={}))

    def get_name(self) -> str:
        """Return the name in Ray's progress bar."""
        return "S3Vectors"


def write_s3_vectors(
    dataset: Any,  # noqa: ANN401 - ray.data.Dataset
    *,
    concurrency: int | None = None,
    ray_remote_args: Mapping[str, Any] | None = None,
    **options: Any,  # noqa: ANN401 - of S3VectorsDatasink
) -> WriteOutcome:
    """Write *dataset* with the *options* of `S3VectorsDatasink`, and return the outcome.

    concurrency      tasks that write at once
    ray_remote_args  of the tasks

    Raises WriteIncomplete, with the outcome, if a row was not written.
    """
    sink = S3VectorsDatasink(**options)
    dataset.write_datasink(sink, concurrency=concurrency, ray_remote_args=dict(ray_remote_args or {}) or None)
    if sink.outcome is None:
        raise VecgateError("Ray ended the write without the outcomes of its tasks")
    return sink.outcome


def record_batches(blocks: Iterable[Any]) -> Iterator[Batch]:
    """Yield the rows of each block of Ray as one record batch."""
    for block in blocks:
        yield from BlockAccessor.for_block(block).to_arrow().combine_chunks().to_batches()


def _start_actor(name: str, rates: Rates) -> tuple[Any, str]:
    """Return the actor, and the rates of the budget *name* if it is in use with others than *rates*."""
    until_s = time.monotonic() + START_S
    is_restart = False
    while True:
        actor = budget_actor(is_restart=is_restart)
        try:
            return actor, ray.get(actor.check_rates.remote(name, rates), timeout=START_S)
        except (RayActorError, GetTimeoutError):
            # That of an earlier job was just ending.
            if time.monotonic() > until_s:
                raise
            is_restart = True
            time.sleep(START_WAIT_S)


def _ask_actor(reference: Any, *, default: Any) -> Any:  # noqa: ANN401 - whatever the actor returns
    try:
        return ray.get(reference, timeout=REPLY_S)
    except (RayActorError, GetTimeoutError):
        return default


class S3VectorsDatasource(Datasource):  # type: ignore[misc]  # as above
    """Reads the vectors of an index: one task for each segment of ListVectors."""

    def __init__(self, reading: IndexReading) -> None:
        super().__init__()
        self._reading = reading
        self._description = read_description(reading)

    def estimate_inmemory_data_size(self) -> int | None:
        """Return nothing: the service does not say how many vectors an index has."""
        return None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: object = None
    ) -> list[Any]:
        """Return one task for each segment, whatever *parallelism* Ray would like."""
        del parallelism, data_context
        metadata = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [
            ReadTask(
                _segment_reader(self._reading, segment),
                metadata,
                schema=self._description.schema,
                per_task_row_limit=per_task_row_limit,
            )
            for segment in range(self._reading.segments)
        ]


def _segment_reader(reading: IndexReading, segment: int) -> Callable[[], Iterator[Any]]:
    return lambda: read_segment(reading, segment)


def read_s3_vectors(
    *,
    bucket: str = "",
    index: str,
    segments: int = SEGMENTS_MAX,
    metadata: bool = True,
    data: bool = True,
    target: str = "aws",
    region: str = "",
    profile: str = "",
    reads_per_s: float | None = None,
    concurrency: int | None = None,
) -> Any:  # noqa: ANN401 - ray.data.Dataset
    """Return the vectors of an index as a dataset: `key`, `vector`, and `metadata` as JSON text.

    segments     to read in parallel, each by one task
    reads_per_s  of all tasks together, divided equally

    Raises UsageError or a subclass, ServiceError or TransportError.
    """
    choice = TargetChoice(target, region=region, profile=profile)
    reading = IndexReading.of(
        choice, bucket, index, segments=segments, data=data, metadata=metadata, reads_per_s=reads_per_s
    )
    return ray.data.read_datasource(S3VectorsDatasource(reading), concurrency=concurrency)


class VectorSearcher(VectorSearch):
    """Searches an index for the vectors of each batch: a class for `Dataset.map_batches`.

    >>> found = queries.map_batches(
    ...     VectorSearcher,
    ...     fn_constructor_kwargs={"bucket": "media", "index": "films", "top_k": 10, "searchers": 4},
    ...     concurrency=4,
    ...     batch_format="pyarrow",
    ... )
    """
