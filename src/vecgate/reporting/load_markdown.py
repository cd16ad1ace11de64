"""A load run as Markdown for the summary of a CI job: verdict, thresholds, then what they rest on."""

from __future__ import annotations

from vecgate.gate.load import load_line_of
from vecgate.gate.verdict import Verdict
from vecgate.reporting.load_tables import OPERATIONS, STAGES, facts, operation_rows, stage_rows
from vecgate.reporting.markup import cell, cut, escaped, table
from vecgate.results.records import Stream
from vecgate.results.summary import summary_of


def load_markdown(stream: Stream, verdict: Verdict) -> str:
    """The report, below 200 KB. Raises SourceError where *stream* holds no load run."""
    found = summary_of(stream)
    parts = [
        f"## {cell(load_line_of(verdict, found))}",
        table(("check", "measured", "verdict"), [[c.name, c.measured, c.grade] for c in verdict.checks]),
        "### By operation" if found.requests else "",
        table(OPERATIONS, operation_rows(found)) if found.requests else "",
        "### By stage" if found.stages else "",
        table(STAGES, stage_rows(found)) if found.stages else "",
        "\n".join(f"- {name}: {escaped(told)}" for name, told in facts(stream, found)),
    ]
    return cut("\n\n".join(part for part in parts if part) + "\n")
