"""A load run as OpenMetrics text: for Prometheus' textfile collector, and for GitLab's metrics reports.

https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vecgate.results.histograms import Histogram
from vecgate.results.summary import Summary

#: Upper bounds of the buckets. Seconds.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: The code of what was done.
OK = "ok"


def openmetrics_of(summary: Summary, target: str) -> str:
    """The text, with operation, code and target as labels."""
    told = [({"operation": name, "target": target}, counts) for name, counts in summary.operations.items()]
    lines = [
        *_durations(
            "vecgate_request_duration",
            "From the moment a request should have left to the end of its answer.",
            [(labels, counts.response) for labels, counts in told],
        ),
        *_durations(
            "vecgate_service_duration",
            "From the moment a request did leave to the end of its answer.",
            [(labels, counts.service) for labels, counts in told],
        ),
        *_counter(
            "vecgate_requests",
            "Requests that ended, by error code; ok is done.",
            [
                ({**labels, "code": code}, number)
                for labels, counts in told
                for code, number in {OK: counts.ok, **counts.errors}.items()
            ],
        ),
        *_counter(
            "vecgate_vectors",
            "Vectors that requests wrote, read or deleted.",
            [(labels, counts.vectors) for labels, counts in told],
        ),
        *_counter(
            "vecgate_throttles",
            "Answers that asked for less.",
            [(labels, counts.throttled) for labels, counts in told],
        ),
        *_counter("vecgate_dropped", "Requests given up unsent.", [({"target": target}, summary.dropped)]),
        "# EOF",
    ]
    return "\n".join(lines) + "\n"


def _durations(name: str, told: str, series: list[tuple[dict[str, str], Histogram]]) -> Iterator[str]:
    name = f"{name}_seconds"
    yield from (f"# TYPE {name} histogram", f"# UNIT {name} seconds", f"# HELP {name} {told}")
    for labels, times in series:
        for bound_s in BUCKETS_S:
            yield f"{name}_bucket{_labels({**labels, 'le': str(bound_s)})} {times.at_most(bound_s)}"
        yield f"{name}_bucket{_labels({**labels, 'le': '+Inf'})} {times.count}"
        yield f"{name}_count{_labels(labels)} {times.count}"
        yield f"{name}_sum{_labels(labels)} {times.mean_ms * times.count / 1e3:.6f}"


def _counter(name: str, told: str, series: list[tuple[dict[str, str], int]]) -> Iterator[str]:
    yield from (f"# TYPE {name} counter", f"# HELP {name} {told}")
    for labels, number in series:
        yield f"{name}_total{_labels(labels)} {number}"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
