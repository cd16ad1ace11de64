"""The output of `vecgate conform`: plan and price, live count, report, and the list of requirements."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import ClientError

from vecgate.bulk.transport.sender import CONNECT_ERRORS, CREDENTIAL_ERRORS
from vecgate.cli.json_output import print_json
from vecgate.cli.options import open_chosen_target, print_annotations, print_status
from vecgate.cli.run_safeguards import is_denied, translate_botocore_errors
from vecgate.conformance_kit.conformance_run import (
    ConformanceOutcome,
    GateOptions,
    SuiteOptions,
    check_options,
    read_catalogue,
    run_conformance,
)
from vecgate.errors import UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_count, format_usd
from vecgate.gate.conformance_verdict import conformance_verdict_line, count_outcomes
from vecgate.gate.verdict import cleanup_line
from vecgate.reporting.ci.ci_outputs import CiOutputs, write_ci_outputs
from vecgate.reporting.ci.deviations_draft import deviations_draft
from vecgate.reporting.operation_matrix import build_matrix
from vecgate.reporting.output_files import check_writable, refuse_overwriting, write_text
from vecgate.reporting.text.conformance_text import conformance_text
from vecgate.reporting.text.terminal_tables import table_lines
from vecgate.results.records import Result, Stream
from vecgate.s3vectors.pricing import PRICES_READ, requests_usd
from vecgate.safe_output import trusted_stream
from vecgate.targets.answer_guard import AnswerGuard
from vecgate.targets.resolution import resolve_target_name
from vecgate.targets.target import Target, TargetChoice, is_embedded

#: Requests per requirement and level, measured on the local endpoint (641 and 2,264 cases, 2026-11-30) and
#: rounded up. `tests/conformance` compares them with a run.
REQUESTS_EACH = {
    "quick": {"PutVectors": 0.41, "QueryVectors": 0.5, "others": 2.54},
    "full": {"PutVectors": 1.95, "QueryVectors": 2.5, "others": 6.3},
}
#: An expression of `-k` that is one word: part of an id.
ONE_WORD = re.compile(r"[\w.\-\[\]]+")
FAILURES = frozenset({"failed", "unexpected-pass"})
REACHABILITY_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class ConformFiles:
    """The options `--results` and `--draft-deviations`."""

    results: Path | None
    draft_deviations: Path | None


def conform_run(
    choice: TargetChoice,
    suite: SuiteOptions,
    gate: GateOptions,
    files: ConformFiles,
    ci_outputs: CiOutputs,
    *,
    as_json: bool,
    quiet: bool,
) -> ExitCode:
    """Run the suite, print and write the results, and return the exit code."""
    loaded_gate = gate.load()
    check_options(suite)
    check_writable(files.draft_deviations)
    check_writable(suite.evidence)
    choice = replace(choice, name=resolve_target_name(choice, os.environ))
    if not is_embedded(choice.name):
        with open_chosen_target(choice) as target:
            # The target names it, not the command line.
            refuse_overwriting(
                filter(None, [target.deviations]), list(filter(None, [files.draft_deviations]))
            )
            _confirm_run(
                target,
                suite,
                timeout_s=float(suite.timeout or REACHABILITY_TIMEOUT_S),
                quiet=quiet,
            )
    with tempfile.TemporaryDirectory() as folder:
        results, live = files.results or Path(folder) / "results.jsonl", LiveCount(quiet=quiet)
        try:
            outcome = run_conformance(choice, suite, loaded_gate, results, live.add)
        finally:
            live.close()
    if outcome.problem:
        print_status(f"error: {outcome.problem}")
    # The text comes first, so that a full disk does not cost the result. JSON comes last: it is one document,
    # with the exit code of the command.
    if not as_json:
        click.echo("\n".join([conformance_text(outcome.run, outcome.verdict), *_swept_lines(outcome.swept)]))
    _write_files(outcome, files, ci_outputs, deviations=suite.deviations)
    if as_json:
        print_json(to_dict(outcome), code=outcome.exit_code)
    return outcome.exit_code


def print_catalogue(*, as_json: bool) -> None:
    """Print the requirements of the suite."""
    requirements = read_catalogue()
    if as_json:
        print_json({"requirements": requirements})
        return
    rows = [[each["id"], each["level"], each["evidence"], each["claim"]] for each in requirements]
    levels = Counter(each["level"] for each in requirements)
    counts = ", ".join(f"{levels[level]:,} {level}" for level in ("must", "should", "may"))
    click.echo("\n".join([*table_lines(rows), f"{format_count(len(requirements), 'requirement')}: {counts}"]))


def count_selected(catalogue: Sequence[Mapping[str, Any]], suite: SuiteOptions) -> int:
    """Return how many requirements of *catalogue* run, at most: only simple expressions are understood."""
    is_quick, word = suite.level == "quick", suite.expression.lower()
    word = word if ONE_WORD.fullmatch(word) and word != "not" else ""
    return sum(
        (each["quick"] or not is_quick)
        and not (suite.inferred and each["evidence"] != "inferred")
        and (word in each["id"].lower() or word in each["test"].lower())
        for each in catalogue
    )


def estimate_requests(requirements: int, *, level: str) -> dict[str, int]:
    """Return the number of requests that a run of *requirements* sends, by operation."""
    return {name: ceil(number * requirements) for name, number in REQUESTS_EACH[level].items()}


def plan_lines(requirements: int, target: object, *, level: str = "full") -> list[str]:
    """Return the plan and the price of a run on Amazon."""
    requests = estimate_requests(requirements, level=level)
    total = f"about {sum(requests.values()):,} requests"
    return [
        f"plan      {format_count(requirements, 'requirement')} on {target}, {total}",
        f"price     about {format_usd(requests_usd(requests))} at the prices of {PRICES_READ} in us-east-1",
        "creates   buckets with a prefix and a tag, removed at the end; `vecgate clean` finds what remains",
    ]


def _confirm_run(target: Target, suite: SuiteOptions, *, timeout_s: float, quiet: bool) -> None:
    """Print the plan of a run on Amazon, and check that *target* answers.

    Raises UsageError without consent to the cost of a run on Amazon, and TargetError if the target does not
    answer or denies access.
    """
    if target.name == "aws":
        number = count_selected(read_catalogue(), suite)
        print_status("\n".join(plan_lines(number, target, level=suite.level)), quiet=quiet)
        if not suite.yes and not suite.bucket_prefix:
            raise UsageError(
                "real AWS costs money", hint="Add --yes, or choose a prefix with --bucket-prefix."
            )
    guard = AnswerGuard(timeout_s=min(timeout_s, REACHABILITY_TIMEOUT_S))
    with translate_botocore_errors(target), closing(target.client(**guard.client_settings)) as client:
        guard.watch(client)
        try:
            client.list_vector_buckets(maxResults=1)
        except Exception as error:
            if isinstance(error, (*CONNECT_ERRORS, *CREDENTIAL_ERRORS)) or _is_denied(error):
                raise


def _is_denied(error: Exception) -> bool:
    return isinstance(error, ClientError) and is_denied(error)


def _swept_lines(swept: Sequence[str]) -> list[str]:
    """Return the lines about what remains of a run whose own report does not know it."""
    if not swept:
        return []
    return ["", "Orphaned resources", *(f"  {line}" for line in swept), "", cleanup_line(swept)]


def _write_files(
    outcome: ConformanceOutcome, files: ConformFiles, ci_outputs: CiOutputs, *, deviations: Path | None
) -> None:
    run = outcome.run
    if files.draft_deviations:
        write_text(files.draft_deviations, deviations_draft(run))
    stream = Stream(run.header, run.results, run.footer)
    print_annotations(
        write_ci_outputs(
            stream,
            outcome.verdict,
            ci_outputs,
            environ=os.environ,
            report=files.results,
            config_file=deviations,
        )
    )


def to_dict(outcome: ConformanceOutcome) -> dict[str, object]:
    """Return the result for `--json`."""
    run, verdict = outcome.run, outcome.verdict
    return {
        "verdict": verdict.grade,
        "line": conformance_verdict_line(verdict, run),
        "target": run.header.target,
        "counts": dict(count_outcomes(run.results)),
        "checks": [
            {"name": c.name, "measured": c.measured, "verdict": c.grade, "requirements": list(c.ids)}
            for c in verdict.checks
        ],
        "matrix": {row.name: dict(row.counts) for row in build_matrix(run.results)},
        "failed": [_failure(result) for result in run.results if result.outcome in FAILURES],
        "unsupported": dict(run.header.unsupported),
        "orphaned": list(outcome.orphaned),
        "duration_s": run.footer.duration_s if run.footer else None,
        "exit_code": int(outcome.exit_code),
    }


def _failure(result: Result) -> dict[str, str]:
    names = ("test", "claim", "reason", "source", "request_id")
    return {"requirement": result.id, **{name: getattr(result, name) for name in names}}


class LiveCount:
    """Counts results on stderr: in a line that changes on a terminal, and with a line for each failure."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._is_quiet, self._is_live = quiet, sys.stderr.isatty() and not quiet
        self._counts: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        """Count *result* and print a failure."""
        self._counts[result.outcome] += 1
        if result.outcome in FAILURES:
            self._clear()
            reason = result.reason.splitlines()[0] if result.reason else ""
            print_status(f"failed  {result.id}: {reason}", quiet=self._is_quiet)
        if self._is_live:
            click.echo(f"\r{self}", nl=False, file=trusted_stream(sys.stderr))

    def close(self) -> None:
        """Print the final count."""
        self._clear()
        print_status(str(self), quiet=self._is_quiet)

    def _clear(self) -> None:
        if self._is_live:
            click.echo("\r\x1b[K", nl=False, file=trusted_stream(sys.stderr))

    def __str__(self) -> str:
        counts = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(self._counts.items()))
        total = format_count(self._counts.total(), "test case")
        return f"{total}: {counts}" if counts else total
