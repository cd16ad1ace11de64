"""The endpoint's counters in Prometheus text format. Labels have values from closed sets only.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Upper bounds in seconds.
BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class DurationHistogram:
    """Durations counted in buckets."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds

    def format_lines(self, name: str, labels: str) -> Iterable[str]:
        """Yield the cumulative buckets, the sum and the count."""
        total = 0
        for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), self.counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
        yield f"{name}_sum{{{labels}}} {self.sum_s:.9g}"
        yield f"{name}_count{{{labels}}} {total}"


@dataclass(slots=True)
class Metrics:
    """Counters since the start.

    requests    by operation and error code: `OK` for a success, `none` if no response was sent
    durations   by operation, from the request's headers to the end of the response
    vectors     put or deleted, by operation; successful requests only
    throttled   requests refused by a quota, by quota
    faults      injected faults, by kind
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: defaultdict[str, DurationHistogram] = field(
        default_factory=lambda: defaultdict(DurationHistogram)
    )
    vectors: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    bytes_out: int = 0
    in_flight: int = 0

    def format_text(self, resources: Mapping[str, int]) -> str:
        """Return all counters, and the current number of *resources* by name."""
        lines = [
            *_family("vecgate_requests_total", "counter", "Requests by operation and result."),
            *(
                f'vecgate_requests_total{{operation="{operation}",code="{code}"}} {count}'
                for (operation, code), count in sorted(self.requests.items())
            ),
            *_family("vecgate_request_duration_seconds", "histogram", "Time from request to response."),
            *(
                line
                for operation, histogram in sorted(self.durations.items())
                for line in histogram.format_lines(
                    "vecgate_request_duration_seconds", f'operation="{operation}"'
                )
            ),
            *_counter("vecgate_written_vectors_total", "Vectors put and deleted.", "operation", self.vectors),
            *_counter("vecgate_throttled_requests_total", "Refused by a quota.", "quota", self.throttled),
            *_counter("vecgate_injected_faults_total", "Injected faults.", "kind", self.faults),
            *_single("vecgate_request_body_bytes_total", "counter", "Bytes received.", self.bytes_in),
            *_single("vecgate_response_body_bytes_total", "counter", "Bytes sent.", self.bytes_out),
            *_single("vecgate_requests_in_flight", "gauge", "Requests not yet answered.", self.in_flight),
        ]
        for name, value in resources.items():
            lines += _single(f"vecgate_{name}", "gauge", f"Current {name.replace('_', ' ')}.", value)
        return "\n".join([*lines, ""])


def _family(name: str, kind: str, help_: str) -> list[str]:
    return [f"# HELP {name} {help_}", f"# TYPE {name} {kind}"]


def _single(name: str, kind: str, help_: str, value: float) -> list[str]:
    return [*_family(name, kind, help_), f"{name} {value}"]


def _counter(name: str, help_: str, label: str, counts: Mapping[str, int]) -> list[str]:
    samples = [f'{name}{{{label}="{value}"}} {count}' for value, count in sorted(counts.items())]
    return [*_family(name, "counter", help_), *samples]
