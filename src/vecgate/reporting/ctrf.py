"""A run as CTRF, the Common Test Report Format: JSON that many CI tools read.

Draft 0.0.0 of the specification, of 2025-11-24, https://ctrf.io (read 2026-11-24). What it has no word for
stands under `extra`, in names that begin with `vecgate.`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from vecgate.gate.verdict import Check, Verdict
from vecgate.reporting.blame import excused_in, unexplained_in
from vecgate.reporting.matrix import group_of
from vecgate.results.load import Plan
from vecgate.results.records import Result, Stream

SPEC_VERSION = "0.0.0"
STATUSES = ("passed", "failed", "skipped", "pending", "other")
#: A known deviation has been run and has not passed; it is neither a pass nor news. So is a failure that no
#: rule holds against the run.
STATUS_OF = {
    "passed": "passed",
    "failed": "failed",
    "outgrown": "failed",
    "deviation": "other",
    "unsupported": "skipped",
    "skipped": "skipped",
}
EXCUSED = "other"
STATUS_OF_GRADE = {"passed": "passed", "failed": "failed", "unjudged": "other"}

Json: TypeAlias = dict[str, Any]


def ctrf_report(stream: Stream, verdict: Verdict, line: str) -> bytes:
    """The document: a test for each requirement and for what fails beside them, or for each check."""
    tests = list(_of_results(stream, verdict)) or [_of_check(stream, check) for check in verdict.checks]
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
        "extra": {"vecgate.verdict": verdict.grade, "vecgate.line": line, "vecgate.checks": _checks(verdict)},
    }
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "timestamp": stream.footer.ended_at if stream.footer else header.started_at,
        "generatedBy": "vecgate",
        "extra": {"vecgate.run": header.run, "vecgate.kind": header.kind},
        "results": results,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _summary(tests: Sequence[Json], start_ms: int, duration_ms: int) -> Json:
    counts = Counter(test["status"] for test in tests)
    return {
        "tests": len(tests),
        **{status: counts[status] for status in STATUSES},
        "start": start_ms,
        "stop": start_ms + duration_ms,
        "duration": duration_ms,
    }


def _of_results(stream: Stream, verdict: Verdict) -> Iterator[Json]:
    results = stream.of(Result)
    excused = excused_in(results, verdict)
    for result in results:
        yield _of_result(result, EXCUSED if result.id in excused else STATUS_OF[result.outcome])
    for check in unexplained_in(results, verdict) if results else ():
        yield _of_check(stream, check)


def _of_result(result: Result, status: str) -> Json:
    told: Json = {
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
    return told | {name: text for name, text in optional.items() if text}


def _of_check(stream: Stream, check: Check) -> Json:
    plan = stream.first(Plan)
    return {
        "name": check.name,
        "status": STATUS_OF_GRADE[check.grade],
        "rawStatus": check.grade,
        "duration": 0,
        "suite": [plan.scenario if plan else stream.header.kind],
        "message": "\n".join((check.measured, *check.ids)),
    }


def _checks(verdict: Verdict) -> list[Json]:
    return [_check(check) for check in verdict.checks]


def _check(check: Check) -> Json:
    return {"name": check.name, "measured": check.measured, "verdict": check.grade, "blamed": list(check.ids)}


def _epoch_ms(moment: str) -> int:
    try:
        return round(datetime.fromisoformat(moment).timestamp() * 1e3)
    except ValueError:
        return 0
