from __future__ import annotations

from xml.etree import ElementTree as ET

from runs import header, result, run

from vecgate.gate.rules import Rule
from vecgate.gate.verdict import Verdict, judge
from vecgate.reporting.junit import junit_report
from vecgate.results.records import Run


def cases_of(found: Run, verdict: Verdict | None = None) -> dict[str, ET.Element]:
    root = ET.fromstring(junit_report(found, verdict or judge(found)))  # noqa: S314 - our own
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def test_each_requirement_is_a_case_of_its_operation(mixed: Run) -> None:
    """`classname` and `name` are what a baseline can rest on; the rest are properties."""
    case = cases_of(mixed)["put-vectors.a"]
    assert (case.attrib["classname"], case.attrib["time"]) == ("PutVectors", "0.2500")
    told = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
    assert told == {
        "requirement": "put-vectors.a",
        "level": "must",
        "source": "https://a.example/",
        "target": "http://h:1",
        "request id": "id-1",
    }


def test_outcomes_are_what_ci_knows(mixed: Run) -> None:
    """A known deviation is skipped with its reason; one that passes is a failure."""
    cases = cases_of(mixed)
    skipped = {name: case.find("skipped") for name, case in cases.items()}
    failed = {name: case.find("failure") for name, case in cases.items()}
    assert {name: each.attrib["type"] for name, each in skipped.items() if each is not None} == {
        "get-index.c": "known-deviation",
        "query-vectors.e": "not-offered",
        "filters.f": "skipped",
    }
    assert {name: each.attrib["type"] for name, each in failed.items() if each is not None} == {
        "put-vectors.b[x|y]": "failed",
        "get-index.d": "outgrown",
        "deviations": "failed",
    }
    known = skipped["get-index.c"]
    assert known is not None
    assert known.attrib["message"] == "Answers 404. (https://b.example/)"


def test_the_suite_adds_up(mixed: Run) -> None:
    """Its numbers are those of its cases."""
    suite = ET.fromstring(junit_report(mixed, judge(mixed))).find("testsuite")  # noqa: S314 - our own
    assert suite is not None
    assert {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "3",
        "errors": "0",
        "skipped": "3",
    }


def test_a_gate_that_fails_for_more_than_requirements_has_a_case_of_its_own(mixed: Run) -> None:
    """A deviation that names nothing: no requirement failed for it, and the suite must be red."""
    case = cases_of(mixed)["deviations"]
    failure = case.find("failure")
    assert failure is not None
    assert case.attrib["classname"] == "conformance"
    assert failure.text == "get-index.d: passes\ngone.x: no requirement has this id"


def test_what_could_not_be_judged_is_an_error() -> None:
    """A run that was cut off failed nothing."""
    case = cases_of(Run(header(), (result("a.b"),), None))["whole run"]
    assert (case.find("failure"), case.find("error") is not None) == (None, True)


def test_a_failure_that_no_rule_blames_is_skipped_with_its_reason() -> None:
    """The gate passes, so nothing fails."""
    found = run(result("a.b"), result("a.c", "failed", level="should", reason="assert 1 == 2"))
    cases = cases_of(found, judge(found, [Rule("should", 0.0)]))
    skipped = cases["a.c"].find("skipped")
    assert skipped is not None
    assert skipped.attrib == {"type": "not-required", "message": "assert 1 == 2"}
    assert set(cases) == {"a.b", "a.c"}


def test_what_xml_cannot_hold_is_replaced() -> None:
    """A target may answer with any character."""
    found = run(result("a.b", "failed", reason="\x00\x1b[31m\ud800", detail="\x0b&<>"))
    failure = cases_of(found)["a.b"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "��[31m�"
    assert failure.text == "�&<>"
