"""The metrics of a run as OTLP messages in JSON."""

from __future__ import annotations

from typing import Any

import orjson
from google.protobuf import json_format
from load_builders import operation, plan, second
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from result_builders import header

from vecgate.load.live_metrics import LiveMetrics
from vecgate.load.otlp_metrics import build_message, build_resource


def live() -> LiveMetrics:
    return LiveMetrics(plan(), "local")


def by_name(metrics: LiveMetrics, now_s: float) -> dict[str, Any]:
    (resource,) = build_message(metrics, {}, 1_000.0, now_s)["resourceMetrics"]
    (scope,) = resource["scopeMetrics"]
    return {metric["name"]: metric for metric in scope["metrics"]}


def test_values_count_from_the_start_of_the_run() -> None:
    """Integers are texts, times are nanoseconds, and the buckets add up to the count."""
    metrics = live()
    for at in range(2):
        metrics.add(second(at, *[0.04] * 10, dropped=1, in_flight=3))
    metrics.add(second(2, operations={"PutVectors": operation(90.0, errors={"503": 1})}, in_flight=2))
    found = by_name(metrics, 1_002.5)
    (point,) = found["vecgate.request.duration"]["histogram"]["dataPoints"]
    assert (point["startTimeUnixNano"], point["timeUnixNano"]) == ("1000000000000", "1002500000000")
    assert (point["count"], len(point["bucketCounts"])) == ("21", len(point["explicitBounds"]) + 1)
    assert sum(map(int, point["bucketCounts"])) == 21
    assert point["bucketCounts"][point["explicitBounds"].index(0.05)] == "20"
    assert point["bucketCounts"][-1] == "1"
    requests = found["vecgate.requests"]["sum"]
    assert (requests["aggregationTemporality"], requests["isMonotonic"]) == (2, True)
    assert [each["asInt"] for each in requests["dataPoints"]] == ["20", "1"]
    assert found["vecgate.dropped"]["sum"]["dataPoints"][0]["asInt"] == "2"
    assert found["vecgate.in_flight"]["gauge"]["dataPoints"][0]["asInt"] == "2"
    assert found["vecgate.cost"]["gauge"]["dataPoints"][0]["asDouble"] == 0.03


def test_gauges_are_those_of_the_last_seconds() -> None:
    """Rates and the backlog show a stall while it lasts."""
    metrics = live()
    for at in range(20):
        metrics.add(second(at, *[0.04] * 10))
    for at in range(20, 25):
        metrics.add(second(at, due=10, due_vectors=100, started=10))
    found = by_name(metrics, 1_025.0)
    gauges = {name: each["gauge"]["dataPoints"][0] for name, each in found.items() if "gauge" in each}
    assert gauges["vecgate.backlog"]["asInt"] == "50"
    assert gauges["vecgate.offered_rate"]["asDouble"] == 100.0
    assert gauges["vecgate.achieved_rate"]["asDouble"] == 50.0
    assert found["vecgate.achieved_rate"]["unit"] == "{vector}/s"


def test_the_resource_names_the_run_and_its_target() -> None:
    """So that runs can be told apart in a dashboard; the variables of OpenTelemetry win."""
    head = header(kind="load", run="r1", target="local")
    values = build_resource(head, "smoke", {})
    assert values["service.name"] == "vecgate"
    assert (values["service.instance.id"], values["vecgate.target"]) == ("r1", "local")
    environment = {"OTEL_RESOURCE_ATTRIBUTES": "team=a%20b, x=1,broken", "OTEL_SERVICE_NAME": "gate"}
    changed = build_resource(head, "smoke", environment)
    assert (changed["service.name"], changed["team"], changed["x"]) == ("gate", "a b", "1")
    assert changed.keys() - values.keys() == {"team", "x"}


def test_a_message_is_one_of_the_protocol() -> None:
    """The official definition parses it, and refuses unknown fields and values of another type."""
    metrics = live()
    metrics.add(second(0, *[0.04] * 10))
    message = build_message(metrics, {"service.name": "vecgate"}, 1_000.0, 1_001.0)
    request = json_format.Parse(orjson.dumps(message), ExportMetricsServiceRequest())
    (resource,) = request.resource_metrics
    found = {each.name: each for each in resource.scope_metrics[0].metrics}
    assert found["vecgate.request.duration"].histogram.data_points[0].count == 10
    assert found["vecgate.requests"].sum.aggregation_temporality == 2
    assert found["vecgate.backlog"].gauge.data_points[0].as_int == 0
