from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from vecgate.errors import ConfigError, NoCredentials, UsageError
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import target_from_url

ALL = """
url = "https://vectors.example:8443/"
name = "example"
region = "eu-example-1"
ca_bundle = "ca.pem"
headers = { x-namespace = "a" }
access_key_variable = "MY_KEY"
secret_key_variable = "MY_SECRET"
session_token_variable = "MY_TOKEN"
capabilities = ["query", "tags"]
deviations = "known.toml"
"""
KEYS = {"MY_KEY": "AKIDEXAMPLE", "MY_SECRET": "opens-nothing", "MY_TOKEN": "token"}


@pytest.fixture(autouse=True)
def _isolated_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in (
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def open_file(tmp_path: Path, text: str, environment: dict[str, str] | None = None, **choice: Any) -> Target:
    path = tmp_path / "target.toml"
    path.write_text(text)
    with open_target(TargetChoice(str(path), **choice), environment or {}) as target:
        return target


def test_a_file_has_further_settings(tmp_path: Path) -> None:
    """Paths in it are relative to the file. It names the variables of the keys, never the keys."""
    target = open_file(tmp_path, ALL, KEYS)
    assert (target.name, target.endpoint_url, target.region) == (
        "example",
        "https://vectors.example:8443",
        "eu-example-1",
    )
    assert target.region_source == str(tmp_path / "target.toml")
    assert target.verify == str(tmp_path / "ca.pem")
    assert target.deviations == tmp_path / "known.toml"
    assert target.capabilities == frozenset({"query", "tags"})
    frozen = target.credentials.get_frozen_credentials()
    assert (frozen.access_key, frozen.secret_key, frozen.token) == ("AKIDEXAMPLE", "opens-nothing", "token")
    assert "opens-nothing" not in f"{target!r} {target}"


def test_a_url_is_enough(tmp_path: Path) -> None:
    """The other settings are as for a URL alone."""
    target = open_file(tmp_path, 'url = "http://h:1"')
    assert (target.name, target.region, target.region_source) == ("http://h:1", "us-east-1", "the default")
    assert (target.verify, target.capabilities, target.deviations, dict(target.headers)) == (
        True,
        None,
        None,
        {},
    )


def test_the_command_line_overrides_the_file(tmp_path: Path) -> None:
    """Also to disable the verification of certificates."""
    target = open_file(tmp_path, ALL, KEYS, region="r-1", ca_bundle="own.pem")
    assert (target.region, target.region_source, target.verify) == ("r-1", "--region", "own.pem")
    assert open_file(tmp_path, ALL, KEYS, verify=False).verify is False
    assert open_file(tmp_path, 'url = "http://h:1"\nverify = false').verify is False


def test_headers_are_sent_with_each_request(tmp_path: Path) -> None:
    """A direct sender cannot add them, so requests then go through boto3."""
    target = open_file(tmp_path, ALL, KEYS)
    seen: list[str] = []

    class UnsentError(Exception):
        pass

    def record(request: Any, **_: object) -> None:
        seen.append(request.headers["x-namespace"])
        raise UnsentError

    client = target.client()
    client.meta.events.register_last("before-send.s3vectors", record)
    with pytest.raises(UnsentError):
        client.list_vector_buckets()
    assert seen == ["a"]
    with target.sender(direct=True) as sender:
        assert type(sender).__name__ == "Boto3Sender"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url = [", "is not valid TOML"),
        ("name = 'x'", "url is missing, allowed is a text"),
        ("url = 'http://h'\ncolour = 'red'", "colour is not a known key"),
        ("url = 'ftp://h'", 'url is "ftp://h", allowed is an http or https URL'),
        ("url = 'http://h'\nname = 'local'", "name is 'local', which is reserved for a target of vecgate"),
        ("url = 'http://h'\nname = 'moto'", "name is 'moto', which is reserved for a target of vecgate"),
        (
            "url = 'http://h'\nname = 's3mock@5'",
            "name is 's3mock@5', which is reserved for a target of vecgate",
        ),
        ("url = 'http://h'\nname = 'aws'", "name is 'aws', which is reserved for a target of vecgate"),
        ("url = 'http://h'\ncapabilities = ['speed']", "capabilities has no 'speed', allowed are query, "),
    ],
)
def test_an_invalid_target_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """The error names the file and the problem."""
    with pytest.raises(ConfigError, match=r"target\.toml") as caught:
        open_file(tmp_path, text)
    assert said in str(caught.value)


def test_the_error_names_a_missing_file() -> None:
    """It cannot be read."""
    with (
        pytest.raises(ConfigError, match=r"none\.toml cannot be read"),
        open_target(TargetChoice("none.toml"), {}),
    ):
        pass


def test_the_error_names_variables_that_are_not_set(tmp_path: Path) -> None:
    """These are the variables that the file names."""
    with pytest.raises(NoCredentials, match="MY_SECRET, MY_TOKEN"):
        open_file(tmp_path, ALL, {"MY_KEY": "AKIDEXAMPLE"})


@pytest.mark.parametrize(
    "host",
    [f"{'a' * 64}.example", "a..b", ".a", "a_b.example", "ex ample", "é.example", "-a.example", "a%2f.b",
     ".".join(["a"] * 140), "user:pw@a..b"],
)  # fmt: skip
def test_a_host_that_cannot_exist_is_refused(host: str) -> None:
    """By its rules, before a client is made; the user in the URL is not repeated."""
    for url in (f"http://{host}", f"https://{host}:8443/x"):
        with pytest.raises(UsageError, match="is not a host name that requests can be sent to") as caught:
            target_from_url(url, TargetChoice(url), {"AWS_REGION": "us-east-1"})
        assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["a", "a-b.example", "A.example.", f"{'a' * 63}.b", "127.0.0.1", "[::1]", "1.2.3.4.5"]
)
def test_a_host_that_can_exist_is_accepted(host: str) -> None:
    """Whether or not it does."""
    target = target_from_url(f"http://{host}:9", TargetChoice(""), {"AWS_REGION": "us-east-1"})
    with closing(target.client()) as client:
        assert client.meta.endpoint_url == f"http://{host}:9"
