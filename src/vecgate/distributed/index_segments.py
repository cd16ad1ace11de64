"""Reads an index on a cluster: one segment of it by each task, and nearest neighbours of many vectors.

Tasks that read cannot exceed the reads per second of an index together: each of them has its share.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from vecgate.background import map_on_threads
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.argument_types import check_integer
from vecgate.bulk.core.response_decoding import QueryResult
from vecgate.bulk.index_setup import read_index
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.sources.tables.arrow_types import Batch, Schema
from vecgate.bulk.transfer.scan_export import export_batch, export_schema
from vecgate.bulk.transport.paced_sender import READ_REQUESTS_PER_S, PacedSender
from vecgate.errors import ConfigError, SourceError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.limits import SEGMENTS_MAX
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice

#: Actors of one search at most, and queries in flight of each of them.
SEARCHERS_MAX, QUERIES_MAX = 10_000, 256


@dataclass(frozen=True, slots=True)
class IndexReading:
    """An index to be read in *segments*, by as many tasks, with *reads_per_s* requests of all together."""

    target: TargetChoice
    address: IndexAddress
    segments: int
    data: bool
    metadata: bool
    reads_per_s: float

    @classmethod
    def of(
        cls,
        target: TargetChoice,
        bucket: str,
        index: str,
        *,
        segments: int = SEGMENTS_MAX,
        data: bool = True,
        metadata: bool = True,
        reads_per_s: float | None = None,
    ) -> Self:
        """Return a reading of *index*, by name or ARN. Raises UsageError."""
        check_integer("segments", segments, 1, SEGMENTS_MAX)
        rate = _checked_rate(reads_per_s)
        return cls(target, IndexAddress.parse(bucket=bucket, index=index), segments, data, metadata, rate)

    @contextmanager
    def reader(self, *, tasks: int) -> Iterator[BulkReader]:
        """Yield a reader with the share of one of *tasks*. It waits for a target that is not available."""
        with open_target(self.target, os.environ) as target, target.sender() as sender:
            paced = PacedSender(sender, self.reads_per_s / tasks)
            index = self.address.arn or self.address.index
            yield BulkReader(paced, bucket=self.address.bucket, index=index, retry=BulkConfig().read_retry)


@dataclass(frozen=True, slots=True)
class ReadDescription:
    """The *schema* of what is read: `key`, `vector` and `metadata` (JSON text)."""

    schema: Schema


def read_description(reading: IndexReading) -> ReadDescription:
    """Return the schema of *reading*, from the description of the index. Raises IndexUnusable without it."""
    with open_target(reading.target, os.environ) as target, target.sender() as sender:
        settings = read_index(sender, reading.address).settings
    return ReadDescription(export_schema(settings, data=reading.data, metadata=reading.metadata))


def read_segment(reading: IndexReading, segment: int) -> Iterator[Any]:
    """Yield the pages of one segment as Arrow tables, at least one.

    Raises ServiceError, TransportError or ProtocolError when another attempt would not help.
    """
    for batch in segment_batches(reading, segment):
        yield pa.Table.from_batches([batch])


def segment_batches(reading: IndexReading, segment: int) -> Iterator[Batch]:
    """Yield the pages of one segment as record batches; an empty one without a vector."""
    schema = read_description(reading).schema
    # An empty token ends a segment, so the other segments are not read.
    tokens = {each: "" for each in range(reading.segments) if each != segment}
    is_empty = True
    with reading.reader(tasks=reading.segments) as reader:
        pages = reader.scan_pages(
            reading.segments, data=reading.data, metadata=reading.metadata, tokens=tokens
        )
        with closing(pages):
            for page in pages:
                if page.vectors.keys:
                    is_empty = False
                    yield export_batch(page.vectors, schema)
    if is_empty:
        yield pa.RecordBatch.from_pylist([], schema=schema)


class VectorSearch:
    """Searches an index for each vector of a batch.

    top_k        neighbours of each vector
    column       of the vectors
    filter       of the metadata, as QueryVectors has it
    metadata     return the metadata of the neighbours as JSON text
    searchers    objects like this one that search at the same time
    reads_per_s  of all of them together, divided equally
    parallel     queries in flight

    The result has the columns of the batch and `neighbor_keys`, `neighbor_distances`, and
    `neighbor_metadata` if it was asked for: for each row a list, nearest first.
    """

    def __init__(
        self,
        *,
        bucket: str = "",
        index: str,
        top_k: int = 10,
        column: str = "vector",
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the service's own word
        metadata: bool = False,
        target: str = "aws",
        region: str = "",
        profile: str = "",
        searchers: int = 1,
        reads_per_s: float | None = None,
        parallel: int = 8,
    ) -> None:
        check_integer("searchers", searchers, 1, SEARCHERS_MAX)
        check_integer("parallel", parallel, 1, QUERIES_MAX)
        choice = TargetChoice(target, region=region, profile=profile)
        reading = IndexReading.of(choice, bucket, index, reads_per_s=reads_per_s)
        self._top_k, self._column, self._filter = top_k, column, filter
        self._metadata, self._parallel = metadata, parallel
        self._open = ExitStack()
        self._reader = self._open.enter_context(reading.reader(tasks=searchers))

    def __call__(self, batch: Any) -> Any:  # noqa: ANN401 - a table, or columns by name
        """Return *batch*, an Arrow table or a dict of columns, with the neighbours of each row."""
        matrix = _matrix(batch, self._column)
        results = map_on_threads(self._query, list(matrix), threads=self._parallel)
        found: dict[str, list[list[Any]]] = {
            "neighbor_keys": [list(each.keys) for each in results],
            "neighbor_distances": [
                [] if each.distances is None else [float(value) for value in each.distances]
                for each in results
            ],
        }
        if self._metadata:
            found["neighbor_metadata"] = [
                [None if each is None else orjson.dumps(each).decode() for each in result.metadata]
                for result in results
            ]
        if isinstance(batch, pa.Table):
            for name, values in found.items():
                kind = pa.float32() if name == "neighbor_distances" else pa.string()
                batch = batch.append_column(name, pa.array(values, pa.list_(kind)))
            return batch
        return {**batch, **{name: _column_of_lists(values) for name, values in found.items()}}

    def _query(self, vector: npt.NDArray[np.float32]) -> QueryResult:
        return self._reader.query(vector, self._top_k, filter=self._filter, metadata=self._metadata)


def _matrix(batch: Any, column: str) -> npt.NDArray[np.float32]:  # noqa: ANN401 - as above
    names = batch.column_names if isinstance(batch, pa.Table) else list(batch)
    if column not in names:
        raise SourceError(f'the batch has no column "{column}"', hint=f"It has {', '.join(names)}.")
    values = batch[column].to_pylist() if isinstance(batch, pa.Table) else list(batch[column])
    try:
        return np.array([np.asarray(value, dtype=np.float32) for value in values], dtype=np.float32)
    except (TypeError, ValueError):
        raise SourceError(f'column "{column}" does not hold vectors of one length') from None


def _column_of_lists(values: list[list[Any]]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _checked_rate(reads_per_s: float | None) -> float:
    rate = READ_REQUESTS_PER_S if reads_per_s is None else reads_per_s
    if not 0 < rate < float("inf"):
        raise ConfigError(f"reads_per_s is {rate}, allowed is a number above 0")
    return rate
