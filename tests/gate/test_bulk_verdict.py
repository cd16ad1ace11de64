"""The verdict on a run of the batch client."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from sample_streams import bulk_stream

from vecgate.gate.bulk_verdict import bulk_verdict_line, judge_bulk
from vecgate.results.bulk_records import BulkTotals


@pytest.mark.parametrize(
    ("totals", "line"),
    [
        ({}, "PASS  3,500 of 3,500 records written, 998 vectors/s"),
        ({"vectors_per_s": 0.0}, "PASS  3,500 of 3,500 records written"),
        (
            {"acknowledged": 3_490, "rejected": 10},
            "FAIL  3,490 of 3,500 records written, 10 rejected",
        ),
        (
            {"read": 2_000, "acknowledged": 1_500, "pending": 500, "interrupted": True},
            "INCONCLUSIVE  the run was interrupted before the last 2,000 records",
        ),
        (
            {"total": None, "read": 2_000, "acknowledged": 1_500, "pending": 500, "interrupted": True},
            "INCONCLUSIVE  the run was interrupted before the last 500 records",
        ),
        (
            {"acknowledged": 3_000, "pending": 500, "stopped_by": "AccessDeniedException: no"},
            "INCONCLUSIVE  the run was stopped: AccessDeniedException: no",
        ),
        ({"total": 0, "read": 0, "acknowledged": 0}, "FAIL  the input contains no record"),
    ],
)
def test_a_run_passes_if_every_record_was_written(totals: dict[str, Any], line: str) -> None:
    """A rejected record fails it, a run that did not end is inconclusive, and an empty input fails."""
    stream = bulk_stream(**totals)
    assert bulk_verdict_line(judge_bulk(stream), stream) == line


def test_a_delete_run_says_deleted() -> None:
    """Not written."""
    stream = bulk_stream("DeleteVectors")
    assert (
        bulk_verdict_line(judge_bulk(stream), stream) == "PASS  3,500 of 3,500 records deleted, 998 vectors/s"
    )


def test_a_run_that_was_cut_off_is_inconclusive() -> None:
    """A run that was killed has no totals."""
    whole = bulk_stream()
    records = tuple(record for record in whole.records if not isinstance(record, BulkTotals))
    stream = structs.replace(whole, records=records, footer=None)
    line = bulk_verdict_line(judge_bulk(stream), stream)
    assert line.startswith(
        "INCONCLUSIVE  the run was cut off; its journal, if it had one, shows what was written"
    )
