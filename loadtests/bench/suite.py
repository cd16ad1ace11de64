"""Runs the microbenchmarks with pytest-benchmark in a child process, and reads its JSON."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from vecgate.conformance_kit.suite_run import summarize_errors
from vecgate.errors import UsageError, VecgateError
from vecgate.process import ChildExit, run_child

#: Exit codes of pytest: all passed or some failed, wrong usage, nothing collected.
MEASURED, WRONG_USAGE, NOTHING_COLLECTED = frozenset({0, 1}), 4, 5
FAILURE_LINES = ("FAILED ", "ERROR ")
CLOCKS: dict[str, Literal["CPU", "wall"]] = {
    "process_time": "CPU",
    "children_s": "CPU",  # of `test_start.py`
    "perf_counter": "wall",
}
PRINT_ORIGIN = "import sys, importlib.util; print(importlib.util.find_spec(sys.argv[1]).origin)"


@dataclass(frozen=True, slots=True)
class Timing:
    """One benchmark in one run of the suite; the fields are those of `results.benchmark_records.Benchmark`.

    node  pytest's node id, relative to the folder of the suite
    """

    node: str
    name: str
    group: str
    clock: Literal["CPU", "wall"]
    is_baseline: bool
    vectors: int
    iterations: int
    times_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """One run of the suite; *failures* has a line for each benchmark that could not be measured."""

    timings: tuple[Timing, ...]
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """The benchmarks to run.

    folder      folder of the benchmarks
    expression  as for pytest's -k; empty for all
    seconds     how long each benchmark is repeated in a run
    """

    folder: Path
    expression: str = ""
    seconds: float = 0.5


def run_suite(suite: Suite, sources: Path | None, nodes: Sequence[str] = ()) -> SuiteRun:
    """Run *suite*, or only *nodes* of it, in a new process.

    The packages in the folder *sources* are imported instead of installed ones. Raises UsageError if there is
    nothing to measure and VecgateError if pytest did not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        ended = run_child(_pytest_command(suite, report, nodes), environment=_environment(sources))
        _check_exit_code(ended, suite)
        timings = parse_report(report.read_bytes()) if report.exists() else ()
    failures = [
        _shorten_failure(line, suite) for line in ended.output.splitlines() if line.startswith(FAILURE_LINES)
    ]
    if not (timings or failures):
        # If warnings are errors, pytest-benchmark turns exit code 5 (nothing collected) into a failure.
        raise _nothing_to_measure(suite, hint=summarize_errors(ended.output))
    return SuiteRun(timings, tuple(dict.fromkeys(failures)))


def _pytest_command(suite: Suite, report: Path, nodes: Sequence[str]) -> list[str]:
    paths = [f"{suite.folder}/{node}" for node in nodes] or [str(suite.folder)]
    selection = ["-k", suite.expression] if suite.expression and not nodes else []
    return [
        *(sys.executable, "-m", "pytest", *paths, *selection),
        # A file that cannot be imported must not stop the others.
        *("--quiet", "-rfE", "-p", "pytest_benchmark.plugin", "--continue-on-collection-errors"),
        f"--rootdir={suite.folder}",
        *("--benchmark-quiet", f"--benchmark-max-time={suite.seconds}", f"--benchmark-json={report}"),
    ]


def _environment(sources: Path | None) -> dict[str, str]:
    # Other installed plugins would only add time.
    # In a worker of pytest-xdist, pytest-benchmark would measure nothing.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment = {**inherited, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if sources is None:
        return environment
    paths = [str(sources), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


def _shorten_failure(line: str, suite: Suite) -> str:
    """Return a *line* of pytest's summary with its path relative to the folder of *suite*."""
    word, _, rest = line.strip().partition(" ")
    path, colons, test = rest.partition("::")
    return f"{word} {os.path.relpath(path, suite.folder)}{colons}{test}"


def _nothing_to_measure(suite: Suite, *, hint: str = "") -> UsageError:
    condition = f" matches {suite.expression!r}" if suite.expression else ""
    return UsageError(f"no benchmark in {suite.folder}{condition}", hint=hint)


def _check_exit_code(ended: ChildExit, suite: Suite) -> None:
    if ended.code == NOTHING_COLLECTED:
        raise _nothing_to_measure(suite)
    if ended.code == WRONG_USAGE:
        raise UsageError(summarize_errors(ended.output))
    if ended.code not in MEASURED:
        raise VecgateError(
            f"pytest could not run the benchmarks (exit code {ended.code})",
            hint=summarize_errors(ended.output),
        )


def check_sources(sources: Path) -> None:
    """Check that a run imports the packages in *sources*. Raises VecgateError if it imports others."""
    for package in sorted(path.parent.name for path in sources.glob("*/__init__.py")):
        origin = subprocess.run(
            [sys.executable, "-c", PRINT_ORIGIN, package],
            env=_environment(sources),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        if not Path(origin).is_relative_to(sources):
            raise VecgateError(f"{package} is imported from {origin}, not from {sources}")


class _Stats(msgspec.Struct):
    data: list[float]
    iterations: int


class _Options(msgspec.Struct):
    timer: str


class _Row(msgspec.Struct):
    group: str | None
    name: str
    fullname: str
    extra_info: dict[str, Any]
    options: _Options
    stats: _Stats


class _Report(msgspec.Struct):
    benchmarks: list[_Row]


def parse_report(content: bytes) -> tuple[Timing, ...]:
    """Parse the JSON that pytest-benchmark writes."""
    return tuple(
        Timing(
            node=row.fullname,
            name=row.name.removeprefix("test_").replace("_", " "),
            group=row.group or "",
            clock=CLOCKS.get(row.options.timer, "wall"),
            is_baseline=bool(row.extra_info.get("baseline")),
            vectors=int(row.extra_info.get("vectors", 1)),
            iterations=row.stats.iterations,
            times_s=tuple(row.stats.data),
        )
        for row in msgspec.json.decode(content, type=_Report).benchmarks
    )
