"""The summary of `put` and `delete`, as text and as JSON, and their exit code."""

from __future__ import annotations

from typing import NoReturn

import click

from vecgate.bulk.bulk_recorder import SHARED_FIELDS, comparison_record
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.verify import Comparison
from vecgate.cli.json_output import print_json
from vecgate.cli.main import fail
from vecgate.cli.runs.bulk_comparison import (
    AGAIN,
    comparison_exit_code,
    comparison_lines,
    comparison_to_dict,
    comparison_word,
)
from vecgate.cli.runs.bulk_write import BulkFiles, BulkResult
from vecgate.exit_codes import ExitCode, exit_code_of
from vecgate.formatting import format_bytes, format_count, format_duration, format_milliseconds
from vecgate.gate.bulk_verdict import judge_verification
from vecgate.results.verdict_records import Check

LABEL_WIDTH = 11
#: DeleteVectors does not say whether a key was stored.
ABSENT = "deleted or absent"


def print_summary(result: BulkResult, files: BulkFiles, *, verb: str, as_json: bool) -> ExitCode:
    """Print *result*, and return the exit code. *verb* is `written` or `deleted`."""
    outcome, comparison = result.outcome, result.comparison
    code = _exit_code(outcome, comparison)
    stopped_by = outcome.stopped_by or (comparison and comparison.stopped_by) or None
    if as_json:
        print_json(to_dict(result, files), code=code, failure=stopped_by)
    else:
        click.echo("\n".join(summary_lines(result, files, verb=verb)))
    if stopped_by:
        fail(str(stopped_by), hint=stopped_by.hint, code=code)
    return code


def exit_with(code: ExitCode) -> NoReturn:
    """End the command with *code*."""
    raise click.exceptions.Exit(int(code))


def summary_lines(result: BulkResult, files: BulkFiles, *, verb: str) -> list[str]:
    """Return the summary as lines of text, the verdict last."""
    outcome, comparison = result.outcome, result.comparison
    of_total = "" if outcome.total is None else f" of {outcome.total:,}"
    rate = f", {outcome.vectors_per_s:,.0f}/s" if outcome.vectors_per_s else ""
    duration = format_duration(outcome.elapsed_s)
    label, done = ("keys", f" {ABSENT}") if verb == "deleted" else (verb, "")
    lines = [format_line(label, f"{outcome.acknowledged:,}{of_total}{done} in {duration}{rate}")]
    if outcome.resumed:
        lines.append(format_line("resumed", f"{outcome.resumed:,} of these were settled by earlier runs"))
    p50, p99 = (format_milliseconds(outcome.latency_ms(p)) for p in (50, 99))
    size = format_bytes(outcome.payload_bytes)
    lines.append(format_line("requests", f"{outcome.requests:,}, {size}; p50 {p50}, p99 {p99}"))
    if outcome.retries or outcome.failed_attempts:
        causes = ", ".join(f"{n:,} × {cause}" for cause, n in outcome.failed_attempts.items())
        lines.append(format_line("retries", f"{outcome.retries:,} ({causes})"))
    if outcome.rejected:
        lines.append(format_line("rejected", f"{outcome.rejected:,} in {outcome.rejects_file}"))
    for problem, cause in outcome.reject_causes.items():
        keys = ", ".join(repr(key) for key in cause.keys)
        more = ", …" if cause.count > len(cause.keys) else ""
        lines.append(format_line("", f"{cause.count:,} × {problem}: {keys}{more}"))
    lines += [format_line(label, text) for label, text in comparison_lines(comparison)] if comparison else []
    return [*lines, _verdict_line(outcome, comparison, files, verb)]


def to_dict(result: BulkResult, files: BulkFiles) -> dict[str, object]:
    """Return the result for JSON; numbers in vectors, bytes, seconds and milliseconds."""
    outcome, comparison = result.outcome, result.comparison
    causes = outcome.reject_causes.items()
    return {name: getattr(outcome, name) for name in (*SHARED_FIELDS, "is_complete")} | {
        "repeated": outcome.repeated,
        "latency_ms": {f"p{p}": outcome.latency_ms(p) for p in (50, 90, 99)},
        "reject_causes": {problem: {"count": c.count, "keys": c.keys} for problem, c in causes},
        "stopped_by": None if outcome.stopped_by is None else str(outcome.stopped_by),
        "journal": None if outcome.is_complete or files.journal is None else str(files.journal),
        "rejects_file": str(outcome.rejects_file) if outcome.rejected else None,
        "verification": comparison_to_dict(comparison) if comparison else None,
    }


def format_line(label: str, text: str) -> str:
    """Return one line of a summary."""
    return f"{label:<{LABEL_WIDTH}}{text}"


def _left(outcome: BulkOutcome) -> str:
    """Return how many records are left. How many were not read is unknown without a total."""
    if outcome.total is None:
        return (
            f"{format_count(outcome.pending, 'record')} of {outcome.read:,} read, and all that were not read,"
        )
    return format_count(outcome.total - outcome.acknowledged - outcome.rejected, "record")


def _verdict_line(outcome: BulkOutcome, comparison: Comparison | None, files: BulkFiles, verb: str) -> str:
    if not outcome.is_complete:
        ended = "INTERRUPTED" if outcome.interrupted else "STOPPED"
        action = "run again" if files.journal is None else "run again with --resume to continue"
        return f"{ended}  {_left(outcome)} not {verb} yet; {action}"
    check = _check(outcome, comparison) if comparison else None
    if comparison and check and check.grade == "inconclusive":
        return f"{comparison_word(comparison, check.grade)}  {check.measured}; {AGAIN}"
    read_back = f"; {check.measured}" if check else ""
    if outcome.rejected:
        rejected = format_count(outcome.rejected, "record")
        action = f"correct {outcome.rejects_file} and run this command on it"
        return f"FAIL  {rejected} not {verb}; {action}{read_back}"
    if check and check.grade == "failed":
        return f"FAIL  {check.measured}"
    return f"PASS  {_describe_acknowledged(outcome, verb)}{read_back}"


def _describe_acknowledged(outcome: BulkOutcome, verb: str) -> str:
    """Return how many records the service accepted, and how many of these are not stored any more."""
    if verb == "deleted":
        return f"{format_count(outcome.acknowledged - (outcome.repeated or 0), 'key')} {ABSENT}"
    records = f"{format_count(outcome.acknowledged, 'record')} {verb}"
    if not outcome.repeated:
        return records
    return (
        f"{records}, of which {outcome.repeated:,} {'was' if outcome.repeated == 1 else 'were'} replaced "
        "by a later one of the same key"
    )


def _exit_code(outcome: BulkOutcome, comparison: Comparison | None) -> ExitCode:
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    if outcome.stopped_by is not None:
        return exit_code_of(outcome.stopped_by)
    code = ExitCode.PASS
    if comparison:
        check = _check(outcome, comparison)
        code = comparison_exit_code(comparison, check.grade)
    return ExitCode.GATE_FAILED if outcome.rejected and code is ExitCode.PASS else code


def _check(outcome: BulkOutcome, comparison: Comparison) -> Check:
    return judge_verification(comparison_record(comparison), read=outcome.read)
