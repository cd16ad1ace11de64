"""The headline of a run: its verdict in a word and a line. The gate decides; this module only words it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from vecgate.errors import VecgateError
from vecgate.formatting import format_count, format_milliseconds, format_number, format_times
from vecgate.gate.bulk_verdict import bulk_verdict_line, judge_bulk
from vecgate.gate.compare.capacity_changes import why_inconclusive
from vecgate.gate.conformance_verdict import conformance_verdict_line, recorded_verdict
from vecgate.gate.load_verdict import judge_load, load_verdict_line
from vecgate.gate.verdict import WORDS, Check, Verdict, verdict_line
from vecgate.results.benchmark_records import Benchmark, PeerRun
from vecgate.results.bulk_records import BulkPlan
from vecgate.results.load.load_records import Capacity, Cell, LoadPlan, Trial
from vecgate.results.load.load_summary import LoadSummary, summarize
from vecgate.results.load.sweep_records import Knee, SweepPoint
from vecgate.results.records import Stream
from vecgate.results.verdict_records import VerdictRecord

#: "found" is the result of a measurement without a gate.
Tone: TypeAlias = Literal["passed", "failed", "inconclusive", "found"]


@dataclass(frozen=True, slots=True)
class Headline:
    """The title of a run, its verdict, and the checks behind it.

    line      the reason for the verdict
    orphaned  resources that the run could not remove
    """

    title: str
    tone: Tone
    line: str
    checks: tuple[Check, ...] = ()
    orphaned: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The verdict, such as PASS."""
        return "RESULT" if self.tone == "found" else WORDS[self.tone]


def build_headline(stream: Stream, summary: LoadSummary | None = None) -> Headline:
    """Return the headline of any run. *summary* of a load run saves computing it again."""
    return replace(_build(stream, summary), orphaned=stream.orphaned)


def _build(stream: Stream, summary: LoadSummary | None) -> Headline:
    match stream.header.kind:
        case "conformance":
            return _conformance(stream)
        case "load":
            return _load(stream, summary)
        case "bulk":
            return _bulk(stream)
        case "sweep":
            return _sweep(stream)
        case kind:
            return _if_complete(stream, MEASUREMENTS[kind](stream))


def _conformance(stream: Stream) -> Headline:
    verdict = recorded_verdict(stream)
    return _judged(
        f"Conformance of {stream.header.target}", verdict, conformance_verdict_line(verdict, stream.run)
    )


def _load(stream: Stream, summary: LoadSummary | None) -> Headline:
    plan = stream.first(LoadPlan)
    if plan is None:
        verdict = judge_load(stream)
        return _judged(f"Load run on {stream.header.target}", verdict, verdict_line(verdict, ""))
    title = f"{plan.scenario} on {stream.header.target}"
    try:
        summary = summary or summarize(stream)
        verdict = judge_load(stream, summary=summary)
        return _judged(title, verdict, load_verdict_line(verdict, summary))
    except VecgateError as error:
        return Headline(title, "inconclusive", str(error))
    except ArithmeticError:
        return Headline(title, "inconclusive", "the numbers in the result stream are out of range")


def _bulk(stream: Stream) -> Headline:
    plan, verdict = stream.first(BulkPlan), judge_bulk(stream)
    verb = "Delete from" if plan and plan.operation == "DeleteVectors" else "Ingest into"
    return _judged(f"{verb} {stream.header.target}", verdict, bulk_verdict_line(verdict, stream))


def _judged(title: str, verdict: Verdict, text: str) -> Headline:
    # The page shows the word separately.
    return Headline(title, verdict.grade, text.removeprefix(WORDS[verdict.grade]).strip(), verdict.checks)


def _if_complete(stream: Stream, headline: Headline) -> Headline:
    if stream.footer is not None and stream.footer.is_complete:
        return headline
    return replace(headline, tone="inconclusive", line=f"the run is incomplete; so far: {headline.line}")


def _sweep(stream: Stream) -> Headline:
    """Return the headline of a sweep with the verdict of the command, which knows what had to hold."""
    title, record = f"Sweep on {stream.header.target}", stream.first(VerdictRecord)
    knee, points = stream.first(Knee), format_count(len(stream.of(SweepPoint)), "rate")
    found = [f"{points} measured"]
    if knee is not None:
        found.append(
            f"knee at {format_number(knee.achieved_per_s)}/s, p99 {format_milliseconds(knee.p99_ms)}"
        )
    if record is None or not record.checks:
        return Headline(title, "inconclusive", f"the run has no verdict; so far: {', '.join(found)}")
    verdict = Verdict(record.checks)
    text = "; ".join([*(check.measured for check in record.checks), *found])
    return _if_complete(stream, _judged(title, verdict, verdict_line(verdict, text)))


def _capacity(stream: Stream) -> Headline:
    title = f"Capacity of {stream.header.target}"
    capacity = stream.first(Capacity)
    if capacity is None:
        return _no_capacity(title, stream)
    rate = f"{format_number(capacity.rate_per_s)} {capacity.unit}/s"
    return Headline(title, "found", f"{rate} sustained, confirmed {format_times(capacity.confirmations)}")


def _no_capacity(title: str, stream: Stream) -> Headline:
    """Return the headline of a search that confirmed no rate. It failed if not even the lowest rate held."""
    trials = stream.of(Trial)
    if problem := why_inconclusive(stream):
        held = [trial.rate_per_s for trial in trials if trial.held]
        highest = f"{format_number(max(held))}/s passed, unconfirmed" if held else "no rate passed"
        return Headline(title, "inconclusive", f"no rate was confirmed: {problem}; {highest}")
    reason = f": {trials[-1].reason}" if trials and trials[-1].reason else ""
    return Headline(title, "failed", f"no rate was found and confirmed{reason}")


def _scale(stream: Stream) -> Headline:
    title = f"Scaling on {stream.header.target}"
    cells = stream.of(Cell)
    best = next((cell for cell in cells if cell.is_recommended), None)
    if best is None:
        measured = format_count(len(cells), "configuration")
        return Headline(title, "failed", f"no configuration is recommended, {measured} measured")
    return Headline(
        title,
        "found",
        f"{best.vectors_per_request:,} vectors per request with {best.in_flight:,} in flight: "
        f"{format_number(best.vectors_per_s)} vectors/s",
    )


def _benchmarks(stream: Stream) -> Headline:
    benchmarks = stream.of(Benchmark)
    if not benchmarks:
        return Headline("Microbenchmarks", "failed", "nothing was measured")
    groups = format_count(len({each.group for each in benchmarks}), "group")
    measured = format_count(len(benchmarks), "benchmark")
    return Headline("Microbenchmarks", "found", f"{measured} in {groups} measured")


def _peers(stream: Stream) -> Headline:
    peers = stream.of(PeerRun)
    measured = [each for each in peers if not each.problem]
    if not measured:
        return Headline("Client comparison", "failed", "nothing was measured")
    clients = format_count(len({each.client for each in peers}), "client")
    workloads = format_count(len({each.work for each in peers}), "workload")
    line = f"{len(measured):,} of {format_count(len(peers), 'measurement')} succeeded: {clients}, {workloads}"
    return Headline("Client comparison", "found", line)


#: Kinds of runs without a gate, and their headlines.
MEASUREMENTS: Mapping[str, Callable[[Stream], Headline]] = {
    "capacity": _capacity,
    "scale": _scale,
    "benchmarks": _benchmarks,
    "peers": _peers,
}
