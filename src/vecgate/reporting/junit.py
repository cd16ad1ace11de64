"""A run as JUnit XML, in which something fails where the gate does, and nothing where it passes.

A known deviation is skipped with its reason, never passed; so is a failure that no rule blames.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from vecgate.gate.verdict import Check, Verdict
from vecgate.reporting.blame import excused_in, unexplained_in
from vecgate.reporting.matrix import group_of
from vecgate.results.load import Plan
from vecgate.results.records import Header, Result, Run, Stream

#: Characters that XML 1.0 cannot hold, whatever the escape.
UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SKIPS = {"deviation": "known-deviation", "unsupported": "not-offered", "skipped": "skipped"}
#: Of what failed, and may: the rules do not ask for it.
EXCUSED = "not-required"


def junit_report(run: Run, verdict: Verdict) -> str:
    """The XML. `classname` is the operation and `name` the requirement, so that both are stable."""
    excused = excused_in(run.results, verdict)
    cases = [_case(result, run.header.target, is_excused=result.id in excused) for result in run.results]
    cases += [_case_of_check(check, run.header.kind) for check in unexplained_in(run.results, verdict)]
    return suite_xml(run.header, cases, took_s=sum(result.duration_s for result in run.results))


def junit_of_checks(stream: Stream, verdict: Verdict) -> str:
    """The XML of a run that is judged by its checks: `classname` is the scenario and `name` the threshold."""
    plan, footer = stream.first(Plan), stream.footer
    of = plan.scenario if plan else stream.header.kind
    cases = [_case_of_check(check, of) for check in verdict.checks]
    return suite_xml(stream.header, cases, took_s=footer.duration_s if footer else 0.0)


def suite_xml(header: Header, cases: Sequence[ET.Element], *, took_s: float) -> str:
    """*cases* as one suite, whose numbers are theirs."""
    counts: Counter[str] = Counter(child.tag for case in cases for child in case)
    suite = ET.Element(
        "testsuite",
        name=f"vecgate {_said(header.target)}",
        timestamp=header.started_at,
        tests=str(len(cases)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
        time=f"{took_s:.3f}",
    )
    _properties(suite, {"target": header.target, "run": header.run, **header.versions})
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case_of_check(check: Check, of: str) -> ET.Element:
    case = ET.Element("testcase", classname=_said(of), name=_said(check.name), time="0")
    _properties(case, {"measured": check.measured})
    if check.grade != "passed":
        # What could not be judged is an error: the target has not failed.
        tag = "failure" if check.grade == "failed" else "error"
        found = ET.SubElement(case, tag, type=check.grade, message=_said(check.measured))
        found.text = _said("\n".join(check.ids))
    return case


def _case(result: Result, target: str, *, is_excused: bool) -> ET.Element:
    case = ET.Element(
        "testcase", classname=group_of(result.id), name=_said(result.id), time=f"{result.duration_s:.4f}"
    )
    told = {"requirement": result.id, "level": result.level, "source": result.source, "target": target}
    _properties(case, {**told, "request id": result.request_id})
    skip = EXCUSED if is_excused else SKIPS.get(result.outcome)
    if skip:
        ET.SubElement(case, "skipped", type=skip, message=_said(result.reason))
    elif result.outcome != "passed":
        failure = ET.SubElement(case, "failure", type=result.outcome, message=_said(result.reason))
        failure.text = _said(result.detail)
    return case


def _properties(parent: ET.Element, told: dict[str, str]) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in told.items():
        if value:
            ET.SubElement(properties, "property", name=name, value=_said(value))


def _said(text: str) -> str:
    return UNSAYABLE.sub("\ufffd", text)
