"""The verdict on a run of the batch client: it is complete, and every record was written or deleted."""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.formatting import format_count, format_number
from vecgate.gate.verdict import Check, Verdict, verdict_line
from vecgate.results.bulk_records import BulkPlan, BulkTotals
from vecgate.results.records import Stream

PARTICIPLES = {"PutVectors": "written", "DeleteVectors": "deleted"}


def judge_bulk(stream: Stream) -> Verdict:
    """Return the verdict on the run in *stream*."""
    totals = stream.first(BulkTotals)
    if totals is None:
        measured = "the run was cut off; its journal, if it had one, shows what was written"
        return Verdict((Check("whole run", measured, "inconclusive"),))
    return Verdict((*_completeness(totals), _records(totals, past_participle(stream))))


def bulk_verdict_line(verdict: Verdict, stream: Stream) -> str:
    """Return the verdict in one line, with the totals it rests on."""
    totals = stream.first(BulkTotals) or BulkTotals()
    rate = f", {format_number(totals.vectors_per_s)} vectors/s" if totals.vectors_per_s else ""
    return verdict_line(verdict, f"{_describe(totals, past_participle(stream))}{rate}")


def past_participle(stream: Stream) -> str:
    """Return what the run in *stream* did to its records, in one word."""
    plan = stream.first(BulkPlan)
    return PARTICIPLES[plan.operation] if plan else "processed"


def _completeness(totals: BulkTotals) -> Iterator[Check]:
    if totals.stopped_by:
        yield Check("whole run", f"the run was stopped: {totals.stopped_by}", "inconclusive")
    elif not totals.is_complete:
        total = totals.read if totals.total is None else totals.total
        rest = format_count(total - totals.acknowledged - totals.rejected, "record")
        yield Check("whole run", f"the run was interrupted before the last {rest}", "inconclusive")


def _records(totals: BulkTotals, participle: str) -> Check:
    if not totals.read:
        return Check("records", "the input contains no record", "failed")
    measured = _describe(totals, participle)
    if totals.rejected:
        return Check("records", f"{measured}, {totals.rejected:,} rejected", "failed")
    return Check("records", measured, "passed")


def _describe(totals: BulkTotals, participle: str) -> str:
    return f"{totals.acknowledged:,} of {format_count(totals.read, 'record')} {participle}"
