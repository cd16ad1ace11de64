from __future__ import annotations

import gc
import os
import signal
import socket
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from certificates import write_certificate
from serving import Server, raw_request, read_response

from vecgate.endpoint.auth.principals import create_principal
from vecgate.endpoint.faults.injection import Fault, FaultKind, FaultPlan
from vecgate.endpoint.faults.latency import Latency, LatencyModel
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.http import server as server_module
from vecgate.endpoint.http.server import Certificate, fastest_put_reader, run_server
from vecgate.endpoint.requests.body_decoding import read_put_with_msgspec
from vecgate.endpoint.storage.state import State
from vecgate.errors import UsageError


def send(url: str, method: str, path: str, body: bytes = b"") -> int:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(method, path, body)
    status = connection.getresponse().status
    connection.close()
    return status


def run_until_signal(host: str, state: State, stop: signal.Signals) -> list[int]:
    """Run a server, send two requests from another thread, stop it by a signal, and return their statuses."""
    statuses: list[int] = []

    def use(url: str) -> None:
        statuses.append(send(url, "GET", "/health"))
        statuses.append(send(url, "POST", "/CreateVectorBucket", b'{"vectorBucketName":"bucket"}'))
        os.kill(os.getpid(), stop)

    run_server(host, 0, state=state, on_ready=lambda url: threading.Thread(target=use, args=(url,)).start())
    return statuses


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_server_runs_until_a_signal(host: str, stop: signal.Signals) -> None:
    """It reports its URL, answers requests, and returns."""
    state = State()
    assert run_until_signal(host, state, stop) == [200, 200]
    assert list(state.buckets) == ["bucket"]


def test_a_second_stop_does_not_wait_for_a_client() -> None:
    """Its connection is reset, and nothing is left open."""
    with Server() as server, server.connection() as connection:
        connection.sendall(b"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        assert server.send(raw_request("GET", "/health"))[0] == 200
        began_s = time.monotonic()
        server.request_stop()
        server.request_stop()
        with suppress(ConnectionResetError):
            assert connection.recv(100) == b""
        assert time.monotonic() - began_s < server_module.STOP_TIMEOUT_S
    del server
    gc.collect()


def test_a_stopped_server_restores_the_signal_handlers() -> None:
    """Ctrl-C works for the caller again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    run_server("127.0.0.1", 0, on_ready=lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_server_stops_when_its_stdin_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system closes the pipe when the parent process ends, for whatever reason."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        run_server("127.0.0.1", 0, on_ready=lambda _: os.close(writing), until_stdin_closes=True)


def test_a_stdin_that_cannot_close_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, and none."""
    with Path("/dev/null").open(encoding="utf-8") as file:
        for stdin in (file, None):
            monkeypatch.setattr("sys.stdin", stdin)
            with pytest.raises(UsageError, match="stdin cannot close"):
                run_server("127.0.0.1", 0, until_stdin_closes=True)


def test_a_port_in_use_is_a_usage_error() -> None:
    """The hint names the option."""
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}: ") as refused:
            run_server("127.0.0.1", port)
    assert "--port" in refused.value.hint


def test_an_address_of_another_host_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="cannot listen on"):
        run_server("192.0.2.1", 0)


