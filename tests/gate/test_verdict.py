from __future__ import annotations

import pytest

from vecgate.gate.verdict import Check, Grade, Verdict, cleanup_line, pass_line, verdict_line

PASSED, FAILED = Check("a", "1 of 1", "passed"), Check("b", "it broke", "failed", ("x", "y"))
UNKNOWN = Check("c", "it was cut off", "inconclusive")


@pytest.mark.parametrize(
    ("checks", "grade", "line"),
    [
        ((), "passed", "PASS  all good"),
        ((PASSED,), "passed", "PASS  all good"),
        ((PASSED, FAILED), "failed", "FAIL  it broke: x, y"),
        ((FAILED, UNKNOWN), "inconclusive", "INCONCLUSIVE  it was cut off"),
        ((FAILED, FAILED), "failed", "FAIL  it broke: x, y; it broke: x, y"),
    ],
)
def test_the_worst_check_decides(checks: tuple[Check, ...], grade: Grade, line: str) -> None:
    """A run that proves nothing is inconclusive, even if another check failed."""
    verdict = Verdict(checks)
    assert (verdict.grade, bool(verdict), verdict.record.grade) == (grade, grade == "passed", grade)
    assert verdict_line(verdict, "all good") == line


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (Check("must", "20 of 25 must requirements passed", "failed", ("a.b",)), "passed; failed: a.b"),
        (Check("x", "it broke", "failed", tuple("abcde")), "it broke: a, b, c and 2 more"),
    ],
)
def test_a_line_names_up_to_three_ids(check: Check, line: str) -> None:
    """An id directly after "passed" would read as if it had passed."""
    assert verdict_line(Verdict((check,)), "").endswith(line)


def test_a_measurement_that_passes_may_have_a_word_of_its_own() -> None:
    """Capacity searches and scaling grids do."""
    assert pass_line("100 vectors/s", word="CAPACITY") == "CAPACITY  100 vectors/s"


@pytest.mark.parametrize(
    ("orphaned", "line"),
    [
        ((), ""),
        (
            ("bucket a: no",),
            "CLEANUP FAILED  1 resource could not be removed: bucket a: no. Run `vecgate clean`.",
        ),
        (
            ("a", "b", "c", "d", "e"),
            "CLEANUP FAILED  5 resources could not be removed: a; b; c and 2 more. Run `vecgate clean`.",
        ),
    ],
)
def test_orphaned_resources_have_a_line_of_their_own(orphaned: tuple[str, ...], line: str) -> None:
    """It follows the verdict, whatever that is, and names what remains."""
    assert cleanup_line(orphaned) == line
