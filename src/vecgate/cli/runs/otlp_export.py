"""Sends the metrics of a run to a collector of OpenTelemetry while it runs.

OTLP over HTTP in JSON, by the rules of the protocol: gzip, retries with backoff and `Retry-After` after the
statuses that allow one, no redirects, partial success. The settings are those of every OpenTelemetry SDK. The
SDK for Python would not serve better: it aggregates by itself, what is aggregated here from all workers, and
sends Protocol Buffers only, for which it needs eight packages.
https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import gzip
import random
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from types import TracebackType
from typing import IO, Self
from urllib.parse import unquote, urlsplit

import orjson

from vecgate.bulk.transport.service_response import retry_after_s
from vecgate.cli.options import print_status
from vecgate.errors import UsageError
from vecgate.load.live_metrics import LiveMetrics
from vecgate.load.otlp_metrics import build_message, build_resource
from vecgate.printable import printable_line
from vecgate.redaction import redact, register_headers
from vecgate.results.load.load_records import LoadPlan, Second
from vecgate.results.records import Header, Record

PATH = "/v1/metrics"
#: The value of `--otlp` that takes the URL from the variables of OpenTelemetry.
FROM_ENVIRONMENT = "env"
#: Default time for one request, and for the last one at the end of the run.
TIMEOUT_S = 10.0
#: Statuses after which the protocol allows a retry.
RETRYABLE = frozenset({429, 502, 503, 504})
#: The first wait before a retry; each further one is twice as long, up to the longest.
BACKOFF_S, BACKOFF_MAX_S = 1.0, 30.0
#: Bytes of an answer that are read, and characters of its message that are shown.
ANSWER_BYTES_MAX, MESSAGE_CHARACTERS = 64 * 1024, 200


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """The collector, and how metrics are sent to it.

    headers      of every request; never shown
    certificate  file with certificates to trust; empty for those of the system
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = TIMEOUT_S
    is_compressed: bool = False
    certificate: str = ""


