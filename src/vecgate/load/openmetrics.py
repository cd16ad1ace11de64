"""Formats a load run as OpenMetrics text, for Prometheus' textfile collector and GitLab's metrics reports.

https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vecgate.results.histograms import Histogram
from vecgate.results.load.load_summary import LoadSummary

#: Upper bounds of the buckets. Seconds.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: The code of successful requests.
OK = "ok"


def format_openmetrics(summary: LoadSummary, target: str) -> str:
    """Format *summary* with operation, code and target as labels."""
    series = [({"operation": name, "target": target}, counts) for name, counts in summary.operations.items()]
    lines = [
        *_format_durations(
            "vecgate_request_duration",
            "Time from when a request was due to the end of its answer.",
            [(labels, counts.response) for labels, counts in series],
        ),
        *_format_durations(
            "vecgate_service_duration",
            "Time from when a request was sent to the end of its answer.",
            [(labels, counts.service) for labels, counts in series],
        ),
        *_format_counter(
            "vecgate_requests",
            "Completed requests by error code; ok is a success.",
            [
                ({**labels, "code": code}, number)
                for labels, counts in series
                for code, number in {OK: counts.ok, **counts.errors}.items()
            ],
        ),
        *_format_counter(
            "vecgate_vectors",
            "Vectors written, read or deleted by requests.",
            [(labels, counts.vectors) for labels, counts in series],
        ),
        *_format_counter(
            "vecgate_throttles",
            "Throttled requests.",
            [(labels, counts.throttled) for labels, counts in series],
        ),
        *_format_counter(
            "vecgate_dropped",
            "Requests dropped before they were sent.",
            [({"target": target}, summary.dropped)],
        ),
        "# EOF",
    ]
    return "\n".join(lines) + "\n"


def _format_durations(
    name: str, help_text: str, series: list[tuple[dict[str, str], Histogram]]
) -> Iterator[str]:
    name = f"{name}_seconds"
    yield from (f"# TYPE {name} histogram", f"# UNIT {name} seconds", f"# HELP {name} {help_text}")
    for labels, times in series:
        counts = {str(bound_s): times.count_within(bound_s) for bound_s in BUCKETS_S} | {"+Inf": times.count}
        for bound, count in counts.items():
            yield f"{name}_bucket{_format_labels({**labels, 'le': bound})} {count}"
        yield f"{name}_count{_format_labels(labels)} {times.count}"
        yield f"{name}_sum{_format_labels(labels)} {times.mean_ms * times.count / 1e3:.6f}"


def _format_counter(name: str, help_text: str, series: list[tuple[dict[str, str], int]]) -> Iterator[str]:
    yield from (f"# TYPE {name} counter", f"# HELP {name} {help_text}")
    for labels, number in series:
        yield f"{name}_total{_format_labels(labels)} {number}"


def _format_labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
