from __future__ import annotations

from runs import result, run

from vecgate.gate.verdict import judge
from vecgate.reporting.markdown import BYTES_MAX, markdown_report
from vecgate.results.records import Run


def test_the_verdict_comes_first(mixed: Run) -> None:
    """Then the checks, what failed, the matrix, what is known and what is left."""
    report = markdown_report(mixed, judge(mixed))
    titles = [line for line in report.splitlines() if line.startswith("#")]
    assert titles[0].startswith("## FAIL  1 of 2 must requirements passed; failed: put-vectors.b[x\\|y]")
    assert titles[1:] == [
        "### Failed: 2",
        "### By operation",
        "### Known deviations",
        "### Not offered by the target",
        "### Not tested",
        "### Listed deviations that are no longer true",
        "### Left behind",
    ]
    assert "- 1 × Answers 404. (https://b.example/)" in report
    assert "- bucket vg-1: &lt;stuck&gt;" in report


def test_a_detail_cannot_leave_its_fence(mixed: Run) -> None:
    """Backticks in an answer end nothing."""
    report = markdown_report(mixed, judge(mixed))
    assert "````text\nrequest  {'a': 1}\n```\nE  no\n````" in report


def test_the_report_is_below_200_kb_whatever_fails() -> None:
    """What does not fit is counted."""
    found = run(*(result(f"a.b{n}", "failed", detail="ü" * 3_000) for n in range(300)))
    report = markdown_report(found, judge(found))
    assert len(report.encode()) <= BYTES_MAX
    assert "### Failed: 300" in report
    assert "more, in the result stream." in report
    assert "| in all | 0/300 |" in report


def test_even_the_tables_are_cut() -> None:
    """Where a target says too much."""
    found = run(*(result(f"g{n}.b", "failed", reason="x" * 200) for n in range(5_000)))
    report = markdown_report(found, judge(found))
    assert len(report.encode()) <= BYTES_MAX
    assert report.endswith("cut off here; the result stream has it all.\n")
