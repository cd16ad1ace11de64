"""The verdict on a run of the batch client: it came to its end, and every record of it is written."""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.gate.verdict import Check, Verdict, verdict_line
from vecgate.results.bulk import BulkPlan, BulkTotals
from vecgate.results.records import Stream

#: What each operation does to a record.
DONE = {"PutVectors": "written", "DeleteVectors": "deleted"}


def judge_bulk(stream: Stream) -> Verdict:
    """The verdict on the run in *stream*."""
    totals = stream.first(BulkTotals)
    if totals is None:
        told = "the run was cut off: what came of its records is in its journal, if anywhere"
        return Verdict((Check("whole run", told, "unjudged"),))
    return Verdict((*_ended(totals), _records(totals, done_in(stream))))


def bulk_line_of(verdict: Verdict, stream: Stream) -> str:
    """The last line: the verdict and what it rests on."""
    totals = stream.first(BulkTotals) or BulkTotals()
    rate = f", {totals.vectors_per_s:,.0f}/s held" if totals.vectors_per_s else ""
    return verdict_line(verdict, f"{_settled(totals, done_in(stream))}{rate}")


def done_in(stream: Stream) -> str:
    """What the run in *stream* does to a record, in a word."""
    plan = stream.first(BulkPlan)
    return DONE[plan.operation] if plan else "settled"


def _ended(totals: BulkTotals) -> Iterator[Check]:
    if totals.stopped_by:
        yield Check("whole run", f"the run was stopped: {totals.stopped_by}", "unjudged")
    elif not totals.is_complete:
        whole = totals.read if totals.total is None else totals.total
        left = whole - totals.acknowledged - totals.set_aside
        yield Check("whole run", f"the run was interrupted with {left:,} records left", "unjudged")


def _records(totals: BulkTotals, done: str) -> Check:
    if not totals.read:
        return Check("records", "there was no record in the input", "failed")
    told = _settled(totals, done)
    if totals.set_aside:
        return Check("records", f"{told}, {totals.set_aside:,} set aside", "failed")
    return Check("records", told, "passed")


def _settled(totals: BulkTotals, done: str) -> str:
    return f"{totals.acknowledged:,} of {totals.read:,} records {done}"
