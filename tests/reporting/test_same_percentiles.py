"""One p99 for each stage and operation: the same on the terminal, in the page and in JSON."""

from __future__ import annotations

import json

import pytest
from sample_streams import load_stream

from vecgate.formatting import format_milliseconds, format_number
from vecgate.gate.load_verdict import judge_load
from vecgate.reporting.html.components import Table
from vecgate.reporting.html.views.latency_charts import latency_table
from vecgate.reporting.html.views.load_tables import load_tables
from vecgate.reporting.text.load_json import load_dict
from vecgate.reporting.text.load_text import operation_table, stage_table
from vecgate.results.load.load_summary import summarize

STREAM = load_stream(60, ("PutVectors", "QueryVectors"), stall_at=30)
SUMMARY = summarize(STREAM)


def cells(table: Table) -> list[list[str]]:
    return [[each if isinstance(each, str) else each.text for each in row] for row in table.rows]


@pytest.fixture(scope="module")
def as_json() -> dict[str, object]:
    verdict = judge_load(STREAM, summary=SUMMARY)
    found: dict[str, object] = json.loads(json.dumps(load_dict(STREAM, verdict, SUMMARY)))
    return found


def test_the_p99_of_an_operation_is_one_number(as_json: dict[str, object]) -> None:
    """Of response and service times."""
    page = {(row[0], row[1]): row[5] for row in cells(latency_table(SUMMARY.operations, ""))}
    text = {line.split()[0]: line for line in operation_table(SUMMARY)}
    operations = as_json["operations"]
    assert isinstance(operations, dict)
    for name, counts in operations.items():
        for kind in ("response", "service"):
            p99_ms = counts[f"{kind}_ms"]["p99"]
            assert page[name, kind].startswith(format_number(p99_ms))
            assert format_milliseconds(p99_ms) in text[name]


def test_the_p99_of_a_stage_is_one_number(as_json: dict[str, object]) -> None:
    """Of all operations together."""
    tables = load_tables(STREAM, SUMMARY, has_histograms=True)
    page = next(cells(each) for each in tables if each.caption == "Stages")
    text = {line.split()[0]: line for line in stage_table(SUMMARY)}
    stages = as_json["stages"]
    assert isinstance(stages, list)
    for stage, row in zip(stages, page, strict=True):
        p99_ms = stage["response_ms"]["p99"]
        assert (row[0], stage["name"]) == (stage["name"], row[0])
        assert row[-1].startswith(format_number(p99_ms))
        assert format_milliseconds(p99_ms) in text[stage["name"]]
