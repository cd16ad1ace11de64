from __future__ import annotations

import pytest

from vecgate.conformance_kit.grades import Evidence
from vecgate.conformance_kit.requirements import Requirement
from vecgate.conformance_kit.selection import is_selected, shuffled

SLOW = Requirement("a.slow", "effect", "model", "https://a.example/", slow=True)
FAST = Requirement("a.fast", "effect", "model", "https://a.example/")


@pytest.mark.parametrize(
    ("requirement", "only", "is_quick", "runs"),
    [
        (FAST, None, False, True),
        (SLOW, None, False, True),
        (FAST, None, True, True),
        (SLOW, None, True, False),
        (FAST, {"a.fast"}, False, True),
        (FAST, {"a.slow"}, False, False),
        (FAST, set(), False, False),
    ],
)
def test_selection(requirement: Requirement, only: set[str] | None, *, is_quick: bool, runs: bool) -> None:
    """A quick run skips slow requirements, and a rerun skips those that passed."""
    assert is_selected(requirement, only=only, is_quick=is_quick) is runs


def test_the_seed_decides_the_order() -> None:
    """The order is the same on every worker, another for another seed, and unchanged without one."""
    items = list(range(50))
    assert shuffled(items, "") == items
    assert shuffled(items, "7") == shuffled(items, "7")
    assert shuffled(items, "7") != shuffled(items, "8")
    assert sorted(shuffled(items, "7")) == items


@pytest.mark.parametrize(
    ("evidence", "is_quick", "runs"),
    [("inferred", False, True), ("inferred", True, True), ("model", False, False)],
)
def test_a_run_can_be_limited_to_inferred_requirements(
    evidence: Evidence, *, is_quick: bool, runs: bool
) -> None:
    """They are the ones that evidence is recorded for."""
    requirement = Requirement("a.b", "effect", evidence, "https://a.example/")
    assert is_selected(requirement, only=None, is_quick=is_quick, is_inferred=True) is runs
