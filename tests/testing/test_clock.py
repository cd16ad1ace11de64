"""A clock that moves only when `wait` is called."""

from __future__ import annotations

from vecgate.testing.clock import FakeClock


def test_time_moves_only_with_wait() -> None:
    """Each wait is recorded with its duration."""
    clock = FakeClock(10.0)
    assert clock.now_s() == clock.now_s() == 10.0
    clock.wait(1.5)
    clock.wait(0.25)
    assert clock.now_s() == 11.75
    assert clock.waits == [1.5, 0.25]
    assert FakeClock().now_s() == 0.0
