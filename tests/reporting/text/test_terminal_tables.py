from __future__ import annotations

from vecgate.gate.verdict import Check, Verdict
from vecgate.reporting.text.terminal_tables import check_lines, table_lines


def test_numbers_align_right() -> None:
    """Text aligns left, unless the caller asks otherwise."""
    assert table_lines([["name", "n"], ["a", "10"], ["b", "1/2"]]) == [
        "name     n",
        "a       10",
        "b      1/2",
    ]
    assert table_lines([["name", "time"], ["a", "1 s"]], right=(1,)) == ["name   time", "a       1 s"]


def test_each_check_has_a_line() -> None:
    """With what was measured, and its grade."""
    checks = (Check("a", "1 ms", "passed"), Check("b", "2 ms", "failed"), Check("c", "", "inconclusive"))
    assert check_lines(Verdict(checks)) == ["a   1 ms   pass", "b   2 ms   FAIL", "c          INCONCLUSIVE"]
