"""Serves the metrics of a load run to Prometheus while it runs."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from vecgate.cli.options import print_status
from vecgate.errors import UsageError
from vecgate.load.live_metrics import LiveMetrics
from vecgate.load.openmetrics import format_live_metrics
from vecgate.loopback import is_loopback
from vecgate.results.load.load_records import LoadPlan, Second
from vecgate.results.records import Header, Record

LOOPBACK, PATH, PORT_MAX = "127.0.0.1", "/metrics", 65_535
CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
#: A client that sends nothing for this time is disconnected.
TIMEOUT_S = 5.0


def parse_address(text: str) -> tuple[str, int]:
    """Return the host and port in *text*, `PORT` or `HOST:PORT`. Raises UsageError."""
    try:
        parts = urlsplit(f"//{text}" if ":" in text else f"//{LOOPBACK}:{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or parts.path or parts.username is not None:
        raise UsageError(
            f"--prometheus: {text!r} is not a port",
            hint="Give a port, such as 9464, or HOST:PORT, such as 0.0.0.0:9464; 0 is any free port.",
        )
    return host, port


class PrometheusEndpoint:
    """Answers `GET /metrics` with the metrics of the run so far. Empty *address*: serves nothing.

    Raises UsageError if the port cannot be used.
    """

    def __init__(self, address: str, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._header: Header | None = None
        self._metrics: LiveMetrics | None = None
        self._server: ThreadingHTTPServer | None = None
        if address:
            self._server = self._listen(*parse_address(address))

    @property
    def url(self) -> str:
        """The URL of the metrics; empty if they are not served."""
        if self._server is None:
            return ""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{PATH}"

    def __enter__(self) -> Self:
        if self._server is not None:
            threading.Thread(target=self._server.serve_forever, daemon=True).start()
            print_status(f"metrics for Prometheus: {self.url}", quiet=self._quiet)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def add(self, record: Record) -> None:
        """Add the next record of the run."""
        if self._server is None:
            return
        with self._lock:
            match record:
                case Header():
                    self._header = record
                case LoadPlan() if self._header is not None:
                    self._metrics = LiveMetrics(record, self._header.target)
                case Second() if self._metrics is not None:
                    self._metrics.add(record)

    def text(self) -> str:
        """Return the metrics so far."""
        with self._lock:
            return format_live_metrics(self._metrics) if self._metrics is not None else "# EOF\n"

    def _listen(self, host: str, port: int) -> ThreadingHTTPServer:
        endpoint, is_local = self, is_loopback(host)

        class Handler(BaseHTTPRequestHandler):
            timeout = TIMEOUT_S
            server_version, sys_version = "vecgate", ""

            def do_GET(self) -> None:
                # A web page whose name resolves to this machine must not read what runs here.
                name = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
                if is_local and not is_loopback(name):
                    self.send_error(HTTPStatus.FORBIDDEN)
                elif self.path.partition("?")[0] != PATH:
                    self.send_error(HTTPStatus.NOT_FOUND)
                else:
                    self._send(endpoint.text().encode())

            def _send(self, body: bytes) -> None:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Print nothing: the live table is on the same terminal."""

        try:
            server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UsageError(
                f"--prometheus: {host}:{port} cannot be used: {reason}", hint="Use another port, or 0."
            ) from None
        server.daemon_threads, server.block_on_close = True, False
        return server
