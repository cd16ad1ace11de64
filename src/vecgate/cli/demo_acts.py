"""What the demo does beside its ingest: a conformance run, a load ramp, and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vecgate.cli.conform_run import LiveCount
from vecgate.cli.ramp_live import LiveTable
from vecgate.gate.load import judge_load, load_line_of
from vecgate.gate.verdict import Verdict, judge, line_of
from vecgate.load.runner import Test, run_scenario
from vecgate.reporting.load_tables import RIGHT, STAGES, stage_rows
from vecgate.reporting.terminal import table_lines
from vecgate.results.records import Stream
from vecgate.results.stream import begin_anew, read_stream
from vecgate.results.summary import summary_of
from vecgate.targets.target import TargetChoice
from vecgate.testing.running import run_suite

SCENARIO = "ramp-1000"
#: Ten seconds of it.
SHORTER = {"stages.duration": "0.125"}
#: Extra to a module that only it brings.
EXTRAS = {"conformance": "hypothesis", "load": "locust", "report": "vl_convert"}


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the demo: its result stream, the verdict on it, and its last line."""

    stream: Stream
    verdict: Verdict
    line: str

    @property
    def text(self) -> str:
        """What there is to see on a terminal."""
        if self.stream.header.kind != "load":
            return self.line
        rows = [STAGES, *stage_rows(summary_of(self.stream))]
        return "\n".join([*table_lines(rows, right=RIGHT), self.line])


def missing_extras() -> list[str]:
    """The extras that the acts need and that are not installed."""
    return [extra for extra, module in EXTRAS.items() if find_spec(module) is None]


def conformance(folder: Path, *, quiet: bool) -> Act:
    """The quick level of the suite against the local endpoint."""
    results, live = folder / "conformance.jsonl", LiveCount(quiet=quiet)
    begin_anew(results)
    arguments = ["--vecgate-target=local", "--vecgate-level=quick", f"--vecgate-results={results}"]
    try:
        run_suite(arguments, results, live.add)
    finally:
        live.close()
    stream = read_stream(results)
    verdict = judge(stream.run)
    return Act(stream, verdict, line_of(verdict, stream.run))


def ramp(folder: Path, *, quiet: bool) -> Act:
    """A ramp to 1,000 vectors a second against the local endpoint."""
    live = LiveTable(quiet=quiet)
    test = Test(SCENARIO, TargetChoice("local"), folder / f"{SCENARIO}.jsonl", overrides=SHORTER)
    try:
        stream = run_scenario(test, live.add)
    finally:
        live.close()
    summary = summary_of(stream)
    verdict = judge_load(stream, summary=summary)
    return Act(stream, verdict, load_line_of(verdict, summary))


def report(folder: Path, streams: Sequence[Stream]) -> Path:
    """The report of *streams*, in *folder*."""
    # What draws is large: it is loaded for this alone.
    from vecgate.reporting.html.page import render  # noqa: PLC0415 - as above

    path = folder / "report.html"
    path.write_text(render(streams), encoding="utf-8")
    return path
