"""Limits for the answers of a server that hangs, never stops sending or sends slowly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from certificates import write_certificate
from hostile_server import HostileServer, hostile_server
from lying_server import Reply, answer, lying_server
from serving import Server

from vecgate.conformance_kit.requests import raw_client
from vecgate.conformance_kit.requests.exchanges import ExchangeLog
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.endpoint.http.server import Certificate
from vecgate.endpoint.local import LocalEndpoint
from vecgate.errors import TransportError, UnexpectedResponse
from vecgate.targets import answer_guard
from vecgate.targets.answer_guard import UNANSWERED_IN_A_ROW_MAX, UNANSWERED_MAX, AnswerGuard
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice
from vecgate.targets.throttle_patience import ThrottlePatience
from vecgate.testing.clock import FakeClock

TIMEOUT_S = 0.3
WITHOUT_ANSWER = TimeoutError("no answer")


@pytest.fixture(scope="module")
def hostile() -> Iterator[HostileServer]:
    with LocalEndpoint() as endpoint, hostile_server(endpoint.url) as running:
        yield running


@pytest.fixture
def client(hostile: HostileServer) -> Iterator[Any]:
    guard = AnswerGuard(timeout_s=TIMEOUT_S, bytes_max=1_000_000)
    with (
        open_target(TargetChoice(hostile.url, region="us-east-1"), {}) as target,
        closing(target.client(**guard.client_settings)) as client,
    ):
        guard.watch(client)
        yield client


@pytest.mark.parametrize("how", ["hang", "drip", "continue", "endless"])
def test_an_answer_has_a_deadline_and_a_size(hostile: HostileServer, client: Any, how: str) -> None:
    """However it is sent. After UNANSWERED_MAX such requests the operation is no longer sent."""
    hostile.misbehaves = {"ListVectorBuckets": how}
    for _ in range(UNANSWERED_MAX):
        started_s = time.monotonic()
        with pytest.raises(BotoCoreError):
            client.list_vector_buckets()
        assert time.monotonic() - started_s < 20 * TIMEOUT_S
    with pytest.raises(TransportError, match="does not answer"):
        client.list_vector_buckets()
    with pytest.raises(ClientError, match="NotFoundException"):
        client.get_vector_bucket(vectorBucketName="none")


def test_each_request_of_a_connection_has_its_own_deadline(hostile: HostileServer, client: Any) -> None:
    """The deadline begins with the request, not with the connection."""
    hostile.misbehaves = {}
    deadline_s = time.monotonic() + 3 * TIMEOUT_S
    while time.monotonic() < deadline_s:
        assert client.list_vector_buckets()["vectorBuckets"] == []


@pytest.mark.parametrize("bytes_max", [10, 1_000_000])
def test_the_limits_apply_to_tls(tmp_path: Path, bytes_max: int) -> None:
    """To boto3 and to the raw client."""
    certificate = Certificate(*write_certificate(tmp_path))
    guard = AnswerGuard(bytes_max=bytes_max)
    choice = TargetChoice("", region="us-east-1", ca_bundle=str(certificate.certfile))
    with (
        Server(certificate=certificate) as running,
        open_target(replace(choice, name=running.url), {}) as target,
        closing(target.client(**guard.client_settings)) as client,
    ):
        guard.watch(client)
        raw = RawClient(target, running.url, ExchangeLog(), guard=guard)
        if bytes_max > 10:
            assert client.list_vector_buckets()["vectorBuckets"] == []
            assert raw("/ListVectorBuckets", {}).status == 200
            return
        with pytest.raises(BotoCoreError):  # botocore does not repeat the reason
            client.list_vector_buckets()
        with pytest.raises(TransportError, match="exceeds 10 bytes"):
            raw("/ListVectorBuckets", {})


def test_an_error_that_costs_no_time_stops_nothing() -> None:
    """A reset is a failure each time."""
    guard = AnswerGuard()
    for _ in range(2 * UNANSWERED_IN_A_ROW_MAX):
        guard.count("GetIndex", ConnectionResetError("reset"))
    guard.check("GetIndex")


def test_answers_between_do_not_excuse_an_operation() -> None:
    """A target that hangs now and then would make a run endless, too."""
    guard = AnswerGuard()
    for _ in range(UNANSWERED_MAX):
        guard.count("GetIndex", WITHOUT_ANSWER)
        guard.count("GetIndex", None)
    with pytest.raises(TransportError, match="the operation does not answer: 3 requests"):
        guard.check("GetIndex")
    guard.check("PutVectors")


def test_a_target_that_answers_nothing_is_given_up() -> None:
    """Also if each operation was sent a few times only."""
    guard = AnswerGuard()
    for number in range(UNANSWERED_IN_A_ROW_MAX):
        guard.check("PutVectors")
        guard.count(f"Operation{number}", WITHOUT_ANSWER)
    with pytest.raises(TransportError, match="the target does not answer"):
        guard.check("PutVectors")
    guard.count("Operation", None)
    guard.check("PutVectors")


@pytest.mark.parametrize(
    ("body", "is_accepted"),
    [
        (b'{"vectors": []}', True),
        (b"<html>", False),
        (b"[]", False),
        (b'{"__type": "X"}', False),
        (b"", False),
    ],
)
def test_a_missing_member_is_no_reason_to_reject_a_success(body: bytes, *, is_accepted: bool) -> None:
    """One requirement finds it; if it were an error here, every query of such a server would fail."""
    answer = {"status_code": 200, "headers": {}, "body": body}
    found: Exception | None = None
    try:
        answer_guard._check_acknowledged(answer, "response-received.s3vectors.QueryVectors")
    except UnexpectedResponse as error:
        found = error
    assert (found is None) is is_accepted


@pytest.mark.parametrize(
    ("sent", "refused", "reason"),
    [
        (
            ["GetIndex"] * 15,
            "GetIndex",
            "the operation is too slow: its answers that took more than 1 s each",
        ),
        ([f"Operation{number}" for number in range(45)], "PutVectors", "the target is too slow: its answers"),
    ],
)
def test_a_slow_operation_or_target_is_given_up(sent: list[str], refused: str, reason: str) -> None:
    """Correct answers after 20 s each would make a run take days."""
    guard = AnswerGuard()
    for operation in sent:
        guard.check(operation)
        guard.check(refused)
        guard.count(operation, None, took_s=20.0)
    with pytest.raises(TransportError, match=reason):
        guard.check(refused)


def test_answers_that_are_not_slow_are_not_added_up() -> None:
    """However many there are: a long run is not a slow target."""
    guard = AnswerGuard()
    for _ in range(2_000):
        guard.count("GetIndex", None, took_s=0.9)
    guard.check("GetIndex")


def test_the_time_between_two_attempts_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that limits the rate is not a slow one."""
    clock, guard = FakeClock(), AnswerGuard()
    monkeypatch.setattr(answer_guard, "SLOW_S", 0.1)
    monkeypatch.setattr(answer_guard, "SLOW_OPERATION_S_MAX", 0.1)
    for module in (answer_guard, raw_client):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.now_s))
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=clock.wait))
    with (
        lying_server("", answer(Reply(HTTPStatus.TOO_MANY_REQUESTS))) as url,
        open_target(TargetChoice(url, region="us-east-1"), {}) as target,
        closing(target.client(**guard.client_settings)) as client,
    ):
        guard.watch(client)
        ThrottlePatience(1.0).watch(client)
        with pytest.raises(ClientError, match="429"):
            client.list_vector_buckets()
        patience = ThrottlePatience(1.0, sleep=clock.wait)
        raw = RawClient(target, url, ExchangeLog(), guard=guard, patience=patience)
        assert raw("/ListVectorBuckets", {}).status == HTTPStatus.TOO_MANY_REQUESTS
    assert clock.waits == [0.25, 0.5] * 2
    guard.check("ListVectorBuckets")


def test_the_time_of_each_answer_is_counted(
    hostile: HostileServer, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of boto3's clients, too."""
    hostile.misbehaves = {}
    monkeypatch.setattr(answer_guard, "SLOW_S", 0.0)
    monkeypatch.setattr(answer_guard, "SLOW_OPERATION_S_MAX", 1e-9)
    client.list_vector_buckets()
    with pytest.raises(TransportError, match="the operation is too slow"):
        client.list_vector_buckets()
    with pytest.raises(ClientError, match="NotFoundException"):
        client.get_vector_bucket(vectorBucketName="none")
