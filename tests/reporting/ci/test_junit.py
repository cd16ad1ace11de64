from __future__ import annotations

from xml.etree import ElementTree as ET

from result_builders import header, result, run
from sample_streams import capacity_stream, load_stream

from vecgate.gate.conformance_verdict import judge_conformance
from vecgate.gate.load_verdict import judge_load
from vecgate.gate.requirement_rules import Rule
from vecgate.gate.verdict import Check, Verdict
from vecgate.reporting.ci.junit import checks_junit, conformance_junit
from vecgate.results.records import ConformanceRun, Stream


def parse(xml: str) -> tuple[ET.Element, dict[str, ET.Element]]:
    """Return the suite and its cases by name."""
    suite = ET.fromstring(xml).find("testsuite")  # noqa: S314 - made by the code under test
    assert suite is not None
    return suite, {case.attrib["name"]: case for case in suite.iter("testcase")}


def cases_of(found: ConformanceRun, verdict: Verdict | None = None) -> dict[str, ET.Element]:
    return parse(conformance_junit(found, verdict or judge_conformance(found)))[1]


def counts(suite: ET.Element) -> dict[str, int]:
    return {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}


def test_each_requirement_is_a_case_of_its_operation(mixed: ConformanceRun) -> None:
    """`classname` and `name` are stable, so a baseline can use them. Other data are properties."""
    case = cases_of(mixed)["put-vectors.a"]
    assert (case.attrib["classname"], case.attrib["time"]) == ("PutVectors", "0.2500")
    properties = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
    assert properties == {
        "requirement": "put-vectors.a",
        "level": "must",
        "source": "https://a.example/",
        "target": "http://h:1",
        "request id": "id-1",
    }


def test_outcomes_are_mapped_to_those_of_junit(mixed: ConformanceRun) -> None:
    """A known deviation is skipped with its reason; an unexpected pass is a failure."""
    cases = cases_of(mixed)
    skipped = {name: case.find("skipped") for name, case in cases.items()}
    failed = {name: case.find("failure") for name, case in cases.items()}
    assert {name: each.attrib["type"] for name, each in skipped.items() if each is not None} == {
        "get-index.c": "known-deviation",
        "query-vectors.e": "unsupported",
        "filters.f": "skipped",
    }
    assert {name: each.attrib["type"] for name, each in failed.items() if each is not None} == {
        "put-vectors.b[x|y]": "failed",
        "get-index.d": "unexpected-pass",
        "deviations": "failed",
    }
    known = skipped["get-index.c"]
    assert known is not None
    assert known.attrib["message"] == "Answers 404. (https://b.example/)"


def test_the_suite_counts_its_cases(mixed: ConformanceRun) -> None:
    """CI tools read the counts from the suite."""
    suite, _ = parse(conformance_junit(mixed, judge_conformance(mixed)))
    assert counts(suite) == {"tests": 7, "failures": 3, "errors": 0, "skipped": 3}


def test_a_stale_deviation_is_a_case(mixed: ConformanceRun) -> None:
    """No requirement fails because of it, and the suite must fail."""
    case = cases_of(mixed)["deviations"]
    failure = case.find("failure")
    assert failure is not None
    assert case.attrib["classname"] == "conformance"
    assert failure.text == "get-index.d: passes\nstale.x: no requirement has this id"


def test_an_inconclusive_check_is_an_error() -> None:
    """An incomplete run has not failed."""
    (incomplete,) = (
        case
        for name, case in cases_of(ConformanceRun(header(), (result("a.b"),), None)).items()
        if name != "a.b"
    )
    assert (incomplete.find("failure"), incomplete.find("error") is not None) == (None, True)


def test_a_tolerated_failure_is_skipped_with_its_reason() -> None:
    """The gate passes, so no case fails."""
    found = run(result("a.b"), result("a.c", "failed", level="should", reason="assert 1 == 2"))
    cases = cases_of(found, judge_conformance(found, [Rule("should", 0.0)]))
    skipped = cases["a.c"].find("skipped")
    assert skipped is not None
    assert skipped.attrib == {"type": "not-required", "message": "assert 1 == 2"}
    assert set(cases) == {"a.b", "a.c"}


def test_characters_that_xml_cannot_contain_are_shown() -> None:
    """A target may answer with any character."""
    found = run(result("a.b", "failed", reason="\x00\x1b[31m\ud800", detail="\x0b&<>"))
    failure = cases_of(found)["a.b"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "\\u0000\\u001b[31m\\ud800"
    assert failure.text == "\\u000b&<>"


def test_a_threshold_is_a_case_of_its_scenario() -> None:
    """It fails if the threshold does not hold."""
    stream = load_stream(60, ("PutVectors", "QueryVectors"), stall_at=30, throttled_from=50)
    suite, cases = parse(checks_junit(stream, judge_load(stream)))
    failed = cases["p(99){operation:PutVectors} < 500ms"]
    assert failed.attrib["classname"] == "ramp-1000"
    failure = failed.find("failure")
    assert failure is not None
    assert "above the limit" in failure.attrib["message"]
    assert list(cases["dropped == 0"].iter("failure")) == []
    assert counts(suite) == {"tests": 3, "failures": 2, "errors": 0, "skipped": 0}


def test_an_inconclusive_check_of_a_load_run_is_an_error() -> None:
    """Its text lists the ids of the check. A run without a plan has its kind as `classname`."""
    verdict = Verdict((Check("whole run", "it did not end", "inconclusive", ("a", "b")),))
    suite, cases = parse(checks_junit(Stream(header(kind="load"), (), None), verdict))
    error = cases["whole run"].find("error")
    assert error is not None
    assert (error.attrib["message"], error.text) == ("it did not end", "a\nb")
    assert (suite.attrib["errors"], suite.attrib["time"]) == ("1", "0.000")
    _, others = parse(checks_junit(capacity_stream(), Verdict((Check("a", "b", "passed"),))))
    assert others["a"].attrib["classname"] == "capacity"
