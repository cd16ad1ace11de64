from __future__ import annotations

import pytest

from vecgate.testing.requirements import Requirement
from vecgate.testing.selection import chosen, in_order

SLOW = Requirement("a.slow", "must", "model", "https://a.example/", slow=True)
FAST = Requirement("a.fast", "must", "model", "https://a.example/")


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
def test_what_runs(requirement: Requirement, only: set[str] | None, *, is_quick: bool, runs: bool) -> None:
    """A quick run leaves out what is slow, a second run what has passed."""
    assert chosen(requirement, only=only, is_quick=is_quick) is runs


def test_an_order_is_that_of_its_seed() -> None:
    """The same on every worker, another for another seed, none without."""
    items = list(range(50))
    assert in_order(items, "") == items
    assert in_order(items, "7") == in_order(items, "7")
    assert in_order(items, "7") != in_order(items, "8")
    assert sorted(in_order(items, "7")) == items
