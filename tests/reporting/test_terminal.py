from __future__ import annotations

from runs import result, run

from vecgate.gate.verdict import judge
from vecgate.reporting.terminal import table_lines, terminal_report
from vecgate.results.records import Run

MATRIX = """\
operation      must   should   may   failed   deviation   not offered   not tested
GetIndex                 0/1   0/1        1           1
PutVectors      1/2                       1
QueryVectors                                                        1
filters                                                                          1
in all          1/2      0/1   0/1        2           1             1            1"""


def test_the_report_tells_all_and_ends_with_the_verdict(mixed: Run) -> None:
    """Failures in full, the matrix, what the target lacks and what is left, the checks, one line."""
    report = terminal_report(mixed, judge(mixed))
    assert "put-vectors.b[x|y] ───" in report
    assert "request  {'a': 1}" in report
    assert "passes, although it is listed: x" in report
    assert MATRIX in report
    assert "not offered by the target\n  query: QueryVectors not implemented" in report
    assert "not tested\n  no time" in report
    assert "  gone.x: no requirement has this id" in report
    assert "  bucket vg-1: <stuck>" in report
    assert report.splitlines()[-1] == (
        "FAIL  1 of 2 must requirements passed; failed: put-vectors.b[x|y]; "
        "2 listed deviations are no longer true, get-index.d: passes, gone.x: no requirement has this id"
    )


def test_a_good_run_is_short() -> None:
    """The matrix, the checks, the verdict."""
    found = run(result("put-vectors.a"))
    assert terminal_report(found, judge(found)) == (
        "operation    must   should   may   failed   deviation   not offered   not tested\n"
        "PutVectors    1/1\n"
        "in all        1/1\n\n"
        "must     1 of 1 must requirements passed     pass\n"
        "should   0 of 0 should requirements passed   pass\n\n"
        "PASS  1 of 1 requirement passed"
    )


def test_numbers_stand_to_the_right() -> None:
    """And words to the left."""
    assert table_lines([["name", "n"], ["a", "10"], ["b", "1/2"]]) == [
        "name     n",
        "a       10",
        "b      1/2",
    ]
