"""The minimum work of any client for a full PutVectors request: digits of its floats, a hash of its body."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import orjson
import pytest

from vecgate.bulk.core.body_encoding import encode_put
from vecgate.s3vectors.arn import IndexAddress

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from vecgate.bulk.core.record_blocks import Block

pytestmark = pytest.mark.benchmark(
    group="floor of put 500 x 1024",
    timer=time.process_time,
    min_rounds=5,
    warmup=True,
    warmup_iterations=1,
)


def test_digits_by_orjson(benchmark: BenchmarkFixture, block: Block) -> None:
    """The matrix alone, in the fastest known way."""
    benchmark.extra_info.update(baseline=True, vectors=len(block))
    benchmark(lambda: orjson.dumps(block.vectors, option=orjson.OPT_SERIALIZE_NUMPY))


def test_hash_of_the_body(benchmark: BenchmarkFixture, block: Block) -> None:
    """SHA-256, which SigV4 requires."""
    benchmark.extra_info["vectors"] = len(block)
    body = encode_put(IndexAddress("bench", "bench"), block).data
    benchmark(lambda: hashlib.sha256(body).hexdigest())


def test_encode_the_request(benchmark: BenchmarkFixture, block: Block) -> None:
    """Digits, keys, metadata and hash: all work before sending."""
    benchmark.extra_info["vectors"] = len(block)
    benchmark(lambda: encode_put(IndexAddress("bench", "bench"), block).sha256)
