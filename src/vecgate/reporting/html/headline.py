"""What a run came to, in one line; the gate decides, this gives it words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from vecgate.errors import VecgateError
from vecgate.gate.bulk import bulk_line_of, judge_bulk
from vecgate.gate.load import judge_load, load_line_of
from vecgate.gate.verdict import (
    UNCLEAN,
    Check,
    Verdict,
    line_of,
    passed_line,
    verdict_line,
    verdict_of,
)
from vecgate.reporting.wording import many, number, times
from vecgate.results.benchmarks import Benchmark, PeerRun
from vecgate.results.bulk import BulkPlan
from vecgate.results.load import Capacity, Cell, Plan
from vecgate.results.records import Stream
from vecgate.results.summary import Summary, summary_of

#: found: there was something to find out, and no gate.
#: unclean: nothing is to blame, but something is left behind.
Tone: TypeAlias = Literal["passed", "failed", "unjudged", "found", "unclean"]
WORDS: dict[Tone, str] = {
    "passed": "PASS",
    "failed": "FAIL",
    "unjudged": "NOT JUDGED",
    "found": "RESULT",
    "unclean": UNCLEAN,
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The title of a run, its verdict in a word and a line, and the checks that it rests on."""

    title: str
    tone: Tone
    line: str
    checks: tuple[Check, ...] = ()

    @property
    def word(self) -> str:
        """Such as PASS."""
        return WORDS[self.tone]


def headline_of(stream: Stream, summary: Summary | None = None) -> Headline:
    """The headline of any run; *summary* where there is one of it already."""
    match stream.header.kind:
        case "conformance":
            return _conformance(stream)
        case "load":
            return _load(stream, summary)
        case "bulk":
            return _bulk(stream)
        case kind:
            return _ended(stream, FOUND[kind](stream))


def _conformance(stream: Stream) -> Headline:
    verdict = verdict_of(stream)
    return _judged(f"Conformance of {stream.header.target}", verdict, line_of(verdict, stream.run))


def _load(stream: Stream, summary: Summary | None) -> Headline:
    plan = stream.first(Plan)
    if plan is None:
        verdict = judge_load(stream)
        return _judged(f"Load run on {stream.header.target}", verdict, verdict_line(verdict, ""))
    title = f"{plan.scenario} on {stream.header.target}"
    try:
        found = summary or summary_of(stream)
        verdict = judge_load(stream, summary=found)
        return _judged(title, verdict, load_line_of(verdict, found))
    except VecgateError as error:
        return Headline(title, "unjudged", str(error))
    except ArithmeticError:
        return Headline(title, "unjudged", "its figures are beyond all measure")


def _bulk(stream: Stream) -> Headline:
    plan, verdict = stream.first(BulkPlan), judge_bulk(stream)
    verb = "Deleting from" if plan and plan.operation == "DeleteVectors" else "Ingest into"
    return _judged(f"{verb} {stream.header.target}", verdict, bulk_line_of(verdict, stream))


def _judged(title: str, verdict: Verdict, line: str) -> Headline:
    # The word is shown by itself.
    tone: Tone = "unclean" if line.startswith(UNCLEAN) else verdict.grade
    return Headline(title, tone, line.removeprefix(WORDS[tone]).strip(), verdict.checks)


def _ended(stream: Stream, headline: Headline) -> Headline:
    if stream.footer is not None and stream.footer.is_complete:
        is_unclean = stream.leaks and headline.tone == "found"
        return _unclean(stream, headline) if is_unclean else headline
    return replace(headline, tone="unjudged", line=f"the run did not end; so far: {headline.line}")


def _unclean(stream: Stream, headline: Headline) -> Headline:
    line = passed_line(headline.line, stream.leaks)
    return replace(headline, tone="unclean", line=line.removeprefix(UNCLEAN).strip())


def _capacity(stream: Stream) -> Headline:
    title = f"Capacity of {stream.header.target}"
    found = stream.first(Capacity)
    if found is None:
        return Headline(title, "failed", "no rate was found and confirmed")
    told = f"{number(found.rate_per_s)} {found.unit}/s held, confirmed {times(found.confirmations)}"
    return Headline(title, "found", told)


def _scale(stream: Stream) -> Headline:
    title = f"Scaling on {stream.header.target}"
    cells = stream.of(Cell)
    chosen = next((cell for cell in cells if cell.is_recommended), None)
    if chosen is None:
        return Headline(title, "failed", f"none of {many(len(cells), 'configuration')} is recommended")
    return Headline(
        title,
        "found",
        f"{chosen.vectors_per_request:,} vectors per request with {chosen.in_flight:,} in flight: "
        f"{number(chosen.vectors_per_s)} vectors/s",
    )


def _benchmarks(stream: Stream) -> Headline:
    found = stream.of(Benchmark)
    if not found:
        return Headline("Microbenchmarks", "failed", "nothing was measured")
    groups = len({each.group for each in found})
    return Headline(
        "Microbenchmarks", "found", f"{many(len(found), 'benchmark')} in {many(groups, 'group')} measured"
    )


def _peers(stream: Stream) -> Headline:
    found = stream.of(PeerRun)
    known = [each for each in found if not each.problem]
    if not known:
        return Headline("Clients side by side", "failed", "nothing was measured")
    clients, works = ({getattr(each, name) for each in found} for name in ("client", "work"))
    told = f"{len(known):,} of {many(len(found), 'measurement')} taken: "
    told += f"{many(len(clients), 'client')}, {many(len(works), 'work')}"
    return Headline("Clients side by side", "found", told)


#: Kind of run that finds something out to what it found.
FOUND: Mapping[str, Callable[[Stream], Headline]] = {
    "capacity": _capacity,
    "scale": _scale,
    "benchmarks": _benchmarks,
    "peers": _peers,
}
