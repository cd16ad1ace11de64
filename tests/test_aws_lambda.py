"""The Lambda handler, invoked like by Lambda's runtime client: by its dotted name, with JSON in and out."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from fault_proxy import ALL_OPERATIONS, FaultProxy, fault_proxy
from hypothesis import given
from hypothesis import strategies as st

from vecgate.aws_lambda.action_context import ActionContext, create_missing, target_name
from vecgate.aws_lambda.actions import check_access, write_steadily
from vecgate.aws_lambda.deadline import Deadline, OutOfTime, run_within
from vecgate.aws_lambda.event_parsing import REQUEST_TYPES, parse_event
from vecgate.aws_lambda.responses import MESSAGE_LENGTH_MAX, error_response, redact, status_of
from vecgate.aws_lambda.synthetic_writes import delete_written
from vecgate.bulk.core.body_encoding import Body
from vecgate.endpoint.local import LocalEndpoint
from vecgate.errors import (
    ConfigError,
    IndexUnusable,
    NoCredentials,
    ServiceError,
    TargetUnreachable,
    TransportError,
    VecgateError,
)
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target
from vecgate.testing.clock import FakeClock
from vecgate.testing.scripted_service import ScriptedService, modelled_error

HANDLER = "vecgate.aws_lambda.handler"


class Context:
    """The context that the runtime client passes to a handler."""

    function_name, function_version, memory_limit_in_mb = "vecgate", "$LATEST", "512"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:vecgate"

    def __init__(self, seconds: float = 30.0) -> None:
        self.aws_request_id = "8a2f0b1c-0000-4000-8000-000000000001"
        self._until_s = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._until_s - time.monotonic()) * 1_000))


def invoke(event: object, context: object | None = None) -> tuple[int, dict[str, Any]]:
    """Load the handler by its name, and return status and body of its response to *event*."""
    module, name = HANDLER.rsplit(".", 1)
    handler = getattr(import_module(module), name)
    decoded = json.loads(json.dumps(event).encode())
    response = json.loads(json.dumps(handler(decoded, context or Context())).encode())
    assert response["headers"] == {"content-type": "application/json"}
    return response["statusCode"], json.loads(response["body"])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with LocalEndpoint() as running:
        yield running.url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    """An environment like that of a function: it sets the endpoint and the region, and nothing else."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VECGATE_"))]:
        monkeypatch.delenv(name)
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(f"AWS_{name}", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", url)
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/no-such-place")  # a function may write to /tmp only


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    client = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    yield client
    client.close()


@pytest.fixture
def existing_index(client: Any) -> Iterator[dict[str, str]]:
    """An index of four dimensions that exists before the invocation, with one vector."""
    named = {"vectorBucketName": f"existing-{uuid.uuid4().hex[:8]}", "indexName": "films"}
    client.create_vector_bucket(vectorBucketName=named["vectorBucketName"])
    client.create_index(**named, dataType="float32", dimension=4, distanceMetric="euclidean")
    record = {"key": "alien", "data": {"float32": [1.0, 2.0, 3.0, 4.0]}, "metadata": {"year": 1979}}
    client.put_vectors(**named, vectors=[record])
    yield {"bucket": named["vectorBucketName"], "index": "films"}
    client.delete_index(**named)
    client.delete_vector_bucket(vectorBucketName=named["vectorBucketName"])


def keys_in(client: Any, place: dict[str, str]) -> set[str]:
    pages = client.get_paginator("list_vectors").paginate(
        vectorBucketName=place["bucket"], indexName=place["index"]
    )
    return {each["key"] for page in pages for each in page["vectors"]}


def buckets(client: Any) -> set[str]:
    return {each["vectorBucketName"] for each in client.list_vector_buckets()["vectorBuckets"]}


# The result of each action.


def test_batch_processing_returns_the_counts_of_the_batch_client(client: Any) -> None:
    """Total, processed, failed, batches, duration, rate, errors, progress. Its temporary bucket is removed."""
    before = buckets(client)
    event = {
        "action": "test-batch-processing",
        "create": True,
        "dimension": 8,
        "vectors": 250,
        "delay_ms": 10,
    }
    status, body = invoke({**event, "report_every": 100})
    assert status == 200
    assert body["request_id"] == "8a2f0b1c-0000-4000-8000-000000000001"
    assert body["ok"] is True
    counts = [body[name] for name in ("total", "processed", "failed", "pending", "batches", "retries")]
    assert counts == [250, 250, 0, 0, 3, 0]
    assert body["duration_s"] > 0
    assert body["vectors_per_s"] == pytest.approx(250 / body["duration_s"], rel=0.05)
    assert (body["errors"], body["stopped"]) == ({}, None)
    assert [report["processed"] for report in body["progress"]][-1] == 250
    assert [report["percentage"] for report in body["progress"]][-1] == 100.0
    assert body["progress"][-1].keys() == {
        *("timestamp", "processed", "total", "percentage", "vectors_per_s", "remaining_s")
    }
    assert buckets(client) == before


def test_the_defaults_are_those_of_the_steady_preset() -> None:
    """Batches of 100, 1,000 vectors/s, five in flight, 100 ms apart, three attempts, a report every 1,000."""
    request = parse_event({"action": "test-batch-processing", "bucket": "b", "index": "i"}, {})
    names = ("batch_vectors", "vectors_per_s", "in_flight", "delay_ms", "attempts", "report_every")
    assert [getattr(request, name) for name in names] == [100, 1_000, 5, 100, 3, 1_000]


def test_throughput_scaling_measures_a_grid_and_recommends(
    existing_index: dict[str, str], client: Any
) -> None:
    """In the named index. With `clean_up` the vectors that it wrote are deleted."""
    event = {"action": "test-throughput-scaling", **existing_index, "batches": [5, 20], "in_flight": [1, 2]}
    status, body = invoke({**event, "seconds": 0.1, "clean_up": True})
    assert (status, body["ok"], body["is_complete"]) == (200, True, True)
    shapes = [(cell["vectors_per_request"], cell["in_flight"]) for cell in body["cells"]]
    assert shapes == [(5, 1), (5, 2), (20, 1), (20, 2)]
    assert body["recommended"] in body["cells"]
    assert keys_in(client, existing_index) == {"alien"}


def test_optimized_batch_writes_with_the_best_batch(existing_index: dict[str, str], client: Any) -> None:
    """The batch size that a grid of one row recommends."""
    event = {
        "action": "test-optimized-batch",
        **existing_index,
        "batches": [2, 50],
        "vectors": 100,
        "seconds": 0.1,
    }
    status, body = invoke({**event, "clean_up": True})
    assert (status, body["ok"], body["is_complete"], body["processed"]) == (200, True, True, 100)
    best = next(cell for cell in body["cells"] if cell["is_recommended"])
    assert body["batch_vectors"] == best["vectors_per_request"] == 50
    assert body["batches"] == 2
    assert keys_in(client, existing_index) == {"alien"}


def test_access_reports_each_operation(existing_index: dict[str, str], client: Any) -> None:
    """With `write` it also writes, and deletes what it wrote."""
    status, body = invoke({"action": "test-access", **existing_index, "write": True})
    assert (status, body["ok"]) == (200, True)
    assert body["index"] == {"dimension": 4, "metric": "euclidean"}
    assert body["operations"] == dict.fromkeys(
        ("GetIndex", "ListVectors", "QueryVectors", "PutVectors", "GetVectors", "DeleteVectors"), "ok"
    )
    assert keys_in(client, existing_index) == {"alien"}


def test_access_to_a_missing_index_is_a_result_and_not_an_error(existing_index: dict[str, str]) -> None:
    """The result has the error codes of the service."""
    status, body = invoke({"action": "test-access", "bucket": existing_index["bucket"], "index": "none"})
    assert (status, body["ok"], body["index"]) == (200, False, None)
    assert set(body["operations"].values()) == {"NotFoundException"}


def test_access_with_wrong_keys_reports_the_error_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The response does not contain the keys."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE0000001")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    with LocalEndpoint(auth=True) as closed:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", closed.url)
        status, body = invoke({"action": "test-access", "bucket": "bkt", "index": "idx"})
        refused, why = invoke({"action": "search", "bucket": "bkt", "index": "idx", "vector": [1]})
    assert (status, body["ok"]) == (200, False)
    assert set(body["operations"].values()) <= {"AccessDeniedException", "UnrecognizedClientException"}
    assert refused == 403
    assert "AKIA" not in json.dumps([body, why])


