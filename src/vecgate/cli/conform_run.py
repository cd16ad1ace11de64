"""What `vecgate conform` does: plan, run the suite in a process of its own, judge, report."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

import click
import orjson
from botocore.exceptions import ClientError

from vecgate.cli.care import botocore_errors_told, is_denied
from vecgate.cli.exit_codes import EXIT_OF_GRADE, ExitCode, unless_left
from vecgate.cli.options import say
from vecgate.errors import SourceError, UsageError, VecgateError
from vecgate.gate.rules import DEFAULT_RULES, Rule
from vecgate.gate.verdict import Verdict, counts_of, judge, line_of
from vecgate.reporting.draft import deviations_draft
from vecgate.reporting.files import look_at, write_text
from vecgate.reporting.matrix import matrix_of
from vecgate.reporting.outputs import OutputFiles, write_outputs
from vecgate.reporting.terminal import table_lines, terminal_report
from vecgate.reporting.wording import many
from vecgate.results.records import SCHEMA_VERSION, Result, Run, Stream
from vecgate.results.stream import add_record, begin_anew, read_run
from vecgate.s3vectors.pricing import PRICES_READ, requests_usd
from vecgate.targets.target import EMBEDDED, TargetChoice, name_of, open_target
from vecgate.testing.children import Ended
from vecgate.testing.options import FLAGS
from vecgate.testing.running import gist_of, run_suite

#: Requests for each requirement, measured on the local endpoint (1,836 requirements, 2026-11-24), rounded up.
REQUESTS_EACH = {"PutVectors": 0.8, "QueryVectors": 0.6, "others": 4.0}
#: pytest's: all passed, some failed, none collected.
PYTEST_JUDGED = frozenset({0, 1, 5})
PYTEST_USAGE = 4


@dataclass(frozen=True, slots=True)
class RunChoice:
    """What to run, as the options of the same names have it."""

    level: str
    expression: str
    workers: str
    rerun_failed: Path | None
    quota: bool
    hypothesis: str | None
    shuffle: str
    deviations: Path | None
    bucket_prefix: str
    yes: bool


@dataclass(frozen=True, slots=True)
class GateChoice:
    """What the run must meet, as the options of the same names have it."""

    rules: tuple[str, ...]
    baseline: Path | None

    def parsed(self) -> list[Rule]:
        """The rules, the usual ones where none is named. Raises UsageError."""
        return [Rule.parse(text) for text in self.rules] or list(DEFAULT_RULES)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files for the result, beside stdout."""

    results: Path | None
    draft_deviations: Path | None


def conform_run(
    choice: TargetChoice,
    what: RunChoice,
    gate: GateChoice,
    outputs: Outputs,
    files: OutputFiles,
    *,
    as_json: bool,
    quiet: bool,
) -> ExitCode:
    """Run the suite as chosen, print and write what it found, and give the exit code."""
    rules, before = gate.parsed(), read_run(gate.baseline) if gate.baseline else None
    look_at(outputs.draft_deviations)
    chosen = replace(choice, name=name_of(choice, os.environ))
    if what.workers != "0" and find_spec("xdist") is None:
        raise UsageError("-n needs pytest-xdist, which is not installed", hint="pip install pytest-xdist")
    _check_reachable(chosen, is_aws_asked=what.yes or bool(what.bucket_prefix), quiet=quiet)
    with tempfile.TemporaryDirectory() as folder:
        results = outputs.results or Path(folder) / "results.jsonl"
        begin_anew(results)
        ended = _followed(arguments_of(chosen, what), results, quiet=quiet)
        run = _run_of(results, ended)
        verdict = judge(run, rules, before)
        # A run that was cut off has no last line to stand behind, and is unjudged by any rules.
        if run.footer:
            add_record(results, verdict.record)
    leaks = run.footer.leaks if run.footer else ()
    code = ExitCode.INTERRUPTED if ended is None else unless_left(EXIT_OF_GRADE[verdict.grade], leaks)
    told = {**to_dict(run, verdict), "exit_code": int(code)}
    click.echo(orjson.dumps(told).decode() if as_json else terminal_report(run, verdict))
    _leave(run, verdict, outputs, files, about=what.deviations)
    return code


def arguments_of(choice: TargetChoice, what: RunChoice) -> list[str]:
    """The arguments of pytest that say the same."""
    given: dict[str, object] = {
        "target": choice.name,
        "region": choice.region,
        "profile": choice.profile,
        "ca-bundle": choice.ca_bundle,
        "no-verify": not choice.verify,
        **{name.replace("_", "-"): value for name, value in asdict(what).items()},
    }
    expression, workers = given.pop("expression"), str(given.pop("workers"))
    options = [
        f"--vecgate-{name}" if name in FLAGS else f"--vecgate-{name}={value}"
        for name, value in given.items()
        if value
    ]
    options += ["-k", str(expression)] if expression else []
    return options + (["-n", workers] if workers != "0" else [])


