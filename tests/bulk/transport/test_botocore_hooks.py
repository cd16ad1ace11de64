"""Hooks that replace the body of a boto3 call."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from vecgate.bulk.accelerate import accelerate
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.transport.botocore_hooks import RAW_CALL, hide_body, install_hooks, replace_body
from vecgate.bulk.transport.sender import Boto3Sender
from vecgate.errors import UsageError

BODY = Body.of(b'{"vectors": "raw"}')
ADDRESS = {"vectorBucketName": "media", "indexName": "films"}


class RawBody:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self, **_: object) -> list[bytes]:
        return [self.data]


def client(sent: list[bytes]) -> Any:
    """Return a client that keeps the bodies that it sends, and gets empty objects as responses."""
    made = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="any",
    )

    def respond(request: Any, **_: object) -> AWSResponse:
        sent.append(request.body)
        return AWSResponse(request.url, 200, {}, RawBody(b"{}"))

    made.meta.events.register("before-send.s3vectors", respond)
    return made


def test_a_body_is_replaced_together_with_its_hash() -> None:
    """Signers read the hash from the header."""
    request: dict[str, Any] = {"body": b"{}", "headers": {}}
    replace_body(request, BODY)
    assert request == {"body": BODY.data, "headers": {"X-Amz-Content-SHA256": BODY.sha256}}


def test_a_hidden_body_is_empty() -> None:
    """Botocore's parser then has nothing to parse."""
    response = {"body": b"[1]", "status_code": 200}
    hide_body(response)
    assert response == {"body": b"", "status_code": 200}


@pytest.mark.parametrize("order", [(accelerate, Boto3Sender), (Boto3Sender, accelerate)])
def test_a_client_can_be_accelerated_and_send_raw_bodies(order: Any) -> None:
    """The hooks of `accelerate` do not touch a raw call, in either order of installation."""
    sent: list[bytes] = []
    both = client(sent)
    for install in order:
        install(both)
    sender = Boto3Sender(both)
    assert sender.send("PutVectors", BODY) == b"{}"
    both.put_vectors(**ADDRESS, vectors=[{"key": "k", "data": {"float32": [0.5]}}])
    assert sent[0] == BODY.data
    assert b'"float32":[0.5]' in sent[1]
    assert RAW_CALL.get() is None


def test_hooks_are_installed_once_per_owner() -> None:
    """Installing them again has no effect."""
    calls: list[str] = []
    twice = client([])
    hooks = {"before-call.s3vectors": lambda **_: calls.append("called")}
    for _ in range(2):
        install_hooks(twice, hooks, owner="test", first=True)
    twice.list_vector_buckets()
    assert calls == ["called"]


def test_a_client_of_another_service_is_rejected() -> None:
    """The message has both services."""
    sts = boto3.client("sts", region_name="us-east-1")
    with pytest.raises(UsageError, match="this is a client of sts; a client of s3vectors is needed"):
        install_hooks(sts, {}, owner="test", first=True)
