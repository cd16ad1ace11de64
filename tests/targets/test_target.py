"""Which setting wins, and what is refused before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from vecgate.bulk.encoding import encode_request
from vecgate.bulk.indexes import create_index, describe_index
from vecgate.bulk.validation import IndexRules
from vecgate.bulk.wire import Boto3Sender, DirectSender
from vecgate.errors import NoCredentials, TransportError, UsageError, VecgateError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target, TargetChoice, open_target

URL = "http://127.0.0.1:7333"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "opens-nothing"}
CONFIG = """
[default]
[profile there]
region = eu-central-1
endpoint_url = http://127.0.0.1:9
"""
CREDENTIALS = """
[there]
aws_access_key_id = AKIDTHERE
aws_secret_access_key = opens-nothing-either
"""


@pytest.fixture(autouse=True)
def _aws_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests gets in, and nothing asks a metadata service."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "VECGATE_", "BOTO_")):
            monkeypatch.delenv(name)
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text(CREDENTIALS)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))


class Unsent(Exception):
    """Raised instead of sending."""


def _host_asked(client: Any) -> str:
    asked: list[str] = []

    def keep(request: Any, **_: object) -> None:
        asked.append(urlsplit(request.url).netloc)
        raise Unsent

    client.meta.events.register("before-send", keep)
    with pytest.raises(Unsent):
        client.list_vector_buckets()
    return asked[0]


def opened(choice: TargetChoice, environment: Mapping[str, str] | None = None) -> Target:
    with open_target(choice, environment or {}) as target:
        return target


@pytest.mark.parametrize(
    ("name", "environment", "url"),
    [
        (URL, {}, URL),
        (URL + "/", {}, URL),
        ("https://s3.example:8443/vectors", {}, "https://s3.example:8443/vectors"),
        ("", {"VECGATE_TARGET": URL}, URL),
        ("", {"AWS_ENDPOINT_URL_S3VECTORS": URL}, URL),
        ("", {"AWS_ENDPOINT_URL": URL}, URL),
        (
            "",
            {"VECGATE_TARGET": URL, "AWS_ENDPOINT_URL_S3VECTORS": "http://b", "AWS_ENDPOINT_URL": "http://c"},
            URL,
        ),
        ("", {"VECGATE_TARGET": "", "AWS_ENDPOINT_URL_S3VECTORS": URL, "AWS_ENDPOINT_URL": "http://c"}, URL),
        (URL, {"VECGATE_TARGET": "http://b"}, URL),
    ],
)
def test_what_is_named_nearest_wins(name: str, environment: dict[str, str], url: str) -> None:
    """The argument, then VECGATE_TARGET, then what every AWS tool reads."""
    target = opened(TargetChoice(name), environment)
    assert (target.endpoint_url, target.name, str(target)) == (url, url, url)


@pytest.mark.parametrize("environment", [{}, KEYS, {"AWS_REGION": "eu-west-1"}, {"VECGATE_TARGET": ""}])
def test_amazon_is_never_assumed(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with credentials at hand: it costs money."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match="no target is named") as caught:
        opened(TargetChoice(), environment)
    assert "--target" in caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "loca",
        "AWS",
        "ftp://host",
        "http://",
        "https:///path",
        "127.0.0.1:7333",
        "http://[::1",
        "http://host:port",
    ],
)
def test_what_is_no_target_is_refused(name: str) -> None:
    """With the forms that are."""
    with pytest.raises(UsageError) as caught:
        opened(TargetChoice(name))
    assert str(caught.value) == f"{name!r} is no target"
    assert "`local`" in caught.value.hint


@pytest.mark.parametrize(
    ("choice", "environment", "region", "source"),
    [
        (TargetChoice(URL, region="r-1", profile="there"), {"AWS_REGION": "r-2"}, "r-1", "--region"),
        (
            TargetChoice(URL, profile="there"),
            {"AWS_REGION": "r-2", "AWS_DEFAULT_REGION": "r-3"},
            "r-2",
            "AWS_REGION",
        ),
        (TargetChoice(URL, profile="there"), {"AWS_DEFAULT_REGION": "r-3"}, "r-3", "AWS_DEFAULT_REGION"),
        (TargetChoice(URL, profile="there"), {"AWS_REGION": ""}, "eu-central-1", "the profile"),
        (TargetChoice(URL), {}, "us-east-1", "the default"),
    ],
)
def test_the_region_has_an_order_too(
    choice: TargetChoice, environment: dict[str, str], region: str, source: str
) -> None:
    """AWS_REGION counts, which boto3 itself does not read; where it came from is told."""
    target = opened(choice, environment)
    assert (target.region, target.region_source) == (region, source)
    assert target.client().meta.region_name == region


def test_amazon_needs_a_region() -> None:
    """There is no default that could be right."""
    with pytest.raises(UsageError, match="no region is named") as caught:
        opened(TargetChoice("aws"))
    assert "--region" in caught.value.hint


def test_amazon_needs_credentials() -> None:
    """Told before anything is read or sent."""
    with pytest.raises(NoCredentials, match="there are no AWS credentials") as caught:
        opened(TargetChoice("aws", region="eu-west-1"))
    assert "AWS_PROFILE" in caught.value.hint


def test_amazon_is_reached_at_its_own_address() -> None:
    """Also where the profile names another endpoint for everything."""
    target = opened(TargetChoice("aws", profile="there"), {"AWS_ENDPOINT_URL": URL})
    assert target.endpoint_url is None
    assert str(target) == "aws (eu-central-1, from the profile)"
    assert target.credentials.access_key == "AKIDTHERE"
    assert _host_asked(target.client()) == "s3vectors.eu-central-1.api.aws"
    with target.sender(direct=True) as sender:
        assert isinstance(sender, DirectSender)
        assert sender._host == "s3vectors.eu-central-1.api.aws"


def test_credentials_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A process that gives none, as an expired sign-in has it."""
    with (tmp_path / "config").open("a") as config:
        config.write("[profile broken]\nregion = eu-west-1\ncredential_process = /bin/false\n")
    with pytest.raises(NoCredentials, match="the credentials cannot be read") as caught:
        opened(TargetChoice("aws", profile="broken"))
    assert caught.value.hint


