"""The access log: one line of JSON a request. No bodies, no vectors, no credentials."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import IO

import orjson

from vecgate.endpoint.keeper import Visit


class AccessLog:
    """Writes to *stream*, and has every line there at once."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, visit: Visit, *, now: float, seconds: float) -> None:
        """Tell of *visit*, which ended *now* in epoch seconds and took *seconds*."""
        self._stream.write(f"{orjson.dumps(line_of(visit, now=now, seconds=seconds)).decode()}\n")
        self._stream.flush()


def line_of(visit: Visit, *, now: float, seconds: float) -> dict[str, object]:
    """What is told; status 0 where no answer was sent."""
    answer = visit.answer if visit.is_answered else None
    return {
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        "operation": visit.operation,
        "status": answer.status if answer else 0,
        "code": answer.error if answer else "",
        "request_id": visit.answer.request_id if visit.answer else "",
        "principal": visit.principal.name if visit.principal else "",
        "bytes_in": visit.bytes_in,
        "bytes_out": len(answer.body) if answer else 0,
        "ms": round(seconds * 1000, 3),
        "faults": [fault.kind for fault in visit.faults],
    }
