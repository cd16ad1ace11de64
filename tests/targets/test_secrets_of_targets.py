"""A target registers its secrets, and no type that carries one shows it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError
from constant_server import constant_server

from vecgate.bulk.core.body_encoding import encode_request
from vecgate.bulk.transport.direct_sender import DirectSender
from vecgate.bulk.transport.signing import SigningKey
from vecgate.endpoint.auth.principals import Principal
from vecgate.endpoint.auth.sigv4 import KeyPair
from vecgate.errors import ServiceError
from vecgate.load.load_runner import LoadTest
from vecgate.load.runtime.worker_messages import Assignment
from vecgate.load.scenario.scenario_file import load_scenario
from vecgate.load.web.page_requests import PageRequest, PageRules
from vecgate.redaction import MARK, redact
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import TargetFile, target_from_file, target_from_url

SECRETS = ("AKIDOFTHISTEST", "secret-key-of-this-test", "token-of-this-test")
ENVIRONMENT: Mapping[str, str] = {}


def target(url: str, credentials: Any) -> Target:
    """Return a target with these credentials."""
    return target_from_url(url, TargetChoice(), ENVIRONMENT, credentials=credentials)


def test_an_open_target_has_registered_its_credentials() -> None:
    """All three parts."""
    target("http://127.0.0.1:1", Credentials(*SECRETS))
    assert redact(" ".join(SECRETS)) == " ".join([MARK] * 3)


def test_a_target_has_no_user_in_its_url() -> None:
    """Neither as its name nor as its URL: results, journals and messages have them."""
    opened = target("http://some-user:some-password@127.0.0.1:1/a", Credentials(*SECRETS))
    assert (opened.name, opened.endpoint_url) == ("http://127.0.0.1:1/a",) * 2
    assert redact("some-user some-password") == f"{MARK} {MARK}"


def test_headers_of_a_target_file_are_registered(tmp_path: Path) -> None:
    """They may be the key of a gateway."""
    path = tmp_path / "t.toml"
    path.write_text('url = "http://127.0.0.1:1"\nheaders = { x-api-key = "key-of-a-gateway" }\n')
    target_from_file(path, TargetChoice(), ENVIRONMENT)
    assert redact("key-of-a-gateway") == MARK


def test_renewed_credentials_are_registered_with_the_first_request() -> None:
    """Before that no server can repeat them."""

    def renew() -> dict[str, str]:
        return {
            **dict(zip(("access_key", "secret_key", "token"), SECRETS, strict=True)),
            "expiry_time": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }

    expired = RefreshableCredentials(
        "old-access-key", "old-secret-key", "old", datetime.now(UTC), renew, "test"
    )
    body = b'{"message": "you sent token-of-this-test"}'
    with constant_server(body, status=403, headers={"x-amzn-errortype": "AccessDeniedException"}) as url:
        opened = target(url, expired)
        with closing(opened.client()) as client, pytest.raises(ClientError) as caught:
            client.list_vector_buckets()
        assert caught.value.response["Error"]["Message"] == f"you sent {MARK}"
        assert redact(" ".join(SECRETS)) == " ".join([MARK] * 3)


def test_the_direct_sender_redacts_what_a_server_repeats() -> None:
    """Before a message is shortened: a part of a secret would not be recognised."""
    body = b'{"message": "you sent token-of-this-test"}'
    with constant_server(body, status=403, headers={"x-amzn-errortype": "AccessDeniedException"}) as url:
        sender = DirectSender(Credentials(*SECRETS), region="us-east-1", endpoint_url=url)
        with closing(sender), pytest.raises(ServiceError) as caught:
            sender.send("GetIndex", encode_request(IndexAddress("bucket", "index")))
    assert caught.value.message == f"you sent {MARK}"


def test_no_type_shows_the_secrets_that_it_carries() -> None:
    """A traceback, an assertion or a log may contain the repr of any value."""
    pair = KeyPair(*SECRETS)
    carriers: list[object] = [
        pair,
        Principal("somebody", pair),
        target("http://127.0.0.1:1", Credentials(*SECRETS)),
        TargetChoice("http://u:secret-key-of-this-test@127.0.0.1:1"),
        TargetFile(url="http://a.example", headers={"x": SECRETS[2]}),
        SigningKey.derive(*SECRETS[:2], day="20261124", region="us-east-1"),
        PageRules(frozenset(), SECRETS[1]),
        PageRequest("GET", "/", {"cookie": SECRETS[1]}),
        LoadTest("smoke", TargetChoice(), Path("x"), secret=SECRETS[1]),
        Assignment(
            run="r", scenario=load_scenario("smoke"), bucket="b", index="i", target="t", credentials=SECRETS
        ),
    ]
    for carrier in carriers:
        assert not [secret for secret in SECRETS if secret in repr(carrier)], type(carrier)
