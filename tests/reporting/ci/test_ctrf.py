from __future__ import annotations

import json
from typing import Any

import pytest
from result_builders import header, result, run
from sample_streams import load_stream

from vecgate.gate.conformance_verdict import judge_conformance
from vecgate.gate.load_verdict import judge_load
from vecgate.gate.verdict import Verdict
from vecgate.reporting.ci.ctrf import ctrf_report
from vecgate.results.records import ConformanceRun, Stream

#: Required and known names in the schema of the draft of 2025-11-24, which forbids all others.
REQUIRED = {
    "document": {"reportFormat", "specVersion", "results"},
    "results": {"tool", "summary", "tests"},
    "summary": {"tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"},
    "test": {"name", "status", "duration"},
}
KNOWN = {
    "document": REQUIRED["document"] | {"reportId", "timestamp", "generatedBy", "extra", "baseline"},
    "results": REQUIRED["results"] | {"environment", "extra"},
    "summary": REQUIRED["summary"] | {"flaky", "suites", "duration", "extra"},
    "test": REQUIRED["test"]
    | {"id", "start", "stop", "suite", "message", "trace", "snippet", "line", "rawStatus", "tags", "labels"}
    | {"type", "filePath", "retries", "flaky", "threadId", "parameters", "extra"},
    "environment": {"testEnvironment", "osPlatform", "healthy", "extra"},
}


def report(stream: Stream, verdict: Verdict) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ctrf_report(stream, verdict, "the line"))
    return document


def conformance(run: ConformanceRun) -> dict[str, Any]:
    return report(Stream(run.header, run.results, run.footer), judge_conformance(run))


def load() -> dict[str, Any]:
    stream = load_stream(30, throttled_from=20)
    return report(stream, judge_load(stream))


def test_the_document_matches_the_schema(mixed: ConformanceRun) -> None:
    """It has all required names and no unknown ones."""
    for document in (conformance(mixed), load()):
        results = document["results"]
        parts = [("document", document), ("results", results), ("summary", results["summary"])]
        for kind, part in [*parts, *(("test", test) for test in results["tests"])]:
            assert REQUIRED[kind] <= part.keys() <= KNOWN[kind]
        assert results["environment"].keys() <= KNOWN["environment"]
        assert (document["reportFormat"], document["specVersion"]) == ("CTRF", "0.0.0")
        assert all(isinstance(test["duration"], int) for test in results["tests"])


def test_extensions_have_names_with_a_prefix(mixed: ConformanceRun) -> None:
    """The specification requires it."""
    document = conformance(mixed)
    extras = [document["extra"], document["results"]["extra"], document["results"]["tests"][0]["extra"]]
    assert all(name.startswith("vecgate.") for extra in extras for name in extra)
    assert document["results"]["extra"]["vecgate.line"] == "the line"


def test_a_known_deviation_is_neither_passed_nor_failed(mixed: ConformanceRun) -> None:
    """Its status is `other`. `rawStatus` has the outcome as vecgate names it."""
    results = conformance(mixed)["results"]
    assert {test["rawStatus"]: test["status"] for test in results["tests"] if "tags" in test} == {
        "passed": "passed",
        "failed": "failed",
        "unexpected-pass": "failed",
        "deviation": "other",
        "unsupported": "skipped",
        "skipped": "skipped",
    }
    summary = results["summary"]
    assert [summary[name] for name in ("tests", "passed", "failed", "skipped", "pending", "other")] == [
        *(7, 1, 3, 2, 0, 1)
    ]
    assert (summary["start"], summary["stop"] - summary["start"]) == (1_795_514_400_000, 60_000)


def test_a_test_fails_if_and_only_if_the_gate_does_not_pass(mixed: ConformanceRun) -> None:
    """A stale deviation is a test; a tolerated failure is not failed."""
    tests = {test["name"]: test for test in conformance(mixed)["results"]["tests"]}
    assert (tests["deviations"]["status"], tests["deviations"]["suite"]) == ("failed", ["conformance"])
    assert tests["deviations"]["message"].endswith("\nstale.x: no requirement has this id")
    may = conformance(run(result("a.b"), result("a.c", "failed", level="may")))["results"]
    assert {test["name"]: test["status"] for test in may["tests"]} == {"a.b": "passed", "a.c": "other"}
    assert may["summary"]["failed"] == 0


def test_a_failure_has_reason_details_and_operation(mixed: ConformanceRun) -> None:
    """The document is readable without other files."""
    tests = {test["name"]: test for test in conformance(mixed)["results"]["tests"]}
    failed = tests["put-vectors.b[x|y]"]
    assert (failed["message"], failed["suite"], failed["tags"]) == ("assert 1 == 2", ["PutVectors"], ["must"])
    assert failed["trace"].startswith("request  {'a': 1}")
    assert tests["put-vectors.a"]["threadId"] == "gw0"
    assert "message" not in tests["put-vectors.a"]


def test_the_thresholds_of_a_load_run_are_its_tests() -> None:
    """Each has a status and the measured value."""
    tests = {test["name"]: test for test in load()["results"]["tests"]}
    assert tests["dropped == 0"]["status"] == "passed"
    assert tests["achieved >= 99%"]["status"] == "failed"
    assert "below the limit" in tests["achieved >= 99%"]["message"]
    assert tests["achieved >= 99%"]["suite"] == ["ramp-1000"]


@pytest.mark.parametrize("started_at", ["2026-11-24", "yesterday"])
def test_an_incomplete_run_has_a_report(started_at: str) -> None:
    """Unknown times are 0."""
    stream = Stream(header(kind="load", started_at=started_at), (), None)
    document = report(stream, judge_load(stream))
    assert document["results"]["summary"]["duration"] == 0
    assert document["results"]["tests"][0]["status"] == "other"
