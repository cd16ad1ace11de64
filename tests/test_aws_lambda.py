"""The Lambda handler, invoked as Lambda's runtime client does it: by its dotted name, bytes in and out."""

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
from between import ALL, Between, between
from hypothesis import given
from hypothesis import strategies as st

from vecgate.aws_lambda.actions import access, batch_processing
from vecgate.aws_lambda.answering import MESSAGE_LENGTH_MAX, failure_of, sanitised, status_of
from vecgate.aws_lambda.asking import KINDS, ask_of
from vecgate.aws_lambda.deadline import Deadline, OutOfTime, in_time
from vecgate.aws_lambda.place import Place, make, name_in
from vecgate.aws_lambda.writing import clean_up
from vecgate.bulk.encoding import Body
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
from vecgate.testing.scripted import ScriptedService, error_of

HANDLER = "vecgate.aws_lambda.handler"


class Context:
    """What the runtime client gives a handler: the time that is left, and who is asking."""

    function_name, function_version, memory_limit_in_mb = "vecgate", "$LATEST", "512"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:vecgate"

    def __init__(self, seconds: float = 30.0) -> None:
        self.aws_request_id = "8a2f0b1c-0000-4000-8000-000000000001"
        self._until_s = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._until_s - time.monotonic()) * 1_000))


def invoke(event: object, context: object | None = None) -> tuple[int, dict[str, Any]]:
    """Load the handler by its name and hand it the event as JSON; status and body of the answer."""
    module, name = HANDLER.rsplit(".", 1)
    handler = getattr(import_module(module), name)
    arrived = json.loads(json.dumps(event).encode())
    answered = json.loads(json.dumps(handler(arrived, context or Context())).encode())
    assert answered["headers"] == {"content-type": "application/json"}
    return answered["statusCode"], json.loads(answered["body"])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with LocalEndpoint() as running:
        yield running.url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    """As in a function: the endpoint and the region are the environment's, and nothing else is."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VECGATE_"))]:
        monkeypatch.delenv(name)
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(f"AWS_{name}", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", url)
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/no-such-place")  # a function may write to /tmp alone


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
def mine(client: Any) -> Iterator[dict[str, str]]:
    """A bucket and an index that were there before: of four dimensions, with one vector."""
    named = {"vectorBucketName": f"mine-{uuid.uuid4().hex[:8]}", "indexName": "films"}
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


# What each action does.


def test_batch_processing_tells_what_the_batch_client_did(client: Any) -> None:
    """Total, processed, failed, batches, duration, rate, errors, progress; into a bucket that is gone."""
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


def test_the_steady_settings_are_those_that_hold_where_nothing_is_said() -> None:
    """Batches of 100, 1,000 vectors/s, five at once, 100 ms apart, three attempts, a report every 1,000."""
    ask = ask_of({"action": "test-batch-processing", "bucket": "b", "index": "i"}, {})
    names = ("batch_vectors", "vectors_per_s", "in_flight", "delay_ms", "attempts", "report_every")
    assert [getattr(ask, name) for name in names] == [100, 1_000, 5, 100, 3, 1_000]


def test_throughput_scaling_measures_a_grid_and_recommends(mine: dict[str, str], client: Any) -> None:
    """Into the index that is named, and what it wrote is gone where that is asked."""
    event = {"action": "test-throughput-scaling", **mine, "batches": [5, 20], "in_flight": [1, 2]}
    status, body = invoke({**event, "seconds": 0.1, "clean_up": True})
    assert (status, body["ok"], body["is_complete"]) == (200, True, True)
    shapes = [(cell["vectors_per_request"], cell["in_flight"]) for cell in body["cells"]]
    assert shapes == [(5, 1), (5, 2), (20, 1), (20, 2)]
    assert body["recommended"] in body["cells"]
    assert keys_in(client, mine) == {"alien"}


def test_optimized_batch_writes_with_the_best_batch(mine: dict[str, str], client: Any) -> None:
    """The one that a grid of one row recommends."""
    event = {"action": "test-optimized-batch", **mine, "batches": [2, 50], "vectors": 100, "seconds": 0.1}
    status, body = invoke({**event, "clean_up": True})
    assert (status, body["ok"], body["is_complete"], body["processed"]) == (200, True, True, 100)
    best = next(cell for cell in body["cells"] if cell["is_recommended"])
    assert body["batch_vectors"] == best["vectors_per_request"] == 50
    assert body["batches"] == 2
    assert keys_in(client, mine) == {"alien"}


def test_access_says_what_is_allowed(mine: dict[str, str], client: Any) -> None:
    """Operation by operation; what it writes to find out it deletes."""
    status, body = invoke({"action": "test-access", **mine, "write": True})
    assert (status, body["ok"]) == (200, True)
    assert body["index"] == {"dimension": 4, "metric": "euclidean"}
    assert body["operations"] == dict.fromkeys(
        ("GetIndex", "ListVectors", "QueryVectors", "PutVectors", "GetVectors", "DeleteVectors"), "ok"
    )
    assert keys_in(client, mine) == {"alien"}


def test_access_to_nothing_is_told_and_is_no_failure_of_the_function(mine: dict[str, str]) -> None:
    """The codes that the service answers with."""
    status, body = invoke({"action": "test-access", "bucket": mine["bucket"], "index": "none"})
    assert (status, body["ok"], body["index"]) == (200, False, None)
    assert set(body["operations"].values()) == {"NotFoundException"}


def test_access_with_the_wrong_keys_names_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the keys."""
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


