"""The steps of `vecgate demo`: ingest and read back, a conformance run, a load ramp, and a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from vecgate.bulk.config import PRESETS
from vecgate.bulk.core.record_blocks import Float32Matrix
from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.index_setup import create_index
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.sources import Source, open_source
from vecgate.bulk.transport.sender import Sender
from vecgate.cli.commands.query import query_rows
from vecgate.cli.options import open_chosen_target, print_status
from vecgate.cli.run_safeguards import interruptible
from vecgate.cli.runs.bulk_result_stream import BulkResultStream
from vecgate.cli.runs.bulk_write import run_bulk_write
from vecgate.cli.runs.conform_run import LiveCount
from vecgate.cli.runs.load.live_table import LiveTable
from vecgate.cli.runs.load.sweep_report import curve_lines, point_line, verdict_line
from vecgate.conformance_kit.suite_run import run_suite
from vecgate.gate.conformance_verdict import conformance_verdict_line, judge_conformance
from vecgate.gate.load_verdict import judge_load, load_verdict_line
from vecgate.gate.verdict import Verdict
from vecgate.load.experiments.sweep_experiment import SweepExperiment
from vecgate.load.experiments.sweep_points import SweepGoal
from vecgate.load.load_runner import LoadTest, run_scenario
from vecgate.reporting.output_files import write_text
from vecgate.reporting.text.load_text import stage_table
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream
from vecgate.results.result_stream import create_empty_stream, read_stream
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import TargetChoice

ADDRESS = IndexAddress("demo", "pypi-packages")
#: The package whose neighbours are searched.
QUERY_KEY = "locust"
RECENT = {"year": {"$gte": 2026}}
RESULTS_MAX = 5
PRESET = PRESETS["steady"]
SCENARIO = "ramp-1000"
#: Shortens the scenario to five seconds.
OVERRIDES = {"stages.duration": "0.0625"}
SWEEP_SCENARIO, SWEEP_RATES, SWEEP_TRIAL_S = "query", (50.0, 150.0, 450.0), 1.5
#: Few vectors, because each rate has an index of its own.
SWEEP_OVERRIDES = {
    "preload": "500",
    "vectors.pool": "500",
    "vectors.dimension": "384",
    "query.recall_sample": "20",
}
#: Extra to a module that only this extra installs.
EXTRAS = {"conformance": "hypothesis", "load": "locust", "report": "jinja2"}


@dataclass(frozen=True, slots=True)
class IngestCheck:
    """The ingest, and what was read back after it.

    outcome    of the ingest
    returned   vectors that the scan returned
    bit_exact  of these, equal to the file in every bit
    similar    the packages nearest to `QUERY_KEY`
    recent     the nearest that were released recently
    """

    outcome: BulkOutcome
    returned: int
    bit_exact: int
    similar: list[dict[str, Any]]
    recent: list[dict[str, Any]]

    @property
    def is_good(self) -> bool:
        """Every vector was written, and read back unchanged."""
        outcome = self.outcome
        is_written = outcome.is_complete and not outcome.rejected
        return is_written and outcome.total == self.returned == self.bit_exact


@dataclass(frozen=True, slots=True)
class DemoRun:
    """A run of the demo: its result stream, its verdict, and its last line.

    table  lines to show before it on a terminal
    """

    stream: Stream
    verdict: Verdict
    line: str
    table: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text for a terminal."""
        return "\n".join([*self.table, self.line])


def missing_extras() -> list[str]:
    """Return the extras that the runs need and that are not installed."""
    return [extra for extra, module in EXTRAS.items() if find_spec(module) is None]


@contextmanager
def open_packages() -> Iterator[Source]:
    """Yield the embeddings of PyPI packages that come with vecgate."""
    with as_file(files("vecgate") / "data" / "pypi-packages.parquet") as path:
        yield open_source(path)


def ingest(source: Source, sender: Sender, stream: BulkResultStream | None, *, quiet: bool) -> BulkOutcome:
    """Create the index and write *source* to it, recorded in *stream*."""
    create_index(sender, ADDRESS, IndexRules(source.dimension or 0, "cosine"))
    with TemporaryDirectory(prefix="vecgate-demo-") as folder:
        journal, rejects = Path(folder) / "journal", Path(folder) / "rejected.jsonl"
        return run_bulk_write(
            sender,
            ADDRESS,
            PRESET,
            lambda writer: writer.put(source, journal=journal, rejects=rejects),
            stream=stream,
            quiet=quiet,
        ).outcome


