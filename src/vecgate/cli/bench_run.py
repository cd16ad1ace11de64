"""What `vecgate bench` does: measure, keep, compare."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from vecgate.cli.bench_visits import keep_stream, measured, stream_of, tell_failed
from vecgate.cli.compare import print_comparison
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.options import say
from vecgate.errors import UsageError
from vecgate.gate.compare import Comparison, checked_differences, compare, judged
from vecgate.gate.compare_benchmarks import named
from vecgate.gate.limits import Limit, check_limits
from vecgate.gate.verdict import Check
from vecgate.reporting.benchmarks import benchmark_markdown, benchmark_text
from vecgate.reporting.files import look_at, write_text
from vecgate.reporting.wording import duration, many
from vecgate.results.benchmarks import Benchmark
from vecgate.results.records import SCHEMA_VERSION, Header, Stream
from vecgate.results.stream import read_stream
from vecgate.testing.benching import Suite, benchmarks_folder, check_sources
from vecgate.testing.interleaving import Rounds, Turns, take_turns
from vecgate.testing.revisions import SOURCES, commit_of, repository_of, sources_of
from vecgate.testing.timings import Visit
from vecgate.testing.visits import by_name, header_of


@dataclass(frozen=True, slots=True)
class BenchChoice:
    """What to measure, and what with, as the options of the same names have it."""

    expression: str
    visits: int
    seconds: float
    folder: Path | None
    baseline: Path | None
    against: str
    pairs_max: int
    limits: tuple[str, ...]
    anyway: bool

    @property
    def suite(self) -> Suite:
        """The benchmarks. Raises UsageError."""
        folder = self.folder or benchmarks_folder()
        return Suite(folder.resolve(), self.expression, self.seconds)

    @property
    def parsed_limits(self) -> list[Limit]:
        """What may get how much slower. Raises UsageError, also where nothing says slower than what."""
        if self.baseline and self.against:
            raise UsageError("--baseline and --against are two ways to compare", hint="Name one of them.")
        if self.limits and not (self.baseline or self.against):
            raise UsageError(
                "--max-regression needs something to compare with", hint="--baseline or --against."
            )
        return [Limit.parse(text) for text in self.limits]


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """Where it goes to beside stdout, as the options of the same names have it."""

    results: Path | None
    markdown: Path | None
    everything: bool


def bench_run(what: BenchChoice, kept: KeptChoice, *, as_json: bool, quiet: bool) -> ExitCode:
    """Measure as chosen, print and write what was found, and give the exit code."""
    limits = what.parsed_limits
    look_at(kept.results, kept.markdown)
    if what.against:
        found = _against(what, kept, limits, quiet=quiet)
    elif what.baseline:
        found = _beside(read_stream(what.baseline), what, kept, limits, quiet=quiet)
    else:
        stream = measured(what.suite, _header(what), what.visits, quiet=quiet)
        keep_stream(stream, kept.results)
        return show(stream, kept, as_json=as_json)
    return print_comparison(found, as_json=as_json, everything=kept.everything, markdown=kept.markdown)


def show(stream: Stream, kept: KeptChoice, *, as_json: bool) -> ExitCode:
    """Print the run in *stream*, and give the exit code: a run in which a benchmark failed is no result."""
    if stream.header.kind != "benchmarks":
        raise UsageError(f"this is a run of kind {stream.header.kind}, and not of benchmarks")
    is_whole = stream.footer is not None and stream.footer.is_complete
    measured = f"{many(len(stream.of(Benchmark)), 'benchmark')} measured"
    line = f"PASS  {measured}" if is_whole else f"NOT JUDGED  {measured}, others failed or were cut off"
    told = {
        "schema": SCHEMA_VERSION,
        "line": line,
        "header": stream.header,
        "benchmarks": stream.of(Benchmark),
    }
    click.echo(msgspec.json.encode(told).decode() if as_json else f"{benchmark_text(stream)}\n\n{line}")
    if kept.markdown:
        write_text(kept.markdown, benchmark_markdown(stream), is_added=True)
    return ExitCode.PASS if is_whole else ExitCode.BROKEN


def _header(what: BenchChoice) -> Header:
    return header_of(what.suite, visits=what.visits, commit=commit_of(what.suite.folder))


def _beside(
    before: Stream, what: BenchChoice, kept: KeptChoice, limits: Sequence[Limit], *, quiet: bool
) -> Comparison:
    header, known = _header(what), [named(each.group, each.name) for each in before.of(Benchmark)]
    checked_differences(before, Stream(header, ()), anyway=what.anyway)
    check_limits(limits, known)

    def look(first: Visit) -> None:
        # Of a part of the suite no other figures are compared. Where all failed, that is what is told.
        if first.timings:
            check_limits(limits, [*by_name([first]), *([] if what.expression else known)])

    stream = measured(what.suite, header, what.visits, quiet=quiet, look=look)
    keep_stream(stream, kept.results)
    return compare(before, stream, limits, anyway=what.anyway)


def _against(what: BenchChoice, kept: KeptChoice, limits: Sequence[Limit], *, quiet: bool) -> Comparison:
    suite, begun_s = what.suite, time.monotonic()
    repository = repository_of(suite.folder)
    with sources_of(repository, what.against) as base:
        head = repository / SOURCES
        for sources in (base, head):
            check_sources(sources)
        turns = take_turns(
            suite,
            base,
            head,
            rounds=Rounds(most=what.pairs_max),
            tell=lambda line: say(f"{line}, {duration(time.monotonic() - begun_s)} so far", quiet=quiet),
            look=lambda first: _look(first, limits),
        )
    header = header_of(suite, visits=len(turns.head), commit=commit_of(repository))
    keep_stream(stream_of(header, turns.head, time.monotonic() - begun_s), kept.results)
    tell_failed(*turns.base[1:], *turns.head[1:])
    return Comparison("benchmarks", turns.changes, (), (), judged(turns.changes, limits, _failed(turns.head)))


def _look(first: Turns, limits: Sequence[Limit]) -> None:
    """See in the first pair that others are not measured in vain. Raises UsageError."""
    failed = [*first.base, *first.head]
    tell_failed(*failed)
    if not first.changes and not any(each.failed for each in failed):
        raise UsageError(
            "nothing was measured that depends on the revision",
            hint="Peers and floors are the same on both sides: does -k match others?",
        )
    if first.changes:
        check_limits(limits, [change.name for change in first.changes])


def _failed(visits: Sequence[Visit]) -> list[Check]:
    failed = tuple(dict.fromkeys(line for each in visits for line in each.failed))
    if not failed:
        return []
    return [Check("all measured", f"{many(len(failed), 'benchmark')} failed", "unjudged", failed)]
