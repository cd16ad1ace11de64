"""What is kept of single requests: samples of failures, and CSV rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from vecgate.errors import ServiceError, TransportError, UnexpectedResponse, UsageError
from vecgate.load.traffic.request_log import (
    COLUMNS,
    LoggedRequest,
    RequestLog,
    RequestState,
    RowFormat,
    csv_cell,
    failure_message,
)
from vecgate.load.traffic.row_file import RowFile

BUSY = ServiceError("PutVectors", "SlowDown", 503, "slow down", request_id="id-1")
FORMAT = RowFormat(1_000.0, lambda at_s: int(at_s >= 1), ("warm, up", "hold"), "worker-2")


def request(**more: object) -> LoggedRequest:
    fields = {"due_s": 0.25, "sent_s": 0.5, "ended_s": 1.5, "bytes_out": 7, "bytes_in": 9, **more}
    return LoggedRequest("PutVectors", **fields)  # type: ignore[arg-type] # any fields, to keep tests short


def test_a_failed_request_is_sampled_with_its_time_message_and_id() -> None:
    """A success leaves no sample."""
    log = RequestLog()
    log.record(request())
    log.record(request(code="SlowDown", failure=BUSY))
    (cause,) = log.failures.take()
    (sample,) = cause.samples
    assert (cause.operation, cause.code, cause.count) == ("PutVectors", "SlowDown", 1)
    assert (sample.at_s, sample.message, sample.request_id) == (1.5, "status 503: slow down", "id-1")
    assert sample.response_ms == 1_250
    assert (log.failures.take(), log.take_rows()) == ((), "")


def test_a_row_has_both_times_and_the_stage_in_which_the_request_was_due() -> None:
    """The columns are readable as CSV, whatever the names contain."""
    log = RequestLog(row_of=FORMAT)
    log.record(request())
    log.record(request(due_s=1.0, code="=1+1", failure=BUSY))
    rows = list(csv.DictReader(io.StringIO(f"{','.join(COLUMNS)}\n{log.take_rows()}")))
    assert rows[0] == {
        "timestamp": "1000.500000", "intended": "1000.250000", "operation": "PutVectors",
        "response_ms": "1250.000", "service_ms": "1000.000", "status": "200", "error": "",
        "bytes_out": "7", "bytes_in": "9", "stage": "warm, up", "worker": "worker-2",
        "state": "ended",
    }  # fmt: skip
    assert (rows[1]["status"], rows[1]["error"], rows[1]["stage"]) == ("503", "'=1+1", "hold")
    assert log.take_rows() == ""


@pytest.mark.parametrize(
    ("state", "sent_s", "timestamp"),
    [("dropped", None, ""), ("lost", None, ""), ("unknown", 0.5, "1000.500000")],
)
def test_a_request_without_a_result_has_a_row_with_its_state(
    state: RequestState, sent_s: float | None, timestamp: str
) -> None:
    """And neither times nor a status, and not a failure of the target."""
    log = RequestLog(row_of=FORMAT)
    log.record(LoggedRequest("QueryVectors", 1.0, sent_s, None, state))
    (row,) = csv.DictReader(io.StringIO(f"{','.join(COLUMNS)}\n{log.take_rows()}"))
    assert row == {
        "timestamp": timestamp, "intended": "1001.000000", "operation": "QueryVectors",
        "response_ms": "", "service_ms": "", "status": "", "error": "",
        "bytes_out": "0", "bytes_in": "0", "stage": "hold", "worker": "worker-2", "state": state,
    }  # fmt: skip
    assert log.failures.take() == ()


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (BUSY, "status 503: slow down"),
        (TransportError("PutVectors", "connection reset"), "connection reset"),
        (UnexpectedResponse("PutVectors", "status 204 instead of 200"), "status 204 instead of 200"),
        (ValueError("no"), "no"),
        (None, ""),
    ],
)
def test_a_message_does_not_repeat_operation_and_code(failure: Exception | None, message: str) -> None:
    """They are fields of the sample."""
    assert failure_message(failure) == message


@pytest.mark.parametrize(
    ("text", "cell"), [("", ""), ("a,b", '"a,b"'), ('a"b', '"a""b"'), ("-1", "'-1"), ("a\nb", "a b")]
)
def test_a_cell_is_one_line_and_no_formula(text: str, cell: str) -> None:
    """Error codes come from a server."""
    assert csv_cell(text) == cell


def test_the_file_has_a_heading_and_the_rows_as_they_came(tmp_path: Path) -> None:
    """Its folder is created."""
    path = tmp_path / "new" / "rows.csv"
    with RowFile(path) as rows:
        rows.write("1,2\n")
        assert path.read_text().splitlines() == [",".join(COLUMNS), "1,2"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """It is opened before the run."""
    with pytest.raises(UsageError, match="cannot be written"):
        RowFile(tmp_path)
