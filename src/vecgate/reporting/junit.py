"""A run as JUnit XML. A known deviation is skipped with its reason, never passed."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree as ET

from vecgate.reporting.matrix import group_of
from vecgate.results.records import Result, Run

#: Characters that XML 1.0 cannot hold, whatever the escape.
UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SKIPS = {"deviation": "known-deviation", "unsupported": "not-offered", "skipped": "skipped"}


def junit_report(run: Run) -> str:
    """The XML. `classname` is the operation and `name` the requirement, so that both are stable."""
    counts: Counter[str] = Counter(result.outcome for result in run.results)
    suite = ET.Element(
        "testsuite",
        name=f"vecgate {_said(run.header.target)}",
        timestamp=run.header.started_at,
        tests=str(len(run.results)),
        failures=str(counts["failed"] + counts["outgrown"]),
        errors="0",
        skipped=str(sum(counts[outcome] for outcome in SKIPS)),
        time=f"{sum(result.duration_s for result in run.results):.3f}",
    )
    _properties(suite, {"target": run.header.target, "run": run.header.run, **run.header.versions})
    for result in run.results:
        suite.append(_case(result, run.header.target))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(result: Result, target: str) -> ET.Element:
    case = ET.Element(
        "testcase", classname=group_of(result.id), name=_said(result.id), time=f"{result.duration_s:.4f}"
    )
    told = {"requirement": result.id, "level": result.level, "source": result.source, "target": target}
    _properties(case, {**told, "request id": result.request_id})
    if result.outcome in SKIPS:
        ET.SubElement(case, "skipped", type=SKIPS[result.outcome], message=_said(result.reason))
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
