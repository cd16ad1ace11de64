"""What a run leaves for CI beside its result stream: the same for every command that judges one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vecgate.errors import SourceError
from vecgate.gate.load import load_line_of
from vecgate.gate.verdict import Verdict, line_of, verdict_line
from vecgate.reporting.annotations import annotation_lines
from vecgate.reporting.badge import badge_of
from vecgate.reporting.ctrf import ctrf_report
from vecgate.reporting.files import write_text
from vecgate.reporting.junit import junit_of_checks, junit_report
from vecgate.reporting.load_markdown import load_markdown
from vecgate.reporting.markdown import markdown_report
from vecgate.results.records import Stream
from vecgate.results.summary import summary_of

#: The file that GitHub reads the outputs of a step from.
OUTPUT_VARIABLE = "GITHUB_OUTPUT"


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """What to write, as the options of the same names have it; None for nothing."""

    junit: Path | None = None
    markdown: Path | None = None
    ctrf: Path | None = None
    badge: Path | None = None
    annotations: bool = False


def write_outputs(
    stream: Stream,
    verdict: Verdict,
    files: OutputFiles,
    *,
    environ: Mapping[str, str],
    report: Path | None = None,
    about: Path | None = None,
) -> list[str]:
    """Write *files* for the run in *stream*, and give what is to be said on stderr, a line each.

    environ  of the process: where GitHub names a file for them, the outputs of the step go there
    report   where the run is kept, an output of the step
    about    the file that says what must hold; annotations point into it

    Raises UsageError where one cannot be written.
    """
    if files.junit:
        write_text(files.junit, junit_of(stream, verdict))
    if files.ctrf:
        write_text(files.ctrf, ctrf_report(stream, verdict, line_for(stream, verdict)).decode())
    if files.badge:
        write_text(files.badge, badge_of(stream, verdict))
    if files.markdown:
        write_text(files.markdown, markdown_of(stream, verdict), is_added=True)
    if not files.annotations:
        return []
    if path := environ.get(OUTPUT_VARIABLE):
        told = step_outputs(stream, verdict, report)
        text = "".join(f"{name}={value}\n" for name, value in told.items())
        write_text(Path(path), text, is_added=True)
    return annotation_lines(stream, verdict, about)


def step_outputs(stream: Stream, verdict: Verdict, report: Path | None) -> dict[str, str]:
    """What later steps of a workflow are told: `verdict`, `report`, and `p99_ms` of a load run."""
    # A line break would end the value, and begin another output.
    told = {"verdict": verdict.grade, "report": " ".join(str(report or "").splitlines())}
    if stream.header.kind == "load" and (p99_ms := _p99_ms(stream)) is not None:
        told["p99_ms"] = f"{p99_ms:g}"
    return told


def _p99_ms(stream: Stream) -> float | None:
    try:
        whole = summary_of(stream).whole
    except SourceError:
        return None
    return whole.response.percentile_ms(99) if whole.requests else None


def line_for(stream: Stream, verdict: Verdict) -> str:
    """The last line on a run of any kind."""
    if stream.header.kind == "conformance":
        return line_of(verdict, stream.run)
    try:
        return load_line_of(verdict, summary_of(stream))
    except SourceError:
        return verdict_line(verdict, stream.header.kind)


def junit_of(stream: Stream, verdict: Verdict) -> str:
    """A run of any kind as JUnit XML."""
    if stream.header.kind == "conformance":
        return junit_report(stream.run, verdict)
    return junit_of_checks(stream, verdict)


def markdown_of(stream: Stream, verdict: Verdict) -> str:
    """A run of any kind as Markdown."""
    if stream.header.kind == "conformance":
        return markdown_report(stream.run, verdict)
    try:
        return load_markdown(stream, verdict)
    except SourceError:
        return f"## {line_for(stream, verdict)}\n"