def test_search_returns_keys_distances_and_metadata(existing_index: dict[str, str]) -> None:
    """Searched by values or by a key. The values themselves are never returned."""
    event = {"action": "search", **existing_index, "top_k": 3}
    status, body = invoke({**event, "vector": [1, 2, 3, 5], "filter": {"year": {"$lt": 1980}}})
    assert (status, body["ok"], body["metric"]) == (200, True, "euclidean")
    assert body["vectors"] == [{"key": "alien", "distance": 1.0, "metadata": {"year": 1979}}]
    assert invoke({**event, "key": "alien"})[1]["vectors"][0]["distance"] == 0
    assert invoke({**event, "vector": [1, 2, 3, 4], "filter": {"year": 1980}})[1]["vectors"] == []
    status, body = invoke({**event, "key": "none"})
    assert (status, body["error"]["message"]) == (400, "no vector is stored under this key")
    status, body = invoke({**event, "vector": [1, 2]})
    assert (status, body["error"]["code"]) == (400, "ValidationException")


# Creation and removal.


def test_created_resources_are_kept_unless_clean_up_is_set(client: Any) -> None:
    """`clean_up` removes only what the same invocation created and wrote."""
    event = {"action": "test-batch-processing", "bucket": "created", "index": "idx", "create": True}
    event |= {"dimension": 4, "vectors": 10, "delay_ms": 0}
    assert invoke(event)[0] == 200
    assert "created" in buckets(client)
    kept = keys_in(client, {"bucket": "created", "index": "idx"})
    assert len(kept) == 10
    # The index exists now: only the ten vectors of this invocation are deleted.
    assert invoke({**event, "clean_up": True})[1]["ok"]
    assert keys_in(client, {"bucket": "created", "index": "idx"}) == kept
    client.delete_index(vectorBucketName="created", indexName="idx")
    # The bucket existed: only the index is removed.
    assert invoke({**event, "clean_up": True})[1]["ok"]
    assert "created" in buckets(client)
    assert client.list_indexes(vectorBucketName="created")["indexes"] == []
    client.delete_vector_bucket(vectorBucketName="created")
    assert invoke({**event, "clean_up": True})[1]["ok"]
    assert "created" not in buckets(client)