def collector_settings(text: str, environment: Mapping[str, str]) -> CollectorSettings:
    """Return the settings for `--otlp` *text* and the variables `OTEL_EXPORTER_OTLP_*` in *environment*.

    Those for metrics, such as `OTEL_EXPORTER_OTLP_METRICS_HEADERS`, win. Raises UsageError.
    """

    def variable(name: str) -> str:
        return (
            environment.get(f"OTEL_EXPORTER_OTLP_METRICS_{name}")
            or environment.get(f"OTEL_EXPORTER_OTLP_{name}")
            or ""
        ).strip()

    headers = _parse_headers(environment.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
    headers |= _parse_headers(environment.get("OTEL_EXPORTER_OTLP_METRICS_HEADERS", ""))
    register_headers(headers)
    timeout, compression = variable("TIMEOUT"), variable("COMPRESSION") or "none"
    if timeout and not timeout.isdecimal():
        raise UsageError(f"OTEL_EXPORTER_OTLP_TIMEOUT is {timeout!r}, allowed is a number of milliseconds")
    if compression not in {"none", "gzip"}:
        raise UsageError(f"OTEL_EXPORTER_OTLP_COMPRESSION is {compression!r}, allowed are gzip and none")
    return CollectorSettings(
        _environment_url(environment) if text == FROM_ENVIRONMENT else collector_url(text),
        headers,
        int(timeout) / 1e3 if timeout else TIMEOUT_S,
        is_compressed=compression == "gzip",
        certificate=variable("CERTIFICATE"),
    )


def collector_url(text: str, option: str = "--otlp") -> str:
    """Return the URL to which metrics are sent. Raises UsageError unless *text* is an HTTP URL."""
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        hint = "Give the URL of a collector, such as http://localhost:4318."
        raise UsageError(f"{option}: {redact(text)!r} is not an HTTP URL", hint=hint)
    return text if parts.path.rstrip("/") else f"{text.rstrip('/')}{PATH}"


def _environment_url(environment: Mapping[str, str]) -> str:
    name = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
    if given := environment.get(name, "").strip():
        # Used as it is, with any path.
        collector_url(given, name)
        return given
    name = "OTEL_EXPORTER_OTLP_ENDPOINT"
    if given := environment.get(name, "").strip():
        collector_url(given, name)
        return f"{given.rstrip('/')}{PATH}"
    raise UsageError(
        f"--otlp env: {name} is not set", hint="Set it, or give the URL of a collector with --otlp."
    )


def _parse_headers(text: str) -> dict[str, str]:
    """Parse `name=value,name=value`, percent-encoded. Raises UsageError without showing a value."""
    headers = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, equals, value = part.partition("=")
        name, value = unquote(name.strip()), unquote(value.strip())
        is_valid = bool(equals) and name.replace("-", "").replace("_", "").isalnum() and name.isascii()
        if not is_valid or not value.isprintable() or not value.isascii():
            raise UsageError(
                "OTEL_EXPORTER_OTLP_HEADERS is no list of headers", hint="Write name=value,name=value."
            )
        headers[name] = value
    return headers


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a message was not accepted, and whether and when the protocol allows to send it again.

    is_answer  the collector answered; else there was no connection to it, or it was lost
    """

    problem: str
    is_retryable: bool = False
    retry_after_s: float | None = None
    is_answer: bool = False


class OtlpExport:
    """Sends the metrics after each second of a run, on a separate thread; nothing without *settings*.

    A collector that fails or is slow is named once on stderr, and never delays or fails the run. The values
    are cumulative, so that the next message has what a lost one had.
    """

    def __init__(
        self,
        settings: CollectorSettings | None,
        environment: Mapping[str, str] | None = None,
        *,
        quiet: bool = False,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        self._settings, self._environment, self._quiet = settings, environment or {}, quiet
        self._backoff_s = backoff_s
        self._metrics: LiveMetrics | None = None
        self._header: Header | None = None
        self._began_at_s = 0.0
        self._changed = threading.Condition()
        self._message, self._version = b"", 0
        # The run has ended; and the time to send its last message is over as well.
        self._is_closed = self._is_abandoned = False
        self._thread: threading.Thread | None = None
        self._has_failed = False

    def __enter__(self) -> Self:
        if self._settings is not None:
            opener = _build_opener(self._settings)
            self._thread = threading.Thread(target=self._send_all, args=(self._settings, opener), daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None or self._settings is None:
            return
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join(self._settings.timeout_s)
        with self._changed:
            self._is_abandoned = True
            self._changed.notify_all()

    def add(self, record: Record) -> None:
        """Add the next record of the run."""
        if self._settings is None:
            return
        match record:
            case Header():
                self._header = record
            case LoadPlan() if self._header is not None:
                self._metrics, self._began_at_s = LiveMetrics(record, self._header.target), time.time()
            case Second() if self._metrics is not None and self._header is not None:
                self._metrics.add(record)
                resource = build_resource(self._header, self._metrics.plan.scenario, self._environment)
                message = build_message(self._metrics, resource, self._began_at_s, time.time())
                with self._changed:
                    # In place of an older one that the thread has not begun to send.
                    self._message, self._version = orjson.dumps(message), self._version + 1
                    self._changed.notify_all()

    def _send_all(self, settings: CollectorSettings, opener: urllib.request.OpenerDirector) -> None:
        sent = failures = 0
        while not self._is_abandoned:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed or self._version > sent)  # noqa: B023 - waits here
                if self._version == sent:
                    return
                message, version = self._message, self._version
            failure = _send(settings, opener, message)
            self._report(failure)
            if failure is None or not failure.is_retryable:
                sent, failures = version, 0
                continue
            failures += 1
            if not self._wait(failure, failures, settings.timeout_s):
                return

    def _wait(self, failure: _Failure, failures: int, longest_s: float) -> bool:
        """Wait before a retry, and return True; or False if the run has ended and a retry is useless.

        The wait is as long as the collector says, or longer after each of *failures*. At the end of the
        run the last message is tried again, unless the collector is not there or asks for more than
        *longest_s*.
        """
        backoff_s = min(BACKOFF_MAX_S, self._backoff_s * 2 ** min(failures - 1, 10))
        wait_s = max(backoff_s * random.uniform(0.5, 1.0), failure.retry_after_s or 0.0)  # noqa: S311 - jitter
        is_last_kept = failure.is_answer and (failure.retry_after_s or 0.0) <= longest_s
        with self._changed:
            if not self._is_closed:
                has_ended = self._changed.wait_for(lambda: self._is_closed, timeout=wait_s)
                if not has_ended or (is_last_kept and failure.retry_after_s is None):
                    return True
            if is_last_kept:
                self._changed.wait_for(lambda: self._is_abandoned, timeout=wait_s)
            return is_last_kept

    def _report(self, failure: _Failure | None) -> None:
        """Print the first failure."""
        if failure is not None and not self._has_failed:
            text = f"the metrics of a second could not be sent to the collector: {redact(failure.problem)}"
            print_status(text, quiet=self._quiet)
            self._has_failed = True


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: another host must not get the headers."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Return nothing, so that the redirect is an error."""
        del req, fp, code, msg, headers, newurl


def _build_opener(settings: CollectorSettings) -> urllib.request.OpenerDirector:
    try:
        context = ssl.create_default_context(cafile=settings.certificate or None)
    except OSError as error:
        raise UsageError(
            f"OTEL_EXPORTER_OTLP_CERTIFICATE: {settings.certificate}: {error.strerror or error}"
        ) from None
    return urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=context))


def _send(
    settings: CollectorSettings, opener: urllib.request.OpenerDirector, message: bytes
) -> _Failure | None:
    """Send *message*, and return why it was not accepted, or None."""
    headers = {"Content-Type": "application/json", **settings.headers}
    if settings.is_compressed:
        headers["Content-Encoding"], message = "gzip", gzip.compress(message, mtime=0)
    request = urllib.request.Request(settings.url, message, headers)  # noqa: S310 - checked in collector_url
    try:
        with opener.open(request, timeout=settings.timeout_s) as answer:
            return _rejection(answer.read(ANSWER_BYTES_MAX))
    except urllib.error.HTTPError as error:
        error.close()
        after_s = retry_after_s(error.headers.get("Retry-After", ""), now_s=time.time())
        return _Failure(f"status {error.code}", error.code in RETRYABLE, after_s, is_answer=True)
    except urllib.error.URLError as error:
        return _Failure(str(error.reason), is_retryable=True)
    except (OSError, HTTPException, ValueError) as error:
        return _Failure(str(error) or type(error).__name__, is_retryable=True)


def _rejection(body: bytes) -> _Failure | None:
    """Return the part of a message that a collector has rejected while it accepted the rest, or None."""
    try:
        partial = orjson.loads(body)["partialSuccess"]
        number, reason = int(partial.get("rejectedDataPoints", 0)), str(partial.get("errorMessage", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not number:
        return None
    text = printable_line(reason[:MESSAGE_CHARACTERS])
    return _Failure(f"it rejected {number:,} data points: {text}")