def test_search_gives_keys_distances_and_metadata(mine: dict[str, str]) -> None:
    """By values, or by what is stored under a key; never the values themselves."""
    event = {"action": "search", **mine, "top_k": 3}
    status, body = invoke({**event, "vector": [1, 2, 3, 5], "filter": {"year": {"$lt": 1980}}})
    assert (status, body["ok"], body["metric"]) == (200, True, "euclidean")
    assert body["vectors"] == [{"key": "alien", "distance": 1.0, "metadata": {"year": 1979}}]
    assert invoke({**event, "key": "alien"})[1]["vectors"][0]["distance"] == 0
    assert invoke({**event, "vector": [1, 2, 3, 4], "filter": {"year": 1980}})[1]["vectors"] == []
    status, body = invoke({**event, "key": "none"})
    assert (status, body["error"]["message"]) == (400, "no vector is stored under that key")
    status, body = invoke({**event, "vector": [1, 2]})
    assert (status, body["error"]["code"]) == (400, "ValidationException")


# What is made, and what is removed.


def test_what_is_missing_is_made_and_stays_unless_it_is_to_be_removed(client: Any) -> None:
    """Once with `create` alone, once with `clean_up`, which removes only what this invocation has made."""
    event = {"action": "test-batch-processing", "bucket": "made-here", "index": "idx", "create": True}
    event |= {"dimension": 4, "vectors": 10, "delay_ms": 0}
    assert invoke(event)[0] == 200
    assert "made-here" in buckets(client)
    stays = keys_in(client, {"bucket": "made-here", "index": "idx"})
    assert len(stays) == 10
    # All is there by now: only the ten of this time are removed.
    assert invoke({**event, "clean_up": True})[1]["ok"]
    assert keys_in(client, {"bucket": "made-here", "index": "idx"}) == stays
    client.delete_index(vectorBucketName="made-here", indexName="idx")
    # The bucket was there: only the index goes.
    assert invoke({**event, "clean_up": True})[1]["ok"]
    assert "made-here" in buckets(client)
    assert client.list_indexes(vectorBucketName="made-here")["indexes"] == []
    client.delete_vector_bucket(vectorBucketName="made-here")
    assert invoke({**event, "clean_up": True})[1]["ok"]
    assert "made-here" not in buckets(client)


def test_what_was_made_is_removed_after_a_failure_too(client: Any) -> None:
    """Here the index has no vectors to search."""
    before = buckets(client)
    status, _ = invoke({"action": "search", "create": True, "dimension": 4, "key": "none"})
    assert status == 400
    assert buckets(client) == before


