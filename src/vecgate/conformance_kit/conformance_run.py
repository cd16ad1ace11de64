"""A conformance run: the suite in a child process, and the verdict on its result stream."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from vecgate.conformance_kit.plugin_options import FLAGS
from vecgate.conformance_kit.suite_run import run_suite, summarize_errors
from vecgate.errors import SourceError, UsageError, VecgateError
from vecgate.exit_codes import EXIT_CODE_OF_GRADE, ExitCode, exit_code_with_orphans
from vecgate.gate.conformance_verdict import judge_conformance
from vecgate.gate.requirement_rules import DEFAULT_RULES, Rule
from vecgate.gate.verdict import Verdict
from vecgate.process import ChildExit
from vecgate.resources.cleanup import TIMEOUT_S
from vecgate.resources.orphans import remove_orphans
from vecgate.results.records import ConformanceRun, Result
from vecgate.results.result_stream import append_record, create_empty_stream, read_conformance_run
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice, is_embedded

#: Exit codes of pytest with results: all tests passed, some failed, none was collected.
PYTEST_WITH_RESULTS = frozenset({0, 1, 5})
PYTEST_USAGE_ERROR = 4


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """The selection and the settings of the suite. The fields are the options of `vecgate conform`."""

    level: str = "full"
    expression: str = ""
    workers: str = "0"
    rerun_failed: Path | None = None
    inferred: bool = False
    quota: bool = False
    hypothesis: str | None = None
    shuffle: str = ""
    deviations: Path | None = None
    require_capability: str = ""
    timeout: str = ""
    bucket_prefix: str = ""
    evidence: Path | None = None
    yes: bool = False

    def pytest_arguments(self, target: TargetChoice) -> list[str]:
        """Return the arguments of pytest for these options and *target*."""
        values: dict[str, object] = {
            "target": target.name,
            "region": target.region,
            "profile": target.profile,
            "ca-bundle": target.ca_bundle,
            "no-verify": not target.verify,
            **{name.replace("_", "-"): value for name, value in asdict(self).items()},
        }
        del values["expression"], values["workers"]
        arguments = [
            f"--vecgate-{name}" if name in FLAGS else f"--vecgate-{name}={value}"
            for name, value in values.items()
            if value
        ]
        arguments += ["-k", self.expression] if self.expression else []
        return arguments + (["-n", self.workers] if self.workers != "0" else [])


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules that a run must meet, and an earlier run as its baseline."""

    rules: Sequence[Rule] = DEFAULT_RULES
    baseline: ConformanceRun | None = None


@dataclass(frozen=True, slots=True)
class GateOptions:
    """The options `--require` and `--baseline`."""

    rules: tuple[str, ...]
    baseline: Path | None

    def load(self) -> Gate:
        """Parse the rules and read the baseline, which gates alone without rules.

        Raises UsageError or SourceError.
        """
        rules = tuple(Rule.parse(text) for text in self.rules)
        if self.baseline is None:
            return Gate(rules or DEFAULT_RULES)
        return Gate(rules, read_conformance_run(self.baseline))


@dataclass(frozen=True, slots=True)
class ConformanceOutcome:
    """A run with its verdict.

    is_interrupted  by Ctrl-C or SIGTERM
    problem         why the suite did not run to its end, empty if it did or was interrupted
    swept           resources that remain after a run that could not remove its own, a line each
    """

    run: ConformanceRun
    verdict: Verdict
    is_interrupted: bool = False
    problem: str = ""
    swept: tuple[str, ...] = ()

    @property
    def orphaned(self) -> tuple[str, ...]:
        """The resources that could not be removed."""
        return self.run.footer.orphaned if self.run.footer else self.swept

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        if self.is_interrupted:
            return ExitCode.INTERRUPTED
        return exit_code_with_orphans(EXIT_CODE_OF_GRADE[self.verdict.grade], self.orphaned)


