"""Counts of the requests of one operation: counted while they are sent, or added up from records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vecgate.results.histograms import Histogram
from vecgate.results.load.load_records import OperationSecond

NUMBERS = ("ok", "vectors", "throttled", "retried", "bytes_out", "bytes_in")


@dataclass(slots=True)
class OperationCounts:
    """Requests of one operation, or of several together.

    ok         requests that succeeded; *vectors* is what they wrote, read or deleted
    errors     number by error code; *throttled* counts those that were throttled
    retried    requests sent again
    bytes_out  bytes of the bodies sent; *bytes_in* is bytes received
    response   latencies from the scheduled start, *service* from the actual start; both include failed
               requests
    """

    ok: int = 0
    vectors: int = 0
    throttled: int = 0
    retried: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)

    @property
    def failed(self) -> int:
        """Requests that ended with an error."""
        return self.errors.total()

    @property
    def requests(self) -> int:
        """Requests that ended."""
        return self.ok + self.failed

    def add(self, other: OperationCounts) -> None:
        """Add the counts of *other*."""
        self._add_numbers(other)
        self.response.add(other.response)
        self.service.add(other.service)

    def add_record(self, record: OperationSecond) -> None:
        """Add the counts of *record*. Its histograms are decoded when they are needed."""
        self._add_numbers(record)
        self.response.add_encoded(record.response.histogram)
        self.service.add_encoded(record.service.histogram)

    def to_record(self) -> OperationSecond:
        """Return the counts as a record."""
        return OperationSecond(
            **{name: getattr(self, name) for name in NUMBERS},
            errors=dict(sorted(self.errors.items())),
            response=self.response.to_record(),
            service=self.service.to_record(),
        )

    def _add_numbers(self, other: OperationCounts | OperationSecond) -> None:
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.errors.update(other.errors)


def sum_counts(counts: Iterable[OperationCounts]) -> OperationCounts:
    """Return the sum of *counts*."""
    total = OperationCounts()
    for each in counts:
        total.add(each)
    return total


def sum_by_operation(parts: Iterable[Mapping[str, OperationSecond]]) -> dict[str, OperationCounts]:
    """Return the sums over several seconds or workers, in the order of the operations' names."""
    sums: dict[str, OperationCounts] = {}
    for operations in parts:
        add_operations(sums, operations)
    return {name: sums[name] for name in sorted(sums)}


def add_operations(sums: dict[str, OperationCounts], operations: Mapping[str, OperationSecond]) -> None:
    """Add the records of *operations* to *sums*."""
    for name, record in operations.items():
        if name not in sums:
            sums[name] = OperationCounts()
        sums[name].add_record(record)
