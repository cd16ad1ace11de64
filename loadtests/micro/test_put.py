"""A full PutVectors request, 500 × 1,024: CPU time to encode, sign and send it to an HTTP server that
discards it.
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

VECTORS = 500
ADDRESS = {"vectorBucketName": "bench", "indexName": "bench"}
pytestmark = pytest.mark.benchmark(
    group="put 500 x 1024",
    timer=time.process_time,
    min_rounds=3,
    warmup=True,
    warmup_iterations=1,
)


def _arguments(block: Block, rows: Any) -> dict[str, Any]:
    return {
        **ADDRESS,
        "vectors": [
            {"key": key, "data": {"float32": row}, "metadata": metadata}
            for key, row, metadata in zip(block.keys, rows, block.metadata, strict=True)
        ],
    }


def test_stock_boto3(benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block) -> None:
    """The baseline: lists of Python floats through unmodified boto3."""
    benchmark.extra_info.update(baseline=True, vectors=VECTORS)
    arguments = _arguments(block, block.vectors.tolist())
    benchmark(new_client().put_vectors, **arguments)


def test_accelerated_from_a_float32_matrix(
    benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block
) -> None:
    """The rows of a float32 matrix through an accelerated client."""
    benchmark.extra_info["vectors"] = VECTORS
    benchmark(accelerate(new_client()).put_vectors, **_arguments(block, block.vectors))


def test_accelerated_from_lists(
    benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block
) -> None:
    """Lists of Python floats through an accelerated client, as callers of boto3 have them."""
    benchmark.extra_info["vectors"] = VECTORS
    benchmark(accelerate(new_client()).put_vectors, **_arguments(block, block.vectors.tolist()))


def test_accelerated_from_a_block(
    benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block
) -> None:
    """A columnar block through an accelerated client."""
    benchmark.extra_info["vectors"] = VECTORS
    benchmark(accelerate(new_client()).put_vectors, **ADDRESS, vectors=block)


def test_boto3_sender(benchmark: BenchmarkFixture, new_client: Callable[[], Any], block: Block) -> None:
    """A block as the batch client sends it."""
    benchmark.extra_info["vectors"] = VECTORS
    sender, address = Boto3Sender(new_client()), IndexAddress("bench", "bench")
    benchmark(lambda: sender.send("PutVectors", encode_put(address, block)))


def test_direct_sender(benchmark: BenchmarkFixture, direct_sender: DirectSender, block: Block) -> None:
    """A block without boto3."""
    benchmark.extra_info["vectors"] = VECTORS
    address = IndexAddress("bench", "bench")
    benchmark(lambda: direct_sender.send("PutVectors", encode_put(address, block)))


@pytest.mark.parametrize("rows", ["lists", "arrays"])
def test_writer_from_tuples(
    benchmark: BenchmarkFixture, direct_sender: DirectSender, block: Block, rows: str
) -> None:
    """An iterator of 1,000 tuples of key, vector and metadata through the writer, in two batches."""
    benchmark.extra_info["vectors"] = 2 * VECTORS
    config = BulkConfig(vectors_per_s=1e9, requests_per_s=1e9)
    writer = BulkWriter(direct_sender, bucket="bench", index="bench", config=config)
    vectors = block.vectors.tolist() if rows == "lists" else list(block.vectors)
    keys = [f"{half}-{key}" for half in range(2) for key in block.keys]
    outcome = benchmark(lambda: writer.put(zip(keys, vectors * 2, [*block.metadata] * 2, strict=True)))
    assert (outcome.acknowledged, outcome.requests) == (2 * VECTORS, 2)
