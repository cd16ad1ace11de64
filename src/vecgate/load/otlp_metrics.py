"""The metrics of a load run as OTLP/HTTP messages in JSON, for a collector of OpenTelemetry.

The values are cumulative, as Prometheus counts. https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from vecgate import __version__
from vecgate.load.live_metrics import LiveMetrics
from vecgate.load.openmetrics import BUCKETS_S, OK
from vecgate.results.histograms import Histogram
from vecgate.results.records import Header

#: The aggregation temporality of the protocol: values count from the start of the run.
CUMULATIVE: Final = 2
NANOSECONDS: Final = 1_000_000_000


def build_resource(header: Header, scenario: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of the resource, with those that variables in *environment* set."""
    attributes = {
        "service.name": "vecgate",
        "service.version": __version__,
        "service.instance.id": header.run,
        "vecgate.target": header.target,
        "vecgate.scenario": scenario,
    }
    for part in environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            attributes[unquote(name.strip())] = unquote(value.strip())
    if name := environment.get("OTEL_SERVICE_NAME", "").strip():
        attributes["service.name"] = name
    return attributes


def build_message(
    metrics: LiveMetrics, resource: Mapping[str, str], began_at_s: float, now_s: float
) -> dict[str, Any]:
    """Return the body of a request to `/v1/metrics` with the values at *now_s*, in epoch seconds.

    began_at_s  when the run began: values count from then
    """
    times = {"startTimeUnixNano": _nanoseconds(began_at_s), "timeUnixNano": _nanoseconds(now_s)}
    scope = {"scope": {"name": "vecgate", "version": __version__}, "metrics": _metrics(metrics, times)}
    return {"resourceMetrics": [{"resource": {"attributes": _attributes(resource)}, "scopeMetrics": [scope]}]}


def _metrics(metrics: LiveMetrics, times: Mapping[str, str]) -> list[dict[str, Any]]:
    series, unit = sorted(metrics.operations.items()), f"{{{metrics.plan.unit.removesuffix('s')}}}/s"
    return [
        _histogram(
            "vecgate.request.duration",
            "Time from when a request was due to the end of its answer.",
            [(name, counts.response) for name, counts in series],
            times,
        ),
        _histogram(
            "vecgate.service.duration",
            "Time from when a request was sent to the end of its answer.",
            [(name, counts.service) for name, counts in series],
            times,
        ),
        _sum(
            "vecgate.requests",
            "{request}",
            [
                ({"operation": name, "code": code}, number)
                for name, counts in series
                for code, number in {OK: counts.ok, **counts.errors}.items()
            ],
            times,
        ),
        _sum("vecgate.vectors", "{vector}", [({"operation": n}, c.vectors) for n, c in series], times),
        _sum("vecgate.throttles", "{request}", [({"operation": n}, c.throttled) for n, c in series], times),
        _sum("vecgate.due", "{request}", [({}, metrics.due)], times),
        _sum("vecgate.dropped", "{request}", [({}, metrics.dropped)], times),
        _sum("vecgate.lost", "{request}", [({}, metrics.lost)], times),
        _gauge("vecgate.backlog", "{request}", {"asInt": str(metrics.backlog)}, times),
        _gauge("vecgate.in_flight", "{request}", {"asInt": str(metrics.in_flight)}, times),
        _gauge("vecgate.offered_rate", unit, {"asDouble": metrics.offered_per_s}, times),
        _gauge("vecgate.achieved_rate", unit, {"asDouble": metrics.achieved_per_s}, times),
        _gauge("vecgate.cost", "USD", {"asDouble": metrics.usd}, times),
    ]


def _histogram(
    name: str, description: str, series: Iterable[tuple[str, Histogram]], times: Mapping[str, str]
) -> dict[str, Any]:
    points = []
    for operation, latencies in series:
        within = [latencies.count_within(bound_s) for bound_s in BUCKETS_S]
        counts = [
            after - before for before, after in zip([0, *within], [*within, latencies.count], strict=True)
        ]
        points.append({
            "attributes": _attributes({"operation": operation}),
            **times,
            "count": str(latencies.count),
            "sum": latencies.mean_ms * latencies.count / 1e3,
            "max": latencies.max_ms / 1e3,
            "explicitBounds": list(BUCKETS_S),
            "bucketCounts": [str(count) for count in counts],
        })  # fmt: skip
    data = {"aggregationTemporality": CUMULATIVE, "dataPoints": points}
    return {"name": name, "description": description, "unit": "s", "histogram": data}


def _sum(
    name: str, unit: str, values: Iterable[tuple[Mapping[str, str], int]], times: Mapping[str, str]
) -> dict[str, Any]:
    points = [{"attributes": _attributes(tags), **times, "asInt": str(number)} for tags, number in values]
    data = {"aggregationTemporality": CUMULATIVE, "isMonotonic": True, "dataPoints": points}
    return {"name": name, "unit": unit, "sum": data}


def _gauge(name: str, unit: str, value: Mapping[str, Any], times: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "unit": unit, "gauge": {"dataPoints": [{**times, **value}]}}


def _attributes(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def _nanoseconds(seconds: float) -> str:
    # 64-bit integers are texts in the JSON of Protocol Buffers.
    return str(int(seconds * NANOSECONDS))
