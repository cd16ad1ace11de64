from __future__ import annotations


class FakeClock:
    """Time that stands still until it is moved.

    >>> clock = FakeClock()
    >>> clock.wait(1.5)
    >>> clock.now_s()
    1.5
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s
        self.waits: list[float] = []

    def now_s(self) -> float:
        """Seconds on this clock."""
        return self._now_s

    def wait(self, seconds: float) -> None:
        """Let *seconds* go by at once, and remember that somebody waited."""
        self.waits.append(seconds)
        self._now_s += seconds
