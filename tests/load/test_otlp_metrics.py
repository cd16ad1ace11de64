"""The metrics of a run as OTLP messages in JSON."""

from __future__ import annotations

from typing import Any

from load_builders import operation, second

from vecgate.load.otlp_metrics import OtlpMetrics


def by_name(metrics: OtlpMetrics, now_s: float) -> dict[str, Any]:
    (resource,) = metrics.message(now_s)["resourceMetrics"]
    (scope,) = resource["scopeMetrics"]
    return {metric["name"]: metric for metric in scope["metrics"]}


def test_values_count_from_the_start_of_the_run() -> None:
    """Integers are texts, times are nanoseconds, and the buckets add up to the count."""
    metrics = OtlpMetrics(1_000.0, "r1", "local", "smoke")
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


def test_the_resource_names_the_run_and_its_target() -> None:
    """So that runs can be told apart in a dashboard."""
    message = OtlpMetrics(0.0, "r1", "local", "smoke").message(1.0)
    attributes = message["resourceMetrics"][0]["resource"]["attributes"]
    values = {each["key"]: each["value"]["stringValue"] for each in attributes}
    assert values["service.name"] == "vecgate"
    assert (values["service.instance.id"], values["vecgate.target"]) == ("r1", "local")
