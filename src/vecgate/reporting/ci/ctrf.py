"""A run as CTRF, the Common Test Report Format: JSON that many CI tools read.

Draft 0.0.0 of the specification, of 2025-11-24, https://ctrf.io (read 2026-11-24). Data that the format does
not define are under `extra`, with names that start with `vecgate.`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from vecgate.gate.verdict import Check, Verdict
from vecgate.printable import printable
from vecgate.redaction import redact_values
from vecgate.reporting.ci.failing_cases import tolerated_failures, unexplained_checks
from vecgate.reporting.operation_matrix import group_of
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.records import Result, Stream

SPEC_VERSION = "0.0.0"
STATUSES = ("passed", "failed", "skipped", "pending", "other")
#: A known deviation was run and did not pass, so it is neither passed, failed nor skipped. The same goes for
#: a failure that the rules tolerate.
OUTCOME_STATUSES = {
    "passed": "passed",
    "failed": "failed",
    "unexpected-pass": "failed",
    "deviation": "other",
    "unsupported": "skipped",
    "skipped": "skipped",
}
TOLERATED_STATUS = "other"
GRADE_STATUSES = {"passed": "passed", "failed": "failed", "inconclusive": "other"}

Json: TypeAlias = dict[str, Any]


def ctrf_report(stream: Stream, verdict: Verdict, line: str) -> bytes:
    """Return the document with a test for each requirement and each other failure, or for each check.

    *line* is the verdict in a line.
    """
    tests = list(_result_tests(stream, verdict)) or [_check_test(stream, check) for check in verdict.checks]
    header, start_ms = stream.header, _epoch_ms(stream.header.started_at)
    duration_ms = round(stream.footer.duration_s * 1e3) if stream.footer else 0
    results = {
        "tool": {"name": "vecgate", "version": header.versions.get("vecgate", "")},
        "summary": _summary(tests, start_ms, duration_ms),
        "tests": tests,
        "environment": {
            "testEnvironment": header.target,
            "osPlatform": header.environment.get("system", ""),
            "healthy": bool(verdict),
            "extra": {"vecgate.machine": dict(header.environment), "vecgate.versions": dict(header.versions)},
        },
        "extra": {
            "vecgate.verdict": verdict.grade,
            "vecgate.line": line,
            "vecgate.checks": [_check(check) for check in verdict.checks],
        },
    }
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "timestamp": stream.footer.ended_at if stream.footer else header.started_at,
        "generatedBy": "vecgate",
        "extra": {"vecgate.run": header.run, "vecgate.kind": header.kind},
        "results": results,
    }
    return orjson.dumps(redact_values(document, replace=printable), option=orjson.OPT_INDENT_2)


def _summary(tests: Sequence[Json], start_ms: int, duration_ms: int) -> Json:
    counts = Counter(test["status"] for test in tests)
    return {
        "tests": len(tests),
        **{status: counts[status] for status in STATUSES},
        "start": start_ms,
        "stop": start_ms + duration_ms,
        "duration": duration_ms,
    }


def _result_tests(stream: Stream, verdict: Verdict) -> Iterator[Json]:
    results = stream.of(Result)
    tolerated = tolerated_failures(results, verdict)
    for result in results:
        status = TOLERATED_STATUS if result.id in tolerated else OUTCOME_STATUSES[result.outcome]
        yield _result_test(result, status)
    for check in unexplained_checks(results, verdict) if results else ():
        yield _check_test(stream, check)


def _result_test(result: Result, status: str) -> Json:
    test: Json = {
        "name": result.id,
        "status": status,
        "rawStatus": result.outcome,
        "duration": round(result.duration_s * 1e3),
        "suite": [group_of(result.id)],
        "filePath": result.test.partition("::")[0],
        "tags": [result.level],
        "extra": {
            "vecgate.claim": result.claim,
            "vecgate.evidence": result.evidence,
            "vecgate.source": result.source,
            "vecgate.request-id": result.request_id,
        },
    }
    optional = {"message": result.reason, "trace": result.detail, "threadId": result.worker}
    return test | {name: text for name, text in optional.items() if text}


def _check_test(stream: Stream, check: Check) -> Json:
    plan = stream.first(LoadPlan)
    return {
        "name": check.name,
        "status": GRADE_STATUSES[check.grade],
        "rawStatus": check.grade,
        "duration": 0,
        "suite": [plan.scenario if plan else stream.header.kind],
        "message": "\n".join((check.measured, *check.ids)),
    }


def _check(check: Check) -> Json:
    return {"name": check.name, "measured": check.measured, "verdict": check.grade, "ids": list(check.ids)}


def _epoch_ms(timestamp: str) -> int:
    try:
        return round(datetime.fromisoformat(timestamp).timestamp() * 1e3)
    except ValueError:
        return 0
