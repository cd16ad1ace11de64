"""A conformance run for the terminal and in Markdown."""

from __future__ import annotations

from result_builders import footer, result, run

from vecgate.gate.conformance_verdict import conformance_verdict_line, judge_conformance
from vecgate.gate.verdict import cleanup_line
from vecgate.reporting.text.conformance_text import conformance_markdown, conformance_text
from vecgate.reporting.text.markdown import BYTES_MAX
from vecgate.results.records import ConformanceRun

MATRIX = """\
operation      must   should   may   failed   deviation   unsupported   skipped
GetIndex                 0/1   0/1        1           1
PutVectors      1/2                       1
QueryVectors                                                        1
filters                                                                       1
total           1/2      0/1   0/1        2           1             1         1"""


def test_the_terminal_report_ends_with_the_verdict(mixed: ConformanceRun) -> None:
    """The causes with their evidence, the matrix, what was not tested and what was left, then the checks."""
    verdict = judge_conformance(mixed)
    report = conformance_text(mixed, verdict)
    assert "put-vectors.b[x|y]" in report
    assert "request  {'a': 1}" in report
    assert "passed, but a deviation is listed: x" in report
    assert MATRIX in report
    for line in (
        "  query: QueryVectors not implemented",
        "  no time",
        "  stale.x: no requirement has this id",
        "  bucket vg-1: <stuck>",
    ):
        assert line in report.splitlines()
    assert report.splitlines()[-2:] == [
        conformance_verdict_line(verdict, mixed),
        cleanup_line(("bucket vg-1: <stuck>",)),
    ]


def test_a_passed_run_has_a_short_report() -> None:
    """The matrix, the checks and the verdict."""
    found = run(result("put-vectors.a"))
    matrix, checks, line = conformance_text(found, judge_conformance(found)).split("\n\n")
    assert matrix.splitlines()[1:] == ["PutVectors    1/1", "total         1/1"]
    assert [check.split()[0] for check in checks.splitlines()] == ["must", "should"]
    assert all(check.endswith("   pass") for check in checks.splitlines())
    assert line.startswith("PASS  1 of 1 requirement")


def test_the_job_summary_starts_with_the_verdict(mixed: ConformanceRun) -> None:
    """Then the checks, the failures, the matrix, and what was not tested or left."""
    verdict = judge_conformance(mixed)
    report = conformance_markdown(mixed, verdict)
    titles = [line for line in report.splitlines() if line.startswith("#")]
    assert titles[0].startswith("## FAIL  ")
    assert "put-vectors.b\\[x\\|y\\]" in titles[0]
    assert titles[1:] == [
        "### Likely causes: 2",
        "### By operation",
        "### Known deviations",
        "### Unsupported by the target",
        "### Skipped",
        "### Stale deviations",
        "### Orphaned resources",
    ]
    assert "- 1 × Answers 404. (https://b.example/)" in report
    assert "- bucket vg-1: &lt;stuck&gt;" in report
    assert "| PutVectors | 1/2 |  |  | 1 |  |  |  |" in report


def test_a_failed_clean_up_does_not_change_the_verdict() -> None:
    """It is reported after the verdict, and the resources have a section."""
    found = run(result("put-vectors.a"), foot=footer(orphaned=("bucket vg-1",)))
    report = conformance_markdown(found, judge_conformance(found))
    heading, cleanup = report.split("\n\n")[:2]
    assert heading.startswith("## PASS  ")
    assert cleanup == cleanup_line(("bucket vg-1",)).replace("`", "\\`")
    assert "### Orphaned resources\n\n- bucket vg-1\n" in report


def test_reports_of_many_failures_stay_short() -> None:
    """Causes that do not fit are counted, and the first one has its evidence. The summary names a requirement once."""
    found = run(
        *(
            result(f"a.b{n}[{case}]", "failed", reason=f"assert {n}", detail="ü\n" * 300)
            for n in range(300)
            for case in range(9)
        )
    )
    report = conformance_markdown(found, judge_conformance(found))
    assert len(report.encode()) <= BYTES_MAX == 200_000
    assert len(report.splitlines()) <= 60
    assert "### Likely causes: 300" in report
    assert "more, see the result stream." in report
    assert "| total | 0/300 |" in report
    assert report.count("| a.b10 |") == 1
    lines = conformance_text(found, judge_conformance(found)).splitlines()
    assert len(lines) < 200
    assert any(line.startswith("… and ") and "more causes" in line for line in lines)
    assert lines.count("ü") >= 30
    assert lines[-1].startswith("FAIL  0 of 300 must requirements passed")


def test_long_tables_are_truncated() -> None:
    """A target may return thousands of operations, and the lists of notes are cut, too."""
    reasons = (result(f"g{n}.b", "deviation", reason=f"{n}" * 200) for n in range(5_000))
    found = run(*reasons, foot=footer(stale_deviations=tuple(f"x{n}" for n in range(500))))
    report = conformance_markdown(found, judge_conformance(found))
    assert len(report.encode()) <= BYTES_MAX
    assert len(report.splitlines()) <= 75
    assert "| total |" in report
