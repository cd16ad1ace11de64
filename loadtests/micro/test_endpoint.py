"""The endpoint compared with moto's server: same bodies, same client, each server in its own process.

The endpoint checks signatures, moto's server does not. Targets: batches of 500 x 1,024 at 10 times moto's
rate with the extra `fast`, and at 4 times without; single puts at 6 times; `kept`, which is `fast` with a
data directory, within twice the time of `fast`.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pytest_benchmark.fixture import BenchmarkFixture

from vecgate.endpoint.local import LocalEndpoint

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


@dataclass(frozen=True)
class Server:
    """The address of a server, and credentials for it."""

    url: str
    credentials: Credentials


class Client:
    """Sends prepared requests over one connection, at the same cost for every server."""

    def __init__(self, server: Server, name: str) -> None:
        self._server, self.name = server, name
        self._connection = HTTPConnection(urlsplit(server.url).netloc)

    def prepare(self, operation: str, **members: object) -> Callable[[], None]:
        """Return a call that sends this request, which is signed once."""
        body = orjson.dumps(members, option=orjson.OPT_SERIALIZE_NUMPY)
        json = {"Content-Type": "application/json"}
        request = AWSRequest("POST", f"{self._server.url}/{operation}", data=body, headers=json)
        SigV4Auth(self._server.credentials, "s3vectors", "us-east-1").add_auth(request)
        headers = dict(request.headers.items())

        def send() -> None:
            self._connection.request("POST", f"/{operation}", body, headers)
            response = self._connection.getresponse()
            content = response.read()
            assert response.status == 200, content

        return send

    def close(self) -> None:
        self._connection.close()


@contextmanager
def moto_server() -> Iterator[Server]:
    """Moto's server in a child process. It accepts any signature."""
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
        yield Server(process.stdout.readline().strip(), Credentials("AKIDEXAMPLE", "secret"))
        process.stdin.close()


@contextmanager
def endpoint(json: str, data_dir: Path | None = None) -> Iterator[Server]:
    """The endpoint in a child process, with the body decoder *json*."""
    with LocalEndpoint(auth=True, data_dir=data_dir, environment={"VECGATE_JSON": json}) as local:
        yield Server(local.url, Credentials(local.access_key, local.secret_key))


SERVERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "fast": lambda _: endpoint("simdjson"),
    "kept": lambda directory: endpoint("simdjson", directory),
    "plain": lambda _: endpoint("msgspec"),
    "moto": lambda _: moto_server(),
}


@pytest.fixture(scope="module", params=SERVERS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with SERVERS[request.param](tmp_path_factory.mktemp("data")) as server:
        client = Client(server, request.param)
        client.prepare("CreateVectorBucket", vectorBucketName="bench")()
        shape = {"dataType": "float32", "dimension": DIMENSION, "distanceMetric": "cosine"}
        client.prepare("CreateIndex", **ADDRESS, **shape)()
        yield client
        client.close()


def vectors(count: int, dimension: int = DIMENSION, *, prefix: str = "k") -> list[dict[str, object]]:
    matrix = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return [
        {"key": f"{prefix}{row:07}", "data": {"float32": vector}, "metadata": {"i": row, "t": "x" * 50}}
        for row, vector in enumerate(matrix)
    ]


def describe(benchmark: BenchmarkFixture, client: Client, vectors: int) -> None:
    """Record the number of vectors in a round, and moto's server as the baseline."""
    benchmark.extra_info.update(baseline=client.name == "moto", vectors=vectors)


def measure(benchmark: BenchmarkFixture, call: Callable[[], object], **rounds: int) -> Any:
    """Measure *call*, and return its last result."""
    return benchmark.pedantic(call, **rounds)


@pytest.mark.benchmark(group="endpoint: put 500 x 1024")
def test_put_batches(client: Client, benchmark: BenchmarkFixture) -> None:
    """The same full batch repeatedly."""
    describe(benchmark, client, 500)
    send = client.prepare("PutVectors", **ADDRESS, vectors=vectors(500))
    measure(benchmark, send, rounds=25, warmup_rounds=2)


@pytest.mark.benchmark(group="endpoint: put 500 new x 1024")
def test_put_new_batches(client: Client, benchmark: BenchmarkFixture) -> None:
    """Full batches of new keys: the index grows."""
    describe(benchmark, client, 500)
    numbers = itertools.count()

    def setup() -> tuple[tuple[Callable[[], None]], dict[str, object]]:
        return (
            client.prepare("PutVectors", **ADDRESS, vectors=vectors(500, prefix=f"{next(numbers)}-")),
        ), {}

    benchmark.pedantic(lambda send: send(), setup=setup, rounds=30)


@pytest.mark.benchmark(group="endpoint: put 1 x 1024")
def test_put_single_vectors(client: Client, benchmark: BenchmarkFixture) -> None:
    """One vector per request."""
    describe(benchmark, client, 1)
    send = client.prepare("PutVectors", **ADDRESS, vectors=vectors(1))
    measure(benchmark, send, rounds=30, iterations=20, warmup_rounds=1)
