"""What came of the requests of one operation, counted up: while they are sent, and from records of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vecgate.results.histograms import Histogram
from vecgate.results.load import OperationSecond

NUMBERS = ("ok", "vectors", "throttled", "retried", "bytes_out", "bytes_in")


@dataclass(slots=True)
class Counts:
    """Requests of one operation, or of several together.

    ok         requests that were done; *vectors*, those written, read or deleted by them
    errors     number by error code, *throttled* ones among them
    retried    how often requests were sent again
    bytes_out  in bodies sent; *bytes_in*, received
    response   latencies from the intended departure, *service* from the actual one; also of failures
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

    def add(self, other: Counts) -> None:
        """Count what *other* has counted."""
        self._add_numbers(other)
        self.response.add(other.response)
        self.service.add(other.service)

    def add_record(self, record: OperationSecond) -> None:
        """Count what *record* holds; its histograms are decoded when they are needed."""
        self._add_numbers(record)
        self.response.add_encoded(record.response.histogram)
        self.service.add_encoded(record.service.histogram)

    def record(self) -> OperationSecond:
        """As a record."""
        return OperationSecond(
            **{name: getattr(self, name) for name in NUMBERS},
            errors=dict(sorted(self.errors.items())),
            response=self.response.latencies(),
            service=self.service.latencies(),
        )

    def _add_numbers(self, other: Counts | OperationSecond) -> None:
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.errors.update(other.errors)


def together(counts: Iterable[Counts]) -> Counts:
    """All of *counts* as one."""
    whole = Counts()
    for each in counts:
        whole.add(each)
    return whole


def by_operation(parts: Iterable[Mapping[str, OperationSecond]]) -> dict[str, Counts]:
    """The records of several seconds or workers added up, in the order of the operations' names."""
    found: dict[str, Counts] = {}
    for operations in parts:
        for name, record in operations.items():
            if name not in found:
                found[name] = Counts()
            found[name].add_record(record)
    return {name: found[name] for name in sorted(found)}
