"""Spark 4: the data source `s3vectors`, to write a data frame to indexes and to read an index as one.

>>> register(spark)
>>> frame.write.format("s3vectors").option("bucket", "media").option("index", "films").mode("append").save()

Tasks of Spark cannot share a budget while they run. So each of them gets an equal part of the rate of an
index: *tasks* of them run at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

try:
    from pyspark import TaskContext
    from pyspark.sql.datasource import (
        DataSource,
        DataSourceArrowWriter,
        DataSourceReader,
        DataSourceStreamArrowWriter,
        InputPartition,
        WriterCommitMessage,
    )
except ImportError as missing:
    raise ImportError(
        f"vecgate.distributed.spark needs PySpark 4 ({missing.name}): pip install 'vecgate[spark]'"
    ) from None

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.tables.arrow_types import Batch
from vecgate.distributed.index_segments import IndexReading, segment_batches
from vecgate.distributed.record_batches import RepeatedKeys
from vecgate.distributed.shared_budget import Rates
from vecgate.distributed.write_outcome import WriteIncomplete, WriteOutcome, check_outcome
from vecgate.distributed.write_task import (
    OnReject,
    WriteSettings,
    chosen,
    divided_among,
    prepare_index,
    write_batches,
)
from vecgate.errors import ConfigError, UsageError
from vecgate.s3vectors.limits import (
    SEGMENTS_MAX,
    VECTORS_PER_PUT_MAX,
    WRITE_REQUESTS_PER_S,
    WRITE_VECTORS_PER_S,
)
from vecgate.targets.target import TargetChoice

__all__ = ["S3VectorsDataSource", "concurrent_tasks", "register"]

logger: logging.Logger = logging.getLogger(__name__)

FORMAT = "s3vectors"
PLACE = ("target", "region", "profile", "bucket", "index")
READ_OPTIONS = (*PLACE, "segments", "metadata", "data", "reads_per_s")
WRITE_OPTIONS = (
    *PLACE,
    "index_column",
    "key_column",
    "vector_column",
    "metadata_columns",
    "vectors_per_s",
    "requests_per_s",
    "tasks",
    "batch_vectors",
    "on_reject",
    "rejects",
    "repeated_keys",
    "create",
    "outcome",
)
#: Options of Spark itself, which it passes on.
STREAM_OPTIONS = ("checkpointlocation",)
TASKS_HINT = (
    'Give it, .option("tasks", executors × cores of each), or call vecgate.distributed.spark.register(spark).'
)


class S3VectorsDataSource(DataSource):  # type: ignore[misc]  # Spark is not installed where types are checked
    """The data source. Its options are READ_OPTIONS and WRITE_OPTIONS, see docs/distributed.md."""

    #: Tasks that run at once on this cluster; `register` sets it.
    tasks: int | None = None

    def __init__(self, options: MutableMapping[str, str]) -> None:
        super().__init__(options)
        self._options = dict(options)

    @classmethod
    def name(cls) -> str:
        """Return the name of the format."""
        return FORMAT

    def schema(self) -> str:
        """Return the schema of an index that is read."""
        options = _Options(self._options, READ_OPTIONS)
        columns = ["key STRING NOT NULL"]
        columns += ["vector ARRAY<FLOAT>"] if options.boolean("data", default=True) else []
        columns += ["metadata STRING"] if options.boolean("metadata", default=True) else []
        return ", ".join(columns)

    def reader(self, schema: object) -> S3VectorsReader:
        """Return the reader of an index. Raises UsageError."""
        del schema
        return S3VectorsReader(_Options(self._options, READ_OPTIONS).reading())

    def writer(self, schema: object, overwrite: bool) -> S3VectorsWriter:  # noqa: FBT001 - Spark's interface
        """Return the writer of a data frame, after a look at the index. Raises UsageError."""
        return S3VectorsWriter(self._job(schema, is_overwrite=overwrite))

    def streamWriter(self, schema: object, overwrite: bool) -> S3VectorsStreamWriter:  # noqa: FBT001, N802 - as above
        """Return the writer of a stream. Raises UsageError."""
        return S3VectorsStreamWriter(self._job(schema, is_overwrite=overwrite))

    def _job(self, schema: object, *, is_overwrite: bool) -> WriteJob:
        del schema
        if is_overwrite:
            raise UsageError(
                "an index cannot be overwritten: rows replace the vectors of the same keys only",
                hint='Use .mode("append").',
            )
        job = _Options(self._options, WRITE_OPTIONS).job(self.tasks)
        prepare_index(job.settings)
        return job


def register(spark: Any) -> None:  # noqa: ANN401 - a session of Spark
    """Register the data source with *spark*, with the number of tasks that run at once on its cluster."""

    class Registered(S3VectorsDataSource):
        tasks = concurrent_tasks(spark)

    spark.dataSource.register(Registered)


def concurrent_tasks(spark: Any) -> int | None:  # noqa: ANN401 - as above
    """Return how many tasks run at once on the cluster of *spark* at most, None if that is not known."""
    try:
        context = spark.sparkContext
        settings = dict(context.getConf().getAll())
    except Exception:  # noqa: BLE001 - Spark Connect has no context, and says so with errors of its own
        return None
    cpus = max(1, int(float(settings.get("spark.task.cpus", "1"))))
    cores = settings.get("spark.executor.cores")
    is_dynamic = settings.get("spark.dynamicAllocation.enabled", "false").lower() == "true"
    name = "spark.dynamicAllocation.maxExecutors" if is_dynamic else "spark.executor.instances"
    if cores and name in settings:
        return max(1, int(settings[name]) * (int(cores) // cpus))
    # Executors come and go, so those of this moment say nothing.
    return None if is_dynamic else max(1, int(context.defaultParallelism) // cpus)


@dataclass(frozen=True, slots=True)
class WriteJob:
    """The settings of a job, the tasks that run at once, and the file for its outcome, or empty."""

    settings: WriteSettings
    tasks: int
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class TaskMessage(WriterCommitMessage):  # type: ignore[misc]  # as above
    """The commit message of a task: its *outcome*."""

    outcome: WriteOutcome


class _Writer:
    """Writes a task, and ends a job."""

    def __init__(self, job: WriteJob) -> None:
        self._job = job

    def write(self, iterator: Iterator[Batch]) -> TaskMessage:
        """Write the record batches of one task."""
        context = TaskContext.get()
        task = f"{context.partitionId() if context else 0:06}"
        settings, control = divided_among(self._job.settings, self._job.tasks)
        return TaskMessage(write_batches(iterator, settings, control, task=task).outcome)

    def _finish(self, messages: Sequence[TaskMessage | None], *, is_aborted: bool) -> None:
        known = [each for each in messages if each is not None]
        outcome = WriteOutcome.combined(each.outcome for each in known)
        lost = len(messages) - len(known)
        if self._job.outcome:
            entry = outcome.to_dict() | {"tasks": len(messages), "tasks_without_a_message": lost}
            entry["is_complete"] = outcome.is_complete and not lost and not is_aborted
            Path(self._job.outcome).write_bytes(orjson.dumps(entry, option=orjson.OPT_INDENT_2))
        log = logger.error if is_aborted or lost else logger.info
        log("%s; %d of %d tasks sent no message", outcome, lost, len(messages))
        if is_aborted:
            return
        if lost:
            raise WriteIncomplete(
                f"{lost:,} of {len(messages):,} tasks did not say what they have written: {outcome}", outcome
            )
        check_outcome(outcome, allows_rejects=self._job.settings.on_reject is OnReject.COLLECT)


class S3VectorsWriter(_Writer, DataSourceArrowWriter):  # type: ignore[misc]  # as above
    """Writes a data frame."""

    def commit(self, messages: Sequence[TaskMessage | None]) -> None:
        """End the job. Raises WriteIncomplete if a row was not written."""
        self._finish(messages, is_aborted=False)

    def abort(self, messages: Sequence[TaskMessage | None]) -> None:
        """Note what the tasks of a failed job have certainly written."""
        self._finish(messages, is_aborted=True)


class S3VectorsStreamWriter(_Writer, DataSourceStreamArrowWriter):  # type: ignore[misc]  # as above
    """Writes the micro-batches of a stream. A micro-batch that is repeated replaces the same keys."""

    def commit(self, messages: Sequence[TaskMessage | None], batchId: int) -> None:  # noqa: N803 - Spark's interface
        """End a micro-batch. Raises WriteIncomplete if a row was not written, which ends the query."""
        del batchId
        self._finish(messages, is_aborted=False)

    def abort(self, messages: Sequence[TaskMessage | None], batchId: int) -> None:  # noqa: N803 - as above
        """Note what the tasks of a failed micro-batch have certainly written."""
        del batchId
        self._finish(messages, is_aborted=True)


class S3VectorsReader(DataSourceReader):  # type: ignore[misc]  # as above
    """Reads an index: one task for each segment."""

    def __init__(self, reading: IndexReading) -> None:
        self._reading = reading

    def partitions(self) -> list[Any]:
        """Return the segments."""
        return [InputPartition(segment) for segment in range(self._reading.segments)]

    def read(self, partition: Any) -> Iterator[Batch]:  # noqa: ANN401 - Spark's
        """Yield the record batches of a segment."""
        for batch in segment_batches(self._reading, partition.value):
            yield _with_lists(batch)


def _with_lists(batch: Batch) -> Batch:
    """Return *batch* with lists of any length, as Spark has them."""
    fields = [
        pa.field(each.name, pa.list_(pa.float32())) if each.name == "vector" else each
        for each in batch.schema
    ]
    return pa.record_batch(
        [batch.column(each.name).cast(each.type) for each in fields], schema=pa.schema(fields)
    )


class _Options:
    """The options of a data frame, as text. Raises UsageError for one that is unknown or makes no sense."""

    def __init__(self, options: Mapping[str, str], known: Sequence[str]) -> None:
        self._values = {name.lower(): str(value) for name, value in options.items()}
        if unknown := sorted(set(self._values) - {*known, *STREAM_OPTIONS}):
            raise UsageError(
                f"the data source {FORMAT} has no option {', '.join(unknown)}",
                hint=f"It has {', '.join(known)}.",
            )

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, default)

    def number(self, name: str, default: float) -> float:
        try:
            return float(self._values.get(name, default))
        except ValueError:
            raise ConfigError(f"{name} is {self._values[name]!r}, allowed is a number above 0") from None

    def integer(self, name: str, default: int | None) -> int | None:
        try:
            return int(self._values[name]) if name in self._values else default
        except ValueError:
            raise ConfigError(f"{name} is {self._values[name]!r}, allowed is a whole number") from None

    def boolean(self, name: str, *, default: bool) -> bool:
        value = self._values.get(name, str(default)).lower()
        if value not in {"true", "false"}:
            raise ConfigError(f"{name} is {value!r}, allowed is true or false")
        return value == "true"

    def names(self, name: str) -> tuple[str, ...] | None:
        if name not in self._values:
            return None
        return tuple(each.strip() for each in self._values[name].split(",") if each.strip())

    def target(self) -> TargetChoice:
        return TargetChoice(
            self.text("target", "aws"), region=self.text("region"), profile=self.text("profile")
        )

    def reading(self) -> IndexReading:
        return IndexReading.of(
            self.target(),
            self.text("bucket"),
            self.text("index"),
            segments=self.integer("segments", SEGMENTS_MAX) or 0,
            data=self.boolean("data", default=True),
            metadata=self.boolean("metadata", default=True),
            reads_per_s=self.number("reads_per_s", 0) if "reads_per_s" in self._values else None,
        )

    def job(self, tasks_known: int | None) -> WriteJob:
        tasks = self.integer("tasks", tasks_known)
        if tasks is None or tasks < 1:
            raise ConfigError(
                "the number of tasks that write at once is not known, and each gets its part of the rate",
                hint=TASKS_HINT,
            )
        settings = WriteSettings(
            target=self.target(),
            bucket=self.text("bucket"),
            index=self.text("index"),
            index_column=self.text("index_column"),
            create=self._creation(),
            columns=ColumnChoice(
                key=self._values.get("key_column"),
                vector=self._values.get("vector_column"),
                metadata=self.names("metadata_columns"),
            ),
            rates=Rates(
                self.number("requests_per_s", WRITE_REQUESTS_PER_S),
                self.number("vectors_per_s", WRITE_VECTORS_PER_S),
            ),
            on_reject=chosen("on_reject", self.text("on_reject", "fail"), OnReject),
            rejects=self.text("rejects"),
            repeated_keys=chosen("repeated_keys", self.text("repeated_keys", "reject"), RepeatedKeys),
            config=BulkConfig(batch_vectors=self.integer("batch_vectors", VECTORS_PER_PUT_MAX) or 0),
        )
        return WriteJob(settings, tasks, self.text("outcome"))

    def _creation(self) -> Mapping[str, Any] | None:
        if "create" not in self._values:
            return None
        try:
            found = orjson.loads(self._values["create"])
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise ConfigError(
                "create is no JSON object", hint='Give it as {"dimension": 384, "metric": "cosine"}.'
            )
        return found
