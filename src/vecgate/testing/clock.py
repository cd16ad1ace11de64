from __future__ import annotations


class FakeClock:
    """A clock that moves only when `wait` is called.

    >>> clock = FakeClock()
    >>> clock.wait(1.5)
    >>> clock.now_s()
    1.5
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s
        self.waits: list[float] = []

    def now_s(self) -> float:
        """Return the time of this clock in seconds."""
        return self._now_s

    def wait(self, seconds: float) -> None:
        """Advance the clock by *seconds* at once, and record the wait in `waits`."""
        self.waits.append(seconds)
        self._now_s += seconds