def catalogue() -> list[dict[str, Any]]:
    """Every requirement of the suite, in the order of their ids."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.json"
        arguments = ["--collect-only", "-qqq", f"--vecgate-catalogue={path}"]
        ended = run_suite(arguments, Path(folder) / "none", lambda _: None)
        if ended.code != 0 or not path.exists():
            raise VecgateError("the suite cannot be collected", hint=gist_of(ended.said))
        listed: list[dict[str, Any]] = orjson.loads(path.read_bytes())
        return listed


def list_catalogue(listed: Sequence[dict[str, Any]], *, as_json: bool) -> str:
    """The catalogue as text, or as JSON."""
    if as_json:
        return orjson.dumps({"schema": SCHEMA_VERSION, "requirements": listed}).decode()
    rows = [[each["id"], each["level"], each["evidence"], each["claim"]] for each in listed]
    levels = Counter(each["level"] for each in listed)
    told = ", ".join(f"{levels[level]:,} {level}" for level in ("must", "should", "may"))
    return "\n".join([*table_lines(rows), f"{many(len(listed), 'requirement')}: {told}"])


def plan_lines(requirements: int, target: object) -> list[str]:
    """What a run on Amazon does and costs, before it does it."""
    requests = {name: ceil(number * requirements) for name, number in REQUESTS_EACH.items()}
    told = f"{many(requirements, 'requirement')} on {target}, about {sum(requests.values()):,} requests"
    return [
        f"plan      {told}",
        f"price     about ${requests_usd(requests):.2f} at the prices of {PRICES_READ} in us-east-1",
        "makes     buckets with a prefix and a tag, removed at the end; `vecgate clean` finds leftovers",
    ]


def _check_reachable(choice: TargetChoice, *, is_aws_asked: bool, quiet: bool) -> None:
    """Raises TargetError where the target does not answer, UsageError where Amazon is used unasked."""
    if choice.name in EMBEDDED:
        return
    with open_target(choice, os.environ) as target:
        if choice.name == "aws":
            say("\n".join(plan_lines(len(catalogue()), target)), quiet=quiet)
            if not is_aws_asked:
                raise UsageError("real AWS costs money", hint="Add --yes, or a --bucket-prefix of your own.")
        with closing(target.client()) as client, botocore_errors_told(target):
            try:
                client.list_vector_buckets(maxResults=1)
            except ClientError as error:
                # What else it does not do the suite finds out.
                if is_denied(error):
                    raise


def _followed(arguments: Sequence[str], results: Path, *, quiet: bool) -> Ended | None:
    """Run the suite under a live count; None where it was interrupted."""
    live = LiveCount(quiet=quiet)
    try:
        return run_suite([*arguments, f"--vecgate-results={results}"], results, live.add)
    except KeyboardInterrupt:
        return None
    finally:
        live.close()


def _run_of(results: Path, ended: Ended | None) -> Run:
    if ended is None and not results.stat().st_size:
        raise KeyboardInterrupt
    if ended is not None and ended.code == PYTEST_USAGE:
        raise UsageError(gist_of(ended.said))
    if ended is not None and ended.code not in PYTEST_JUDGED:
        raise VecgateError(f"the suite did not run (pytest's code {ended.code})", hint=gist_of(ended.said))
    try:
        return read_run(results)
    except SourceError as error:
        hint = gist_of(ended.said) if ended else ""
        raise VecgateError(f"the suite left no results: {error}", hint=hint) from error


def _leave(run: Run, verdict: Verdict, outputs: Outputs, files: OutputFiles, *, about: Path | None) -> None:
    if outputs.draft_deviations:
        write_text(outputs.draft_deviations, deviations_draft(run))
    stream = Stream(run.header, run.results, run.footer)
    for line in write_outputs(
        stream, verdict, files, environ=os.environ, report=outputs.results, about=about
    ):
        say(line)


def to_dict(run: Run, verdict: Verdict) -> dict[str, object]:
    """The result as JSON has it."""
    footer = run.footer
    return {
        "schema": SCHEMA_VERSION,
        "verdict": verdict.grade,
        "line": line_of(verdict, run),
        "target": run.header.target,
        "counts": dict(counts_of(run.results)),
        "checks": [
            {"name": c.name, "measured": c.measured, "verdict": c.grade, "requirements": list(c.ids)}
            for c in verdict.checks
        ],
        "matrix": {row.name: dict(row.counts) for row in matrix_of(run.results)},
        "failed": [_failure(result) for result in run.results if result.outcome in {"failed", "outgrown"}],
        "lacking": dict(run.header.lacking),
        "left_behind": list(footer.leaks) if footer else [],
        "duration_s": footer.duration_s if footer else None,
    }


def _failure(result: Result) -> dict[str, str]:
    names = ("test", "claim", "reason", "source", "request_id")
    return {"requirement": result.id, **{name: getattr(result, name) for name in names}}


class LiveCount:
    """How many have ended, on stderr: a line that changes on a terminal, each failure as a line elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._is_told, self._is_drawn = not quiet, sys.stderr.isatty() and not quiet
        self._counts: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        """Count *result*."""
        self._counts[result.outcome] += 1
        if result.outcome in {"failed", "outgrown"} and self._is_told:
            self._clear()
            say(f"failed  {result.id}: {result.reason.splitlines()[0] if result.reason else ''}")
        if self._is_drawn:
            click.echo(f"\r{self}", nl=False, err=True)

    def close(self) -> None:
        """Say the last count."""
        self._clear()
        if self._is_told:
            say(str(self))

    def _clear(self) -> None:
        if self._is_drawn:
            click.echo("\r\x1b[K", nl=False, err=True)

    def __str__(self) -> str:
        told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(self._counts.items()))
        number = many(self._counts.total(), "requirement")
        return f"{number}: {told}" if told else number
