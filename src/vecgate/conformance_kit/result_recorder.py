"""Records of the result stream, built from pytest's reports."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vecgate.conformance_kit.plugin_options import option
from vecgate.conformance_kit.target_session import TargetSession, is_opt_in_reason
from vecgate.gate.requirement_rules import BLOCKED_BY
from vecgate.redaction import redact
from vecgate.results.provenance import describe_machine, installed_versions, utc_now
from vecgate.results.records import Footer, Header, Outcome, Result
from vecgate.results.result_stream import StreamWriter
from vecgate.targets.run_header import target_version

#: Properties of a pytest report, which xdist passes on to the controller.
REQUIREMENT, REQUEST_ID = "vecgate-requirement", "vecgate-request-id"
PACKAGES = ("vecgate", "boto3", "botocore", "pytest", "hypothesis")
RECORDED_OPTIONS = ("level", "inferred", "quota", "hypothesis", "shuffle")
#: pytest's message for a test that is marked as a strict xfail and passes.
XPASS_STRICT = "[XPASS(strict)]"
REASON_CHARACTERS_MAX, DETAIL_CHARACTERS_MAX, REQUEST_ID_CHARACTERS_MAX = 300, 20_000, 200


def build_header(
    session: TargetSession,
    config: pytest.Config,
    *,
    missing_core: Sequence[str],
    required: Sequence[str] = (),
) -> Header:
    """Return the header of this run."""
    target = session.target
    return Header(
        run=session.run,
        started_at=utc_now(),
        target=target.name,
        url=target.endpoint_url or "",
        region=target.region,
        unsupported=session.capabilities.unsupported,
        missing_core=tuple(missing_core),
        required=tuple(required),
        versions=installed_versions(PACKAGES) | target_version(target),
        environment=describe_machine(),
        options={name: str(option(config, name)) for name in RECORDED_OPTIONS if option(config, name)},
    )


@dataclass(slots=True)
class SessionSummary:
    """Facts of a run that are not in the report of any test.

    requests          number of requests by operation
    throttled         number of requests that were refused by a limit of the rate, and sent again
    deselected        ids of requirements that were not selected
    stale_deviations  entries of the deviation file that are no longer true
    orphaned          resources that could not be removed
    problems          why the suite cannot run: requirement marks that are missing, duplicate or invalid
    uncollected       files of the suite that cannot be collected; their requirements are missing in the run
    """

    requests: Counter[str] = field(default_factory=Counter)
    throttled: int = 0
    deselected: set[str] = field(default_factory=set)
    stale_deviations: set[str] = field(default_factory=set)
    orphaned: list[str] = field(default_factory=list)
    problems: set[str] = field(default_factory=set)
    uncollected: set[str] = field(default_factory=set)

    def to_plain(self) -> dict[str, Any]:
        """Return plain values, as xdist requires them."""
        return {
            "requests": dict(self.requests),
            "throttled": self.throttled,
            "deselected": sorted(self.deselected),
            "stale_deviations": sorted(self.stale_deviations),
            "orphaned": list(self.orphaned),
            "problems": sorted(self.problems),
            "uncollected": sorted(self.uncollected),
        }

    def merge(self, plain: Mapping[str, Any]) -> None:
        """Add the summary of a worker. Every worker collects the whole suite, so ids repeat."""
        self.requests.update(plain.get("requests", {}))
        self.throttled += plain.get("throttled", 0)
        self.deselected.update(plain.get("deselected", ()))
        self.stale_deviations.update(plain.get("stale_deviations", ()))
        self.orphaned += plain.get("orphaned", [])
        self.problems.update(plain.get("problems", ()))
        self.uncollected.update(plain.get("uncollected", ()))


class ResultRecorder(StreamWriter):
    """Writes the result of each test when its last phase has ended."""

    def __init__(self, path: Path, header: Header) -> None:
        super().__init__(path)
        self._reports: dict[str, list[pytest.TestReport]] = {}
        self._started_s = time.monotonic()
        self.write(header)

    def add(self, report: pytest.TestReport) -> None:
        """Add the report of one phase of a test."""
        phases = self._reports.setdefault(report.nodeid, [])
        phases.append(report)
        if report.when == "teardown":
            del self._reports[report.nodeid]
            if result := build_result(phases):
                self.write(result)

    def end(self, summary: SessionSummary, *, is_complete: bool) -> None:
        """Write the footer."""
        self.write(
            Footer(
                ended_at=utc_now(),
                duration_s=round(time.monotonic() - self._started_s, 3),
                requests=dict(sorted(summary.requests.items())),
                throttled=summary.throttled,
                deselected=tuple(sorted(summary.deselected)),
                stale_deviations=tuple(sorted(summary.stale_deviations)),
                orphaned=tuple(summary.orphaned),
                is_complete=is_complete and not self._reports,
            )
        )


def build_result(phases: Sequence[pytest.TestReport]) -> Result | None:
    """Return the result of a test from the reports of its phases, or None if it checks no requirement."""
    properties: Mapping[str, Any] = {
        name: value for report in phases for name, value in report.user_properties
    }
    if REQUIREMENT not in properties:
        return None
    decisive = _decisive_report(phases)
    worker = getattr(decisive, "node", None)
    return Result(
        **properties[REQUIREMENT],
        test=decisive.nodeid,
        outcome=outcome_of(decisive),
        reason=encodable(strip_local_paths(redact(_reason(decisive))))[:REASON_CHARACTERS_MAX],
        detail=encodable(strip_local_paths(redact(_detail(decisive))))[:DETAIL_CHARACTERS_MAX],
        request_id=encodable(properties.get(REQUEST_ID, ""))[:REQUEST_ID_CHARACTERS_MAX],
        duration_s=round(sum(report.duration for report in phases), 4),
        worker=worker.gateway.id if worker is not None else "",
    )


def outcome_of(report: pytest.TestReport) -> Outcome:
    """Return the outcome of a test from its decisive report."""
    if report.passed:
        return "passed"
    if report.failed:
        return "unexpected-pass" if _is_unexpected_pass(report) else "failed"
    if hasattr(report, "wasxfail"):
        return "deviation"
    # The suite skips a test in its setup if the target does not support what the test needs.
    reason = _reason(report)
    is_unsupported = (
        report.when == "setup" and not is_opt_in_reason(reason) and not reason.startswith(BLOCKED_BY)
    )
    return "unsupported" if is_unsupported else "skipped"


def _is_unexpected_pass(report: pytest.TestReport) -> bool:
    return isinstance(report.longrepr, str) and report.longrepr.startswith(XPASS_STRICT)


def _decisive_report(phases: Sequence[pytest.TestReport]) -> pytest.TestReport:
    """Return the report that decides the outcome: a failed phase, else a skipped one, else the call."""
    failed = [report for report in phases if report.failed]
    not_passed = [report for report in phases if not report.passed]
    call = [report for report in phases if report.when == "call"]
    return (failed or not_passed or call or list(phases))[0]


def _reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ")
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    if _is_unexpected_pass(report):
        reason = str(report.longrepr).removeprefix(XPASS_STRICT).strip()
        return f"passes, although it is listed as a deviation: {reason}"
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        text = str(crash.message if crash is not None else report.longrepr)
        phase = "" if report.when == "call" else f"in {report.when}: "
        return phase + text.split("\n\n", maxsplit=1)[0].strip()
    return ""


def encodable(text: str) -> str:
    r"""Return *text* without the lone surrogates that a server can send as `"\\ud800"`: UTF-8 has none."""
    return text.encode(errors="backslashreplace").decode()


def strip_local_paths(text: str) -> str:
    """Remove the folders of this machine from *text*: results are published."""
    package = Path(__file__).parents[1]
    roots = {Path.cwd(), Path(sys.prefix), package.parent, package.parents[1]}
    for root in sorted((str(root) for root in roots if root != root.parent), key=len, reverse=True):
        text = text.replace(f"{root}/", "")
    return text


def _detail(report: pytest.TestReport) -> str:
    if report.passed or (report.skipped and not hasattr(report, "wasxfail")):
        return ""
    evidence = [text for title, text in report.sections if title.startswith("requirement ")]
    return "\n\n".join([*evidence, report.longreprtext])
