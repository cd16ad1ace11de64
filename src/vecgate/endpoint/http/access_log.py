"""The access log: one line of JSON per request, without bodies, vectors or credentials."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO

import orjson

from vecgate.endpoint.gateway import RequestContext


class AccessLog:
    """Writes to *stream* and flushes after every line.

    A line that cannot be written, such as on a full disk, is lost, and its request is answered nevertheless.
    *warnings*, by default stderr, receives one line when that begins and one when it ends.
    """

    def __init__(self, stream: IO[str], *, warnings: IO[str] | None = None) -> None:
        self._stream, self._warnings = stream, warnings
        self._lost = 0

    def write(self, context: RequestContext, *, now: float, seconds: float) -> None:
        """Log a request that ended *now*, in epoch seconds, after *seconds*."""
        line = f"{orjson.dumps(build_entry(context, now=now, seconds=seconds)).decode()}\n"
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError as error:
            self._lost += 1
            if self._lost == 1:
                self._warn(f"cannot write the access log: {error.strerror or error}; its lines are lost")
        else:
            if self._lost:
                self._warn(f"the access log can be written again; {self._lost:,} of its lines are lost")
                self._lost = 0

    def _warn(self, message: str) -> None:
        with suppress(OSError):  # stderr may be on the same disk
            print(f"warning: {message}", file=self._warnings or sys.stderr, flush=True)


def build_entry(context: RequestContext, *, now: float, seconds: float) -> dict[str, object]:
    """Return the fields of a line. The status is 0 if no response was sent completely."""
    response = context.response if context.is_answered else None
    return {
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        "operation": context.operation,
        "status": response.status if response else 0,
        "code": response.error if response else "",
        "request_id": context.response.request_id if context.response else "",
        "principal": context.principal.name if context.principal else "",
        "bytes_in": context.bytes_in,
        "bytes_out": len(response.body) if response else 0,
        "ms": round(seconds * 1000, 3),
        "faults": [fault.kind for fault in context.faults],
    }
