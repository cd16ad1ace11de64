"""From pytest's reports to the records of a result stream."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vecgate.results.provenance import environment, now, versions_of
from vecgate.results.records import Footer, Header, Outcome, Result
from vecgate.results.stream import StreamWriter
from vecgate.testing.opening import Opened, is_unasked
from vecgate.testing.options import option

#: Names of the properties that a report carries to the controller.
REQUIREMENT, REQUEST_ID = "vecgate-requirement", "vecgate-request-id"
PACKAGES = ("vecgate", "boto3", "botocore", "pytest", "hypothesis")
OPTIONS_TOLD = ("level", "quota", "hypothesis", "shuffle")
#: What pytest says of a strict xfail that passes.
OUTGROWN = "[XPASS(strict)]"
REASON_CHARACTERS, DETAIL_CHARACTERS = 300, 20_000


def header_of(opened: Opened, config: pytest.Config, *, unlisted: Sequence[str]) -> Header:
    """The header of this run."""
    target = opened.target
    return Header(
        run=opened.run,
        started_at=now(),
        target=target.name,
        url=target.endpoint_url or "",
        region=target.region,
        lacking=opened.capabilities.lacking,
        unlisted=tuple(unlisted),
        # Of moto its version says what it was; of another server nobody can know.
        versions=versions_of([*PACKAGES, *({target.name} & {"moto"})]),
        environment=environment(),
        options={name: str(option(config, name)) for name in OPTIONS_TOLD if option(config, name)},
    )


@dataclass(slots=True)
class Told:
    """What a process of the run knows that no report tells.

    requests  sent, by operation
    left_out  ids that were not to run
    stale     entries of the list of deviations that are no longer true
    leaks     what could not be removed
    problems  why the suite cannot be run: requirements that are missing, or not told apart
    """

    requests: Counter[str] = field(default_factory=Counter)
    left_out: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)
    problems: set[str] = field(default_factory=set)

    def plain(self) -> dict[str, Any]:
        """As xdist hands it over."""
        return {
            "requests": dict(self.requests),
            "left_out": sorted(self.left_out),
            "stale": sorted(self.stale),
            "leaks": list(self.leaks),
            "problems": sorted(self.problems),
        }

    def add(self, plain: Mapping[str, Any]) -> None:
        """Take what another process tells; each of them knows of everything that is collected."""
        self.requests.update(plain.get("requests", {}))
        self.left_out.update(plain.get("left_out", ()))
        self.stale.update(plain.get("stale", ()))
        self.leaks += plain.get("leaks", [])
        self.problems.update(plain.get("problems", ()))


class Recorder(StreamWriter):
    """Writes a result for each test, once its last phase is over."""

    def __init__(self, path: Path, header: Header) -> None:
        super().__init__(path)
        self._reports: dict[str, list[pytest.TestReport]] = {}
        self._started_s = time.monotonic()
        self.write(header)

    def add(self, report: pytest.TestReport) -> None:
        """Take the report of a phase."""
        phases = self._reports.setdefault(report.nodeid, [])
        phases.append(report)
        if report.when == "teardown":
            del self._reports[report.nodeid]
            if result := result_of(phases):
                self.write(result)

    def end(self, told: Told, *, is_complete: bool) -> None:
        """Write the footer."""
        self.write(
            Footer(
                ended_at=now(),
                duration_s=round(time.monotonic() - self._started_s, 3),
                requests=dict(sorted(told.requests.items())),
                left_out=tuple(sorted(told.left_out)),
                stale=tuple(sorted(told.stale)),
                leaks=tuple(told.leaks),
                is_complete=is_complete and not self._reports,
            )
        )


def result_of(phases: Sequence[pytest.TestReport]) -> Result | None:
    """The result of a test from the reports of its phases; None where it is no test of the suite."""
    properties: Mapping[str, Any] = {
        name: value for report in phases for name, value in report.user_properties
    }
    if REQUIREMENT not in properties:
        return None
    told = _telling(phases)
    worker = getattr(told, "node", None)
    return Result(
        **properties[REQUIREMENT],
        test=told.nodeid,
        outcome=outcome_of(told),
        reason=anybodys(_reason(told))[:REASON_CHARACTERS],
        detail=anybodys(_detail(told))[:DETAIL_CHARACTERS],
        request_id=properties.get(REQUEST_ID, ""),
        duration_s=round(sum(report.duration for report in phases), 4),
        worker=worker.gateway.id if worker is not None else "",
    )


def outcome_of(report: pytest.TestReport) -> Outcome:
    """The outcome that *report*, the one that tells most of a test, comes to."""
    if report.passed:
        return "passed"
    if report.failed:
        return "outgrown" if _is_outgrown(report) else "failed"
    if hasattr(report, "wasxfail"):
        return "deviation"
    # What is left out before it begins is lacking in the target, unless nobody asked for it.
    is_lacking = report.when == "setup" and not is_unasked(_reason(report))
    return "unsupported" if is_lacking else "skipped"


def _is_outgrown(report: pytest.TestReport) -> bool:
    return isinstance(report.longrepr, str) and report.longrepr.startswith(OUTGROWN)


def _telling(phases: Sequence[pytest.TestReport]) -> pytest.TestReport:
    """The phase that did not pass; of several the one that failed; else the call."""
    failed = [report for report in phases if report.failed]
    other = [report for report in phases if not report.passed]
    call = [report for report in phases if report.when == "call"]
    return (failed or other or call or list(phases))[0]


def _reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ")
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    if _is_outgrown(report):
        return f"passes, although it is listed: {str(report.longrepr).removeprefix(OUTGROWN).strip()}"
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        text = str(crash.message if crash is not None else report.longrepr)
        where = "" if report.when == "call" else f"in {report.when}: "
        return where + text.split("\n\n", maxsplit=1)[0].strip()
    return ""


def anybodys(text: str) -> str:
    """*text* without the folders of this machine: results are published."""
    package = Path(__file__).parents[1]
    roots = {Path.cwd(), Path(sys.prefix), package.parent, package.parents[1]}
    for root in sorted((str(root) for root in roots if root != root.parent), key=len, reverse=True):
        text = text.replace(f"{root}/", "")
    return text


def _detail(report: pytest.TestReport) -> str:
    if report.passed or (report.skipped and not hasattr(report, "wasxfail")):
        return ""
    ours = [text for title, text in report.sections if title.startswith("requirement ")]
    return "\n\n".join([*ours, report.longreprtext])
