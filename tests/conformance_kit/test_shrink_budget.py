from __future__ import annotations

import time

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from suites import RunSuite

from vecgate.conformance_kit.shrink_budget import BUDGET_S, ShrinkBudget, budget_of_worker


def count_calls_until_failure(budget: ShrinkBudget) -> int:
    """Return how often a test runs that fails for nearly every example, within *budget*."""
    calls = 0

    @settings(max_examples=50, database=None, derandomize=True, phases=(Phase.generate, Phase.shrink))
    @given(st.lists(st.integers(0, 2**64), min_size=20))
    def check(values: list[int]) -> None:
        nonlocal calls
        calls += 1
        assert sum(values) < 2**60

    with pytest.raises(AssertionError), budget.limit():
        check()
    return calls


def test_without_a_budget_no_smaller_example_is_searched() -> None:
    """Hypothesis reports the first failure: it has no public setting for this, so its own limit is used."""
    usual = engine.MAX_SHRINKING_SECONDS
    # The examples depend on the modules that are loaded, as Hypothesis uses their constants.
    assert count_calls_until_failure(ShrinkBudget(0.0)) * 2 < count_calls_until_failure(ShrinkBudget())
    assert usual == engine.MAX_SHRINKING_SECONDS


def test_a_failed_test_uses_the_budget_up() -> None:
    """A passed one does not, and no budget becomes negative."""
    budget = ShrinkBudget(1e-9)
    with budget.limit():
        pass
    assert budget.left_s == 1e-9
    with pytest.raises(KeyError), budget.limit():
        fail_later()
    assert budget.left_s == 0.0


def fail_later() -> None:
    until_s = time.monotonic() + 1e-6
    while time.monotonic() < until_s:
        pass
    raise KeyError


@pytest.mark.parametrize(("workers", "left_s"), [(0, BUDGET_S), (1, BUDGET_S), (3, BUDGET_S / 3)])
def test_workers_share_one_budget(workers: int, left_s: float) -> None:
    """Together they may take as long as one process."""
    assert budget_of_worker(workers).left_s == left_s


PRINTS = """
from hypothesis.internal.conjecture import engine
@must("a.limit")
def test_limit():
    assert engine.MAX_SHRINKING_SECONDS == 0, f"limit {engine.MAX_SHRINKING_SECONDS:g}"
"""


@pytest.mark.parametrize(("arguments", "limit"), [((), "30"), (("--vecgate-hypothesis=deep",), "300")])
def test_a_run_has_a_budget_except_a_deep_one(
    run_suite: RunSuite, arguments: tuple[str, ...], limit: str
) -> None:
    """The hook of the suite sets the limit of each test."""
    result = run_suite(PRINTS, *arguments)
    assert f"limit {limit}\n" in result.results["a.limit"].reason + "\n"