def test_the_index_may_be_named_by_the_environment(
    mine: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event names another where it wants to; the target is never the event's."""
    monkeypatch.setenv("VECGATE_BUCKET", mine["bucket"])
    monkeypatch.setenv("VECGATE_INDEX", mine["index"])
    assert invoke({"action": "search", "key": "alien"})[0] == 200
    assert invoke({"action": "search", "key": "alien", "bucket": "other-one", "index": "films"})[0] == 404
    status, body = invoke({"action": "search", "key": "alien", "target": "http://127.0.0.1:1"})
    assert (status, body["error"]["message"]) == (400, "'target' is not known")


def test_a_function_that_names_no_endpoint_means_amazon() -> None:
    """The variables are asked in the order of every other command."""
    assert name_in({}) == "aws"
    assert name_in({"AWS_ENDPOINT_URL": "http://b", "AWS_ENDPOINT_URL_S3VECTORS": "http://a"}) == "http://a"


# What an event may hold.


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({}, "there is no such action"),
        ({"action": "drop-tables"}, "there is no such action"),
        ([], "the event is no JSON object"),
        ("search", "the event is no JSON object"),
        ({"body": "{"}, "the body is not JSON"),
        ({"body": "[1]"}, "the event is no JSON object"),
        ({"body": "%", "isBase64Encoded": True}, "the body is not JSON"),
        ({"body": "é", "isBase64Encoded": True}, "the body is not JSON"),
        ({"body": "/w==", "isBase64Encoded": True}, "the body is not JSON"),
        ({"action": "search", "bucket": "b"}, "say what to search with: either vector or key"),
        ({"action": "search", "bucket": "b", "key": "k"}, "no index is named"),
        ({"action": "test-access"}, "no index is named: give bucket and index, or create: true"),
        (
            {"action": "test-access", "create": True, "index": "arn:aws:s3vectors:x"},
            "create needs names, not an ARN",
        ),
    ],
)
def test_an_event_that_makes_no_sense_is_answered_with_what_does(event: object, said: str) -> None:
    """Status 400, before a single request."""
    status, body = invoke(event)
    assert (status, body["ok"]) == (400, False)
    assert body["error"]["message"].startswith(said)


def test_every_problem_of_an_event_is_told_at_once() -> None:
    """Each with the field, and what is allowed."""
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
        "'colour' is not known",
        "create: Expected `bool`, got `int`",
        "delay_ms: Expected `float` >= 0.0",
        "in_flight: Expected `int` >= 1",
        "vectors: Expected `int` <= 100000",
        "vectors_per_s: Expected `float`, got `str`",
    ]
    assert body["error"]["hint"].startswith("It takes action, bucket, index, create, clean_up, dimension")


@pytest.mark.parametrize("action", KINDS)
def test_nothing_that_can_be_asked_for_is_without_bounds(action: str) -> None:
    """A huge value of any field is refused."""
    for name in set(KINDS[action].__struct_fields__) - {"action", "create", "clean_up", "write", "metadata"}:
        for huge in (10**18, [10**18] * 10_000, "x" * 10_000):
            with pytest.raises(ConfigError, match=f"{name}: "):
                ask_of({"action": action, "bucket": "b", "index": "i", name: huge}, {})


def test_an_event_may_come_as_a_web_request(mine: dict[str, str]) -> None:
    """With its body as text, or in base64."""
    event = json.dumps({"action": "search", **mine, "key": "alien"})
    assert invoke({"body": event, "headers": {}})[0] == 200
    encoded = base64.b64encode(event.encode()).decode()
    assert invoke({"body": encoded, "isBase64Encoded": True})[0] == 200


# How long it may take.


@given(seconds=st.floats(0, 2_000))
def test_a_part_of_the_time_is_kept(seconds: float) -> None:
    """A fifth of it, a second at least and ten at most; and no invocation is longer than Lambda's longest."""
    clock = FakeClock(50.0)

    class Remaining:
        def get_remaining_time_in_millis(self) -> float:
            return seconds * 1_000

    deadline = Deadline.of(Remaining(), clock.now_s)
    assert deadline.reserve_s == pytest.approx(min(max(min(seconds, 900) / 5, 1), 10))
    assert deadline.left_s == pytest.approx(max(0.0, min(seconds, 900) - deadline.reserve_s))
    assert deadline.timeout_s < deadline.reserve_s
    clock.wait(seconds)
    assert deadline.left_s == 0


def test_an_invocation_without_a_context_has_a_minute() -> None:
    """As from a Python prompt."""
    assert Deadline.of(None, FakeClock(0.0).now_s).left_s == 50


def test_a_run_stops_in_time_and_says_how_far_it_came(client: Any) -> None:
    """What was written is told and removed, and the function ends before it would be ended."""
    before = buckets(client)
    event = {"action": "test-batch-processing", "create": True, "dimension": 4, "vectors": 100_000}
    context = Context(8.0)
    status, body = invoke(event, context)
    assert context.get_remaining_time_in_millis() > 300
    assert (status, body["ok"], body["stopped"]) == (200, False, "there was no time left")
    assert 0 < body["processed"] < 15_000
    assert body["pending"] == 100_000 - body["processed"]
    assert buckets(client) == before


