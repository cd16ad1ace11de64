"""A sender that keeps a limit of reads per second, which the service has for each index."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.pacing import Lane
from vecgate.bulk.transport.sender import Sender
from vecgate.errors import ConfigError

#: The guide says "hundreds" of reads per second for an index, and other readers use it too.
READ_REQUESTS_PER_S = 100.0
READS = frozenset({"GetVectors", "ListVectors", "QueryVectors"})


class PacedSender:
    """A `Sender` that sends at most *requests_per_s* reads over any window, through *sender*.

    Writes and descriptions of indexes do not wait: a run paces its writes itself.

    It holds a lock while it looks at the clock, so only threads that no interrupt reaches may read through
    it, as those of `BulkReader.get` and `scan`.
    """

    def __init__(
        self,
        sender: Sender,
        requests_per_s: float,
        *,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if not 0 < requests_per_s < float("inf"):
            raise ConfigError(f"requests_per_s is {requests_per_s}, allowed is a number above 0")
        self._sender, self._now_s, self._sleep = sender, now_s, sleep
        self._lane, self._lock = Lane(requests_per_s), Lock()
        self.endpoint_url: str = getattr(sender, "endpoint_url", "")

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body*, once. A read waits until it may depart."""
        while operation in READS and (wait_s := self._try_acquire()) > 0:
            self._sleep(wait_s)
        return self._sender.send(operation, body)

    def close(self) -> None:
        """Do nothing: the sender belongs to the caller."""

    def _try_acquire(self) -> float:
        """Let a request depart now and return 0, or return the seconds until one may."""
        with self._lock:
            now_s = self._now_s()
            if self._lane.free_at_s > now_s:
                return self._lane.free_at_s - now_s
            self._lane = self._lane.consume(1, now_s=now_s, scale=1.0)
            return 0.0
