from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vecgate.errors import ConfigError, NoCredentials
from vecgate.targets.target import Target, TargetChoice, open_target

ALL = """
url = "https://vectors.example:8443/"
name = "mine"
region = "eu-mine-1"
ca_bundle = "ca.pem"
headers = { x-namespace = "a" }
access_key_variable = "MY_KEY"
secret_key_variable = "MY_SECRET"
session_token_variable = "MY_TOKEN"
capabilities = ["query", "tags"]
deviations = "known.toml"
"""
KEYS = {"MY_KEY": "AKIDMINE", "MY_SECRET": "opens-nothing", "MY_TOKEN": "token"}


@pytest.fixture(autouse=True)
def _aws_of_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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


def described(tmp_path: Path, text: str, environment: dict[str, str] | None = None, **choice: Any) -> Target:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with open_target(TargetChoice(str(path), **choice), environment or {}) as target:
        return target


def test_a_file_says_more_than_a_url_can(tmp_path: Path) -> None:
    """Files in it are relative to it, keys are named and never written down."""
    target = described(tmp_path, ALL, KEYS)
    assert (target.name, target.endpoint_url, target.region) == (
        "mine",
        "https://vectors.example:8443",
        "eu-mine-1",
    )
    assert target.region_source == str(tmp_path / "mine.toml")
    assert target.verify == str(tmp_path / "ca.pem")
    assert target.deviations == tmp_path / "known.toml"
    assert target.capabilities == frozenset({"query", "tags"})
    frozen = target.credentials.get_frozen_credentials()
    assert (frozen.access_key, frozen.secret_key, frozen.token) == ("AKIDMINE", "opens-nothing", "token")
    assert "opens-nothing" not in f"{target!r} {target}"


def test_a_url_is_enough(tmp_path: Path) -> None:
    """The rest is as for a URL alone."""
    target = described(tmp_path, 'url = "http://h:1"')
    assert (target.name, target.region, target.region_source) == ("http://h:1", "us-east-1", "the default")
    assert (target.verify, target.capabilities, target.deviations, dict(target.headers)) == (
        True,
        None,
        None,
        {},
    )


def test_the_command_line_beats_the_file(tmp_path: Path) -> None:
    """What is said nearest wins."""
    target = described(tmp_path, ALL, KEYS, region="r-1", ca_bundle="own.pem")
    assert (target.region, target.region_source, target.verify) == ("r-1", "--region", "own.pem")
    assert described(tmp_path, ALL, KEYS, verify=False).verify is False
    assert described(tmp_path, 'url = "http://h:1"\nverify = false').verify is False


def test_headers_are_sent_with_each_request(tmp_path: Path) -> None:
    """And with what is sent one by one, which then goes through boto3."""
    target = described(tmp_path, ALL, KEYS)
    seen: list[str] = []

    class UnsentError(Exception):
        pass

    def keep(request: Any, **_: object) -> None:
        seen.append(request.headers["x-namespace"])
        raise UnsentError

    client = target.client()
    client.meta.events.register_last("before-send.s3vectors", keep)
    with pytest.raises(UnsentError):
        client.list_vector_buckets()
    assert seen == ["a"]
    with target.sender(direct=True) as sender:
        assert type(sender).__name__ == "Boto3Sender"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url = [", "describes no target"),
        ("name = 'x'", "url"),
        ("url = 'http://h'\ncolour = 'red'", "colour"),
        ("url = 'ftp://h'", "'ftp://h' is no URL"),
        ("url = 'http://h'\nname = 'local'", "the name 'local' is taken by a target of vecgate's own"),
        ("url = 'http://h'\nname = 'moto'", "the name 'moto' is taken by a target of vecgate's own"),
        ("url = 'http://h'\nname = 'aws'", "the name 'aws' is taken by a target of vecgate's own"),
        ("url = 'http://h'\ncapabilities = ['speed']", "no capability is called speed"),
    ],
)
def test_what_describes_no_target_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """With the file and what is wrong."""
    with pytest.raises(ConfigError, match=r"mine\.toml") as caught:
        described(tmp_path, text)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    """One clear line."""
    with (
        pytest.raises(ConfigError, match=r"none\.toml cannot be read"),
        open_target(TargetChoice("none.toml"), {}),
    ):
        pass


def test_keys_that_are_not_set_are_named(tmp_path: Path) -> None:
    """By the variables that the file names."""
    with pytest.raises(NoCredentials, match="MY_SECRET and MY_TOKEN"):
        described(tmp_path, ALL, {"MY_KEY": "AKIDMINE"})