def test_a_temporary_bucket_is_removed_after_an_error(client: Any) -> None:
    """Here the index is empty, so the search fails."""
    before = buckets(client)
    status, _ = invoke({"action": "search", "create": True, "dimension": 4, "key": "none"})
    assert status == 400
    assert buckets(client) == before


def test_the_environment_may_name_the_index(
    existing_index: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event may name another index, but never a target."""
    monkeypatch.setenv("VECGATE_BUCKET", existing_index["bucket"])
    monkeypatch.setenv("VECGATE_INDEX", existing_index["index"])
    assert invoke({"action": "search", "key": "alien"})[0] == 200
    assert invoke({"action": "search", "key": "alien", "bucket": "other-one", "index": "films"})[0] == 404
    status, body = invoke({"action": "search", "key": "alien", "target": "http://127.0.0.1:1"})
    assert (status, body["error"]["message"]) == (400, "unknown field 'target'")


def test_without_an_endpoint_the_target_is_amazon() -> None:
    """The variables have the same precedence as for every command."""
    assert target_name({}) == "aws"
    assert (
        target_name({"AWS_ENDPOINT_URL": "http://b", "AWS_ENDPOINT_URL_S3VECTORS": "http://a"}) == "http://a"
    )


# Valid and invalid events.


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "the action is missing or unknown"),
        ({"action": "drop-tables"}, "the action is missing or unknown"),
        ([], "the event is not a JSON object"),
        ("search", "the event is not a JSON object"),
        ({"body": "{"}, "the body is not JSON"),
        ({"body": "[1]"}, "the event is not a JSON object"),
        ({"body": "%", "isBase64Encoded": True}, "the body is not JSON"),
        ({"body": "é", "isBase64Encoded": True}, "the body is not JSON"),
        ({"body": "/w==", "isBase64Encoded": True}, "the body is not JSON"),
        ({"action": "search", "bucket": "b"}, "use either vector or key to search"),
        ({"action": "search", "bucket": "b", "key": "k"}, "no index is named"),
        ({"action": "test-access"}, "no index is named: use bucket and index, or create: true"),
        (
            {"action": "test-access", "create": True, "index": "arn:aws:s3vectors:x"},
            "create needs names, not an ARN",
        ),
    ],
)
def test_an_invalid_event_is_answered_with_the_problem(event: object, message: str) -> None:
    """Status 400, before any request is sent."""
    status, body = invoke(event)
    assert (status, body["ok"]) == (400, False)
    assert body["error"]["message"].startswith(message)


def test_all_problems_of_an_event_are_reported_at_once() -> None:
    """Each with its field and the allowed values."""
    event = {
        "action": "test-batch-processing",
        "bucket": "b",
        "index": "i",
        "colour": "red",
        "vectors": 10**9,
    }
    status, body = invoke({**event, "in_flight": 0, "vectors_per_s": "fast", "delay_ms": -1, "create": 1})
    assert status == 400
    assert body["error"]["message"].split("; ") == [
        "create: Expected `bool`, got `int`",
        "delay_ms: Expected `float` >= 0.0",
        "in_flight: Expected `int` >= 1",
        "unknown field 'colour'",
        "vectors: Expected `int` <= 100000",
        "vectors_per_s: Expected `float`, got `str`",
    ]
    fields = "action, bucket, index, create, clean_up, dimension"
    assert body["error"]["hint"].startswith(f"The fields of this action are {fields}")


@pytest.mark.parametrize("action", REQUEST_TYPES)
def test_every_field_is_bounded(action: str) -> None:
    """A very large value of any field is refused."""
    for name in set(REQUEST_TYPES[action].__struct_fields__) - {
        "action",
        "create",
        "clean_up",
        "write",
        "metadata",
    }:
        for huge in (10**18, [10**18] * 10_000, "x" * 10_000):
            with pytest.raises(ConfigError, match=f"{name}: "):
                parse_event({"action": action, "bucket": "b", "index": "i", name: huge}, {})


def test_an_event_may_come_as_a_web_request(existing_index: dict[str, str]) -> None:
    """Its body is text or base64."""
    event = json.dumps({"action": "search", **existing_index, "key": "alien"})
    assert invoke({"body": event, "headers": {}})[0] == 200
    encoded = base64.b64encode(event.encode()).decode()
    assert invoke({"body": encoded, "isBase64Encoded": True})[0] == 200


# The time limit.


@given(seconds=st.floats(0, 2_000))
def test_a_part_of_the_time_is_reserved(seconds: float) -> None:
    """A fifth of it, from one to ten seconds. No invocation takes longer than Lambda allows."""
    clock = FakeClock(50.0)

    class Remaining:
        def get_remaining_time_in_millis(self) -> float:
            return seconds * 1_000

    deadline = Deadline.from_context(Remaining(), clock.now_s)
    assert deadline.reserve_s == pytest.approx(min(max(min(seconds, 900) / 5, 1), 10))
    assert deadline.remaining_s == pytest.approx(max(0.0, min(seconds, 900) - deadline.reserve_s))
    assert deadline.timeout_s < deadline.reserve_s
    clock.wait(seconds)
    assert deadline.remaining_s == 0


def test_an_invocation_without_a_context_has_a_minute() -> None:
    """For example from a Python prompt."""
    assert Deadline.from_context(None, FakeClock(0.0).now_s).remaining_s == 50


def test_a_run_stops_in_time_and_reports_its_progress(client: Any) -> None:
    """Its vectors are counted and removed, and the function returns before its time limit."""
    before = buckets(client)
    event = {"action": "test-batch-processing", "create": True, "dimension": 4, "vectors": 100_000}
    context = Context(8.0)
    status, body = invoke(event, context)
    assert context.get_remaining_time_in_millis() > 300
    assert (status, body["ok"], body["stopped"]) == (200, False, "out of time")
    assert 0 < body["processed"] < 15_000
    assert body["pending"] == 100_000 - body["processed"]
    assert buckets(client) == before


def test_a_grid_out_of_time_returns_the_measured_cells(client: Any) -> None:
    """No cell of an incomplete grid is recommended."""
    before = buckets(client)
    event = {"action": "test-throughput-scaling", "create": True, "dimension": 4, "seconds": 2}
    context = Context(9.0)
    status, body = invoke({**event, "batches": [5, 10, 20, 40], "in_flight": [1, 2, 4, 8]}, context)
    assert context.get_remaining_time_in_millis() > 300
    assert (status, body["ok"], body["is_complete"]) == (200, False, False)
    assert 0 < len(body["cells"]) < 16
    assert body["recommended"] is None
    assert buckets(client) == before


def test_without_time_to_find_the_best_batch_nothing_is_written() -> None:
    """An incomplete measurement recommends no batch size."""
    event = {"action": "test-optimized-batch", "create": True, "dimension": 4, "seconds": 20}
    status, body = invoke(event, Context(6.0))
    assert (status, body["ok"], body["is_complete"], body["batch_vectors"]) == (200, False, False, None)
    assert "processed" not in body


def test_a_server_that_never_answers_is_abandoned_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that hangs does not use up the reserve."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        context = Context(2.0)
        status, body = invoke({"action": "search", "bucket": "bkt", "index": "idx", "key": "k"}, context)
    assert context.get_remaining_time_in_millis() > 100
    assert status in {502, 504}
    assert body["ok"] is False


def test_an_invocation_without_time_sends_nothing(existing_index: dict[str, str]) -> None:
    """Status 504, and a hint."""
    status, body = invoke({"action": "search", **existing_index, "key": "alien"}, Context(0.5))
    assert (status, body["error"]["type"]) == (504, "OutOfTime")
    assert body["error"]["hint"] == "Use a smaller request or a longer time limit."
    status, body = invoke({"action": "search", "create": True, "key": "alien"}, Context(0.5))
    assert (status, body["error"]["type"], "orphaned" in body) == (504, "OutOfTime", False)


def test_work_that_takes_too_long_is_abandoned() -> None:
    """The default is returned in its place; the result of quick work is returned."""
    is_released = threading.Event()
    assert run_within(lambda: is_released.wait(60), 0.01, default=None) is None
    is_released.set()
    assert run_within(lambda: "done", 60, default="") == "done"


@pytest.fixture
def proxy(url: str, client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy between the function and its endpoint."""
    with fault_proxy(url) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", running.url)
        yield running
    # The proxy may have kept the function from removing its buckets.
    for name in [each for each in buckets(client) if each.startswith("vg-")]:
        for index in client.list_indexes(vectorBucketName=name)["indexes"]:
            client.delete_index(vectorBucketName=name, indexName=index["indexName"])
        client.delete_vector_bucket(vectorBucketName=name)


TEMPORARY = {"create": True, "dimension": 4}
LONG = {"batches": [5], "seconds": 20}


@pytest.mark.parametrize(
    ("event", "field", "remainder"),
    [
        ({"action": "test-throughput-scaling", "in_flight": [1], **LONG}, "cells", "up to "),
        ({"action": "test-optimized-batch", "in_flight": 1, **LONG, **TEMPORARY}, "cells", "bucket vg-"),
        ({"action": "test-batch-processing", "vectors": 100_000}, "processed", "up to "),
        ({"action": "test-batch-processing", "vectors": 100_000, **TEMPORARY}, "processed", "bucket vg-"),
        ({"action": "test-access", "write": True, **TEMPORARY}, "operations", "bucket vg-"),
    ],
)
def test_a_server_that_hangs_midway_affects_neither_the_deadline_nor_the_result(
    proxy: FaultProxy, existing_index: dict[str, str], event: dict[str, Any], field: str, remainder: str
) -> None:
    """The response has the partial result, and the resources that could not be removed."""
    proxy.after, proxy.hangs = 4, {ALL_OPERATIONS}
    begun_s = time.monotonic()
    status, body = invoke(
        {"clean_up": True, **({} if "create" in event else existing_index), **event}, Context(4.0)
    )
    assert time.monotonic() - begun_s < 4.0 + 1.0  # tolerance for a busy machine
    assert (status, body["ok"]) == (200, False)
    assert field in body
    (line,) = body["orphaned"]
    assert line.startswith(remainder)


@pytest.mark.parametrize("action", ["test-optimized-batch", "test-throughput-scaling"])
def test_the_result_of_a_measurement_has_the_error_that_ended_it(
    proxy: FaultProxy, existing_index: dict[str, str], action: str
) -> None:
    """The measurement is not lost because of the error."""
    proxy.denies = {"PutVectors"}
    status, body = invoke({"action": action, **existing_index, "seconds": 0.1})
    assert (status, body["ok"], body["is_complete"], body["cells"]) == (200, False, False, [])
    assert body["stopped"]["code"] == "AccessDeniedException"


def test_an_error_response_lists_orphaned_resources(proxy: FaultProxy) -> None:
    """In addition to the error."""
    proxy.denies = {"QueryVectors", "DeleteIndex"}
    event = {"action": "search", "create": True, "dimension": 2, "vector": [1, 2]}
    status, body = invoke(event)
    assert (status, body["error"]["code"]) == (403, "AccessDeniedException")
    assert [line.split(" ")[0] for line in body["orphaned"]] == ["index", "bucket"]


@pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])
def test_a_resource_that_was_created_despite_an_error_is_removed(
    proxy: FaultProxy, client: Any, operation: str
) -> None:
    """The retry is a conflict with the resource itself, because the name is unique."""
    before = buckets(client)
    proxy.fails_after = {operation}
    status, body = invoke({"action": "test-access", "create": True, "dimension": 4})
    assert (status, body["ok"]) == (200, True)
    assert "orphaned" not in body
    assert buckets(client) == before


