from __future__ import annotations

import pytest
from runs import footer, result, run

from vecgate.gate.baseline import Regressions, regressions

BEFORE = run(result("a.passed"), result("a.failed", "failed"), result("a.known", "deviation"))


@pytest.mark.parametrize("outcome", ["failed", "deviation", "unsupported", "skipped", "outgrown"])
def test_what_passed_must_pass(outcome: str) -> None:
    """Whatever else it is now: also a deviation that somebody has listed since."""
    now = run(result("a.passed", outcome))
    assert regressions(BEFORE, now) == Regressions({"a.passed": outcome}, ())


def test_what_vanished_is_missed() -> None:
    """A test that was deleted, or renamed, is not a pass."""
    assert regressions(BEFORE, run(result("a.new"))) == Regressions({}, ("a.passed",))


def test_what_was_left_out_on_purpose_is_not_missed() -> None:
    """A quick run is held against a full one."""
    assert not regressions(BEFORE, run(result("a.new"), foot=footer(left_out=("a.passed",))))


def test_what_did_not_pass_before_is_not_held_against_a_run() -> None:
    """It may fail, differ, or be gone."""
    assert not regressions(BEFORE, run(result("a.passed"), result("a.failed", "failed")))
    assert not regressions(BEFORE, run(result("a.passed"), result("a.known")))
