from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from serving import ADMIN_HEADER, Server, raw_request

from vecgate.endpoint.faults.injection import Fault, FaultKind, FaultPlan
from vecgate.endpoint.faults.quotas import Quotas, Rate
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.metrics import BUCKETS_S, DurationHistogram, Metrics
from vecgate.s3vectors.model import service_model

SAMPLE = re.compile(r"^([a-z_]+)(\{[^}]*\})? (\S+)$")


def samples(text: str) -> dict[str, float]:
    """Return the samples by name and labels, and check that *text* has the format of Prometheus."""
    found, typed = {}, set()
    for line in text.splitlines():
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            assert word in {"HELP", "TYPE"}
            assert rest
            typed.add(name)
            continue
        match = SAMPLE.match(line)
        assert match, line
        assert re.sub(r"_(bucket|sum|count)$", "", match[1]) in typed or match[1] in typed
        found[match[1] + (match[2] or "")] = float(match[3])
    assert text.endswith("\n")
    return found


@given(st.lists(st.floats(0, 100)))
def test_histogram_buckets_are_cumulative(durations: list[float]) -> None:
    """The last bucket contains all durations."""
    histogram = DurationHistogram()
    for duration in durations:
        histogram.observe(duration)
    lines = list(histogram.format_lines("x", 'operation="y"'))
    for bound, line in zip(BUCKETS_S, lines, strict=False):
        assert line == f'x_bucket{{operation="y",le="{bound}"}} {sum(each <= bound for each in durations)}'
    assert lines[len(BUCKETS_S)] == f'x_bucket{{operation="y",le="+Inf"}} {len(durations)}'
    assert lines[-1] == f'x_count{{operation="y"}} {len(durations)}'


def test_metrics_without_requests_are_valid() -> None:
    """The gauges are zero."""
    found = samples(Metrics().format_text({"vectors": 0}))
    assert found["vecgate_vectors"] == 0
    assert found["vecgate_requests_in_flight"] == 0


def test_every_event_is_counted_under_its_labels() -> None:
    """Requests by operation and code, vectors, bytes, throttled requests, faults, resources."""
    index = {"vectorBucketName": "bucket", "indexName": "index"}
    vectors = [{"key": f"k{number}", "data": {"float32": [0.0, 1.0]}} for number in range(3)]
    settings = GatewaySettings(
        quotas=Quotas(write_requests=Rate(0.001, 3)),
        plan=FaultPlan(
            (Fault(FaultKind.THROTTLE, 1.0, ("GetVectors",)), Fault(FaultKind.LOST, 1.0, ("ListIndexes",)))
        ),
    )
    with Server(settings) as server, server.client() as client:
        client.create_vector_bucket(vectorBucketName="bucket")
        client.create_index(**index, dataType="float32", dimension=2, distanceMetric="cosine")
        client.put_vectors(**index, vectors=vectors)
        client.delete_vectors(**index, keys=["k0"])
        wrong = raw_request("POST", "/PutVectors", b'{"vectorBucketName":"bucket","indexName":"index"}')
        for raw, status in (
            (wrong, 400),
            (
                raw_request(
                    "POST", "/DeleteVectors", b'{"vectorBucketName":"bucket","indexName":"none","keys":["k"]}'
                ),
                404,
            ),
            (
                raw_request(
                    "POST",
                    "/DeleteVectors",
                    b'{"vectorBucketName":"bucket","indexName":"index","keys":["k1"]}',
                ),
                200,
            ),
            (
                raw_request(
                    "POST",
                    "/DeleteVectors",
                    b'{"vectorBucketName":"bucket","indexName":"index","keys":["k2"]}',
                ),
                429,
            ),
            (raw_request("POST", "/GetVectors", b"{}"), 429),
            (raw_request("POST", "/nope", b"{}"), 404),
            (raw_request("POST", "/nope2", b"{}"), 404),
        ):
            assert server.send(raw)[0] == status
        with server.connection() as connection:
            connection.sendall(raw_request("POST", "/ListIndexes", b"{}"))
            assert connection.recv(1) == b""
        status, headers, body = server.send(raw_request("GET", "/_vecgate/metrics", headers=ADMIN_HEADER))
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(body.decode())

    def requests(operation: str, code: str) -> float:
        return found[f'vecgate_requests_total{{operation="{operation}",code="{code}"}}']

    assert requests("PutVectors", "OK") == 1
    assert requests("PutVectors", "ValidationException") == 1
    assert requests("DeleteVectors", "OK") == 2
    assert requests("DeleteVectors", "TooManyRequestsException") == 1
    assert requests("ListIndexes", "none") == 1
    assert requests("unknown", "UnknownOperationException") == 2
    assert found['vecgate_written_vectors_total{operation="PutVectors"}'] == 3
    assert found['vecgate_written_vectors_total{operation="DeleteVectors"}'] == 2
    assert found['vecgate_throttled_requests_total{quota="write_requests"}'] == 1
    assert found['vecgate_injected_faults_total{kind="throttle"}'] == 1
    assert found['vecgate_injected_faults_total{kind="lost"}'] == 1
    assert found['vecgate_request_duration_seconds_count{operation="PutVectors"}'] == 2
    assert found["vecgate_vectors"] == 1
    assert found["vecgate_indexes"] == 1
    assert found["vecgate_vector_buckets"] == 1
    assert found["vecgate_requests_in_flight"] == 0
    assert found["vecgate_request_body_bytes_total"] > 300
    assert found["vecgate_response_body_bytes_total"] > 300


def test_labels_have_values_from_closed_sets() -> None:
    """A hundred unknown paths are one series."""
    with Server() as server:
        for number in range(100):
            server.send(raw_request("POST", f"/x{number}", b"{}"))
        _, _, body = server.send(raw_request("GET", "/_vecgate/metrics", headers=ADMIN_HEADER))
    operations = set(re.findall(r'operation="([^"]*)"', body.decode()))
    assert operations <= {*service_model().operation_names, "unknown"}
