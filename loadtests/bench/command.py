"""The command line of the microbenchmarks: run them, compare with a stored run or with another revision."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec
from loadtests.bench.bench_stream import build_header, build_stream, group_timings, write_stream
from loadtests.bench.git_sources import SOURCES, describe_commit, extract_sources, find_repository
from loadtests.bench.interleaved_runs import (
    RUNS_FOR_DIFFERENCE,
    InterleavedRuns,
    PairLimits,
    run_interleaved,
)
from loadtests.bench.suite import Suite, SuiteRun, check_sources, run_suite

from vecgate.cli.commands.compare import force_option, limit_option, print_comparison
from vecgate.cli.options import FILE, option_group, output_options, print_status
from vecgate.errors import UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_count, format_duration
from vecgate.gate.compare.benchmark_changes import qualified_name
from vecgate.gate.compare.comparison import Comparison, check_comparable, compare, judge_changes
from vecgate.gate.compare.regression_limits import Limit, check_limits
from vecgate.gate.verdict import Check
from vecgate.reporting.output_files import check_writable, write_text
from vecgate.reporting.text.benchmark_text import benchmark_markdown, benchmark_text
from vecgate.results.benchmark_records import Benchmark
from vecgate.results.records import SCHEMA_VERSION, Header, Stream
from vecgate.results.result_stream import read_stream

MICRO_FOLDER = Path(__file__).parents[1] / "micro"


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """Options that select the benchmarks and the comparison; the fields are the options of the same names."""

    expression: str
    runs: int
    seconds: float
    folder: Path
    baseline: Path | None
    against: str
    max_pairs: int
    limits: tuple[str, ...]
    force: bool

    @property
    def suite(self) -> Suite:
        """The benchmarks to run."""
        return Suite(self.folder.resolve(), self.expression, self.seconds)

    def parse_limits(self) -> list[Limit]:
        """Parse `--max-regression`. Raises UsageError, also if there is nothing to compare with."""
        if self.baseline and self.against:
            raise UsageError("--baseline and --against exclude each other", hint="Use one of them.")
        if self.limits and not (self.baseline or self.against):
            raise UsageError(
                "--max-regression needs something to compare with", hint="Add --baseline or --against."
            )
        return [Limit.parse(text) for text in self.limits]


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Output files; the fields are the options of the same names."""

    results: Path | None
    markdown: Path | None
    everything: bool


measure_options = option_group(
    "options",
    MeasureOptions,
    click.option("-k", "expression", default="", help="Run only matching benchmarks, as in pytest."),
    click.option(
        "--runs",
        type=click.IntRange(1),
        default=3,
        show_default=True,
        help="Runs of the suite, each in a new process; a comparison needs at least 3.",
    ),
    click.option(
        "--seconds",
        type=click.FloatRange(0.01),
        default=0.5,
        show_default=True,
        help="How long each benchmark is repeated in a run.",
    ),
    click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        default=MICRO_FOLDER,
        help="Folder of the benchmarks; loadtests/micro by default.",
    ),
    click.option("--baseline", type=FILE, default=None, help="Compare with this stored run."),
    click.option(
        "--against", metavar="REVISION", default="", help="Compare with a git revision, run alternately."
    ),
    click.option(
        "--max-pairs",
        type=click.IntRange(RUNS_FOR_DIFFERENCE),
        default=12,
        show_default=True,
        help="With --against, the most runs of each side; a difference counts after "
        f"{RUNS_FOR_DIFFERENCE} runs.",
    ),
    limit_option('10% or "direct sender=5%"'),
    force_option,
)
file_options = option_group(
    "files",
    FileOptions,
    click.option("-o", "--results", type=FILE, default=None, help="Write the result stream to this file."),
    click.option("--markdown", type=FILE, default=None, help="Append a summary in Markdown to this file."),
    click.option("--all", "everything", is_flag=True, help="Show unchanged benchmarks too."),
)


@click.command(short_help="Run the microbenchmarks and compare them.")
@measure_options
@file_options
@click.option("--show", "shown", type=FILE, default=None, help="Print a stored run without measuring.")
@output_options
def bench(
    options: MeasureOptions, files: FileOptions, shown: Path | None, as_json: bool, quiet: bool
) -> None:
    """Run the microbenchmarks, and compare them with a stored run or with another git revision.

    \b
    python -m loadtests.bench -o now.jsonl
    python -m loadtests.bench --baseline before.jsonl --max-regression 10%
    python -m loadtests.bench --against main -k put
    """  # noqa: D301 - click reads the backspace
    if shown:
        code = print_run(read_stream(shown), files, as_json=as_json)
    else:
        code = run_bench(options, files, as_json=as_json, quiet=quiet)
    raise click.exceptions.Exit(int(code))


def run_bench(options: MeasureOptions, files: FileOptions, *, as_json: bool, quiet: bool) -> ExitCode:
    """Measure, print and write the result, and return the exit code."""
    limits = options.parse_limits()
    check_writable(files.results, files.markdown)
    if options.against:
        comparison = compare_with_revision(options, files, limits, quiet=quiet)
    elif options.baseline:
        comparison = compare_with_baseline(read_stream(options.baseline), options, files, limits, quiet=quiet)
    else:
        stream = measure(options, _build_header(options), quiet=quiet)
        write_stream(stream, files.results)
        return print_run(stream, files, as_json=as_json)
    return print_comparison(comparison, as_json=as_json, show_all=files.everything, markdown=files.markdown)


