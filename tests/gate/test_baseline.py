from __future__ import annotations

import pytest
from result_builders import footer, result, run

from vecgate.gate.baseline import Regressions, find_regressions, passed_ids

BEFORE = run(result("a.passed"), result("a.failed", "failed"), result("a.known", "deviation"))


@pytest.mark.parametrize("outcome", ["failed", "deviation", "unsupported", "skipped", "unexpected-pass"])
def test_what_passed_must_pass(outcome: str) -> None:
    """Any other outcome is a regression, also a deviation that was listed since."""
    now = run(result("a.passed", outcome))
    assert find_regressions(BEFORE, now) == Regressions({"a.passed": outcome}, ())


def test_a_vanished_requirement_is_a_regression() -> None:
    """A test that was deleted has not passed."""
    assert find_regressions(BEFORE, run(result("a.new"))) == Regressions({}, ("a.passed",))


def test_a_deselected_requirement_is_not_compared() -> None:
    """A quick run can be compared with a full one."""
    now = run(result("a.new"), foot=footer(deselected=("a.passed",)))
    assert find_regressions(BEFORE, now).ids == ()


def test_what_did_not_pass_in_the_baseline_may_fail() -> None:
    """It may also be a deviation, or missing."""
    assert find_regressions(BEFORE, run(result("a.passed"), result("a.failed", "failed"))).ids == ()
    assert find_regressions(BEFORE, run(result("a.passed"), result("a.known"))).ids == ()


def test_a_baseline_of_an_earlier_version_is_read_with_the_ids_of_today() -> None:
    """A renamed requirement has not vanished, and neither has a retired one."""
    before = run(result("laws.filters"), result("laws.order"), result("bulk.order"))
    now = run(result("properties.filters"), foot=footer(deselected=("properties.order",)))
    assert find_regressions(before, now).ids == ()
    assert passed_ids(before) == {"properties.filters", "properties.order"}
    failed = run(result("properties.filters", "failed"), result("properties.order"))
    assert find_regressions(before, failed) == Regressions({"properties.filters": "failed"}, ())
