from __future__ import annotations

import os
import signal
import socket
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from certificates import write_certificate
from serving import Server, raw_request, read_answer

from vecgate.endpoint import server
from vecgate.endpoint.access import new_principal
from vecgate.endpoint.decoding import typed_read
from vecgate.endpoint.injection import Fault, Kind, Plan
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.latency import Latency, LatencyModel
from vecgate.endpoint.server import Certificate, quick_read, run_server
from vecgate.endpoint.state import State
from vecgate.errors import UsageError


def ask(url: str, method: str, path: str, body: bytes = b"") -> int:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(method, path, body)
    status = connection.getresponse().status
    connection.close()
    return status


def run_until_asked(host: str, state: State, stop: signal.Signals) -> list[int]:
    """Serve, send two requests from another thread, then stop the server with a signal; their statuses."""
    statuses: list[int] = []

    def use(url: str) -> None:
        statuses.append(ask(url, "GET", "/health"))
        statuses.append(ask(url, "POST", "/CreateVectorBucket", b'{"vectorBucketName":"bucket"}'))
        os.kill(os.getpid(), stop)

    run_server(host, 0, state=state, on_ready=lambda url: threading.Thread(target=use, args=(url,)).start())
    return statuses


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_server_serves_until_it_is_told_to_stop(host: str, stop: signal.Signals) -> None:
    """It says where it is, answers, and returns."""
    state = State()
    assert run_until_asked(host, state, stop) == [200, 200]
    assert list(state.buckets) == ["bucket"]


def test_a_server_that_has_stopped_leaves_ctrl_c_to_its_caller() -> None:
    """Signals are handled as they were before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    run_server("127.0.0.1", 0, on_ready=lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_server_stops_with_the_process_that_holds_its_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the other side of a pipe is seen however it comes."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        run_server("127.0.0.1", 0, on_ready=lambda _: os.close(writing), until_stdin_closes=True)


def test_a_port_in_use_is_a_usage_error() -> None:
    """One line, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}: ") as refused:
            run_server("127.0.0.1", port)
    assert "--port" in refused.value.hint


def test_an_address_that_is_not_ours_is_a_usage_error() -> None:
    """The same."""
    with pytest.raises(UsageError, match="cannot listen on"):
        run_server("192.0.2.1", 0)


def test_bodies_are_read_with_simdjson_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the environment says otherwise, or it is not there."""
    simd = pytest.importorskip(
        "vecgate.endpoint.simd", exc_type=ImportError, reason="no wheel for this Python"
    )
    monkeypatch.delenv(server.JSON_VARIABLE, raising=False)
    assert isinstance(quick_read(), simd.SimdRead)
    monkeypatch.setenv(server.JSON_VARIABLE, "msgspec")
    assert quick_read() is typed_read
    monkeypatch.delenv(server.JSON_VARIABLE)
    monkeypatch.setitem(sys.modules, "vecgate.endpoint.simd", None)
    assert quick_read() is typed_read


LISTED = raw_request("POST", "/ListVectorBuckets", b"{}")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_is_answered_before_the_server_stops(stop: signal.Signals) -> None:
    """Then connections close, those that are idle too."""
    answers: list[int] = []
    slow = DoorSettings(latency=LatencyModel({"ListVectorBuckets": Latency(60.0, 60.0)}))

    def use(url: str) -> None:
        address = ("127.0.0.1", urlsplit(url).port)
        with socket.create_connection(address, timeout=10) as busy, socket.create_connection(address) as idle:
            idle.sendall(raw_request("GET", "/health"))
            answers.append(read_answer(idle)[0])
            busy.sendall(LISTED)
            # Answered after the request before it was received: the server has read both by then.
            idle.sendall(raw_request("GET", "/health"))
            answers.append(read_answer(idle)[0])
            os.kill(os.getpid(), stop)
            answers.append(read_answer(busy)[0])
            idle.settimeout(10)
            answers.append(len(idle.recv(1)))

    run_server(
        "127.0.0.1",
        0,
        settings=slow,
        on_ready=lambda url: threading.Thread(target=use, args=(url,)).start(),
    )
    assert answers == [200, 200, 200, 0]


def test_many_clients_are_served_at_once() -> None:
    """64 threads that sign, each with a connection of its own; nothing is lost or mixed up."""
    index = {"vectorBucketName": "bucket", "indexName": "index"}
    principal = new_principal("KEY", "secret")
    with Server(DoorSettings((principal,))) as running, running.client("KEY", "secret") as first:
        first.create_vector_bucket(vectorBucketName="bucket")
        first.create_index(**index, dataType="float32", dimension=2, distanceMetric="euclidean")
        together = threading.Barrier(64)

        def work(worker: int) -> list[str]:
            keys = [f"{worker}-{number}" for number in range(5)]
            with running.client("KEY", "secret") as client:
                together.wait(60)
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


def test_boto3_speaks_tls_with_it(certificate: Certificate) -> None:
    """And checks the certificate."""
    with Server(certificate=certificate) as running:
        with running.client(verify=str(certificate.certfile)) as client:
            client.create_vector_bucket(vectorBucketName="bucket")
        with running.client() as client, pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            client.list_vector_buckets()
        assert list(running.state.buckets) == ["bucket"]


def test_a_server_with_a_certificate_says_https(certificate: Certificate) -> None:
    """So that its URL can be used as it is."""
    urls: list[str] = []

    def note(url: str) -> None:
        urls.append(url)
        os.kill(os.getpid(), signal.SIGTERM)

    run_server("127.0.0.1", 0, certificate=certificate, on_ready=note)
    assert urls[0].startswith("https://127.0.0.1:")


@pytest.mark.parametrize("kind", [Kind.RESET_AFTER, Kind.LOST, Kind.TRUNCATED])
def test_connections_break_under_tls_too(certificate: Certificate, kind: Kind) -> None:
    """The client gets an error, or less than it was promised."""
    context = ssl.create_default_context(cafile=certificate.certfile)
    settings = DoorSettings(plan=Plan((Fault(kind, 1.0, first=1),)))
    with Server(settings, certificate=certificate) as running, running.connection() as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(LISTED)
            got = b""
            try:
                while piece := connection.recv(1000):
                    got += piece
            except OSError:
                assert kind is Kind.RESET_AFTER
        assert not got.endswith(b"}")
        assert bool(got) == (kind is Kind.TRUNCATED)


def test_files_that_are_no_certificate_are_told(tmp_path: Path) -> None:
    """Missing, of no sense, or with a password that nobody is there to type."""
    certfile, keyfile = write_certificate(tmp_path)
    (tmp_path / "locked").mkdir()
    locked = write_certificate(tmp_path / "locked", password=b"secret")[1]
    for pair in (
        (tmp_path / "none", keyfile),
        (certfile, tmp_path / "none"),
        (keyfile, certfile),
        (certfile, locked),
    ):
        with pytest.raises(UsageError, match="are no certificate and its key: ") as refused:
            run_server("127.0.0.1", 0, certificate=Certificate(*pair))
        assert "PEM" in refused.value.hint
