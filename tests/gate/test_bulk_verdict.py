"""The verdict on a run of the batch client."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from sample_streams import bulk_stream

from vecgate.gate.bulk_verdict import bulk_verdict_line, judge_bulk, judge_comparison
from vecgate.gate.verdict import describe_checks
from vecgate.results.bulk_records import BulkPlan, BulkTotals, BulkVerification
from vecgate.results.records import Stream


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
        bulk_verdict_line(judge_bulk(stream), stream)
        == "PASS  3,500 of 3,500 records deleted or absent, 998 vectors/s"
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


def verified(totals: dict[str, Any] | None = None, **found: Any) -> Stream:
    """Return a run whose records were read back."""
    whole = bulk_stream(**(totals or {}))
    verification = BulkVerification(**{"read": 3_500, "compared": 3_500} | found)
    return structs.replace(whole, records=(*whole.records, verification))


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ({}, "PASS  3,500 of 3,500 records written, 998 vectors/s; 3,500 records read back, all equal"),
        (
            {"share": 0.01, "compared": 36},
            (
                "PASS  3,500 of 3,500 records written, 998 vectors/s; "
                "36 records read back (a sample of 1 %), all equal"
            ),
        ),
        ({"missing": 1}, "FAIL  1 key missing"),
        ({"missing": 2, "different": 1}, "FAIL  2 keys missing, 1 key different"),
        ({"share": 0.01, "compared": 0}, "INCONCLUSIVE  no record was in the sample"),
        (
            {"read": 900, "compared": 900, "stopped_by": "no answer", "missing": 3},
            "INCONCLUSIVE  reading back was stopped after 900 records: no answer; so far 3 keys missing",
        ),
        (
            {"read": 900, "compared": 900, "interrupted": True},
            "INCONCLUSIVE  reading back was stopped after 900 records by the user",
        ),
        (
            {"read": 3_400, "compared": 3_400},
            (
                "INCONCLUSIVE  the input has changed: 3,500 records were read at first, "
                "3,400 when they were read back"
            ),
        ),
    ],
)
def test_a_run_passes_only_if_its_records_are_read_back(found: dict[str, Any], line: str) -> None:
    """Whole and equal. A difference fails it, and a comparison that did not end is inconclusive."""
    stream = verified(**found)
    assert bulk_verdict_line(judge_bulk(stream), stream) == line


def test_rejected_records_are_not_read_back() -> None:
    """The run failed because of them, and the others are equal."""
    stream = verified({"acknowledged": 3_490, "rejected": 10}, rejected=10, compared=3_490)
    verdict = judge_bulk(stream)
    assert verdict.grade == "failed"
    assert [check.grade for check in verdict.checks] == ["failed", "passed"]
    all_rejected = verified({"acknowledged": 0, "rejected": 3_500}, rejected=3_500, compared=0)
    assert judge_bulk(all_rejected).grade == "failed"


def test_a_run_that_did_not_read_back_as_planned_is_inconclusive() -> None:
    """It was killed between its last record and the end of the comparison."""
    whole = bulk_stream()
    plan = whole.first(BulkPlan)
    assert plan is not None
    records = (structs.replace(plan, reads_back=True), *whole.records[1:])
    stream = structs.replace(whole, records=records, footer=None)
    line = bulk_verdict_line(judge_bulk(stream), stream)
    assert line == "INCONCLUSIVE  the records were not read back"


@pytest.mark.parametrize(
    ("found", "grade", "line"),
    [
        ({"extra": 0}, "passed", "7 records read back, all equal"),
        ({}, "passed", "7 records read back, all equal"),
        ({"extra": 2}, "failed", "2 keys extra"),
        ({"rejected": 1, "compared": 6}, "failed", "1 record of the input cannot be stored"),
        ({"rejected": 7, "compared": 0}, "failed", "7 records of the input cannot be stored"),
        ({"read": 0, "compared": 0, "extra": 0}, "failed", "the input contains no record"),
        ({"read": 0, "compared": 0, "extra": 1}, "failed", "1 key extra"),
        (
            {"extra": 0, "unlisted": 3},
            "inconclusive",
            "the index does not list 3 keys that it returns",
        ),
        ({"interrupted": True}, "inconclusive", "reading back was stopped after 7 records by the user"),
    ],
)
def test_an_index_equals_an_input_only_if_nothing_differs(
    found: dict[str, Any], grade: str, line: str
) -> None:
    """A record that cannot be stored is a difference too, and an empty input proves nothing."""
    verdict = judge_comparison(BulkVerification(**{"read": 7, "compared": 7} | found))
    assert verdict.grade == grade
    assert describe_checks(verdict.decisive) == line
