"""What the endpoint takes beside moto's server: same bodies, same client, each server in its own process.

Bars: batches of 500 x 1,024 at 8 times moto's rate with the extra `fast` and at 4 times without; single
puts at 5 times; QueryVectors topK 10 over 100,000 x 384 below 25 ms (p50). `--benchmark-group-by=group` sets
the rivals side by side.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pytest_benchmark.fixture import BenchmarkFixture

from vecgate.endpoint.answers import Request
from vecgate.endpoint.core import apply
from vecgate.endpoint.local import LocalEndpoint
from vecgate.endpoint.state import State

DIMENSION = 1024
ADDRESS = {"vectorBucketName": "bench", "indexName": "puts"}
MOTO = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(port=0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


class Client:
    """Sends prepared requests over one kept connection; what it costs is the same for every server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection = HTTPConnection(urlsplit(url).netloc)

    def prepared(self, operation: str, **members: object) -> Callable[[], None]:
        """A call that sends this one request, signed once."""
        body = orjson.dumps(members, option=orjson.OPT_SERIALIZE_NUMPY)
        json = {"Content-Type": "application/json"}
        request = AWSRequest("POST", f"{self._url}/{operation}", data=body, headers=json)
        SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "s3vectors", "us-east-1").add_auth(request)
        headers = dict(request.headers.items())

        def send() -> None:
            self._connection.request("POST", f"/{operation}", body, headers)
            response = self._connection.getresponse()
            answer = response.read()
            assert response.status == 200, answer

        return send

    def close(self) -> None:
        self._connection.close()


@contextmanager
def moto_server() -> Iterator[str]:
    """The URL of moto's server in its own process."""
    process = subprocess.Popen(
        [sys.executable, "-c", MOTO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


@contextmanager
def endpoint(json: str) -> Iterator[str]:
    """The URL of the endpoint, its bodies read with *json*."""
    with LocalEndpoint(environment={"VECGATE_JSON": json}) as local:
        yield local.url


SERVERS: dict[str, Callable[[], object]] = {
    "fast": lambda: endpoint("simdjson"),
    "plain": lambda: endpoint("msgspec"),
    "moto": moto_server,
}


@pytest.fixture(scope="module", params=SERVERS)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    with SERVERS[request.param]() as url:  # type: ignore[attr-defined]  # each is a context manager
        client = Client(url)
        client.prepared("CreateVectorBucket", vectorBucketName="bench")()
        shape = {"dataType": "float32", "dimension": DIMENSION, "distanceMetric": "cosine"}
        client.prepared("CreateIndex", **ADDRESS, **shape)()
        yield client
        client.close()


def vectors(count: int, dimension: int = DIMENSION) -> list[dict[str, object]]:
    matrix = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return [
        {"key": f"k{row:07}", "data": {"float32": vector}, "metadata": {"i": row, "t": "x" * 50}}
        for row, vector in enumerate(matrix)
    ]


def measured(benchmark: BenchmarkFixture, call: Callable[[], object], **rounds: int) -> Any:
    """What *call* gives, after it was called as often as *rounds* says."""
    return benchmark.pedantic(call, **rounds)  # type: ignore[no-untyped-call]  # the plugin has no types here


@pytest.mark.benchmark(group="put 500 x 1,024")
def test_put_batches(client: Client, benchmark: BenchmarkFixture) -> None:
    """A full batch, again and again."""
    send = client.prepared("PutVectors", **ADDRESS, vectors=vectors(500))
    measured(benchmark, send, rounds=25, warmup_rounds=2)


@pytest.mark.benchmark(group="put 1 x 1,024")
def test_put_single_vectors(client: Client, benchmark: BenchmarkFixture) -> None:
    """One vector to a request."""
    send = client.prepared("PutVectors", **ADDRESS, vectors=vectors(1))
    measured(benchmark, send, rounds=30, iterations=20, warmup_rounds=1)


@pytest.fixture(scope="module")
def filled() -> State:
    """An index of 100,000 x 384 in the core itself."""
    state = State()
    address = {"vectorBucketName": "bench", "indexName": "query"}

    def call(operation: str, **members: object) -> None:
        body = orjson.dumps(members, option=orjson.OPT_SERIALIZE_NUMPY)
        assert apply(state, Request("POST", f"/{operation}", body), 0.0).status == 200

    call("CreateVectorBucket", vectorBucketName="bench")
    call("CreateIndex", **address, dataType="float32", dimension=384, distanceMetric="cosine")
    table = state.buckets["bench"].indexes["query"].table
    random = np.random.default_rng(1)
    for start in range(0, 100_000, 10_000):
        keys = [f"k{row:07}" for row in range(start, start + 10_000)]
        metadata = [{"i": row, "year": 2000 + row % 100} for row in range(start, start + 10_000)]
        table.put(keys, random.standard_normal((10_000, 384)).astype(np.float32), metadata)
    return state


@pytest.mark.benchmark(group="query topK 10 of 100,000 x 384")
@pytest.mark.parametrize("filter_", [None, {"year": {"$gte": 2099}}], ids=["unfiltered", "filter keeps 1 %"])
def test_query(filled: State, benchmark: BenchmarkFixture, filter_: object) -> None:
    """The nearest ten."""
    members: dict[str, object] = {
        "vectorBucketName": "bench",
        "indexName": "query",
        "topK": 10,
        "queryVector": {"float32": [0.1] * 384},
    }
    if filter_:
        members["filter"] = filter_
    request = Request("POST", "/QueryVectors", orjson.dumps(members))
    answer = measured(benchmark, lambda: apply(filled, request, 0.0), rounds=50, warmup_rounds=3)
    assert answer.status == 200