def test_a_resource_that_was_refused_is_not_orphaned(proxy: FaultProxy) -> None:
    """It does not exist."""
    proxy.denies = {"CreateVectorBucket", "DeleteVectorBucket"}
    status, body = invoke({"action": "test-access", "create": True, "dimension": 4})
    assert (status, "orphaned" in body) == (403, False)


# Errors.


def test_failures_of_the_service_are_counted_by_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are retried, and counted in the response."""
    with LocalEndpoint(options=["--inject", "throttled", "--seed", "7"]) as throttling:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", throttling.url)
        event = {"action": "test-batch-processing", "create": True, "dimension": 4, "batch_vectors": 5}
        status, body = invoke({**event, "vectors": 200, "delay_ms": 0, "vectors_per_s": 2_500})
    assert (status, body["processed"], body["ok"]) == (200, 200, True)
    assert body["errors"]["TooManyRequestsException"] == body["retries"] > 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("x"), 400),
        (IndexUnusable("x"), 404),
        (NoCredentials("x"), 403),
        (TargetUnreachable("x"), 502),
        (TransportError("GetIndex", "x"), 502),
        (OutOfTime("x"), 504),
        (modelled_error("AccessDeniedException"), 403),
        (modelled_error("ValidationException"), 400),
        (modelled_error("TooManyRequestsException"), 429),
        (modelled_error("InternalServerException"), 502),
        (VecgateError("x"), 500),
        (KeyError("x"), 500),
    ],
)
def test_the_status_shows_the_origin_of_the_error(error: Exception, status: int) -> None:
    """The caller's, the service's, or created."""
    assert status_of(error) == status


def test_of_an_unexpected_error_only_the_type_is_shown() -> None:
    """Its message may contain anything."""

    class Broken:
        aws_request_id = "r"

        def get_remaining_time_in_millis(self) -> int:
            raise RuntimeError("AKIAEXAMPLE0000001 and [0.25, 0.5]")

    status, body = invoke({"action": "search", "bucket": "b", "index": "i", "key": "k"}, Broken())
    assert (status, body) == (
        500,
        {
            "ok": False,
            "request_id": "r",
            "error": {"type": "RuntimeError", "message": "vecgate itself failed"},
        },
    )


HEX = "0123456789abcdef"


@st.composite
def messages_with_secrets(draw: st.DrawFn) -> tuple[str, str]:
    """A message, and the secret in it."""
    token = st.text("abcdefXYZ0123456789+/", min_size=38, max_size=90).map(lambda text: f"aZ{text}")
    number = st.floats(-1e6, 1e6) | st.sampled_from([float("nan"), float("inf"), -float("inf")])
    numbers = st.lists(number, min_size=1, max_size=8).map(str)
    tuples = st.lists(number, min_size=2, max_size=8).map(lambda values: str(tuple(values)))
    secret = draw(
        st.one_of(
            st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16).map(lambda t: f"ASIA{t}"),
            st.uuids().map(str),
            st.text(HEX, min_size=64, max_size=64),
            token,
            numbers,
            tuples,
            token.map(lambda text: quote(text, safe="")),
            st.from_regex("[0-9]{12}", fullmatch=True),
        )
    )
    before, after = draw(st.sampled_from([("", ""), ("key ", " is bad"), ("Signature=", ", x"), ("(", ")")]))
    return f"{before}{secret}{after}", secret


@given(message_secret=messages_with_secrets())
def test_no_message_contains_credentials_request_ids_or_vector_values(
    message_secret: tuple[str, str],
) -> None:
    """Whatever the message of the service is."""
    message, secret = message_secret
    assert secret not in redact(message)
    error = ServiceError("PutVectors", "ValidationException", 400, message, request_id=secret)
    error.hint = message
    assert secret not in json.dumps(error_response(error, "request", [message]))


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("there is no index my-rather-long-bucket-name-for-films/an-index-of-embeddings", None),
        ("vector must have length 384, but has length 3", None),
        ("arn:aws:s3vectors:eu-west-1:123456789012:bucket/b", "arn:aws:s3vectors:eu-west-1:…:bucket/b"),
        ("values [0.25, -1e-3", "values …"),
        ("values [.5, .6] and (0.1, 0.2", "values … and …"),
        ("Account 123456789012, which is 1234-5678-9012", "Account …, which is …"),
        ("at least one (of 3) and 20,971,520 bytes (1,000 more)", None),
    ],
)
def test_the_other_parts_of_a_message_are_kept(text: str, redacted: str | None) -> None:
    """Names, lengths, sentences."""
    assert redact(text) == (redacted or text)


def test_a_long_message_is_shortened() -> None:
    """It then ends with a mark."""
    assert len(redact("word " * 1_000)) == MESSAGE_LENGTH_MAX
    assert redact("word " * 1_000).endswith("…")


def test_the_function_loads_neither_the_command_line_nor_locust() -> None:
    """They would make cold starts slower."""
    program = (
        "import sys, vecgate.aws_lambda as a\n"
        "a.handler({'action': 'test-access', 'bucket': 'b', 'index': 'i'}, None)\n"
        "heavy = {'click', 'rich', 'locust', 'gevent', 'pytest', 'hypothesis', 'pyarrow'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.strip() == "[]"


# With a scripted service.


class Refusing(ScriptedService):
    """Answers *operation* with AccessDeniedException, and records the requests of others in `sent`."""

    def __init__(self, operation: str = "") -> None:
        super().__init__()
        self.refused, self.sent = operation, list[dict[str, Any]]()

    def send(self, operation: str, body: Body) -> bytes:
        if operation == self.refused:
            raise modelled_error("AccessDeniedException", operation=operation)
        if operation.startswith(("Create", "List", "Query")):
            self.sent.append(json.loads(body.data))
            return b"{}"
        return super().send(operation, body)


def context_on(service: Refusing, name: str = "aws") -> ActionContext:
    target = Target(name, None, "us-east-1", "AWS_REGION", None)
    return ActionContext(target, service, service, IndexAddress("b", "i"), Deadline.from_context(None), "run")


NAMED = {"bucket": "b", "index": "i"}


@pytest.mark.parametrize(
    ("name", "event", "tags"),
    [
        ("aws", {}, {"vecgate-run": "run"}),
        ("aws", {**NAMED, "clean_up": True}, {"vecgate-run": "run"}),
        # The bucket is to be kept, so `vecgate clean` must not find it.
        ("aws", NAMED, None),
        # Other servers may not support tags.
        ("http://127.0.0.1:1", {}, None),
    ],
)
def test_a_temporary_bucket_on_amazon_has_the_tag_of_the_run(
    name: str, event: dict[str, Any], tags: dict[str, str] | None
) -> None:
    """So that `vecgate clean` finds it if the function is killed."""
    service, created = Refusing(), set[str]()
    context, request = (
        context_on(service, name),
        parse_event({"action": "test-access", "create": True, **event}, {}),
    )
    create_missing(service, context.target, context.address, request, run="run", created=created)
    assert created == {"bucket", "index"}
    assert service.sent[0].get("tags") == tags


def test_the_result_of_a_run_has_the_error_that_ended_it() -> None:
    """With its error code."""
    request = parse_event({"action": "test-batch-processing", "bucket": "b", "index": "i", "vectors": 5}, {})
    done = write_steadily(request, context_on(Refusing("PutVectors")))  # type: ignore[arg-type] # the type of this action
    assert (done["ok"], done["processed"], done["pending"]) == (False, 0, 5)
    assert (done["stopped"]["type"], done["stopped"]["code"]) == ("ServiceError", "AccessDeniedException")


def test_vectors_that_cannot_be_deleted_are_reported() -> None:
    """With their largest number and the prefix of their keys."""
    event = {"action": "test-batch-processing", "bucket": "b", "index": "i", "vectors": 5, "clean_up": True}
    context, request = context_on(Refusing("DeleteVectors")), parse_event(event, {})
    assert write_steadily(request, context)["ok"]  # type: ignore[arg-type] # the type of this action
    assert delete_written(request, context) == ["up to 5 vectors with the key prefix vecgate-run-"]


def test_access_that_is_denied_is_reported_by_operation() -> None:
    """If GetIndex is denied too, the dimension is that of the event."""
    request = parse_event({"action": "test-access", "bucket": "b", "index": "i", "dimension": 2}, {})
    service = Refusing("GetIndex")
    done = check_access(request, context_on(service))  # type: ignore[arg-type] # the type of this action
    assert (done["ok"], done["index"]) == (False, None)
    assert done["operations"] == {
        "GetIndex": "AccessDeniedException",
        "ListVectors": "ok",
        "QueryVectors": "ok",
    }
    assert service.sent[-1]["queryVector"] == {"float32": [1.0, 1.0]}


PAGE = (Path(__file__).parents[1] / "docs" / "lambda.md").read_text()


@pytest.mark.parametrize("action", REQUEST_TYPES)
def test_every_field_of_an_action_is_documented(action: str) -> None:
    """In `docs/lambda.md`."""
    assert f"`{action}`" in PAGE
    assert all(f"`{field}`" in PAGE for field in REQUEST_TYPES[action].__struct_fields__)


def test_every_status_is_documented() -> None:
    """With its number."""
    statuses = (200, 400, 403, 404, 429, 500, 502, 504)
    assert all(f"| {status} |" in PAGE for status in statuses)
