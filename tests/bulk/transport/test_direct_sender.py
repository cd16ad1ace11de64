from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import CredentialRetrievalError

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.transport.direct_sender import DirectSender
from vecgate.errors import NoCredentials, ServiceError, TransportError, UsageError

NOON_S = 1_795_521_600.0  # 2026-11-24 12:00:00 UTC
BODY = Body.of(b'{"vectors": []}')
CREDENTIALS = Credentials("AKIDEXAMPLE", "secret")


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{''.join(lines)}\r\n".encode() + body


@dataclass(frozen=True)
class Hangup:
    """Send *data* and close; with a reset if *is_reset*."""

    data: bytes = b""
    is_reset: bool = False


@dataclass
class ReceivedRequest:
    """A request that arrived."""

    connection: int
    head: str
    body: bytes

    def header(self, name: str) -> str:
        lines = self.head.lower().split("\r\n")
        return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")), "")


@dataclass
class Server:
    """Plays a script with one step per request: a response, after which it continues, or a hang-up."""

    script: list[bytes | Hangup]
    requests: list[ReceivedRequest] = field(default_factory=list)
    url: str = ""
    #: Closes the connection after its response, as servers do with idle connections.
    closes_idle: bool = False
    closed: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        number = 0
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            number += 1
            with connection:
                self._converse(connection, number)

    def _converse(self, connection: socket.socket, number: int) -> None:
        while request := self._request(connection, number):
            self.requests.append(request)
            step = self.script.pop(0)
            connection.sendall(step if isinstance(step, bytes) else step.data)
            if isinstance(step, Hangup):
                if step.is_reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if self.closes_idle:
                connection.close()
                self.closed.set()
                return

    def _request(self, connection: socket.socket, number: int) -> ReceivedRequest | None:
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = connection.recv(65536)
            if not chunk:
                return None
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        request = ReceivedRequest(number, head.decode(), body)
        while len(request.body) < int(request.header("content-length")):
            request.body += connection.recv(65536)
        return request


@contextmanager
def server(*script: bytes | Hangup, **settings: Any) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        played = Server(list(script), url=f"http://127.0.0.1:{listener.getsockname()[1]}", **settings)
        thread = threading.Thread(target=played.serve, args=[listener], daemon=True)
        thread.start()
        yield played
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@contextmanager
def sender(url: str, credentials: Any = CREDENTIALS, **settings: Any) -> Iterator[DirectSender]:
    opened = DirectSender(
        credentials, region="us-east-1", endpoint_url=url, **{"read_timeout_s": 5, **settings}
    )
    yield opened
    opened.close()


def test_a_request_is_signed_and_its_response_returned() -> None:
    """The body is sent unchanged, as JSON, signed for the region, with the extra headers signed too."""
    with (
        server(answer(body=b'{"a": 1}', x_amzn_requestid="1")) as service,
        sender(
            service.url + "/base/",
            Credentials("AKIDEXAMPLE", "secret", "token"),
            headers={"X-Team": "search"},
            clock=lambda: NOON_S,
        ) as wire,
    ):
        assert wire.send("PutVectors", BODY) == b'{"a": 1}'
    (request,) = service.requests
    assert request.head.startswith("POST /base/PutVectors HTTP/1.1\r\n")
    assert request.body == BODY.data
    assert request.header("content-type") == "application/json"
    assert request.header("x-amz-date") == "20261124t120000z"
    assert request.header("x-amz-security-token") == "token"
    authorization = request.header("authorization")
    assert "credential=akidexample/20261124/us-east-1/s3vectors/aws4_request," in authorization
    assert "signedheaders=content-type;host;x-amz-date;x-amz-security-token;x-team," in authorization


def test_a_connection_is_kept() -> None:
    """Many requests use one connection."""
    with server(answer(), answer(), answer()) as service, sender(service.url) as wire:
        for _ in range(3):
            wire.send("PutVectors", BODY)
    assert [request.connection for request in service.requests] == [1, 1, 1]


def test_a_connection_that_the_service_closes_is_not_kept() -> None:
    """`Connection: close` is respected."""
    with server(Hangup(answer(Connection="close")), answer()) as service, sender(service.url) as wire:
        wire.send("PutVectors", BODY)
        wire.send("PutVectors", BODY)
    assert [request.connection for request in service.requests] == [1, 2]


def test_a_connection_closed_while_idle_is_noticed_before_sending() -> None:
    """Nothing is sent into a closed connection, so that even CreateIndex is safe."""
    with server(answer(), answer(), closes_idle=True) as service, sender(service.url) as wire:
        wire.send("CreateIndex", BODY)
        assert service.closed.wait(5)
        wire.send("CreateIndex", BODY)
    assert [request.connection for request in service.requests] == [1, 2]


ANSWERED_AGAIN = answer(
    body=b'{"again": 1, "index": {}, "vectors": [], "distanceMetric": "cosine"}', x_amzn_requestid="1"
)


