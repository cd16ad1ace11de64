"""The export of metrics to a collector, with a small one on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from load_builders import plan, steady
from result_builders import header

from vecgate.cli.runs.otlp_export import OtlpExport, collector_url
from vecgate.errors import UsageError
from vecgate.results.records import Record


@contextmanager
def collector(status: int = 200) -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """Yield the URL of a collector, and the path and body of each request to it."""
    received: list[tuple[str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, json.loads(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", received
        server.shutdown()
        thread.join(5)


def export(url: str) -> None:
    with OtlpExport(url) as exporter:
        records: list[Record] = [header(kind="load"), plan(), *steady(5)]
        for record in records:
            exporter.add(record)


def test_the_last_message_has_the_whole_run() -> None:
    """Messages in between may be replaced by later ones, because values are cumulative."""
    with collector() as (url, received):
        export(url)
    assert {path for path, _ in received} == {"/v1/metrics"}
    metrics = received[-1][1]["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    (requests,) = [each for each in metrics if each["name"] == "vecgate.requests"]
    assert requests["sum"]["dataPoints"][0]["asInt"] == "50"


def test_a_collector_that_refuses_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The run goes on."""
    with collector(503) as (url, received):
        export(url)
    assert received
    assert capsys.readouterr().err.count("could not be sent to the collector: status 503") == 1


def test_a_collector_that_does_not_answer_does_not_end_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor does it print a traceback."""
    with collector() as (url, _):
        pass
    export(url)
    assert "could not be sent" in capsys.readouterr().err


def test_nothing_is_sent_without_a_url() -> None:
    """No thread is started."""
    with OtlpExport("") as exporter:
        exporter.add(header(kind="load"))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/metrics"),
        ("https://c.example/", "https://c.example/v1/metrics"),
        ("https://c.example/otlp/v1/metrics", "https://c.example/otlp/v1/metrics"),
    ],
)
def test_the_path_is_that_of_the_protocol_unless_given(text: str, url: str) -> None:
    """As with the variables of OpenTelemetry."""
    assert collector_url(text) == url


@pytest.mark.parametrize(
    "text", ["localhost:4318", "file:///etc/passwd", "http://", "http://h:x", "http://[::1"]
)
def test_only_http_urls_are_accepted(text: str) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError, match="not an HTTP URL"):
        collector_url(text)
