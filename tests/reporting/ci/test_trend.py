"""The figures for github-action-benchmark."""

from __future__ import annotations

import json

from sample_streams import load_stream

from vecgate.gate.conformance_verdict import judge_conformance
from vecgate.gate.load_verdict import judge_load
from vecgate.gate.verdict import Check, Verdict
from vecgate.reporting.ci.trend import trend_json
from vecgate.results.records import Stream


def test_a_load_run_has_its_latencies_and_its_failures() -> None:
    """Of each operation, named after the scenario; all of them are better when they are smaller."""
    stream = load_stream()
    entries = json.loads(trend_json(stream, judge_load(stream)))
    assert all(set(each) == {"name", "unit", "value"} for each in entries)
    names = {each["name"].partition(": ")[2] for each in entries}
    assert {"dropped", "p50(PutVectors)", "p99(PutVectors)", "errors(PutVectors)"} <= names
    assert "achieved" not in names
    assert len(names) == len(entries)


def test_a_conformance_run_has_the_numbers_of_what_does_not_pass(mixed_stream: Stream) -> None:
    """A server that gets better has smaller numbers."""
    entries = json.loads(trend_json(mixed_stream, judge_conformance(mixed_stream.run)))
    assert {each["unit"] for each in entries} == {"requirements"}
    assert next(each["value"] for each in entries if each["name"] == "conformance: failed") > 0


def test_an_inconclusive_run_is_no_point_of_a_curve() -> None:
    """Its figures are those of the load generator."""
    verdict = Verdict((Check("generator", "too slow", "inconclusive"),))
    assert verdict.grade == "inconclusive"
    assert json.loads(trend_json(load_stream(), verdict)) == []
