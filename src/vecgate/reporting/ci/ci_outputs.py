"""The files and annotations that a command writes for CI. All commands that judge a run share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vecgate.errors import SourceError
from vecgate.gate.conformance_verdict import conformance_verdict_line
from vecgate.gate.load_verdict import load_verdict_line
from vecgate.gate.verdict import Verdict, verdict_line
from vecgate.reporting.ci.annotations import annotation_lines
from vecgate.reporting.ci.badge import run_badge
from vecgate.reporting.ci.ctrf import ctrf_report
from vecgate.reporting.ci.junit import checks_junit, conformance_junit
from vecgate.reporting.ci.trend import trend_json
from vecgate.reporting.output_files import write_text
from vecgate.reporting.text.conformance_text import conformance_markdown
from vecgate.reporting.text.load_text import load_markdown
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream

#: Environment variable with the file for the outputs of a GitHub step.
OUTPUT_VARIABLE = "GITHUB_OUTPUT"


@dataclass(frozen=True, slots=True)
class CiOutputs:
    """The files to write, named like the options; None for those not wanted."""

    junit: Path | None = None
    markdown: Path | None = None
    ctrf: Path | None = None
    badge: Path | None = None
    trend: Path | None = None
    annotations: bool = False


def write_ci_outputs(
    stream: Stream,
    verdict: Verdict,
    files: CiOutputs,
    *,
    environ: Mapping[str, str],
    report: Path | None = None,
    config_file: Path | None = None,
) -> list[str]:
    """Write *files* about the run in *stream*, and return the annotations as lines for stderr.

    environ      of the process; outputs of a GitHub step go to the file that it names
    report       file of the result stream, an output of the step
    config_file  file with deviations or with a scenario; annotations point into it

    Raises UsageError if a file cannot be written.
    """
    if files.junit:
        write_text(files.junit, run_junit(stream, verdict))
    if files.ctrf:
        write_text(files.ctrf, ctrf_report(stream, verdict, run_verdict_line(stream, verdict)).decode())
    if files.badge:
        write_text(files.badge, run_badge(stream, verdict))
    if files.trend:
        write_text(files.trend, trend_json(stream, verdict))
    if files.markdown:
        write_text(files.markdown, run_markdown(stream, verdict), append=True)
    if not files.annotations:
        return []
    if path := environ.get(OUTPUT_VARIABLE):
        outputs = step_outputs(stream, verdict, report)
        text = "".join(f"{name}={value}\n" for name, value in outputs.items())
        write_text(Path(path), text, append=True)
    return annotation_lines(stream, verdict, config_file)


def step_outputs(stream: Stream, verdict: Verdict, report: Path | None) -> dict[str, str]:
    """Return the outputs for later steps of a workflow: `verdict`, `report`, and `p99_ms` of a load run."""
    # A line break in a value would start another output.
    outputs = {"verdict": verdict.grade, "report": " ".join(str(report or "").splitlines())}
    if stream.header.kind == "load" and (p99_ms := _p99_ms(stream)) is not None:
        outputs["p99_ms"] = f"{p99_ms:g}"
    return outputs


def _p99_ms(stream: Stream) -> float | None:
    try:
        total = summarize(stream).total
    except SourceError:
        return None
    return total.response.percentile_ms(99) if total.requests else None


def run_verdict_line(stream: Stream, verdict: Verdict) -> str:
    """Return the verdict line of a run of any kind."""
    if stream.header.kind == "conformance":
        return conformance_verdict_line(verdict, stream.run)
    try:
        return load_verdict_line(verdict, summarize(stream))
    except SourceError:
        return verdict_line(verdict, stream.header.kind)


def run_junit(stream: Stream, verdict: Verdict) -> str:
    """Return the JUnit XML of a run of any kind."""
    if stream.header.kind == "conformance":
        return conformance_junit(stream.run, verdict)
    return checks_junit(stream, verdict)


def run_markdown(stream: Stream, verdict: Verdict) -> str:
    """Return the job summary of a run of any kind."""
    if stream.header.kind == "conformance":
        return conformance_markdown(stream.run, verdict)
    try:
        return load_markdown(stream, verdict)
    except SourceError:
        return f"## {run_verdict_line(stream, verdict)}\n"
