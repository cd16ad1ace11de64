"""What the workers of a run have told, and which of its seconds are complete.

A second is complete when every worker that serves has told of it. A worker that stays silent too long is
lost, and what was due on it since counts as lost too: the schedule's own count of each second says how much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from vecgate.load.arrivals import Schedule
from vecgate.load.recall import together
from vecgate.load.recorder import merged_second
from vecgate.results.load import Recall, Second, WorkerTotals

#: A worker may be so late with a second.
GRACE_S = 2.5


@dataclass(slots=True)
class Ledger:
    """The account of one run; times are seconds since the schedule began.

    schedule             of all workers; *vectors_per_arrival*, in a request of it
    serving              worker to the first second that it is to tell of, by when it joined
    """

    schedule: Schedule
    vectors_per_arrival: float
    serving: dict[str, int] = field(default_factory=dict)
    usd: float = 0.0
    totals: list[WorkerTotals] = field(default_factory=list)
    recalls: list[Recall] = field(default_factory=list)
    _told: dict[int, list[Second]] = field(default_factory=dict)
    _heard: dict[str, int] = field(default_factory=dict)
    # Of each worker, what was due and has neither started nor been dropped yet.
    _open: dict[str, int] = field(default_factory=dict)
    _lost: int = 0
    _next: int = 0
    _is_stopped: bool = False

    def joined(self, worker: str, *, at_s: float) -> None:
        """*worker* serves from *at_s* on."""
        self.serving[worker] = max(0, int(at_s))
        self._heard.pop(worker, None)

    def told(self, worker: str, second: Second) -> bool:
        """Take what *worker* tells; False where it was given up, or that second is closed or was told."""
        if worker not in self.serving or second.at_s < max(self._next, self._heard.get(worker, -1) + 1):
            return False
        self._heard[worker] = second.at_s
        still = second.due - second.started - second.dropped
        self._open[worker] = self._open.get(worker, 0) + still
        self._told.setdefault(second.at_s, []).append(second)
        return True

    def done(self, worker: str, totals: WorkerTotals, recall: Recall | None) -> None:
        """*worker* has brought its share to an end, and told of each of its seconds. Once, if it serves."""
        if self.serving.pop(worker, None) is None:
            return
        self.totals.append(totals)
        if recall is not None:
            self.recalls.append(recall)

    def stopped(self) -> None:
        """The run ends early: what is due from now on is not lost."""
        self._is_stopped = True

    def overdue(self, *, now_s: float) -> list[str]:
        """The workers that are silent for too long at *now_s*; they serve no more."""
        silent = [
            worker
            for worker, first in self.serving.items()
            if now_s > self._heard.get(worker, first - 1) + 2 + GRACE_S
        ]
        for worker in silent:
            del self.serving[worker]
            # It had them on its list when it was last heard of.
            self._lost += self._open.pop(worker, 0)
        return silent

    def closed(self) -> Iterator[Second]:
        """The seconds that are complete and were not given before, in order."""
        while self._told and all(self._has_told(worker) for worker in self.serving):
            yield self._close()

    @property
    def is_over(self) -> bool:
        """Nobody serves any more."""
        return not self.serving

    @property
    def recall(self) -> Recall | None:
        """Of all workers."""
        return together(self.recalls)

    def _has_told(self, worker: str) -> bool:
        return self._heard.get(worker, self.serving[worker] - 1) >= self._next

    def _close(self) -> Second:
        at_s, parts = self._next, self._told.pop(self._next, [])
        due = self.schedule.due_before(at_s + 1) - self.schedule.due_before(at_s)
        unheard = 0 if self._is_stopped else max(0, due - sum(part.due for part in parts))
        second = merged_second(
            parts,
            at_s=at_s,
            lost=unheard,
            lost_vectors=round(unheard * self.vectors_per_arrival),
            usd=self.usd,
        )
        # These were counted as due when they were.
        second, self._lost = replace(second, lost=second.lost + self._lost), 0
        self.usd, self._next = second.usd, at_s + 1
        return second