@pytest.mark.parametrize("operation", ["PutVectors", "DeleteVectors", "QueryVectors", "GetIndex"])
def test_a_kept_connection_that_closes_without_a_response_costs_one_more_request(operation: str) -> None:
    """A repeatable operation is sent again on a new connection."""
    with server(answer(), Hangup(), ANSWERED_AGAIN) as service, sender(service.url) as wire:
        wire.send("PutVectors", BODY)
        assert (
            wire.send(operation, BODY)
            == b'{"again": 1, "index": {}, "vectors": [], "distanceMetric": "cosine"}'
        )
    assert [request.connection for request in service.requests] == [1, 1, 2]


@pytest.mark.parametrize("operation", ["CreateIndex", "DeleteIndex", "UpdateMetadataConfiguration"])
def test_an_operation_that_is_not_repeatable_is_not_sent_again(operation: str) -> None:
    """The model does not call it idempotent, and it may have been applied."""
    with server(answer(), Hangup(), answer()) as service, sender(service.url) as wire:
        wire.send(operation, BODY)
        with pytest.raises(TransportError) as raised:
            wire.send(operation, BODY)
    assert (len(service.requests), raised.value.is_connect) == (2, False)


def test_a_load_test_sees_every_connection_that_closes_without_a_response() -> None:
    """It sends nothing again, also if the operation allows it, and knows how long each connection took."""
    with server(answer(), Hangup(), answer()) as service, sender(service.url) as wire:
        wire.repeats, connects = False, list[float]()
        wire.on_connect = connects.append
        wire.send("PutVectors", BODY)
        with pytest.raises(TransportError):
            wire.send("PutVectors", BODY)
    assert [request.connection for request in service.requests] == [1, 1]
    assert len(connects) == 1


@pytest.mark.parametrize("step", [Hangup(), Hangup(is_reset=True), Hangup(b"nonsense\r\n\r\n")])
def test_a_new_connection_without_a_response_is_a_failed_attempt(step: Hangup) -> None:
    """Closed, reset or not HTTP: this sender does not retry, its caller decides."""
    with server(step) as service, sender(service.url) as wire, pytest.raises(TransportError) as raised:
        wire.send("PutVectors", BODY)
    assert (len(service.requests), raised.value.is_connect) == (1, False)


def test_a_truncated_response_is_a_failed_attempt() -> None:
    """It has fewer bytes than announced, which is no reason to send again, even on a kept connection."""
    response = Hangup(answer(body=b'{"vectors":[]}')[:-4])
    with server(answer(), response) as service, sender(service.url) as wire:
        wire.send("PutVectors", BODY)
        with pytest.raises(TransportError, match="cut off after 10 of 14 bytes"):
            wire.send("GetVectors", BODY)
    assert len(service.requests) == 2


def test_a_silent_service_is_a_failed_attempt() -> None:
    """It sends nothing within the read timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            sender(url, read_timeout_s=0.05) as wire,
            pytest.raises(TransportError, match="timed out") as raised,
        ):
            wire.send("PutVectors", BODY)
    assert not raised.value.is_connect


def test_a_rejected_connection_is_marked() -> None:
    """Without a listener, nothing was applied."""
    with sender("http://127.0.0.1:9") as wire, pytest.raises(TransportError, match="refused") as raised:
        wire.send("PutVectors", BODY)
    assert raised.value.is_connect


def test_an_error_code_is_raised_with_its_attributes() -> None:
    """A 429 with Retry-After: throttling, retryable, and the connection is kept."""
    throttled = answer(
        429, b'{"message": "slow"}', x_amzn_errortype="TooManyRequestsException", Retry_After="2"
    )
    with server(throttled, answer()) as service, sender(service.url) as wire:
        with pytest.raises(ServiceError) as raised:
            wire.send("PutVectors", BODY)
        wire.send("PutVectors", BODY)
    error = raised.value
    assert (error.code, error.is_throttling, error.is_retryable, error.retry_after_s) == (
        "TooManyRequestsException", True, True, 2.0
    )  # fmt: skip
    assert [request.connection for request in service.requests] == [1, 1]


SKEWED = answer(403, x_amzn_errortype="RequestTimeTooSkewed", Date="Tue, 24 Nov 2026 13:00:00 GMT")


def test_a_wrong_clock_is_corrected_permanently() -> None:
    """The request is signed again by the service's clock, and so are later requests."""
    with server(SKEWED, answer(), answer()) as service, sender(service.url, clock=lambda: NOON_S) as wire:
        wire.send("CreateIndex", BODY)
        wire.send("PutVectors", BODY)
    dates = [request.header("x-amz-date") for request in service.requests]
    assert dates == ["20261124t120000z", "20261124t130000z", "20261124t130000z"]


def test_a_clock_is_corrected_once_per_request() -> None:
    """A second error about the clock is raised."""
    later = answer(403, x_amzn_errortype="RequestTimeTooSkewed", Date="Tue, 24 Nov 2026 15:00:00 GMT")
    with (
        server(SKEWED, later) as service,
        sender(service.url, clock=lambda: NOON_S) as wire,
        pytest.raises(ServiceError, match="RequestTimeTooSkewed"),
    ):
        wire.send("PutVectors", BODY)
    assert len(service.requests) == 2


