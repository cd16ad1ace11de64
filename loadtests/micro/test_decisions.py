"""What the batch client decides before it sends: cutting batches, when a request may leave, its signature."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from vecgate.bulk.batching import batches
from vecgate.bulk.encoding import Body, encode_put
from vecgate.bulk.pacing import pace
from vecgate.bulk.records import Block
from vecgate.bulk.signing import SigningKey, amz_date, authorization
from vecgate.s3vectors.arn import IndexAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

RECORDS, BATCH, DIMENSION = 20_000, 500, 128
SETTINGS: dict[str, Any] = {
    "timer": time.process_time, "min_rounds": 10, "warmup": True, "warmup_iterations": 2
}  # fmt: skip
URL = "http://127.0.0.1/PutVectors"
#: 2026-11-24, noon.
NOW_S = 1_795_521_600.0


@pytest.fixture(scope="module")
def records() -> Block:
    """Records in columns, each with a key of its own."""
    rows = np.random.default_rng(0).standard_normal((RECORDS, DIMENSION)).astype(np.float32)
    return Block(np.arange(RECORDS), [f"k{row:07d}" for row in range(RECORDS)], rows, [None] * RECORDS)


@pytest.mark.benchmark(group="cut 20,000 records into batches of 500", **SETTINGS)
def test_slices_of_a_list(benchmark: BenchmarkFixture, records: Block) -> None:
    """The floor: dictionaries in a list, cut by count, equal keys and all."""
    benchmark.extra_info.update(baseline=True, vectors=RECORDS)
    listed = [
        {"key": key, "data": {"float32": row}} for key, row in zip(records.keys, records.vectors, strict=True)
    ]
    benchmark(lambda: [listed[at : at + BATCH] for at in range(0, RECORDS, BATCH)])


@pytest.mark.benchmark(group="cut 20,000 records into batches of 500", **SETTINGS)
def test_batches_of_a_block(benchmark: BenchmarkFixture, records: Block) -> None:
    """Columns, and no key twice in a batch."""
    benchmark.extra_info["vectors"] = RECORDS
    benchmark(lambda: list(batches([records], lambda: BATCH)))


@pytest.mark.benchmark(group="cut 20,000 records into batches of 500", **SETTINGS)
def test_batches_of_small_blocks(benchmark: BenchmarkFixture, records: Block) -> None:
    """The same from blocks of 333, none of which ends where a batch does."""
    benchmark.extra_info["vectors"] = RECORDS
    blocks = [records.slice(at, min(at + 333, RECORDS)) for at in range(0, RECORDS, 333)]
    benchmark(lambda: list(batches(blocks, lambda: BATCH)))


@pytest.mark.benchmark(group="decide when 1,000 requests may leave", **SETTINGS)
def test_one_lane_in_a_variable(benchmark: BenchmarkFixture) -> None:
    """The floor: one rate, no throttling."""
    benchmark.extra_info.update(baseline=True, vectors=1_000)

    def decide() -> float:
        free_at_s = 0.0
        for number in range(1_000):
            free_at_s = max(number * 0.001, free_at_s) + 0.001
        return free_at_s

    benchmark(decide)


@pytest.mark.benchmark(group="decide when 1,000 requests may leave", **SETTINGS)
def test_two_lanes_that_slow_down(benchmark: BenchmarkFixture) -> None:
    """Requests and vectors a second, each answer told."""
    benchmark.extra_info["vectors"] = 1_000

    def decide() -> float:
        paced, now_s = pace(requests_per_s=1_000, vectors_per_s=2_500), 0.0
        for _ in range(1_000):
            now_s = paced.leave_at_s(now_s=now_s)
            paced = paced.after(1, now_s=now_s).after_success(now_s=now_s)
        return now_s

    benchmark(decide)


@pytest.fixture(scope="module")
def body(block: Block) -> Body:
    """A request of one vector."""
    return encode_put(IndexAddress("bench", "bench"), block.slice(0, 1))


@pytest.mark.benchmark(group="sign a request", **SETTINGS)
def test_sign_with_botocore(benchmark: BenchmarkFixture, body: Body) -> None:
    """The baseline: the key derived anew, the request taken apart and put together."""
    benchmark.extra_info.update(baseline=True, vectors=1)
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI"), "s3vectors", "us-east-1")
    told = {"Content-Type": "application/json", "X-Amz-Content-SHA256": body.sha256}
    benchmark(lambda: signer.add_auth(AWSRequest("POST", URL, data=body.data, headers=dict(told))))


@pytest.mark.benchmark(group="sign a request", **SETTINGS)
def test_sign_with_the_key_of_the_day(benchmark: BenchmarkFixture, body: Body) -> None:
    """The same signature with the key kept."""
    benchmark.extra_info["vectors"] = 1
    key = SigningKey.derive("AKIDEXAMPLE", "wJalrXUtnFEMI", day="20261124", region="us-east-1")
    moments = _moments()

    def sign() -> str:
        headers = {
            "content-type": "application/json",
            "host": "127.0.0.1",
            "x-amz-content-sha256": body.sha256,
            "x-amz-date": amz_date(next(moments)),
        }
        return authorization(key, path="/PutVectors", headers=headers, body_sha256=body.sha256)

    benchmark(sign)


def _moments() -> Iterator[float]:
    return (NOW_S + number * 0.001 for number in count())