def print_run(stream: Stream, files: FileOptions, *, as_json: bool) -> ExitCode:
    """Print the run in *stream*, and return the exit code: a run with failed benchmarks is inconclusive."""
    if stream.header.kind != "benchmarks":
        raise UsageError(f"this is a run of kind {stream.header.kind}, not of benchmarks")
    is_complete = stream.footer is not None and stream.footer.is_complete
    count = f"{format_count(len(stream.of(Benchmark)), 'benchmark')} measured"
    line = f"PASS  {count}" if is_complete else f"INCONCLUSIVE  {count}, others failed or did not finish"
    if as_json:
        document = {
            "schema": SCHEMA_VERSION,
            "line": line,
            "header": stream.header,
            "benchmarks": stream.of(Benchmark),
        }
        click.echo(msgspec.json.encode(document).decode())
    else:
        click.echo(f"{benchmark_text(stream)}\n\n{line}")
    if files.markdown:
        write_text(files.markdown, benchmark_markdown(stream), append=True)
    return ExitCode.PASS if is_complete else ExitCode.INTERNAL


def measure(
    options: MeasureOptions,
    header: Header,
    *,
    quiet: bool,
    check_first: Callable[[SuiteRun], None] = lambda _: None,
) -> Stream:
    """Run the suite `options.runs` times.

    *check_first* receives the first run, and raises if more would be useless.
    """
    runs: list[SuiteRun] = []
    started_s = time.monotonic()
    for number in range(1, options.runs + 1):
        runs.append(run_suite(options.suite, None))
        print_failures(runs[-1])
        if number == 1:
            check_first(runs[0])
        elapsed = format_duration(time.monotonic() - started_s)
        count = format_count(len(runs[-1].timings), "benchmark")
        print_status(f"run {number} of {options.runs}: {count}, {elapsed} so far", quiet=quiet)
    return build_stream(header, runs, time.monotonic() - started_s)


def compare_with_baseline(
    base: Stream, options: MeasureOptions, files: FileOptions, limits: Sequence[Limit], *, quiet: bool
) -> Comparison:
    """Measure and compare with the stored run *base*. Mistakes are reported before or after the first run."""
    header = _build_header(options)
    known = [qualified_name(each.group, each.name) for each in base.of(Benchmark)]
    check_comparable(base, Stream(header, ()), force=options.force)
    check_limits(limits, known)

    def check_first(first: SuiteRun) -> None:
        # With -k only the selected benchmarks are compared. If all failed, the failures are the message.
        if first.timings:
            check_limits(limits, [*group_timings([first]), *([] if options.expression else known)])

    stream = measure(options, header, quiet=quiet, check_first=check_first)
    write_stream(stream, files.results)
    return compare(base, stream, limits, force=options.force)


def compare_with_revision(
    options: MeasureOptions, files: FileOptions, limits: Sequence[Limit], *, quiet: bool
) -> Comparison:
    """Measure alternately with the revision `options.against`, and compare."""
    suite, started_s = options.suite, time.monotonic()
    repository = find_repository(suite.folder)
    with extract_sources(repository, options.against) as base:
        head = repository / SOURCES
        for sources in (base, head):
            check_sources(sources)
        runs = run_interleaved(
            suite,
            base,
            head,
            limits=PairLimits(max_pairs=options.max_pairs),
            on_progress=lambda line: print_status(
                f"{line}, {format_duration(time.monotonic() - started_s)} so far", quiet=quiet
            ),
            check_first=lambda first: _check_first_pair(first, limits),
        )
    header = build_header(suite, runs=len(runs.head), commit=describe_commit(repository))
    write_stream(build_stream(header, runs.head, time.monotonic() - started_s), files.results)
    print_failures(*runs.base[1:], *runs.head[1:])
    verdict = judge_changes(runs.changes, limits, _failure_checks(runs.head))
    return Comparison("benchmarks", runs.changes, (), (), verdict)


def print_failures(*runs: SuiteRun) -> None:
    """Print each benchmark that could not be measured, once."""
    for line in dict.fromkeys(line for run in runs for line in run.failures):
        print_status(f"note: {line}")


def _build_header(options: MeasureOptions) -> Header:
    return build_header(options.suite, runs=options.runs, commit=describe_commit(options.folder))


def _check_first_pair(first: InterleavedRuns, limits: Sequence[Limit]) -> None:
    """Raise UsageError if more pairs would be useless."""
    runs = [*first.base, *first.head]
    print_failures(*runs)
    if not first.changes and not any(run.failures for run in runs):
        raise UsageError(
            "no benchmark depends on the revision",
            hint="-k selects only peers and floors, which are the same on both sides; select others.",
        )
    if first.changes:
        check_limits(limits, [change.name for change in first.changes])


def _failure_checks(runs: Sequence[SuiteRun]) -> list[Check]:
    failures = tuple(dict.fromkeys(line for run in runs for line in run.failures))
    if not failures:
        return []
    return [
        Check("all measured", f"{format_count(len(failures), 'benchmark')} failed", "inconclusive", failures)
    ]