class Rotating:
    """Credentials that change each time they are read."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)

    def get_frozen_credentials(self) -> Any:
        return Credentials(self.keys.pop(0), "secret").get_frozen_credentials()


def test_rotated_credentials_take_effect() -> None:
    """Each request is signed with the credentials of its time."""
    with server(answer(), answer()) as service, sender(service.url, Rotating("AKIDA", "AKIDB")) as wire:
        wire.send("PutVectors", BODY)
        wire.send("PutVectors", BODY)
    signers = [request.header("authorization").split("credential=")[1][:5] for request in service.requests]
    assert signers == ["akida", "akidb"]


class Expired:
    def get_frozen_credentials(self) -> Any:
        raise CredentialRetrievalError(provider="sso", error_msg="expired")


@pytest.mark.parametrize("credentials", [None, Credentials("", ""), Expired()])
def test_a_request_without_credentials_is_an_error(credentials: Any) -> None:
    """Missing, empty or unavailable credentials: nothing is sent."""
    with (
        server() as service,
        sender(service.url, credentials) as wire,
        pytest.raises(NoCredentials) as raised,
    ):
        wire.send("PutVectors", BODY)
    assert service.requests == []
    assert "AWS_PROFILE" in raised.value.hint


@pytest.mark.parametrize(
    "url", ["localhost:9000", "ftp://host", "http://", "", "http://host:port", "http://[::1"]
)
def test_an_invalid_endpoint_url_is_rejected(url: str) -> None:
    """An endpoint is http or https, and has a host."""
    with pytest.raises(UsageError):
        DirectSender(CREDENTIALS, region="us-east-1", endpoint_url=url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com", "example.com"),
        ("https://example.com:443", "example.com"),
        ("http://example.com:8443", "example.com:8443"),
        ("http://[::1]:9000", "[::1]:9000"),
    ],
)
def test_the_host_header_has_a_non_default_port(url: str, host: str) -> None:
    """As HTTP clients write it, and as botocore signs it."""
    assert DirectSender(CREDENTIALS, region="us-east-1", endpoint_url=url)._headers["host"] == host


def test_closing_while_a_request_is_in_flight_closes_its_connection_too() -> None:
    """A connection that is returned after the end is not kept."""
    with server(answer()) as service, sender(service.url) as wire:
        wire._is_closed = True
        wire.send("PutVectors", BODY)
        assert not wire._idle


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-requestid", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Suppress the log."""


def test_threads_share_a_sender() -> None:
    """Each gets the response to its own request, over no more connections than there are threads."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        with sender(f"http://127.0.0.1:{service.server_port}") as wire, ThreadPoolExecutor(4) as pool:
            bodies = [Body.of(b'{"number":%d}' % number) for number in range(200)]
            answers = list(pool.map(lambda body: wire.send("PutVectors", body), bodies))
            kept = len(wire._idle)
        service.shutdown()
        thread.join(5)
    assert answers == [body.data for body in bodies]
    assert 1 <= kept <= 4


def test_an_error_about_a_clock_that_was_corrected_since_is_understood() -> None:
    """A thread that signed before another one corrected the clock still retries."""
    with (
        server(SKEWED, answer(), closes_idle=False) as service,
        sender(service.url, clock=lambda: NOON_S) as wire,
    ):
        first = wire._exchange

        def correct_clock_meanwhile(*arguments: Any, **settings: Any) -> Any:
            found = first(*arguments, **settings)
            wire._skew_s = 3600.0
            return found

        wire._exchange = correct_clock_meanwhile  # type: ignore[method-assign]
        assert wire.send("PutVectors", BODY) == b"{}"
    assert [request.header("x-amz-date") for request in service.requests] == [
        "20261124t120000z",
        "20261124t130000z",
    ]


@pytest.mark.parametrize(("verify", "mode"), [(True, ssl.CERT_REQUIRED), (False, ssl.CERT_NONE)])
def test_tls_is_verified_by_default(verify: bool, mode: ssl.VerifyMode) -> None:
    """Certificate and host name are checked; `verify=False` turns that off."""
    wire = DirectSender(CREDENTIALS, region="us-east-1", endpoint_url="https://localhost", verify=verify)
    assert wire._tls
    assert (wire._tls.verify_mode, wire._tls.check_hostname) == (mode, verify)


def test_a_service_without_tls_is_a_failed_connection() -> None:
    """The handshake fails."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=_greet, args=[listener])
        thread.start()
        with sender(f"https://127.0.0.1:{port}") as wire, pytest.raises(TransportError) as raised:
            wire.send("PutVectors", BODY)
        thread.join(5)
    assert raised.value.is_connect


def _greet(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"220 no TLS here\r\n")


def test_a_missing_ca_bundle_is_a_usage_error(tmp_path: Path) -> None:
    """The path is named, and nothing is sent."""
    with pytest.raises(UsageError, match=r"missing\.pem"):
        DirectSender(
            CREDENTIALS,
            region="us-east-1",
            endpoint_url="https://localhost",
            verify=str(tmp_path / "missing.pem"),
        )
