"""The endpoint in a thread of this process."""

from __future__ import annotations

import threading

import boto3
import pytest
from botocore.config import Config

from vecgate.endpoint.http.thread_server import ThreadServer
from vecgate.endpoint.requests.messages import Request, Response
from vecgate.errors import TargetUnreachable


def list_buckets(url: str) -> list[str]:
    client = boto3.client(
        "s3vectors",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    return [each["vectorBucketName"] for each in client.list_vector_buckets()["vectorBuckets"]]


def test_requests_are_answered_and_observed_until_it_ends() -> None:
    """Each server has its own data, and none leaves a thread."""
    seen: list[tuple[str, int]] = []

    def observe(operation: str, request: Request, response: Response | None) -> None:
        assert request.body
        seen.append((operation, response.status if response else 0))

    with ThreadServer(observe=observe) as server, ThreadServer() as other:
        assert list_buckets(server.url) == list_buckets(other.url) == []
        assert seen == [("ListVectorBuckets", 200)]
        assert server.call(lambda gateway: len(gateway.state.buckets)) == 0
    assert not [each for each in threading.enumerate() if each.name == "vecgate-endpoint"]


def test_a_server_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a wait without an end."""
    monkeypatch.setattr(ThreadServer, "_run", lambda _: None)
    with pytest.raises(TargetUnreachable, match=r"was not ready within 0\.01 s"):
        ThreadServer(start_timeout_s=0.01).__enter__()