@pytest.mark.parametrize("name", ["aws", URL])
def test_a_profile_that_is_not_there_is_named(name: str) -> None:
    """Whatever the target."""
    with pytest.raises(UsageError, match="nobody") as caught:
        opened(TargetChoice(name, profile="nobody"))
    assert "--profile" in caught.value.hint


@pytest.mark.parametrize("name", ["aws", URL])
@pytest.mark.parametrize(
    ("choice", "environment", "verify"),
    [
        ({}, {}, True),
        ({}, {"AWS_CA_BUNDLE": "env.pem"}, "env.pem"),
        ({"ca_bundle": "own.pem"}, {"AWS_CA_BUNDLE": "env.pem"}, "own.pem"),
        ({"verify": False}, {"AWS_CA_BUNDLE": "env.pem"}, False),
        ({"verify": False, "ca_bundle": "own.pem"}, {}, False),
    ],
)
def test_certificates_are_trusted_as_told(
    name: str, choice: dict[str, object], environment: dict[str, str], *, verify: bool | str
) -> None:
    """Not verifying beats a file, a file that is named beats the environment's."""
    target = opened(TargetChoice(name, profile="there", **choice), environment)  # type: ignore[arg-type]
    assert target.verify == verify
    if not isinstance(verify, str):
        assert target.client()._endpoint.http_session._verify is verify


def test_a_server_of_ones_own_needs_no_credentials() -> None:
    """It is given some that open nothing; real ones are used where there are any."""
    target = opened(TargetChoice(URL))
    assert target.client()._request_signer._credentials.access_key == "local"
    assert (
        opened(TargetChoice(URL, profile="there")).client()._request_signer._credentials.access_key
        == "AKIDTHERE"
    )


def test_a_client_leaves_retries_to_its_user() -> None:
    """One attempt, bounded waits, and as many connections as asked for."""
    config = opened(TargetChoice(URL)).client(connections=7).meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.max_pool_connections == 7
    assert (config.connect_timeout, config.read_timeout) == (10, 60)
    assert "vecgate/" in config.user_agent_extra


def test_no_secret_is_shown() -> None:
    """Neither in words nor in a representation."""
    target = opened(TargetChoice("aws", profile="there"))
    assert "opens-nothing" not in f"{target} {target!r}"


@pytest.mark.parametrize("direct", [True, False])
def test_a_sender_goes_to_the_target(*, direct: bool) -> None:
    """Through boto3, or direct; here to a port where nobody listens."""
    target = opened(TargetChoice("http://127.0.0.1:9"))
    with target.sender(direct=direct) as sender:
        assert isinstance(sender, DirectSender if direct else Boto3Sender)
        with pytest.raises(TransportError) as caught:
            sender.send("GetIndex", encode_request(IndexAddress("media", "films")))
    assert caught.value.is_connect


@pytest.mark.parametrize("region", ["not a region", "eu west"])
def test_a_region_that_is_none_is_one_clear_line(region: str) -> None:
    """It would become part of a host name."""
    with pytest.raises(UsageError, match="is no region"):
        opened(TargetChoice("aws", profile="there", region=region)).client()


@pytest.mark.parametrize("direct", [True, False])
def test_a_local_target_runs_as_long_as_it_is_open(*, direct: bool) -> None:
    """A server of our own, in its own process, on a free port."""
    address = IndexAddress("media-bucket", "films-index")
    with open_target(TargetChoice("local"), {}) as target:
        assert target.name == "local"
        with target.sender(direct=direct) as sender:
            create_index(sender, address, IndexRules(3, "cosine"))
            assert describe_index(sender, address) == IndexRules(3, "cosine")
    with target.sender(direct=direct) as gone, pytest.raises(VecgateError):
        gone.send("GetIndex", encode_request(address))