def test_a_grid_that_has_no_time_left_tells_the_cells_that_it_has(client: Any) -> None:
    """None of them is recommended as long as some are missing."""
    before = buckets(client)
    event = {"action": "test-throughput-scaling", "create": True, "dimension": 4, "seconds": 2}
    context = Context(9.0)
    status, body = invoke({**event, "batches": [5, 10, 20, 40], "in_flight": [1, 2, 4, 8]}, context)
    assert context.get_remaining_time_in_millis() > 300
    assert (status, body["ok"], body["is_complete"]) == (200, False, False)
    assert 0 < len(body["cells"]) < 16
    assert body["recommended"] is None
    assert buckets(client) == before


def test_without_time_to_find_the_best_batch_nothing_is_written_with_one() -> None:
    """A guess is not the best of those that were asked for."""
    event = {"action": "test-optimized-batch", "create": True, "dimension": 4, "seconds": 20}
    status, body = invoke(event, Context(6.0))
    assert (status, body["ok"], body["is_complete"], body["batch_vectors"]) == (200, False, False, None)
    assert "processed" not in body


def test_a_server_that_never_answers_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that hangs does not use up what was kept."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        context = Context(2.0)
        status, body = invoke({"action": "search", "bucket": "bkt", "index": "idx", "key": "k"}, context)
    assert context.get_remaining_time_in_millis() > 100
    assert status in {502, 504}
    assert body["ok"] is False


def test_an_invocation_without_time_does_nothing(mine: dict[str, str]) -> None:
    """Status 504, and a hint."""
    status, body = invoke({"action": "search", **mine, "key": "alien"}, Context(0.5))
    assert (status, body["error"]["type"]) == (504, "OutOfTime")
    assert body["error"]["hint"] == "Ask for less, or allow more time."
    status, body = invoke({"action": "search", "create": True, "key": "alien"}, Context(0.5))
    assert (status, body["error"]["type"], "left_behind" in body) == (504, "OutOfTime", False)


def test_work_that_takes_too_long_is_not_waited_for() -> None:
    """What there is instead is told; work that does not is done."""
    is_over = threading.Event()
    assert in_time(lambda: is_over.wait(60), 0.01, otherwise=None) is None
    is_over.set()
    assert in_time(lambda: "done", 60, otherwise="") == "done"


@pytest.fixture
def proxy(url: str, client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """Between the function and its endpoint."""
    with between(url) as told:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", told.url)
        yield told
    for name in [
        each for each in buckets(client) if each.startswith("vg-")
    ]:  # what it was kept from removing
        for index in client.list_indexes(vectorBucketName=name)["indexes"]:
            client.delete_index(vectorBucketName=name, indexName=index["indexName"])
        client.delete_vector_bucket(vectorBucketName=name)


OWN = {"create": True, "dimension": 4}
LONG = {"batches": [5], "seconds": 20}


@pytest.mark.parametrize(
    ("event", "told", "left"),
    [
        ({"action": "test-throughput-scaling", "in_flight": [1], **LONG}, "cells", "up to "),
        ({"action": "test-optimized-batch", "in_flight": 1, **LONG, **OWN}, "cells", "bucket vg-"),
        ({"action": "test-batch-processing", "vectors": 100_000}, "processed", "up to "),
        ({"action": "test-batch-processing", "vectors": 100_000, **OWN}, "processed", "bucket vg-"),
        ({"action": "test-access", "write": True, **OWN}, "operations", "bucket vg-"),
    ],
)
def test_a_server_that_hangs_midway_costs_neither_the_deadline_nor_the_result(
    proxy: Between, mine: dict[str, str], event: dict[str, Any], told: str, left: str
) -> None:
    """What was done is told, and so is what could not be removed: nothing answers any more."""
    proxy.after, proxy.hangs = 4, {ALL}
    begun_s = time.monotonic()
    status, body = invoke({"clean_up": True, **({} if "create" in event else mine), **event}, Context(4.0))
    assert time.monotonic() - begun_s < 4.0 + 0.25  # a machine that is busy with other things has that more
    assert (status, body["ok"]) == (200, False)
    assert told in body
    (leak,) = body["left_behind"]
    assert leak.startswith(left)


@pytest.mark.parametrize("action", ["test-optimized-batch", "test-throughput-scaling"])
def test_what_stopped_a_measurement_is_told_with_it(
    proxy: Between, mine: dict[str, str], action: str
) -> None:
    """The result is not lost over it."""
    proxy.denies = {"PutVectors"}
    status, body = invoke({"action": action, **mine, "seconds": 0.1})
    assert (status, body["ok"], body["is_complete"], body["cells"]) == (200, False, False, [])
    assert body["stopped"]["code"] == "AccessDeniedException"


def test_a_failure_tells_what_was_left_behind(proxy: Between) -> None:
    """Beside what went wrong."""
    proxy.denies = {"QueryVectors", "DeleteIndex"}
    event = {"action": "search", "create": True, "dimension": 2, "vector": [1, 2]}
    status, body = invoke(event)
    assert (status, body["error"]["code"]) == (403, "AccessDeniedException")
    assert [leak.split(" ")[0] for leak in body["left_behind"]] == ["index", "bucket"]


@pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])
def test_what_was_made_and_answered_with_an_error_is_removed(
    proxy: Between, client: Any, operation: str
) -> None:
    """Tried again it is a conflict, with nobody else: the name is ours alone."""
    before = buckets(client)
    proxy.spoils = {operation}
    status, body = invoke({"action": "test-access", "create": True, "dimension": 4})
    assert (status, body["ok"]) == (200, True)
    assert "left_behind" not in body
    assert buckets(client) == before


