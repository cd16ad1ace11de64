"""The single requests of a worker: samples of those that failed and, if wanted, a CSV row of each.

Both are taken once per second and sent to the master, so neither grows with the length of the run.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, TypeAlias

from vecgate.errors import ServiceError, TransportError
from vecgate.printable import printable_line
from vecgate.results.load.failure_samples import FailureSample, FailureSamples

#: The columns of a row. Times are in epoch seconds: *timestamp* is when the request was sent, with the client
#: `bulk` the last attempt, and *intended* is when it was due.
COLUMNS = (
    *("timestamp", "intended", "operation", "response_ms", "service_ms", "status", "error"),
    *("bytes_out", "bytes_in", "stage", "worker", "state"),
)
#: ended: it was sent and has a result; dropped: it was due and never sent; lost: not sent, because its user
#: was ended; unknown: it was sent, and its result is unknown.
RequestState: TypeAlias = Literal["ended", "dropped", "lost", "unknown"]
#: A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request that was due. Times are seconds since the schedule began.

    sent_s   when its last attempt was sent; None if it was not sent
    ended_s  when its answer had arrived; None without a result
    code     error code; empty for a success
    failure  the error of a request that failed
    """

    operation: str
    due_s: float
    sent_s: float | None
    ended_s: float | None
    state: RequestState = "ended"
    bytes_out: int = 0
    bytes_in: int = 0
    code: str = ""
    failure: Exception | None = None


@dataclass(slots=True)
class RequestLog:
    """Collects the requests of one worker since the last `take`.

    failures  samples of the failed requests
    row_of    formats a request as a row; None if no rows are wanted
    """

    failures: FailureSamples = field(default_factory=FailureSamples)
    row_of: Callable[[LoggedRequest], str] | None = None
    _rows: list[str] = field(default_factory=list)

    @property
    def wants_rows(self) -> bool:
        """True if every request has a row."""
        return self.row_of is not None

    def record(self, request: LoggedRequest) -> None:
        """Add *request*."""
        if request.code and request.ended_s is not None:
            self.failures.record(request.operation, request.code, _sample(request))
        if self.row_of is not None:
            self._rows.append(self.row_of(request))

    def take_rows(self) -> str:
        """Return the rows since the last call, as lines."""
        rows, self._rows = self._rows, []
        return "".join(rows)


@dataclass(frozen=True, slots=True)
class RowFormat:
    """Formats requests as rows of a CSV file.

    began_at_s  when the schedule began, in epoch seconds
    stage_at    returns the number of the stage at a time of the schedule
    stages      names of the stages
    worker      name of the worker
    """

    began_at_s: float
    stage_at: Callable[[float], int]
    stages: tuple[str, ...]
    worker: str

    def __call__(self, request: LoggedRequest) -> str:
        """Return the row of *request*, with its line break."""
        sent_s, due_s, ended_s = request.sent_s, request.due_s, request.ended_s
        sent = "" if sent_s is None else f"{self.began_at_s + sent_s:.6f}"
        return (
            f"{sent},{self.began_at_s + due_s:.6f},{request.operation},"
            f"{_milliseconds(due_s, ended_s)},{_milliseconds(sent_s, ended_s)},{_status(request)},"
            f"{csv_cell(request.code)},{request.bytes_out},{request.bytes_in},"
            f"{csv_cell(self.stages[self.stage_at(due_s)])},{csv_cell(self.worker)},{request.state}\n"
        )


def _milliseconds(from_s: float | None, to_s: float | None) -> str:
    return "" if from_s is None or to_s is None else f"{(to_s - from_s) * 1e3:.3f}"


def csv_cell(text: str) -> str:
    """Return *text* as one cell of a CSV file that no spreadsheet takes for a formula."""
    if text.isalnum():
        return text
    line = printable_line(text)
    cell = io.StringIO()
    csv.writer(cell, lineterminator="").writerow([f"'{line}" if line.startswith(FORMULA_STARTS) else line])
    return cell.getvalue() if line else ""


def failure_message(failure: Exception | None) -> str:
    """Return what *failure* says, without its operation and code, which are known."""
    match failure:
        case ServiceError():
            return f"status {failure.status}: {failure.message}"
        case TransportError():
            return failure.reason
        case _:
            return str(failure or "")


def _sample(request: LoggedRequest) -> FailureSample:
    ended_s = request.due_s if request.ended_s is None else request.ended_s
    return FailureSample(
        at_s=round(ended_s, 3),
        message=failure_message(request.failure),
        request_id=str(getattr(request.failure, "request_id", "")),
        response_ms=round((ended_s - request.due_s) * 1e3, 3),
    )


def _status(request: LoggedRequest) -> str:
    match request.failure:
        case None if request.ended_s is None:
            return ""
        case None:
            return str(int(HTTPStatus.OK))
        case ServiceError(status=status):
            return str(status)
        case _:
            # No answer, or one that is not of the service, whatever its status.
            return ""
