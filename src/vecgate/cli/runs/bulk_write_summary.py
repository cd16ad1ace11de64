"""The summary of `put` and `delete`, as text and as JSON, and their exit code."""

from __future__ import annotations

from typing import NoReturn

import click
import orjson

from vecgate.bulk.bulk_recorder import SHARED_FIELDS
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.cli.main import fail
from vecgate.cli.runs.bulk_write import BulkFiles
from vecgate.exit_codes import ExitCode, exit_code_of
from vecgate.formatting import format_bytes, format_count, format_duration, format_milliseconds

LABEL_WIDTH = 11


def print_summary(outcome: BulkOutcome, files: BulkFiles, *, verb: str, as_json: bool) -> ExitCode:
    """Print the result of a run, and return the exit code. *verb* is `written` or `deleted`."""
    code = _exit_code(outcome)
    if as_json:
        click.echo(orjson.dumps({**to_dict(outcome, files), "exit_code": int(code)}).decode())
    else:
        click.echo("\n".join(summary_lines(outcome, files, verb=verb)))
    if outcome.stopped_by is not None:
        fail(str(outcome.stopped_by), hint=outcome.stopped_by.hint, code=code)
    return code


def exit_with(code: ExitCode) -> NoReturn:
    """End the command with *code*."""
    raise click.exceptions.Exit(int(code))


def summary_lines(outcome: BulkOutcome, files: BulkFiles, *, verb: str) -> list[str]:
    """Return the summary as lines of text, the verdict last."""
    of_total = "" if outcome.total is None else f" of {outcome.total:,}"
    rate = f", {outcome.vectors_per_s:,.0f}/s" if outcome.vectors_per_s else ""
    duration = format_duration(outcome.elapsed_s)
    lines = [_line(verb, f"{outcome.acknowledged:,}{of_total} in {duration}{rate}")]
    if outcome.resumed:
        lines.append(_line("resumed", f"{outcome.resumed:,} of these were settled by earlier runs"))
    if outcome.superseded:
        records = format_count(outcome.superseded, "record")
        lines.append(_line("superseded", f"{records} by a later one of the same key"))
    p50, p99 = (format_milliseconds(outcome.latency_ms(p)) for p in (50, 99))
    size = format_bytes(outcome.payload_bytes)
    lines.append(_line("requests", f"{outcome.requests:,}, {size}; p50 {p50}, p99 {p99}"))
    if outcome.retries or outcome.failed_attempts:
        causes = ", ".join(f"{n:,} × {cause}" for cause, n in outcome.failed_attempts.items())
        lines.append(_line("retries", f"{outcome.retries:,} ({causes})"))
    if outcome.rejected:
        lines.append(_line("rejected", f"{outcome.rejected:,} in {outcome.rejects_file}"))
    for problem, cause in outcome.reject_causes.items():
        keys = ", ".join(repr(key) for key in cause.keys)
        more = ", …" if cause.count > len(cause.keys) else ""
        lines.append(_line("", f"{cause.count:,} × {problem}: {keys}{more}"))
    return [*lines, _verdict_line(outcome, files, verb)]


def to_dict(outcome: BulkOutcome, files: BulkFiles) -> dict[str, object]:
    """Return the result for JSON; numbers in vectors, bytes, seconds and milliseconds."""
    causes = outcome.reject_causes.items()
    return {name: getattr(outcome, name) for name in (*SHARED_FIELDS, "is_complete")} | {
        "latency_ms": {f"p{p}": outcome.latency_ms(p) for p in (50, 90, 99)},
        "reject_causes": {problem: {"count": c.count, "keys": c.keys} for problem, c in causes},
        "stopped_by": None if outcome.stopped_by is None else str(outcome.stopped_by),
        "journal": None if outcome.is_complete or files.journal is None else str(files.journal),
        "rejects_file": str(outcome.rejects_file) if outcome.rejected else None,
    }


def _line(label: str, text: str) -> str:
    return f"{label:<{LABEL_WIDTH}}{text}"


def _verdict_line(outcome: BulkOutcome, files: BulkFiles, verb: str) -> str:
    if not outcome.is_complete:
        ended = "INTERRUPTED" if outcome.interrupted else "STOPPED"
        known = outcome.pending if outcome.total is None else outcome.total
        settled = 0 if outcome.total is None else outcome.acknowledged + outcome.rejected
        action = "run again" if files.journal is None else "run again with --resume to continue"
        return f"{ended}  {format_count(known - settled, 'record')} not {verb} yet; {action}"
    if outcome.rejected:
        rejected = format_count(outcome.rejected, "record")
        return f"FAIL  {rejected} not {verb}; correct {outcome.rejects_file} and run this command on it"
    return f"PASS  {format_count(outcome.acknowledged, 'record')} {verb}"


def _exit_code(outcome: BulkOutcome) -> ExitCode:
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    if outcome.stopped_by is not None:
        return exit_code_of(outcome.stopped_by)
    return ExitCode.GATE_FAILED if outcome.rejected else ExitCode.PASS
