"""The precedence of settings, and what is refused before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from vecgate.bulk.core.body_encoding import encode_request
from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.index_setup import create_index, describe_index
from vecgate.bulk.transport.sender import Boto3Sender, DirectSender
from vecgate.errors import NoCredentials, TransportError, UsageError, VecgateError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice

URL = "http://127.0.0.1:7333"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "opens-nothing"}
CONFIG = """
[default]
[profile other]
region = eu-central-1
endpoint_url = http://127.0.0.1:9
"""
CREDENTIALS = """
[other]
aws_access_key_id = AKIDOTHER
aws_secret_access_key = opens-nothing-either
"""


@pytest.fixture(autouse=True)
def _isolated_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the AWS settings of the user, and disable the metadata service."""
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


def _requested_host(client: Any) -> str:
    hosts: list[str] = []

    def record(request: Any, **_: object) -> None:
        hosts.append(urlsplit(request.url).netloc)
        raise Unsent

    client.meta.events.register("before-send", record)
    with pytest.raises(Unsent):
        client.list_vector_buckets()
    return hosts[0]


def open_and_close(choice: TargetChoice, environment: Mapping[str, str] | None = None) -> Target:
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
def test_the_most_specific_setting_names_the_target(name: str, environment: dict[str, str], url: str) -> None:
    """The argument, then VECGATE_TARGET, then the variables of all AWS tools."""
    target = open_and_close(TargetChoice(name), environment)
    assert (target.endpoint_url, target.name, str(target)) == (url, url, url)


