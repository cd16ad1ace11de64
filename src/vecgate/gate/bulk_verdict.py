"""The verdict on a run of the batch client: it is complete, every record was written or deleted, and reading
back found them if that was requested.
"""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.formatting import format_count, format_number, format_percentage
from vecgate.gate.verdict import Check, Grade, Verdict, verdict_line
from vecgate.results.bulk_records import BulkPlan, BulkTotals, BulkVerification
from vecgate.results.records import Stream

PARTICIPLES = {"PutVectors": "written", "DeleteVectors": "deleted or absent"}


def judge_bulk(stream: Stream) -> Verdict:
    """Return the verdict on the run in *stream*."""
    totals = stream.first(BulkTotals)
    if totals is None:
        measured = "the run was cut off; its journal, if it had one, shows what was written"
        return Verdict((Check("whole run", measured, "inconclusive"),))
    checks = [*_completeness(totals), _records(totals, past_participle(stream))]
    plan, verification = stream.first(BulkPlan), stream.first(BulkVerification)
    if verification is not None:
        checks.append(judge_verification(verification, read=totals.read))
    elif plan is not None and plan.reads_back and totals.is_complete:
        checks.append(Check("read back", "the records were not read back", "inconclusive"))
    return Verdict(tuple(checks))


def judge_verification(verification: BulkVerification, *, read: int) -> Check:
    """Return the check of a run that *read* so many records and whose records were read back."""
    found = describe_differences(verification)
    so_far = f"; so far {found}" if found else ""
    records = format_count(verification.compared, "record")
    if verification.stopped_by or verification.interrupted:
        cause = f": {verification.stopped_by}" if verification.stopped_by else " by the user"
        return _read_back(f"reading back was stopped after {records}{cause}{so_far}", "inconclusive")
    if verification.unlisted:
        keys = format_count(verification.unlisted, "key")
        return _read_back(f"the index does not list {keys} that it returns{so_far}", "inconclusive")
    if verification.read != read:
        changed = f"{read:,} records were read at first, {verification.read:,} when they were read back"
        return _read_back(f"the input has changed: {changed}{so_far}", "inconclusive")
    if found:
        return _read_back(found, "failed")
    if not verification.compared and verification.rejected < verification.read:
        return _read_back("no record was in the sample", "inconclusive")
    return _read_back(describe_read_back(verification), "passed")


def judge_comparison(comparison: BulkVerification) -> Verdict:
    """Return the verdict on whether an index equals an input."""
    checks = [judge_verification(comparison, read=comparison.read)]
    if comparison.rejected:
        cannot = f"{format_count(comparison.rejected, 'record')} of the input cannot be stored"
        checks.append(Check("records", cannot, "failed"))
    elif not comparison.read and checks[0].grade == "passed":
        checks.append(Check("records", "the input contains no record", "failed"))
    return Verdict(tuple(checks))


def describe_differences(verification: BulkVerification) -> str:
    """Return the differences, such as `2 keys missing, 1 key different`; empty if there are none."""
    numbers = [
        (verification.missing, "missing"),
        (verification.different, "different"),
        (verification.extra or 0, "extra"),
    ]
    return ", ".join(f"{format_count(number, 'key')} {label}" for number, label in numbers if number)


def describe_read_back(verification: BulkVerification) -> str:
    """Return how many records were found equal."""
    sample = f" (a sample of {format_percentage(verification.share, 1)})" if verification.share < 1 else ""
    return f"{format_count(verification.compared, 'record')} read back{sample}, all equal"


def _read_back(measured: str, grade: Grade) -> Check:
    return Check("read back", measured, grade)


def bulk_verdict_line(verdict: Verdict, stream: Stream) -> str:
    """Return the verdict in one line, with the totals it rests on."""
    totals = stream.first(BulkTotals) or BulkTotals()
    rate = f", {format_number(totals.vectors_per_s)} vectors/s" if totals.vectors_per_s else ""
    verification = stream.first(BulkVerification)
    read_back = f"; {describe_read_back(verification)}" if verification else ""
    return verdict_line(verdict, f"{_describe(totals, past_participle(stream))}{rate}{read_back}")


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