def run_conformance(
    target: TargetChoice,
    options: SuiteOptions,
    gate: Gate,
    results: Path,
    on_result: Callable[[Result], None],
) -> ConformanceOutcome:
    """Run the suite against *target* and judge it. The result stream in *results* contains the verdict, too.

    Each result is passed to *on_result* as soon as it is known. A run that was interrupted, or whose process
    was killed or hung, is judged by the results it has, and this process removes what it left. Raises
    KeyboardInterrupt or VecgateError if there are no results.
    """
    create_empty_stream(results)
    arguments = [*options.pytest_arguments(target), f"--vecgate-results={results}"]
    child: ChildExit | None = None
    problem = ""
    try:
        child = run_suite(arguments, results, on_result)
    except KeyboardInterrupt:
        if not results.stat().st_size:
            raise
    except VecgateError as error:
        if not results.stat().st_size:
            raise
        problem = str(error)
    else:
        problem = _check_end(results, child)
    run = _read_results(results, child)
    timeout_s = float(options.timeout or TIMEOUT_S)
    swept = () if run.footer else tuple(remove_orphans_of(target, run.header.run, timeout_s=timeout_s))
    verdict = judge_conformance(run, gate.rules, gate.baseline)
    # A stream without a footer was cut off. Any reader finds it inconclusive, so it needs no verdict.
    if run.footer:
        append_record(results, verdict.record)
    is_interrupted = child is None and not problem
    return ConformanceOutcome(run, verdict, is_interrupted, problem, swept)


def remove_orphans_of(choice: TargetChoice, run: str, *, timeout_s: float = TIMEOUT_S) -> list[str]:
    """Remove what the process of *run* left on the target. Return one line for each resource that remains.

    That process was killed, or it had no time to remove its resources. An embedded server ended with it.
    """
    if is_embedded(choice.name):
        return []
    try:
        with open_target(choice, os.environ) as target:
            return remove_orphans(target, run, timeout_s=timeout_s)
    except VecgateError as error:
        return [f"the resources of run {run}: {error}"]


def check_options(options: SuiteOptions) -> None:
    """Raise an error for *options* that cannot be run.

    Raises UsageError if a package that they need is not installed, or the earlier run whose failures are to
    run again did not end or had none, and SourceError if that run cannot be read.
    """
    if options.rerun_failed is not None:
        earlier = read_conformance_run(options.rerun_failed)
        if earlier.footer is None or not earlier.footer.is_complete:
            raise UsageError(
                f"{options.rerun_failed} is a run that did not end, so it shows only a part of what failed",
                hint="Run all, or give the result stream of a whole run.",
            )
        if not any(result.outcome == "failed" for result in earlier.results):
            raise UsageError(f"nothing failed in {options.rerun_failed}, so nothing is to run again")
    if options.workers != "0" and find_spec("xdist") is None:
        raise UsageError("-n needs pytest-xdist, which is not installed", hint="pip install pytest-xdist")


def read_catalogue() -> list[dict[str, Any]]:
    """Return every requirement of the suite, ordered by id. Raises VecgateError if it cannot be collected."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.json"
        arguments = ["--collect-only", "-qqq", f"--vecgate-catalogue={path}"]
        child = run_suite(arguments, Path(folder) / "results.jsonl", lambda _: None)
        if child.code != 0 or not path.exists():
            raise VecgateError("the suite cannot be collected", hint=summarize_errors(child.output))
        requirements: list[dict[str, Any]] = orjson.loads(path.read_bytes())
        return requirements


def _check_end(results: Path, child: ChildExit) -> str:
    """Return why the suite did not run to its end, or an empty text. Raises an error if it has no results."""
    errors = summarize_errors(child.output)
    if child.code in PYTEST_WITH_RESULTS:
        return ""
    if child.code == PYTEST_USAGE_ERROR:
        raise UsageError(errors)
    problem = f"the suite did not run to its end: pytest ended with code {child.code}"
    if not results.stat().st_size:
        raise VecgateError(problem, hint=errors)
    return f"{problem}: {errors}" if errors else problem


def _read_results(results: Path, child: ChildExit | None) -> ConformanceRun:
    try:
        return read_conformance_run(results)
    except SourceError as error:
        errors = summarize_errors(child.output) if child else ""
        raise VecgateError(f"the suite wrote no results: {error}", hint=errors) from error