@pytest.mark.parametrize("environment", [{}, KEYS, {"AWS_REGION": "eu-west-1"}, {"VECGATE_TARGET": ""}])
def test_amazon_is_never_the_default(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with credentials, because it costs money."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match="no target is named") as caught:
        open_and_close(TargetChoice(), environment)
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
def test_an_invalid_target_is_refused(name: str) -> None:
    """The hint shows the valid forms."""
    with pytest.raises(UsageError) as caught:
        open_and_close(TargetChoice(name))
    assert str(caught.value) == f"{name!r} is not a target"
    assert "`local`" in caught.value.hint


@pytest.mark.parametrize(
    ("choice", "environment", "region", "source"),
    [
        (TargetChoice(URL, region="r-1", profile="other"), {"AWS_REGION": "r-2"}, "r-1", "--region"),
        (
            TargetChoice(URL, profile="other"),
            {"AWS_REGION": "r-2", "AWS_DEFAULT_REGION": "r-3"},
            "r-2",
            "AWS_REGION",
        ),
        (TargetChoice(URL, profile="other"), {"AWS_DEFAULT_REGION": "r-3"}, "r-3", "AWS_DEFAULT_REGION"),
        (TargetChoice(URL, profile="other"), {"AWS_REGION": ""}, "eu-central-1", "the profile"),
        (TargetChoice(URL), {}, "us-east-1", "the default"),
    ],
)
def test_the_precedence_of_the_region(
    choice: TargetChoice, environment: dict[str, str], region: str, source: str
) -> None:
    """AWS_REGION counts, although boto3 ignores it. The source of the region is known."""
    target = open_and_close(choice, environment)
    assert (target.region, target.region_source) == (region, source)
    assert target.client().meta.region_name == region


def test_amazon_needs_a_region() -> None:
    """No default would be right."""
    with pytest.raises(UsageError, match="no AWS region is set") as caught:
        open_and_close(TargetChoice("aws"))
    assert "--region" in caught.value.hint


def test_amazon_needs_credentials() -> None:
    """The error comes before anything is sent."""
    with pytest.raises(NoCredentials, match="no AWS credentials were found") as caught:
        open_and_close(TargetChoice("aws", region="eu-west-1"))
    assert "AWS_PROFILE" in caught.value.hint


def test_amazon_is_reached_at_its_own_url() -> None:
    """Also if the profile sets another endpoint for all services."""
    target = open_and_close(TargetChoice("aws", profile="other"), {"AWS_ENDPOINT_URL": URL})
    assert target.endpoint_url is None
    assert str(target) == "aws (eu-central-1, from the profile)"
    assert target.credentials.access_key == "AKIDOTHER"
    assert _requested_host(target.client()) == "s3vectors.eu-central-1.api.aws"
    with target.sender(direct=True) as sender:
        assert isinstance(sender, DirectSender)
        assert sender._host == "s3vectors.eu-central-1.api.aws"


def test_credentials_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """A credential process that fails, like after an expired sign-in."""
    with (tmp_path / "config").open("a") as config:
        config.write("[profile broken]\nregion = eu-west-1\ncredential_process = /bin/false\n")
    with pytest.raises(NoCredentials, match="the AWS credentials cannot be read") as caught:
        open_and_close(TargetChoice("aws", profile="broken"))
    assert caught.value.hint


@pytest.mark.parametrize("name", ["aws", URL])
def test_the_error_names_a_missing_profile(name: str) -> None:
    """For every target."""
    with pytest.raises(UsageError, match="missing-profile") as caught:
        open_and_close(TargetChoice(name, profile="missing-profile"))
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
def test_the_precedence_of_certificate_settings(
    name: str, choice: dict[str, object], environment: dict[str, str], *, verify: bool | str
) -> None:
    """No verification precedes a file, and the chosen file precedes that of the environment."""
    target = open_and_close(TargetChoice(name, profile="other", **choice), environment)  # type: ignore[arg-type]
    assert target.verify == verify
    if not isinstance(verify, str):
        assert target.client()._endpoint.http_session._verify is verify


def test_a_server_by_url_needs_no_credentials() -> None:
    """It gets placeholders. Real credentials are used if there are any."""
    target = open_and_close(TargetChoice(URL))
    assert target.client()._request_signer._credentials.access_key == "local"
    assert (
        open_and_close(TargetChoice(URL, profile="other")).client()._request_signer._credentials.access_key
        == "AKIDOTHER"
    )


def test_a_client_does_not_retry() -> None:
    """One attempt, timeouts, and the requested number of connections."""
    config = open_and_close(TargetChoice(URL)).client(connections=7).meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.max_pool_connections == 7
    assert (config.connect_timeout, config.read_timeout) == (10, 60)
    assert "vecgate/" in config.user_agent_extra


def test_no_secret_is_shown() -> None:
    """Neither by str nor by repr."""
    target = open_and_close(TargetChoice("aws", profile="other"))
    assert "opens-nothing" not in f"{target} {target!r}"


@pytest.mark.parametrize("direct", [True, False])
def test_a_sender_goes_to_the_target(*, direct: bool) -> None:
    """Through boto3 or direct; here to a port without a server."""
    target = open_and_close(TargetChoice("http://127.0.0.1:9"))
    with target.sender(direct=direct) as sender:
        assert isinstance(sender, DirectSender if direct else Boto3Sender)
        with pytest.raises(TransportError) as caught:
            sender.send("GetIndex", encode_request(IndexAddress("media", "films")))
    assert caught.value.is_connect


@pytest.mark.parametrize("region", ["not a region", "eu west"])
def test_an_invalid_region_is_refused(region: str) -> None:
    """It would become a part of the host name."""
    with pytest.raises(UsageError, match="is not an AWS region"):
        open_and_close(TargetChoice("aws", profile="other", region=region)).client()


@pytest.mark.parametrize("direct", [True, False])
def test_a_local_target_runs_as_long_as_it_is_open(*, direct: bool) -> None:
    """A local server in its own process, on a free port."""
    address = IndexAddress("media-bucket", "films-index")
    with open_target(TargetChoice("local"), {}) as target:
        assert target.name == "local"
        with target.sender(direct=direct) as sender:
            create_index(sender, address, IndexRules(3, "cosine"))
            assert describe_index(sender, address) == IndexRules(3, "cosine")
    with target.sender(direct=direct) as sender, pytest.raises(VecgateError):
        sender.send("GetIndex", encode_request(address))
