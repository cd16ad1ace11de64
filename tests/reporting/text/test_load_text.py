"""A load run for the terminal and in Markdown."""

from __future__ import annotations

import re

import pytest
from msgspec import structs
from result_builders import footer
from sample_streams import load_stream, truncated

from vecgate.errors import SourceError
from vecgate.gate.load_verdict import judge_load, load_verdict_line
from vecgate.gate.verdict import Verdict, cleanup_line
from vecgate.reporting.text.load_json import load_dict
from vecgate.reporting.text.load_text import (
    OPERATION_HEADINGS,
    STAGE_HEADINGS,
    load_markdown,
    load_text,
)
from vecgate.results.load.failure_samples import FailureCause, FailureSample
from vecgate.results.load.load_records import Event, LoadPlan, WorkerTotals
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream

EVENTFUL = load_stream(60, ("PutVectors", "QueryVectors"), stall_at=30, recall=True, throttled_from=50)
CALM = load_stream(60)
PUT_VECTORS = ["PutVectors", "1,100", "41", "40", "10.1 ms", "18.2 ms", "910 ms", "1,998 ms", "20.7 ms"]
TOTAL = ["total", "2,200", "82", "80", "7.15 ms", "16.2 ms", "910 ms", "2,000 ms", "18.1 ms"]
HOLD = ["hold", "1,000 vectors/s", "959 vectors/s", "95.9 %", "80", "7.17 ms", "1,142 ms"]


def tables(text: str) -> list[list[list[str]]]:
    """Return the rows of each block of *text*, without empty cells."""
    return [[re.split(" {3,}", line.strip()) for line in block.splitlines()] for block in text.split("\n\n")]


