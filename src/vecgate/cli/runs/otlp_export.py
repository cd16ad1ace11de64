"""Sends the metrics of a run to a collector of OpenTelemetry while it runs."""

from __future__ import annotations

import queue
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import orjson

from vecgate.cli.options import print_status
from vecgate.errors import UsageError
from vecgate.load.otlp_metrics import OtlpMetrics
from vecgate.redaction import redact
from vecgate.results.load.load_records import LoadPlan, Second
from vecgate.results.records import Header, Record

PATH = "/v1/metrics"
#: Time for one request, and for the last one at the end of the run.
TIMEOUT_S = 5.0


def collector_url(text: str) -> str:
    """Return the URL to which metrics are sent. Raises UsageError unless *text* is an HTTP URL."""
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        hint = "Give the URL of a collector, such as http://localhost:4318."
        raise UsageError(f"--otlp: {redact(text)!r} is not an HTTP URL", hint=hint)
    return text if parts.path.rstrip("/") else f"{text.rstrip('/')}{PATH}"


class OtlpExport:
    """Sends the metrics after each second of a run, on a thread of its own. Empty *url*: sends nothing.

    A collector that fails or is slow is named once on stderr, and never delays or fails the run. The values
    are cumulative, so that the next message has what a lost one had.
    """

    def __init__(self, url: str, *, quiet: bool = False) -> None:
        self._url, self._quiet = collector_url(url) if url else "", quiet
        self._metrics: OtlpMetrics | None = None
        self._header: Header | None = None
        self._messages: queue.Queue[bytes | None] = queue.Queue(maxsize=1)
        self._thread: threading.Thread | None = None
        self._has_failed = False

    def __enter__(self) -> Self:
        if self._url:
            self._thread = threading.Thread(target=self._send_all, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None:
            return
        try:
            self._messages.put(None, timeout=TIMEOUT_S)
        except queue.Full:
            return
        self._thread.join(TIMEOUT_S)

    def add(self, record: Record) -> None:
        """Add the next record of the run."""
        if not self._url:
            return
        match record:
            case Header():
                self._header = record
            case LoadPlan() if self._header is not None:
                head = self._header
                self._metrics = OtlpMetrics(time.time(), head.run, head.target, record.scenario)
            case Second() if self._metrics is not None:
                self._metrics.add(record)
                self._replace(orjson.dumps(self._metrics.message(time.time())))

    def _replace(self, message: bytes) -> None:
        """Let the thread send *message* next, in place of an older one that it has not begun to send."""
        with suppress(queue.Empty):
            self._messages.get_nowait()
        self._messages.put_nowait(message)

    def _send_all(self) -> None:
        while (message := self._messages.get()) is not None:
            if problem := self._send(message):
                if not self._has_failed:
                    text = f"the metrics of a second could not be sent to the collector: {redact(problem)}"
                    print_status(text, quiet=self._quiet)
                self._has_failed = True

    def _send(self, message: bytes) -> str:
        """Send *message*, and return why that failed, or an empty text."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url, message, headers)  # noqa: S310 - checked in collector_url
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
                return ""
        except urllib.error.HTTPError as error:
            return f"status {error.code}"
        except urllib.error.URLError as error:
            return str(error.reason)
        except (OSError, HTTPException, ValueError) as error:
            return str(error) or type(error).__name__
