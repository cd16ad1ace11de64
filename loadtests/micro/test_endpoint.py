"""What the endpoint takes beside moto's server: same bodies, same client, each server in its own process.

The endpoint checks signatures, moto's does not. Bars: batches of 500 x 1,024 at 10 times moto's rate with the
extra `fast` and at 4 times without; single puts at 6 times; `kept`, which is `fast` with a data directory,
within twice the time of `fast`.
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
    """Where a server answers, and for whom."""

    url: str
    credentials: Credentials


class Client:
    """Sends prepared requests over one kept connection; what it costs is the same for every server."""

    def __init__(self, server: Server, name: str) -> None:
        self._server, self.name = server, name
        self._connection = HTTPConnection(urlsplit(server.url).netloc)

    def prepared(self, operation: str, **members: object) -> Callable[[], None]:
        """A call that sends this one request, signed once."""
        body = orjson.dumps(members, option=orjson.OPT_SERIALIZE_NUMPY)
        json = {"Content-Type": "application/json"}
        request = AWSRequest("POST", f"{self._server.url}/{operation}", data=body, headers=json)
        SigV4Auth(self._server.credentials, "s3vectors", "us-east-1").add_auth(request)
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
def moto_server() -> Iterator[Server]:
    """The server of moto in its own process, which takes any signature."""
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
    """The endpoint, its bodies read with *json*."""
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
        client.prepared("CreateVectorBucket", vectorBucketName="bench")()
        shape = {"dataType": "float32", "dimension": DIMENSION, "distanceMetric": "cosine"}
        client.prepared("CreateIndex", **ADDRESS, **shape)()
        yield client
        client.close()


def vectors(count: int, dimension: int = DIMENSION, *, prefix: str = "k") -> list[dict[str, object]]:
    matrix = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return [
        {"key": f"{prefix}{row:07}", "data": {"float32": vector}, "metadata": {"i": row, "t": "x" * 50}}
        for row, vector in enumerate(matrix)
    ]


def tell(benchmark: BenchmarkFixture, client: Client, vectors: int) -> None:
    """What a round handles, and that moto's server is what the others are compared with."""
    benchmark.extra_info.update(baseline=client.name == "moto", vectors=vectors)


def measured(benchmark: BenchmarkFixture, call: Callable[[], object], **rounds: int) -> Any:
    """What *call* gives, after it was called as often as *rounds* says."""
    return benchmark.pedantic(call, **rounds)  # type: ignore[no-untyped-call]  # the plugin has no types here


@pytest.mark.benchmark(group="endpoint: put 500 x 1024")
def test_put_batches(client: Client, benchmark: BenchmarkFixture) -> None:
    """A full batch, again and again."""
    tell(benchmark, client, 500)
    send = client.prepared("PutVectors", **ADDRESS, vectors=vectors(500))
    measured(benchmark, send, rounds=25, warmup_rounds=2)


@pytest.mark.benchmark(group="endpoint: put 500 new x 1024")
def test_put_new_batches(client: Client, benchmark: BenchmarkFixture) -> None:
    """Full batches of keys that the index has not held before: it grows."""
    tell(benchmark, client, 500)
    numbers = itertools.count()

    def setup() -> tuple[tuple[Callable[[], None]], dict[str, object]]:
        return (
            client.prepared("PutVectors", **ADDRESS, vectors=vectors(500, prefix=f"{next(numbers)}-")),
        ), {}

    benchmark.pedantic(lambda send: send(), setup=setup, rounds=30)  # type: ignore[no-untyped-call]  # no types


@pytest.mark.benchmark(group="endpoint: put 1 x 1024")
def test_put_single_vectors(client: Client, benchmark: BenchmarkFixture) -> None:
    """One vector to a request."""
    tell(benchmark, client, 1)
    send = client.prepared("PutVectors", **ADDRESS, vectors=vectors(1))
    measured(benchmark, send, rounds=30, iterations=20, warmup_rounds=1)
