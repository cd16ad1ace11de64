"""The verdict on a run of the batch client."""

from __future__ import annotations

from typing import Any

import pytest
from load_streams import bulk_stream
from msgspec import structs

from vecgate.gate.bulk import bulk_line_of, judge_bulk
from vecgate.results.bulk import BulkTotals


@pytest.mark.parametrize(
    ("totals", "line"),
    [
        ({}, "PASS  3,500 of 3,500 records written, 998/s held"),
        ({"vectors_per_s": 0.0}, "PASS  3,500 of 3,500 records written"),
        (
            {"acknowledged": 3_490, "set_aside": 10},
            "FAIL  3,490 of 3,500 records written, 10 set aside",
        ),
        (
            {"read": 2_000, "acknowledged": 1_500, "pending": 500, "interrupted": True},
            "NOT JUDGED  the run was interrupted with 2,000 records left",
        ),
        (
            {"total": None, "read": 2_000, "acknowledged": 1_500, "pending": 500, "interrupted": True},
            "NOT JUDGED  the run was interrupted with 500 records left",
        ),
        (
            {"acknowledged": 3_000, "pending": 500, "stopped_by": "AccessDeniedException: no"},
            "NOT JUDGED  the run was stopped: AccessDeniedException: no",
        ),
        ({"total": 0, "read": 0, "acknowledged": 0}, "FAIL  there was no record in the input"),
    ],
)
def test_every_record_is_written_or_it_is_no_pass(totals: dict[str, Any], line: str) -> None:
    """What is set aside fails the run; what did not come to its end cannot be judged; nothing is no pass."""
    stream = bulk_stream(**totals)
    assert bulk_line_of(judge_bulk(stream), stream) == line


def test_a_delete_deletes() -> None:
    """It is told by its own word."""
    stream = bulk_stream("DeleteVectors")
    assert bulk_line_of(judge_bulk(stream), stream) == "PASS  3,500 of 3,500 records deleted, 998/s held"


def test_a_run_that_was_cut_off_is_not_judged() -> None:
    """A kill leaves no totals."""
    whole = bulk_stream()
    records = tuple(record for record in whole.records if not isinstance(record, BulkTotals))
    stream = structs.replace(whole, records=records, footer=None)
    line = bulk_line_of(judge_bulk(stream), stream)
    assert line.startswith("NOT JUDGED  the run was cut off: what came of its records is in its journal")
