"""A load run for the terminal, in Markdown, and as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from goldens import is_golden
from load_streams import capacity_stream, cut_off, load_stream
from runs import footer, header

from vecgate.errors import SourceError
from vecgate.gate.load import judge_load
from vecgate.gate.verdict import Check, Verdict
from vecgate.reporting.junit import junit_of_checks
from vecgate.reporting.load_markdown import load_markdown
from vecgate.reporting.load_terminal import load_text
from vecgate.results.load import Event, Plan
from vecgate.results.records import Stream
from vecgate.results.summary import summary_of

EVENTFUL = load_stream(60, ("PutVectors", "QueryVectors"), stall_at=30, recall=True, throttled_from=50)
CALM = load_stream(60)


def test_the_terminal_shows_operations_stages_and_thresholds() -> None:
    """Response and service times side by side, what happened, the verdict last."""
    assert is_golden("load-eventful.txt", load_text(EVENTFUL, judge_load(EVENTFUL)))


def test_a_calm_run_is_short() -> None:
    """No column of nothing is filled; the summary may be at hand already."""
    summary = summary_of(CALM)
    text = load_text(CALM, judge_load(CALM), summary=summary)
    assert is_golden("load-calm.txt", text)


def test_the_summary_of_a_job_has_the_verdict_first() -> None:
    """Then the thresholds, then what they rest on."""
    assert is_golden("load-eventful.md", load_markdown(EVENTFUL, judge_load(EVENTFUL)))


def test_where_the_generator_was_the_limit_it_is_said() -> None:
    """In words, and with what happened besides."""
    bound = load_stream(30, generator_bound_from=5)
    lost = Event(at_s=7.0, kind="worker-lost", text="worker-2")
    found = Stream(bound.header, (*bound.records, lost), bound.footer)
    lines = load_text(found, judge_load(found)).splitlines()
    assert any(line.startswith("generator     it was the limit, not the target: ") for line in lines)
    assert "worker lost   at 7 s: worker-2" in lines
    assert lines[-1].startswith("NOT JUDGED")


def test_a_run_in_which_nothing_was_answered_has_no_table() -> None:
    """What was planned is told all the same."""
    plan = CALM.first(Plan)
    assert plan is not None
    empty = Stream(CALM.header, (plan,), footer())
    verdict = judge_load(empty)
    text = load_text(empty, verdict)
    assert text.startswith("scenario   ramp-1000")
    assert "ran        0.0 s of 1 min 00 s, 0 requests" in text
    assert "### By operation" not in load_markdown(empty, verdict)


def test_a_stream_without_a_plan_is_no_load_run() -> None:
    """It says so."""
    for render in (load_text, load_markdown):
        with pytest.raises(SourceError, match="no load run"):
            render(cut_off(CALM, 0), Verdict(()))


def test_what_a_target_says_stays_text() -> None:
    """No markup comes from an error or a name."""
    plan = CALM.first(Plan)
    assert plan is not None
    note = Event(at_s=1.0, kind="note", text="<script>|x|</script>")
    found = Stream(CALM.header, (*CALM.records, note), CALM.footer)
    assert "<script>" not in load_markdown(found, judge_load(found))


def cases_of(text: str) -> tuple[ET.Element, dict[str, ET.Element]]:
    suite = ET.fromstring(text).find("testsuite")  # noqa: S314 - our own
    assert suite is not None
    return suite, {case.attrib["name"]: case for case in suite.iter("testcase")}


def test_a_threshold_is_a_case_of_its_scenario() -> None:
    """Failed where it does not hold, an error where it could not be judged."""
    suite, cases = cases_of(junit_of_checks(EVENTFUL, judge_load(EVENTFUL)))
    failed = cases["p(99){operation:PutVectors} < 500ms"]
    assert failed.attrib["classname"] == "ramp-1000"
    found = failed.find("failure")
    assert found is not None
    assert "above the limit" in found.attrib["message"]
    assert list(cases["dropped == 0"].iter("failure")) == []
    assert {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "2",
        "errors": "0",
        "skipped": "0",
    }


def test_what_could_not_be_judged_is_an_error() -> None:
    """With those to blame as its text."""
    verdict = Verdict((Check("whole run", "it did not end", "unjudged", ("a", "b")),))
    suite, cases = cases_of(junit_of_checks(Stream(header(kind="load"), (), None), verdict))
    error = cases["whole run"].find("error")
    assert error is not None
    assert (error.attrib["message"], error.text) == ("it did not end", "a\nb")
    assert (suite.attrib["errors"], suite.attrib["time"]) == ("1", "0.000")
    _, others = cases_of(junit_of_checks(capacity_stream(), Verdict((Check("a", "b", "passed"),))))
    assert others["a"].attrib["classname"] == "capacity"
