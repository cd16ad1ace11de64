"""What `vecgate bench` does: measure, keep, compare."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from vecgate.cli.compare import print_comparison
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.options import say
from vecgate.cli.wording import count, duration
from vecgate.errors import UsageError
from vecgate.gate.compare import Comparison, checked_differences, compare, judged
from vecgate.gate.limits import Limit
from vecgate.gate.verdict import Check
from vecgate.reporting.benchmarks import benchmark_markdown, benchmark_text
from vecgate.results.benchmarks import Benchmark
from vecgate.results.provenance import now
from vecgate.results.records import SCHEMA_VERSION, Footer, Header, Stream
from vecgate.results.stream import StreamWriter, read_stream
from vecgate.testing.benching import Suite, benchmarks_folder, check_sources, visit
from vecgate.testing.interleaving import Rounds, take_turns
from vecgate.testing.revisions import SOURCES, commit_of, repository_of, sources_of
from vecgate.testing.timings import Visit
from vecgate.testing.visits import header_of, records_of


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


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """Where it goes to beside stdout, as the options of the same names have it."""

    results: Path | None
    markdown: Path | None
    everything: bool


def bench_run(what: BenchChoice, kept: KeptChoice, *, as_json: bool, quiet: bool) -> ExitCode:
    """Measure as chosen, print and write what was found, and give the exit code."""
    limits = [Limit.parse(text) for text in what.limits]
    if what.baseline and what.against:
        raise UsageError("--baseline and --against are two ways to compare", hint="Name one of them.")
    if limits and not (what.baseline or what.against):
        raise UsageError("--max-regression needs something to compare with", hint="--baseline or --against.")
    if what.against:
        found = _against(what, kept, limits, quiet=quiet)
        return print_comparison(found, as_json=as_json, everything=kept.everything, markdown=kept.markdown)
    before, suite = (read_stream(what.baseline) if what.baseline else None), what.suite
    header = header_of(suite, visits=what.visits, commit=commit_of(suite.folder))
    if before is not None:
        checked_differences(before, Stream(header, ()), anyway=what.anyway)
    stream = _measured(suite, header, what.visits, quiet=quiet)
    _keep(stream, kept.results)
    if before is None:
        return show(stream, kept, as_json=as_json)
    found = compare(before, stream, limits, anyway=what.anyway)
    return print_comparison(found, as_json=as_json, everything=kept.everything, markdown=kept.markdown)


def show(stream: Stream, kept: KeptChoice, *, as_json: bool) -> ExitCode:
    """Print the run in *stream*, and give the exit code: a run in which a benchmark failed is no result."""
    if stream.header.kind != "benchmarks":
        raise UsageError(f"this is a run of kind {stream.header.kind}, and not of benchmarks")
    if kept.markdown:
        with kept.markdown.open("a", encoding="utf-8") as file:
            file.write(benchmark_markdown(stream))
    is_whole = stream.footer is not None and stream.footer.is_complete
    measured = f"{count(len(stream.of(Benchmark)), 'benchmark')} measured"
    line = f"PASS  {measured}" if is_whole else f"NOT JUDGED  {measured}, others failed or were cut off"
    told = {
        "schema": SCHEMA_VERSION,
        "line": line,
        "header": stream.header,
        "benchmarks": stream.of(Benchmark),
    }
    click.echo(msgspec.json.encode(told).decode() if as_json else f"{benchmark_text(stream)}\n\n{line}")
    return ExitCode.PASS if is_whole else ExitCode.BROKEN


def _measured(suite: Suite, header: Header, visits: int, *, quiet: bool) -> Stream:
    found: list[Visit] = []
    begun_s = time.monotonic()
    for number in range(1, visits + 1):
        found.append(visit(suite, None))
        _tell_failed(found[-1])
        spent = duration(time.monotonic() - begun_s)
        if not (found[-1].timings or found[-1].failed):
            raise UsageError("no benchmark was measured", hint="Does -k match one?")
        measured = count(len(found[-1].timings), "benchmark")
        say(f"visit {number} of {visits}: {measured}, {spent} so far", quiet=quiet)
    return _stream(header, found, time.monotonic() - begun_s)


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
        )
    header = header_of(suite, visits=len(turns.head), commit=commit_of(repository))
    _keep(_stream(header, turns.head, time.monotonic() - begun_s), kept.results)
    _tell_failed(*turns.base, *turns.head)
    return Comparison("benchmarks", turns.changes, (), (), judged(turns.changes, limits, _failed(turns.head)))


def _failed(visits: Sequence[Visit]) -> list[Check]:
    failed = tuple(dict.fromkeys(line for each in visits for line in each.failed))
    if not failed:
        return []
    return [Check("all measured", f"{count(len(failed), 'benchmark')} failed", "unjudged", failed)]


def _tell_failed(*visits: Visit) -> None:
    for line in dict.fromkeys(line for each in visits for line in each.failed):
        say(f"note: {line}")


def _stream(header: Header, visits: Sequence[Visit], spent_s: float) -> Stream:
    is_complete = not any(each.failed for each in visits)
    footer = Footer(ended_at=now(), duration_s=round(spent_s, 3), is_complete=is_complete)
    return Stream(header, tuple(records_of(visits)), footer)


def _keep(stream: Stream, path: Path | None) -> None:
    if path is None:
        return
    with StreamWriter(path) as writer:
        for record in (stream.header, *stream.records, *([stream.footer] if stream.footer else [])):
            writer.write(record)
