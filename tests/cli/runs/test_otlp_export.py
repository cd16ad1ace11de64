"""The export of metrics to a collector, with a small one on this machine."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from load_builders import plan, steady
from result_builders import header

from vecgate.cli.runs.otlp_export import OtlpExport, collector_settings, collector_url
from vecgate.errors import UsageError
from vecgate.results.records import Record


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@contextmanager
def collector(*statuses: int, answer: bytes = b"", **headers: str) -> Iterator[tuple[str, list[Received]]]:
    """Yield the URL of a collector, and the requests to it. It answers with *statuses*, the last one forever."""
    received: list[Received] = []
    answers = [*(statuses or (200,))]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            received.append(Received(self.path, dict(self.headers), json.loads(body)))
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", received
        server.shutdown()
        thread.join(5)


def export(url: str, environment: Mapping[str, str] | None = None) -> None:
    settings = collector_settings(url, {"OTEL_EXPORTER_OTLP_TIMEOUT": "500", **(environment or {})})
    with OtlpExport(settings, backoff_s=0.01) as exporter:
        records: list[Record] = [header(kind="load"), plan(), *steady(5)]
        for record in records:
            exporter.add(record)


def test_the_last_message_has_the_whole_run() -> None:
    """Messages in between may be replaced by later ones, because values are cumulative."""
    with collector() as (url, received):
        export(url)
    assert {each.path for each in received} == {"/v1/metrics"}
    metrics = received[-1].body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    (requests,) = [each for each in metrics if each["name"] == "vecgate.requests"]
    assert requests["sum"]["dataPoints"][0]["asInt"] == "50"


def test_a_collector_that_refuses_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The run goes on."""
    with collector(400) as (url, received):
        export(url)
    assert received
    assert capsys.readouterr().err.count("could not be sent to the collector: status 400") == 1


def test_a_collector_that_does_not_answer_does_not_end_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor does it print a traceback, or delay the end: nothing is there that could answer later."""
    with collector() as (url, _):
        pass
    export(url, {"OTEL_EXPORTER_OTLP_TIMEOUT": "3600000"})
    assert "could not be sent" in capsys.readouterr().err


def requests_of(received: Received) -> str:
    metrics = received.body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    (found,) = [each for each in metrics if each["name"] == "vecgate.requests"]
    return str(found["sum"]["dataPoints"][0]["asInt"])


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_message_is_sent_again_after_a_status_that_allows_it(status: int) -> None:
    """The last one too, while the run waits for it."""
    with collector(status, status, status, 200) as (url, received):
        export(url)
    assert len(received) >= 4
    assert requests_of(received[-1]) == "50"


@pytest.mark.parametrize("status", [301, 307, 400, 401, 500])
def test_no_message_is_sent_again_after_another_status(status: int) -> None:
    """Nor is a redirect followed: another host would get the headers."""
    with collector(status, Location="http://127.0.0.1:1/") as (url, received):
        export(url)
    assert 1 <= len(received) <= 5


def test_the_wait_that_a_collector_asks_for_is_kept() -> None:
    """So nothing more is sent before the run ends."""
    with collector(503, 200, Retry_After="60") as (url, received):
        export(url)
    assert len(received) == 1
    with collector(503, 200, Retry_After="1") as (url, received):
        export(url, {"OTEL_EXPORTER_OTLP_TIMEOUT": "30000"})
    assert requests_of(received[-1]) == "50"
    assert len(received) == 2


def test_a_collector_that_rejects_a_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """It answers with status 200. The message is not sent again."""
    body = b'{"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "too \\u001b[31m old"}}'
    with collector(answer=body) as (url, _):
        export(url)
    error = capsys.readouterr().err
    assert error.count("it rejected 3 data points: too ") == 1
    assert "\x1b" not in error


def test_headers_compression_and_url_are_those_of_the_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """As with every SDK of OpenTelemetry; those for metrics win, and no value of a header is printed."""
    with collector() as (url, received):
        export(
            "env",
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"{url}/base/",
                "OTEL_EXPORTER_OTLP_HEADERS": "x-team=a%20b, x-key=wrong",
                "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x-key=s3cret-of-the-vendor",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            },
        )
        one = received[-1]
        assert (one.path, one.headers["Content-Encoding"]) == ("/base/v1/metrics", "gzip")
        found = {name.lower(): value for name, value in one.headers.items()}
        assert (found["x-team"], found["x-key"]) == ("a b", "s3cret-of-the-vendor")
        assert requests_of(one) == "50"
    export("env", {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{url}/s3cret-of-the-vendor"})
    assert "s3cret" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "OTEL_EXPORTER_OTLP_ENDPOINT is not set"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "not an HTTP URL"),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "file:///x"}, "not an HTTP URL"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "secret-without-a-name"}, "no list of headers"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b%0d%0ac"}, "no list of headers"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, "a number of milliseconds"),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "brotli"}, "allowed are gzip and none"),
    ],
)
def test_wrong_variables_are_refused_before_the_run(environment: dict[str, str], message: str) -> None:
    """With one line, and without the value of a header."""
    with pytest.raises(UsageError, match=message) as raised:
        collector_settings("env", environment)
    assert "secret-without" not in str(raised.value)


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """When the export begins."""
    settings = collector_settings(
        "https://127.0.0.1:1", {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "no.pem")}
    )
    with pytest.raises(UsageError, match=r"no\.pem"), OtlpExport(settings):
        pass


def test_nothing_is_sent_without_a_url() -> None:
    """No thread is started."""
    with OtlpExport(None) as exporter:
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
