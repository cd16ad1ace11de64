"""A run as JUnit XML. A case fails if and only if the gate does not pass because of it.

A known deviation is skipped with its reason, never passed, and so is a failure that no rule forbids.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from vecgate.gate.verdict import Check, Verdict
from vecgate.printable import printable
from vecgate.reporting.ci.failing_cases import tolerated_failures, unexplained_checks
from vecgate.reporting.operation_matrix import group_of
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.records import ConformanceRun, Header, Result, Stream

#: Characters that XML 1.0 cannot contain, not even escaped.
INVALID_CHARACTERS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Type of a skipped case by outcome, and of a failure that the rules tolerate.
SKIP_TYPES = {"deviation": "known-deviation", "unsupported": "unsupported", "skipped": "skipped"}
TOLERATED = "not-required"


def conformance_junit(run: ConformanceRun, verdict: Verdict) -> str:
    """Return the XML. `classname` is the operation and `name` the requirement: both are stable."""
    tolerated = tolerated_failures(run.results, verdict)
    cases = [
        _result_case(result, run.header.target, is_tolerated=result.id in tolerated) for result in run.results
    ]
    cases += [_check_case(check, run.header.kind) for check in unexplained_checks(run.results, verdict)]
    return _suite_xml(run.header, cases, duration_s=sum(result.duration_s for result in run.results))


def checks_junit(stream: Stream, verdict: Verdict) -> str:
    """Return the XML of a run with thresholds: `classname` is the scenario, `name` the threshold."""
    plan, footer = stream.first(LoadPlan), stream.footer
    scenario = plan.scenario if plan else stream.header.kind
    cases = [_check_case(check, scenario) for check in verdict.checks]
    return _suite_xml(stream.header, cases, duration_s=footer.duration_s if footer else 0.0)


def _suite_xml(header: Header, cases: Sequence[ET.Element], *, duration_s: float) -> str:
    counts: Counter[str] = Counter(child.tag for case in cases for child in case)
    suite = ET.Element(
        "testsuite",
        name=f"vecgate {_valid(header.target)}",
        timestamp=_valid(header.started_at),
        tests=str(len(cases)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
        time=f"{duration_s:.3f}",
    )
    _add_properties(suite, {"target": header.target, "run": header.run, **header.versions})
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _check_case(check: Check, classname: str) -> ET.Element:
    case = ET.Element("testcase", classname=_valid(classname), name=_valid(check.name), time="0")
    _add_properties(case, {"measured": check.measured})
    if check.grade != "passed":
        # An inconclusive check is an error: the target has not failed.
        tag = "failure" if check.grade == "failed" else "error"
        problem = ET.SubElement(case, tag, type=check.grade, message=_valid(check.measured))
        problem.text = _valid("\n".join(check.ids))
    return case


def _result_case(result: Result, target: str, *, is_tolerated: bool) -> ET.Element:
    operation, duration = _valid(group_of(result.id)), f"{result.duration_s:.4f}"
    case = ET.Element("testcase", classname=operation, name=_valid(result.id), time=duration)
    properties = {"requirement": result.id, "level": result.level, "source": result.source, "target": target}
    _add_properties(case, {**properties, "request id": result.request_id})
    skip_type = TOLERATED if is_tolerated else SKIP_TYPES.get(result.outcome)
    if skip_type:
        ET.SubElement(case, "skipped", type=skip_type, message=_valid(result.reason))
    elif result.outcome != "passed":
        failure = ET.SubElement(case, "failure", type=result.outcome, message=_valid(result.reason))
        failure.text = _valid(result.detail)
    return case


def _add_properties(parent: ET.Element, values: Mapping[str, str]) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in values.items():
        if value:
            ET.SubElement(properties, "property", name=name, value=_valid(value))


def _valid(text: str) -> str:
    return INVALID_CHARACTERS.sub("\ufffd", printable(text))