def test_what_may_not_be_made_is_not_told_as_left_behind(proxy: Between) -> None:
    """It is not there."""
    proxy.denies = {"CreateVectorBucket", "DeleteVectorBucket"}
    status, body = invoke({"action": "test-access", "create": True, "dimension": 4})
    assert (status, "left_behind" in body) == (403, False)


# What goes wrong, and what is told of it.


def test_failures_of_the_service_are_counted_by_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried again, and told."""
    with LocalEndpoint(options=["--inject", "throttled", "--seed", "7"]) as rough:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", rough.url)
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
        (error_of("AccessDeniedException"), 403),
        (error_of("ValidationException"), 400),
        (error_of("TooManyRequestsException"), 429),
        (error_of("InternalServerException"), 502),
        (VecgateError("x"), 500),
        (KeyError("x"), 500),
    ],
)
def test_the_status_says_whose_fault_it_is(error: Exception, status: int) -> None:
    """The caller's, the service's, or ours."""
    assert status_of(error) == status


def test_of_a_failure_that_was_not_foreseen_its_kind_alone_is_told() -> None:
    """Its words may hold anything."""

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
    """A sentence, and what in it is nobody's to see."""
    token = st.text("abcdefXYZ0123456789+/", min_size=38, max_size=90).map(lambda text: f"aZ{text}")
    number = st.floats(-1e6, 1e6) | st.sampled_from([float("nan"), float("inf"), -float("inf")])
    numbers = st.lists(number, min_size=1, max_size=8).map(str)
    tuples = st.lists(number, min_size=2, max_size=8).map(lambda them: str(tuple(them)))
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
def test_no_message_holds_credentials_request_ids_or_vector_values(message_secret: tuple[str, str]) -> None:
    """Whatever a service puts into its sentences."""
    message, secret = message_secret
    assert secret not in sanitised(message)
    error = ServiceError("PutVectors", "ValidationException", 400, message, request_id=secret)
    error.hint = message
    assert secret not in json.dumps(failure_of(error, "mine", [message]))


