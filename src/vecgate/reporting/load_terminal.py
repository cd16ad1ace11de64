"""A load run on the terminal: operations, stages, what happened, the thresholds, and the verdict last."""

from __future__ import annotations

from vecgate.gate.load import load_line_of
from vecgate.gate.verdict import Verdict
from vecgate.reporting.load_tables import OPERATIONS, RIGHT, STAGES, facts, operation_rows, stage_rows
from vecgate.reporting.terminal import check_lines, table_lines
from vecgate.results.records import Stream
from vecgate.results.summary import Summary, summary_of


def load_text(stream: Stream, verdict: Verdict, *, summary: Summary | None = None) -> str:
    """The report as text, without colours. Raises SourceError where *stream* holds no load run."""
    found = summary or summary_of(stream)
    parts = [
        "\n".join(table_lines([OPERATIONS, *operation_rows(found)], right=RIGHT)) if found.requests else "",
        "\n".join(table_lines([STAGES, *stage_rows(found)], right=RIGHT)) if found.stages else "",
        "\n".join(table_lines(list(facts(stream, found)))),
        "\n".join(check_lines(verdict)),
        load_line_of(verdict, found),
    ]
    return "\n\n".join(part for part in parts if part)
