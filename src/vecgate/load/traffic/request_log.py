"""The single requests of a worker: samples of those that failed and, if wanted, a CSV row of each.

Both are taken once per second and sent to the master, so neither grows with the length of the run.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from vecgate.errors import ServiceError, TransportError
from vecgate.printable import printable_line
from vecgate.results.load.failure_samples import FailureSample, FailureSamples

#: The columns of a row. Times are in epoch seconds: *timestamp* is when the request was sent, with the client
#: `bulk` the last attempt, and *intended* is when it was due.
COLUMNS = (
    *("timestamp", "intended", "operation", "response_ms", "service_ms", "status", "error"),
    *("bytes_out", "bytes_in", "stage", "worker"),
)
#: A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request that ended. Times are seconds since the schedule began.

    sent_s   when its last attempt was sent
    code     error code; empty for a success
    failure  the error of a request that failed
    """

    operation: str
    due_s: float
    sent_s: float
    ended_s: float
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

    def record(self, request: LoggedRequest) -> None:
        """Add *request*."""
        if request.code:
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
        return (
            f"{self.began_at_s + sent_s:.6f},{self.began_at_s + due_s:.6f},{request.operation},"
            f"{(ended_s - due_s) * 1e3:.3f},{(ended_s - sent_s) * 1e3:.3f},{_status(request)},"
            f"{csv_cell(request.code)},{request.bytes_out},{request.bytes_in},"
            f"{csv_cell(self.stages[self.stage_at(due_s)])},{csv_cell(self.worker)}\n"
        )


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
    return FailureSample(
        at_s=round(request.ended_s, 3),
        message=failure_message(request.failure),
        request_id=str(getattr(request.failure, "request_id", "")),
        response_ms=round((request.ended_s - request.due_s) * 1e3, 3),
    )


def _status(request: LoggedRequest) -> str:
    match request.failure:
        case None:
            return str(int(HTTPStatus.OK))
        case ServiceError(status=status):
            return str(status)
        case _:
            # No answer, or one that is not of the service, whatever its status.
            return ""