@pytest.mark.parametrize(
    ("text", "told"),
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
def test_the_rest_of_a_message_stays(text: str, told: str | None) -> None:
    """Names, lengths, sentences."""
    assert sanitised(text) == (told or text)


def test_a_message_is_not_long() -> None:
    """It ends with a mark where it was cut."""
    assert len(sanitised("word " * 1_000)) == MESSAGE_LENGTH_MAX
    assert sanitised("word " * 1_000).endswith("…")


def test_a_function_does_not_load_the_command_line_nor_locust() -> None:
    """Cold starts are paid for."""
    program = (
        "import sys, vecgate.aws_lambda as a\n"
        "a.handler({'action': 'test-access', 'bucket': 'b', 'index': 'i'}, None)\n"
        "heavy = {'click', 'rich', 'locust', 'gevent', 'pytest', 'hypothesis', 'pyarrow'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


# In front of a service that is scripted.


class Refusing(ScriptedService):
    """Answers *operation* with AccessDeniedException, and keeps what it was sent of others."""

    def __init__(self, operation: str = "") -> None:
        super().__init__()
        self.refused, self.sent = operation, list[dict[str, Any]]()

    def send(self, operation: str, body: Body) -> bytes:
        if operation == self.refused:
            raise error_of("AccessDeniedException", operation=operation)
        if operation.startswith(("Create", "List", "Query")):
            self.sent.append(json.loads(body.data))
            return b"{}"
        return super().send(operation, body)


def place_on(service: Refusing, name: str = "aws") -> Place:
    target = Target(name, None, "us-east-1", "AWS_REGION", None)
    return Place(target, service, service, IndexAddress("b", "i"), Deadline.of(None), "run")


NAMED = {"bucket": "b", "index": "i"}


@pytest.mark.parametrize(
    ("name", "event", "tags"),
    [
        ("aws", {}, {"vecgate-run": "run"}),
        ("aws", {**NAMED, "clean_up": True}, {"vecgate-run": "run"}),
        # It is to stay: `vecgate clean` must never take it for something that was left behind.
        ("aws", NAMED, None),
        # Other servers may know no tags.
        ("http://127.0.0.1:1", {}, None),
    ],
)
def test_what_is_made_on_amazon_and_not_to_stay_carries_the_tag(
    name: str, event: dict[str, Any], tags: dict[str, str] | None
) -> None:
    """So that `vecgate clean` finds it should the function be killed."""
    service, ours = Refusing(), set[str]()
    place, ask = place_on(service, name), ask_of({"action": "test-access", "create": True, **event}, {})
    make(service, place.target, place.address, ask, run="run", ours=ours)
    assert ours == {"bucket", "index"}
    assert service.sent[0].get("tags") == tags


def test_what_stopped_a_run_is_told() -> None:
    """With its code."""
    ask = ask_of({"action": "test-batch-processing", "bucket": "b", "index": "i", "vectors": 5}, {})
    done = batch_processing(ask, place_on(Refusing("PutVectors")))  # type: ignore[arg-type] # that is its kind
    assert (done["ok"], done["processed"], done["pending"]) == (False, 0, 5)
    assert (done["stopped"]["type"], done["stopped"]["code"]) == ("ServiceError", "AccessDeniedException")


def test_vectors_that_cannot_be_removed_are_told() -> None:
    """How many at most, and how their keys begin."""
    event = {"action": "test-batch-processing", "bucket": "b", "index": "i", "vectors": 5, "clean_up": True}
    place, ask = place_on(Refusing("DeleteVectors")), ask_of(event, {})
    assert batch_processing(ask, place)["ok"]  # type: ignore[arg-type] # that is its kind
    assert clean_up(ask, place) == ["up to 5 vectors whose keys begin with vecgate-run-"]


def test_access_that_is_denied_is_told_by_operation() -> None:
    """Where not even the index may be described, its dimension is taken from the event."""
    ask = ask_of({"action": "test-access", "bucket": "b", "index": "i", "dimension": 2}, {})
    service = Refusing("GetIndex")
    done = access(ask, place_on(service))  # type: ignore[arg-type] # that is its kind
    assert (done["ok"], done["index"]) == (False, None)
    assert done["operations"] == {
        "GetIndex": "AccessDeniedException",
        "ListVectors": "ok",
        "QueryVectors": "ok",
    }
    assert service.sent[-1]["queryVector"] == {"float32": [1.0, 1.0]}


PAGE = (Path(__file__).parents[1] / "docs" / "lambda.md").read_text()


@pytest.mark.parametrize("action", KINDS)
def test_every_field_of_an_action_is_explained(action: str) -> None:
    """In `docs/lambda.md`."""
    assert f"`{action}`" in PAGE
    assert all(f"`{field}`" in PAGE for field in KINDS[action].__struct_fields__)


def test_every_status_is_explained() -> None:
    """With its number."""
    statuses = (200, 400, 403, 404, 429, 500, 502, 504)
    assert all(f"| {status} |" in PAGE for status in statuses)