def markdown_rows(text: str) -> list[list[str]]:
    """Return the cells of all tables in *text*, without empty cells."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell for each in line.strip("|").split("|") if (cell := each.strip())] for line in lines]


def test_the_terminal_shows_operations_stages_facts_and_checks() -> None:
    """Response and service times are in one row; errors, events and recall have lines; the verdict is last."""
    verdict = judge_load(EVENTFUL)
    operations, stages, facts, checks, line = tables(load_text(EVENTFUL, verdict))
    assert operations[0] == list(OPERATION_HEADINGS)
    assert (operations[1], operations[-1]) == (PUT_VECTORS, TOTAL)
    assert stages[0] == list(STAGE_HEADINGS)
    assert [row[0] for row in stages[1:]] == ["up", "hold", "total"]
    assert stages[2] == HOLD
    found = {row[0]: row[1] for row in facts}
    assert found["scenario"].startswith("ramp-1000: ")
    assert found["target"] == "local http://127.0.0.1:7333"
    assert "1 min 00 s" in found["duration"]
    assert "2,200 requests" in found["duration"]
    assert found["errors"] == "80 TooManyRequestsException, 2 Transport"
    assert "0.9935" in found["recall@10"]
    assert "$0.0055" in found["cost"]
    assert "at 30 s" in found["note"]
    assert [row[-1] for row in checks] == ["FAIL", "FAIL", "pass"]
    assert line == tables(load_verdict_line(verdict, summarize(EVENTFUL)))[0]


def test_zeros_are_not_shown() -> None:
    """A run without problems is short. The caller may pass the summary."""
    summary = summarize(CALM)
    operations, stages, facts, checks, line = tables(load_text(CALM, judge_load(CALM), summary=summary))
    assert operations[1:] == [["PutVectors", "1,100", "10.1 ms", "17.0 ms", "21.3 ms", "27.5 ms", "19.7 ms"]]
    assert [len(row) for row in stages[1:]] == [6, 6, 6]
    assert [row[0] for row in facts] == ["scenario", "target", "duration", "cost"]
    assert [row[-1] for row in checks] == ["pass", "pass", "pass"]
    assert line[0][0].startswith("PASS")


def test_the_job_summary_starts_with_the_verdict() -> None:
    """It has the same figures as the terminal report."""
    text = load_markdown(EVENTFUL, judge_load(EVENTFUL))
    rows = markdown_rows(text)
    titles = [line for line in text.splitlines() if line.startswith("#")]
    assert titles[0].startswith("## FAIL  p(99){operation:PutVectors} &lt; 500ms: ")
    assert titles[1:] == ["### By operation", "### By stage"]
    assert rows[0] == ["check", "measured", "verdict"]
    assert ["dropped == 0", "0", "passed"] in rows
    assert PUT_VECTORS in rows
    assert TOTAL in rows
    assert HOLD in rows
    assert "- errors: 80 TooManyRequestsException, 2 Transport" in text


def test_a_limit_of_the_generator_and_events_are_shown() -> None:
    """The verdict is INCONCLUSIVE then."""
    bound = load_stream(30, generator_bound_from=5)
    lost = Event(at_s=7.0, kind="worker-lost", text="worker-2")
    stream = Stream(bound.header, (*bound.records, lost), bound.footer)
    text = load_text(stream, judge_load(stream))
    facts = {row[0]: row[1] for row in tables(text)[2]}
    assert facts["generator"].startswith("was the limit: in 25 of 30 seconds")
    assert facts["worker lost"] == "at 7 s: worker-2"
    assert text.splitlines()[-1].startswith("INCONCLUSIVE")


def test_a_failed_clean_up_is_a_line_after_the_verdict() -> None:
    """The verdict does not change."""
    stream = Stream(CALM.header, CALM.records, footer(orphaned=("bucket vg-1",)))
    verdict, cleanup = load_text(stream, judge_load(stream)).splitlines()[-2:]
    assert verdict.startswith("PASS  ")
    assert cleanup == cleanup_line(("bucket vg-1",))
    heading, _, text = load_markdown(stream, judge_load(stream)).partition("\n\n")
    assert heading.startswith("## PASS  ")
    assert text.startswith(cleanup.replace("`", "\\`"))


def test_a_run_without_requests_has_no_tables() -> None:
    """The plan is still shown."""
    plan = CALM.first(LoadPlan)
    assert plan is not None
    empty = Stream(CALM.header, (plan,), footer())
    verdict = judge_load(empty)
    facts = {row[0]: row[1] for row in tables(load_text(empty, verdict))[0]}
    assert facts["scenario"].startswith("ramp-1000")
    assert facts["duration"].endswith("0 requests")
    assert "### By operation" not in load_markdown(empty, verdict)


def test_a_stream_without_a_plan_is_refused() -> None:
    """It is not a load run."""
    for render in (load_text, load_markdown):
        with pytest.raises(SourceError, match="no plan"):
            render(truncated(CALM, 0), Verdict(()))


def test_text_from_a_target_is_escaped() -> None:
    """An error or a name may contain HTML."""
    note = Event(at_s=1.0, kind="note", text="<script>|x|</script>")
    stream = Stream(CALM.header, (*CALM.records, note), CALM.footer)
    assert "<script>" not in load_markdown(stream, judge_load(stream))


def failed(code: str, count: int, *samples: FailureSample, message: str = "#") -> FailureCause:
    return FailureCause(operation="QueryVectors", code=code, message=message, count=count, samples=samples)


def test_causes_of_failures_are_shown_with_times_and_the_last_request_id() -> None:
    """The pattern only if the messages differ; what does not fit is counted."""
    same = FailureSample(at_s=3.21, message="status 200 with an empty body")
    one, two = (
        FailureSample(at_s=at, message=f"cut off after {at} of 9 bytes", request_id="id-7") for at in (1, 8)
    )
    causes = (
        failed("Protocol", 120, same),
        failed("Protocol", 9, one, two, message="cut off after # of # bytes"),
        *(failed("Transport", 1) for _ in range(12)),
    )
    records = (*CALM.records, *causes)
    stream = structs.replace(CALM, records=records)
    text = load_text(stream, judge_load(stream))
    (table,) = [each for each in tables(text) if each[0][0] == "failed"]
    assert table[1] == ["QueryVectors", "Protocol", "120", "3.2 s", "3.2 s", "status 200 with an empty body"]
    assert table[2][2:] == ["9", "1.0 s", "8.0 s", "id-7", "cut off after # of # bytes"]
    assert table[-1] == ["2", "2 more causes; the result stream has all"]
    assert "| QueryVectors | Protocol | 120 |" in load_markdown(stream, judge_load(stream))
    shown = load_dict(stream, judge_load(stream), summarize(stream))["failures"]
    assert isinstance(shown, list)
    assert list(shown[0]["samples"]) == [
        {"at_s": 3.21, "message": same.message, "request_id": "", "response_ms": 0.0}
    ]


def test_the_first_request_is_shown_beside_the_median() -> None:
    """The slowest of all workers: each one opened connections of its own."""
    workers = (
        WorkerTotals(worker="one", first_ms={"PutVectors": 812.0}),
        WorkerTotals(worker="two", first_ms={"PutVectors": 640.0, "GetVectors": 1.0}),
    )
    stream = structs.replace(CALM, records=(*CALM.records, *workers))
    text, summary = load_text(stream, judge_load(stream)), summarize(stream)
    assert re.search(r"^cold +first PutVectors 812 ms, median \S+ ms$", text, re.MULTILINE)
    assert load_dict(stream, judge_load(stream), summary)["first_ms"] == {
        "PutVectors": 812.0,
        "GetVectors": 1.0,
    }
