"""The metrics of a load run so far, for exporters that publish them while it runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from vecgate.results.load.load_records import LoadPlan, Second
from vecgate.results.load.operation_counts import OperationCounts, add_operations, sum_by_operation

#: Seconds over which rates and percentiles are taken: long enough for a p99 at some hundred requests/s, short
#: enough to show a stall.
WINDOW_S = 10


@dataclass(slots=True)
class LiveMetrics:
    """Adds up the seconds of the run of *plan*.

    target      that the requests go to
    operations  counts of each operation since the schedule began
    due         requests that were due; *dropped* were never sent, *lost* have no result because of a worker
    in_flight   at the end of the last second
    usd         price so far
    """

    plan: LoadPlan
    target: str
    operations: dict[str, OperationCounts] = field(default_factory=dict)
    due: int = 0
    dropped: int = 0
    lost: int = 0
    in_flight: int = 0
    usd: float = 0.0
    _recent: deque[Second] = field(default_factory=lambda: deque(maxlen=WINDOW_S))

    def add(self, second: Second) -> None:
        """Add *second*."""
        add_operations(self.operations, second.operations)
        self.due += second.due
        self.dropped += second.dropped
        self.lost += second.lost + second.unknown
        self.usd, self.in_flight = second.usd, second.in_flight
        self._recent.append(second)

    @property
    def backlog(self) -> int:
        """Requests that were due and have neither a result nor were given up."""
        ended = sum(counts.requests for counts in self.operations.values())
        return max(0, self.due - ended - self.dropped - self.lost)

    @property
    def offered_per_s(self) -> float:
        """The scheduled rate of the last seconds, in the unit of the plan."""
        in_vectors = self.plan.unit == "vectors"
        return self._per_s(sum(each.due_vectors if in_vectors else each.due for each in self._recent))

    @property
    def achieved_per_s(self) -> float:
        """The successful work of the last seconds, in the unit of the plan."""
        in_vectors = self.plan.unit == "vectors"
        counts = [counts for each in self._recent for counts in each.operations.values()]
        return self._per_s(sum(each.vectors if in_vectors else each.ok for each in counts))

    def recent(self) -> Mapping[str, OperationCounts]:
        """Return the counts of each operation in the last seconds."""
        return sum_by_operation(each.operations for each in self._recent)

    def _per_s(self, number: int) -> float:
        return number / len(self._recent) if self._recent else 0.0
