"""One vector of 1,024 dimensions per PutVectors: the CPU time per request of a stream.

A sender alone encodes, signs and sends. The writer also reads, validates, paces, counts, and keeps the order
of each key, on one thread or eight.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from vecgate.bulk.accelerate import accelerate
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import encode_put
from vecgate.bulk.transport.sender import Boto3Sender
from vecgate.bulk.writer import BulkWriter
from vecgate.s3vectors.arn import IndexAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from vecgate.bulk.core.record_blocks import Block
    from vecgate.bulk.transport.sender import DirectSender

ADDRESS = {"vectorBucketName": "bench", "indexName": "bench"}
pytestmark = pytest.mark.benchmark(
    group="put 1 x 1024",
    timer=time.process_time,
    min_rounds=50,
    warmup=True,
    warmup_iterations=10,
)


def _vectors(block: Block, rows: Any) -> list[dict[str, Any]]:
    return [{"key": block.keys[0], "data": {"float32": rows[0]}, "metadata": block.metadata[0]}]


def test_stock_boto3(benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block) -> None:
    """The baseline: a list of Python floats through unmodified boto3."""
    benchmark.extra_info.update(baseline=True, vectors=1)
    benchmark(new_client().put_vectors, **ADDRESS, vectors=_vectors(block, block.vectors.tolist()))


def test_accelerated(benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block) -> None:
    """A float32 row through an accelerated client."""
    benchmark.extra_info["vectors"] = 1
    benchmark(accelerate(new_client()).put_vectors, **ADDRESS, vectors=_vectors(block, block.vectors))


def test_boto3_sender(benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block) -> None:
    """A block of one record, encoded and sent through a boto3 client."""
    benchmark.extra_info["vectors"] = 1
    sender, address, one = Boto3Sender(new_client()), IndexAddress("bench", "bench"), block.slice(0, 1)
    benchmark(lambda: sender.send("PutVectors", encode_put(address, one)))


def test_direct_sender(benchmark: BenchmarkFixture, direct_sender: DirectSender, block: Block) -> None:
    """A block of one record, encoded, signed and sent directly."""
    benchmark.extra_info["vectors"] = 1
    address, one = IndexAddress("bench", "bench"), block.slice(0, 1)
    benchmark(lambda: direct_sender.send("PutVectors", encode_put(address, one)))


@pytest.mark.benchmark(group="put 1 x 1024", timer=time.process_time, min_rounds=5, warmup=True)
@pytest.mark.parametrize("in_flight", [1, 8])
def test_writer_with_the_direct_sender(
    benchmark: BenchmarkFixture, direct_sender: DirectSender, block: Block, in_flight: int
) -> None:
    """A matrix of 500 rows through the writer, in requests of one vector as fast as it can."""
    benchmark.extra_info["vectors"] = len(block)
    config = BulkConfig(batch_vectors=1, in_flight=in_flight, vectors_per_s=1e9, requests_per_s=1e9)
    writer = BulkWriter(direct_sender, bucket="bench", index="bench", config=config)
    outcome = benchmark(writer.put, block.vectors, keys=block.keys, metadata=block.metadata)
    assert (outcome.acknowledged, outcome.requests) == (len(block), len(block))
