"""Reads of 1,024 dimensions, 100 vectors per response: CPU time to request, receive and decode."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from vecgate.bulk.accelerate import accelerate
from vecgate.bulk.reader import BulkReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from vecgate.bulk.core.record_blocks import Block
    from vecgate.bulk.transport.sender import DirectSender

PAGE = 100
ADDRESS = {"vectorBucketName": "bench", "indexName": "bench"}
WITH_ALL = {**ADDRESS, "returnData": True, "returnMetadata": True}
SETTINGS: dict[str, Any] = {
    "timer": time.process_time, "min_rounds": 5, "warmup": True, "warmup_iterations": 2
}  # fmt: skip


@pytest.mark.benchmark(group="get 100 x 1024", **SETTINGS)
def test_get_with_stock_boto3(
    benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block
) -> None:
    """The baseline of reading by key."""
    benchmark.extra_info.update(baseline=True, vectors=PAGE)
    benchmark(new_client().get_vectors, **WITH_ALL, keys=block.keys[:PAGE])


@pytest.mark.benchmark(group="get 100 x 1024", **SETTINGS)
def test_parsed_by_orjson(benchmark: BenchmarkFixture, responses: dict[str, Any]) -> None:
    """The floor of a client without simdjson: the response as Python objects, from memory."""
    benchmark.extra_info["vectors"] = PAGE
    benchmark(orjson.loads, orjson.dumps(responses["GetVectors"]))


@pytest.mark.benchmark(group="get 100 x 1024", **SETTINGS)
def test_get_accelerated(benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block) -> None:
    """The same dictionaries from an accelerated client."""
    benchmark.extra_info["vectors"] = PAGE
    benchmark(accelerate(new_client()).get_vectors, **WITH_ALL, keys=block.keys[:PAGE])


@pytest.mark.benchmark(group="get 100 x 1024", **SETTINGS)
def test_get_with_the_reader(
    benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block
) -> None:
    """A float32 matrix from the reader."""
    benchmark.extra_info["vectors"] = PAGE
    benchmark(BulkReader(new_client(), bucket="bench", index="bench").get, block.keys[:PAGE])


@pytest.mark.benchmark(group="get 100 x 1024", **SETTINGS)
def test_get_with_the_reader_and_the_direct_sender(
    benchmark: BenchmarkFixture, direct_sender: DirectSender, block: Block
) -> None:
    """A float32 matrix without boto3."""
    benchmark.extra_info["vectors"] = PAGE
    benchmark(BulkReader(direct_sender, bucket="bench", index="bench").get, block.keys[:PAGE])


@pytest.mark.benchmark(group="scan 100 x 1024", **SETTINGS)
def test_list_with_stock_boto3(benchmark: BenchmarkFixture, new_client: Callable[[], Any]) -> None:
    """The baseline of a scan with data: one page."""
    benchmark.extra_info.update(baseline=True, vectors=PAGE)
    benchmark(new_client().list_vectors, **WITH_ALL)


@pytest.mark.benchmark(group="scan 100 x 1024", **SETTINGS)
def test_list_accelerated(benchmark: BenchmarkFixture, new_client: Callable[[], Any]) -> None:
    """The same dictionaries from an accelerated client."""
    benchmark.extra_info["vectors"] = PAGE
    benchmark(accelerate(new_client()).list_vectors, **WITH_ALL)


@pytest.mark.benchmark(group="scan 100 x 1024", **SETTINGS)
def test_scan_with_the_reader(benchmark: BenchmarkFixture, new_client: Callable[[], Any]) -> None:
    """Four segments of one page each as float32 matrices, including the threads."""
    benchmark.extra_info["vectors"] = 4 * PAGE
    reader = BulkReader(new_client(), bucket="bench", index="bench")
    benchmark(lambda: list(reader.scan(segments=4)))


@pytest.mark.benchmark(group="scan 100 x 1024", **SETTINGS)
def test_scan_with_the_reader_and_the_direct_sender(
    benchmark: BenchmarkFixture, direct_sender: DirectSender
) -> None:
    """The same without boto3."""
    benchmark.extra_info["vectors"] = 4 * PAGE
    reader = BulkReader(direct_sender, bucket="bench", index="bench")
    benchmark(lambda: list(reader.scan(segments=4)))


@pytest.mark.benchmark(group="query top 100 of 1024", **SETTINGS)
def test_query_with_stock_boto3(
    benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block
) -> None:
    """The baseline of a query with metadata."""
    benchmark.extra_info.update(baseline=True, vectors=1)
    benchmark(new_client().query_vectors, **_query(block))


@pytest.mark.benchmark(group="query top 100 of 1024", **SETTINGS)
def test_query_accelerated(benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block) -> None:
    """The same list through an accelerated client, with the same dictionaries as the result."""
    benchmark.extra_info["vectors"] = 1
    benchmark(accelerate(new_client()).query_vectors, **_query(block))


@pytest.mark.benchmark(group="query top 100 of 1024", **SETTINGS)
def test_query_with_the_reader(
    benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block
) -> None:
    """A float32 row as the query, columns as the result."""
    benchmark.extra_info["vectors"] = 1
    reader = BulkReader(new_client(), bucket="bench", index="bench")
    benchmark(reader.query, block.vectors[0], PAGE, metadata=True)


@pytest.mark.benchmark(group="query top 100 of 1024", **SETTINGS)
def test_query_with_the_reader_and_the_direct_sender(
    benchmark: BenchmarkFixture, direct_sender: DirectSender, block: Block
) -> None:
    """A float32 row as the query, columns as the result, without boto3."""
    benchmark.extra_info["vectors"] = 1
    reader = BulkReader(direct_sender, bucket="bench", index="bench")
    benchmark(reader.query, block.vectors[0], PAGE, metadata=True)


def _query(block: Block) -> dict[str, Any]:
    vector = {"float32": block.vectors[0].tolist()}
    return {**ADDRESS, "queryVector": vector, "topK": PAGE, "returnMetadata": True, "returnDistance": True}
