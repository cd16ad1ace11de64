"""The figures of a run for github-action-benchmark, which keeps and draws them for each commit."""

from __future__ import annotations

import orjson

from vecgate.errors import SourceError
from vecgate.gate.compare.comparable_figures import load_figures
from vecgate.gate.conformance_verdict import count_outcomes
from vecgate.gate.requirement_outcomes import merge_cases
from vecgate.gate.verdict import Verdict
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream

#: Outcomes of requirements of which there should be few.
BAD_OUTCOMES = ("failed", "deviation", "unexpected-pass", "unsupported", "skipped")
DIGITS = 6


def trend_json(stream: Stream, verdict: Verdict) -> str:
    """Return the figures of which less is better, as its tool `customSmallerIsBetter` reads them.

    The list is empty if the run is inconclusive: what was not measured must not become part of a curve.
    """
    entries = [] if verdict.grade == "inconclusive" else _entries(stream)
    return orjson.dumps(entries, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _entries(stream: Stream) -> list[dict[str, object]]:
    if stream.header.kind == "conformance":
        counts = count_outcomes(merge_cases(stream.run.results))
        return [
            {"name": f"conformance: {outcome}", "unit": "requirements", "value": counts[outcome]}
            for outcome in BAD_OUTCOMES
        ]
    try:
        scenario, figures = summarize(stream).plan.scenario, load_figures(stream, seed=None)
    except SourceError:
        return []
    return [
        {
            "name": f"{scenario}: {name}",
            "unit": figure.unit,
            "value": round(figure.value * (100 if figure.unit == "%" else 1), DIGITS),
        }
        for name, figure in figures.items()
        if figure.sign > 0
    ]
