"""A limit on the time in which Hypothesis looks for smaller examples, in all tests of a run together.

A law that fails does so within a few requests. Finding its smallest example takes thousands, which on a slow
server is most of a run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis.internal.conjecture import engine

BUDGET_S = 30.0


class ShrinkBudget:
    """Seconds that a process may still use. A failed test is charged with its whole duration."""

    def __init__(self, budget_s: float = BUDGET_S) -> None:
        self.left_s: float = budget_s

    @contextmanager
    def limit(self) -> Iterator[None]:
        """Limit the test that runs in this context."""
        # Hypothesis has no public setting for this.
        usual = engine.MAX_SHRINKING_SECONDS
        engine.MAX_SHRINKING_SECONDS = self.left_s  # type: ignore[assignment]  # it is compared with a float
        started_s = time.monotonic()
        try:
            yield
        except BaseException:
            self.left_s = max(0.0, self.left_s - (time.monotonic() - started_s))
            raise
        finally:
            engine.MAX_SHRINKING_SECONDS = usual


def budget_of_worker(workers: int) -> ShrinkBudget:
    """Return the budget of one of *workers* processes: together they have that of one."""
    return ShrinkBudget(BUDGET_S / max(1, workers))
