"""Decisions of the batch client before it sends: batches, departures, signatures."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from vecgate.bulk.core.batching import batches
from vecgate.bulk.core.body_encoding import Body, encode_put
from vecgate.bulk.core.pacing import new_pace
from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.transport.signing import SigningKey, amz_date, authorization
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
    """Records in columns with distinct keys."""
    rows = np.random.default_rng(0).standard_normal((RECORDS, DIMENSION)).astype(np.float32)
    return Block(np.arange(RECORDS), [f"k{row:07d}" for row in range(RECORDS)], rows, [None] * RECORDS)


@pytest.mark.benchmark(group="cut 20,000 records into batches of 500", **SETTINGS)
def test_slices_of_a_list(benchmark: BenchmarkFixture, records: Block) -> None:
    """The floor: dictionaries in a list, sliced by count, equal keys included."""
    benchmark.extra_info.update(baseline=True, vectors=RECORDS)
    listed = [
        {"key": key, "data": {"float32": row}} for key, row in zip(records.keys, records.vectors, strict=True)
    ]
    benchmark(lambda: [listed[at : at + BATCH] for at in range(0, RECORDS, BATCH)])


@pytest.mark.benchmark(group="cut 20,000 records into batches of 500", **SETTINGS)
def test_batches_of_a_block(benchmark: BenchmarkFixture, records: Block) -> None:
    """Columns, with no key twice in a batch."""
    benchmark.extra_info["vectors"] = RECORDS
    benchmark(lambda: list(batches([records], lambda: BATCH)))


@pytest.mark.benchmark(group="cut 20,000 records into batches of 500", **SETTINGS)
def test_batches_of_small_blocks(benchmark: BenchmarkFixture, records: Block) -> None:
    """The same from blocks of 333, whose ends are never ends of batches."""
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
    """Requests and vectors per second, with every response recorded."""
    benchmark.extra_info["vectors"] = 1_000

    def decide() -> float:
        paced, now_s = new_pace(requests_per_s=1_000, vectors_per_s=2_500), 0.0
        for _ in range(1_000):
            now_s = paced.next_departure_s(now_s=now_s)
            paced = paced.consume(1, now_s=now_s).after_success(now_s=now_s)
        return now_s

    benchmark(decide)


@pytest.fixture(scope="module")
def body(block: Block) -> Body:
    """A request of one vector."""
    return encode_put(IndexAddress("bench", "bench"), block.slice(0, 1))


@pytest.mark.benchmark(group="sign a request", **SETTINGS)
def test_sign_with_botocore(benchmark: BenchmarkFixture, body: Body) -> None:
    """The baseline: the key is derived for each request, which is parsed and built again."""
    benchmark.extra_info.update(baseline=True, vectors=1)
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI"), "s3vectors", "us-east-1")
    sent_headers = {"Content-Type": "application/json", "X-Amz-Content-SHA256": body.sha256}
    benchmark(lambda: signer.add_auth(AWSRequest("POST", URL, data=body.data, headers=dict(sent_headers))))


@pytest.mark.benchmark(group="sign a request", **SETTINGS)
def test_sign_with_the_key_of_the_day(benchmark: BenchmarkFixture, body: Body) -> None:
    """The same signature with a cached key."""
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
