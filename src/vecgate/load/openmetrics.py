"""Formats a load run as OpenMetrics text, for Prometheus and GitLab's metrics reports.

https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vecgate.load.live_metrics import WINDOW_S, LiveMetrics
from vecgate.results.histograms import Histogram
from vecgate.results.load.load_summary import LoadSummary
from vecgate.results.load.operation_counts import OperationCounts

#: Upper bounds of the buckets. Seconds.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: The code of successful requests.
OK = "ok"
#: Percentiles that a run publishes while it runs.
QUANTILES = (50, 95, 99)


def format_openmetrics(summary: LoadSummary, target: str) -> str:
    """Format *summary* with operation, code and target as labels."""
    return _join(_format_counts(summary.operations, summary.dropped, target))


def format_live_metrics(metrics: LiveMetrics) -> str:
    """Format a run that goes on: its counts so far, and gauges of the last seconds."""
    target = {"target": metrics.target}
    quantiles = [
        ({"operation": name, **target, "quantile": f"{percentile / 100:g}"}, milliseconds / 1e3)
        for name, counts in metrics.recent().items()
        if counts.response.count
        for percentile, milliseconds in zip(
            QUANTILES, counts.response.percentiles_ms(*QUANTILES), strict=True
        )
    ]
    unit = metrics.plan.unit
    rate = f"in {unit} per second, over the last {WINDOW_S} seconds."
    return _join(
        [
            *_format_counts(metrics.operations, metrics.dropped, metrics.target),
            *_format_counter("vecgate_due", "Requests that were due.", [(target, metrics.due)]),
            *_format_counter(
                "vecgate_lost",
                "Requests without a result, because the master lost a worker.",
                [(target, metrics.lost)],
            ),
            *_format_gauge(
                "vecgate_recent_response_seconds",
                f"Percentiles of the response time over the last {WINDOW_S} seconds.",
                quantiles,
            ),
            *_format_gauge(
                "vecgate_offered_rate", f"Scheduled rate {rate}", [(target, metrics.offered_per_s)]
            ),
            *_format_gauge(
                "vecgate_achieved_rate", f"Successful work {rate}", [(target, metrics.achieved_per_s)]
            ),
            *_format_gauge(
                "vecgate_backlog",
                "Requests that were due and have no result yet.",
                [(target, metrics.backlog)],
            ),
            *_format_gauge("vecgate_in_flight", "Requests in flight.", [(target, metrics.in_flight)]),
            *_format_gauge("vecgate_cost_dollars", "Price of the run so far.", [(target, metrics.usd)]),
        ]
    )


def _join(lines: Iterable[str]) -> str:
    return "\n".join([*lines, "# EOF"]) + "\n"


def _format_counts(operations: Mapping[str, OperationCounts], dropped: int, target: str) -> Iterator[str]:
    series = [({"operation": name, "target": target}, counts) for name, counts in operations.items()]
    yield from _format_durations(
        "vecgate_request_duration",
        "Time from when a request was due to the end of its answer.",
        [(labels, counts.response) for labels, counts in series],
    )
    yield from _format_durations(
        "vecgate_service_duration",
        "Time from when a request was sent to the end of its answer.",
        [(labels, counts.service) for labels, counts in series],
    )
    yield from _format_counter(
        "vecgate_requests",
        "Completed requests by error code; ok is a success.",
        [
            ({**labels, "code": code}, number)
            for labels, counts in series
            for code, number in {OK: counts.ok, **counts.errors}.items()
        ],
    )
    yield from _format_counter(
        "vecgate_vectors",
        "Vectors written, read or deleted by requests.",
        [(labels, counts.vectors) for labels, counts in series],
    )
    yield from _format_counter(
        "vecgate_throttles", "Throttled requests.", [(labels, counts.throttled) for labels, counts in series]
    )
    yield from _format_counter(
        "vecgate_dropped", "Requests dropped before they were sent.", [({"target": target}, dropped)]
    )


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


def _format_gauge(name: str, help_text: str, series: Iterable[tuple[dict[str, str], float]]) -> Iterator[str]:
    yield from (f"# TYPE {name} gauge", f"# HELP {name} {help_text}")
    for labels, value in series:
        yield f"{name}{_format_labels(labels)} {value:.9g}"


def _format_labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