def read_back(source: Source, sender: Sender, outcome: BulkOutcome) -> IngestCheck:
    """Compare what the index returns with *source*, and search it."""
    reader = BulkReader(sender, bucket=ADDRESS.bucket, index=ADDRESS.index)
    sent = _rows_by_key((block.keys, block.vectors) for block in source.blocks())
    stored = _rows_by_key((page.keys, page.vectors) for page in reader.scan() if page.vectors is not None)
    bit_exact = sum(row.tobytes() == sent[key].tobytes() for key, row in stored.items() if key in sent)
    # The package itself is the nearest, so one more result is requested.
    row, top_k = sent[QUERY_KEY], RESULTS_MAX + 1
    answers = (
        reader.query(row, top_k, metadata=True),
        reader.query(row, top_k, filter=RECENT, metadata=True),
    )
    similar, recent = (
        [hit for hit in query_rows(answer) if hit["key"] != QUERY_KEY][:RESULTS_MAX] for answer in answers
    )
    return IngestCheck(outcome, len(stored), bit_exact, similar, recent)


def run_conformance(folder: Path, *, quiet: bool) -> DemoRun:
    """Run the quick level of the conformance suite against a local endpoint."""
    results, live = folder / "conformance.jsonl", LiveCount(quiet=quiet)
    create_empty_stream(results)
    arguments = ["--vecgate-target=local", "--vecgate-level=quick", f"--vecgate-results={results}"]
    try:
        run_suite(arguments, results, live.add)
    finally:
        live.close()
    stream = read_stream(results)
    verdict = judge_conformance(stream.run)
    return DemoRun(stream, verdict, conformance_verdict_line(verdict, stream.run))


def run_ramp(folder: Path, *, quiet: bool) -> DemoRun:
    """Ramp the load of a local endpoint to 1,000 vectors/s."""
    live = LiveTable(quiet=quiet)
    test = LoadTest(SCENARIO, TargetChoice("local"), folder / f"{SCENARIO}.jsonl", overrides=OVERRIDES)
    try:
        stream = run_scenario(test, live.add)
    finally:
        live.close()
    summary = summarize(stream)
    verdict = judge_load(stream, summary=summary)
    return DemoRun(stream, verdict, load_verdict_line(verdict, summary), tuple(stage_table(summary)))


def run_sweep(folder: Path, *, quiet: bool) -> DemoRun:
    """Search a local endpoint at rising rates."""
    choice, results = TargetChoice("local"), folder / "sweep.jsonl"
    test = LoadTest(SWEEP_SCENARIO, choice, Path(), overrides=SWEEP_OVERRIDES)
    experiment = SweepExperiment.prepare(test, SweepGoal(SWEEP_RATES), trial_s=SWEEP_TRIAL_S, operation="")
    with open_chosen_target(choice) as target:
        header = experiment.header(target)
    with interruptible() as is_interrupted:
        outcome = experiment.run(
            header,
            results=results,
            folder=None,
            max_usd=None,
            on_point=lambda point: print_status(point_line(point, experiment.plan.unit), quiet=quiet),
            is_interrupted=is_interrupted,
        )
    if outcome.is_interrupted:
        raise KeyboardInterrupt
    if outcome.failure is not None:
        raise outcome.failure
    table = curve_lines(outcome.points, outcome.knee)
    return DemoRun(read_stream(results), outcome.verdict, verdict_line(outcome), tuple(table))


def write_report(folder: Path, streams: Sequence[Stream]) -> Path:
    """Write the report of *streams* to *folder*, and return its path."""
    # The chart renderer is large, so it is imported only for this.
    from vecgate.reporting.html.report_page import render_report

    path = folder / "report.html"
    write_text(path, render_report(streams))
    return path


def _rows_by_key(pages: Any) -> dict[str, Float32Matrix]:  # noqa: ANN401 - any iterable of keys and matrices
    return {key: np.asarray(row) for keys, matrix in pages for key, row in zip(keys, matrix, strict=True)}