def test_bodies_are_decoded_with_simdjson_if_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment can select msgspec instead, and without simdjson that is the default."""
    simd = pytest.importorskip(
        "vecgate.endpoint.requests.simd_decoding", exc_type=ImportError, reason="no wheel for this Python"
    )
    monkeypatch.delenv(server_module.JSON_VARIABLE, raising=False)
    assert isinstance(fastest_put_reader(), simd.SimdjsonPutReader)
    monkeypatch.setenv(server_module.JSON_VARIABLE, "msgspec")
    assert fastest_put_reader() is read_put_with_msgspec
    monkeypatch.delenv(server_module.JSON_VARIABLE)
    monkeypatch.setitem(sys.modules, "vecgate.endpoint.requests.simd_decoding", None)
    assert fastest_put_reader() is read_put_with_msgspec


LISTED = raw_request("POST", "/ListVectorBuckets", b"{}")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_requests_in_flight_are_answered_before_the_server_stops(stop: signal.Signals) -> None:
    """Then all connections close, idle ones too."""
    results: list[int] = []
    slow = GatewaySettings(latency=LatencyModel({"ListVectorBuckets": Latency(60.0, 60.0)}))

    def use(url: str) -> None:
        address = ("127.0.0.1", urlsplit(url).port)
        with socket.create_connection(address, timeout=10) as busy, socket.create_connection(address) as idle:
            idle.sendall(raw_request("GET", "/health"))
            results.append(read_response(idle)[0])
            busy.sendall(LISTED)
            # This response proves that the server has also read the request sent before it.
            idle.sendall(raw_request("GET", "/health"))
            results.append(read_response(idle)[0])
            os.kill(os.getpid(), stop)
            results.append(read_response(busy)[0])
            idle.settimeout(10)
            results.append(len(idle.recv(1)))

    run_server(
        "127.0.0.1",
        0,
        settings=slow,
        on_ready=lambda url: threading.Thread(target=use, args=(url,)).start(),
    )
    assert results == [200, 200, 200, 0]


def test_many_clients_are_served_at_once() -> None:
    """64 threads, each with its own connection and signatures; no response is lost or mixed up."""
    index = {"vectorBucketName": "bucket", "indexName": "index"}
    principal = create_principal("KEY", "secret")
    with Server(GatewaySettings((principal,))) as running, running.client("KEY", "secret") as first:
        first.create_vector_bucket(vectorBucketName="bucket")
        first.create_index(**index, dataType="float32", dimension=2, distanceMetric="euclidean")
        barrier = threading.Barrier(64)

        def work(worker: int) -> list[str]:
            keys = [f"{worker}-{number}" for number in range(5)]
            with running.client("KEY", "secret") as client:
                barrier.wait(60)
                for key in keys:
                    vector = {"float32": [float(worker), 1.0]}
                    client.put_vectors(**index, vectors=[{"key": key, "data": vector}])
                found = client.get_vectors(**index, keys=keys, returnData=True)["vectors"]
            assert all(each["data"]["float32"] == [float(worker), 1.0] for each in found)
            return [each["key"] for each in found]

        with ThreadPoolExecutor(64) as pool:
            seen = [key for keys in pool.map(work, range(64)) for key in keys]
        assert len(set(seen)) == 320
        assert len(first.list_vectors(**index)["vectors"]) == 320


# --- TLS ---


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(*write_certificate(tmp_path))


def test_boto3_connects_with_tls(certificate: Certificate) -> None:
    """It verifies the certificate."""
    with Server(certificate=certificate) as running:
        with running.client(verify=str(certificate.certfile)) as client:
            client.create_vector_bucket(vectorBucketName="bucket")
        with running.client() as client, pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            client.list_vector_buckets()
        assert list(running.state.buckets) == ["bucket"]


def test_the_url_of_a_server_with_a_certificate_is_https(certificate: Certificate) -> None:
    """Clients can use the printed URL unchanged."""
    urls: list[str] = []

    def stop(url: str) -> None:
        urls.append(url)
        os.kill(os.getpid(), signal.SIGTERM)

    run_server("127.0.0.1", 0, certificate=certificate, on_ready=stop)
    assert urls[0].startswith("https://127.0.0.1:")


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.LOST, FaultKind.TRUNCATED])
def test_connections_break_under_tls_too(certificate: Certificate, kind: FaultKind) -> None:
    """The client gets an error or an incomplete response."""
    context = ssl.create_default_context(cafile=certificate.certfile)
    settings = GatewaySettings(plan=FaultPlan((Fault(kind, 1.0, first=1),)))
    with Server(settings, certificate=certificate) as running, running.connection() as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(LISTED)
            received = b""
            try:
                while chunk := connection.recv(1000):
                    received += chunk
            except OSError:
                assert kind is FaultKind.RESET_AFTER
        assert not received.endswith(b"}")
        assert bool(received) == (kind is FaultKind.TRUNCATED)


def test_files_that_are_not_a_certificate_are_refused(tmp_path: Path) -> None:
    """Missing files, swapped files, and a key with a password, which nobody could type."""
    certfile, keyfile = write_certificate(tmp_path)
    (tmp_path / "locked").mkdir()
    locked = write_certificate(tmp_path / "locked", password=b"secret")[1]
    for pair in (
        (tmp_path / "none", keyfile),
        (certfile, tmp_path / "none"),
        (keyfile, certfile),
        (certfile, locked),
    ):
        with pytest.raises(UsageError, match="are not a certificate and its key: ") as refused:
            run_server("127.0.0.1", 0, certificate=Certificate(*pair))
        assert "PEM" in refused.value.hint
