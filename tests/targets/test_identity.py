"""Which setting won, and whose credentials they are, without showing them."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from strangers import stranger

from vecgate.errors import UsageError
from vecgate.targets.findings import Finding
from vecgate.targets.identity import (
    account_finding,
    account_of,
    bare,
    credentials_finding,
    masked,
    region_finding,
    target_finding,
)
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url import url_target

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
URL = "http://127.0.0.1:7333"
IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ann</Arn><UserId>A</UserId>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
DENIED = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>No.</Message></Error></ErrorResponse>"""


@pytest.fixture(autouse=True)
def _nobodys_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "VECGATE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(
    ("choice", "environment", "told"),
    [
        (TargetChoice("local"), {}, "local, from --target"),
        (TargetChoice("aws"), {"AWS_ENDPOINT_URL": URL}, "aws, from --target; AWS_ENDPOINT_URL passed over"),
        (TargetChoice(), {"VECGATE_TARGET": "aws"}, "aws, from VECGATE_TARGET"),
        (
            TargetChoice(),
            {"AWS_ENDPOINT_URL_S3VECTORS": URL, "VECGATE_TARGET": "moto", "AWS_ENDPOINT_URL": "http://a"},
            "moto, from VECGATE_TARGET; AWS_ENDPOINT_URL_S3VECTORS and AWS_ENDPOINT_URL passed over",
        ),
        (TargetChoice("https://me:secret@a.example/x"), {}, "https://a.example/x, from --target"),
    ],
)
def test_the_setting_that_names_the_target(
    choice: TargetChoice, environment: dict[str, str], told: str
) -> None:
    """And those that lost; a password in a URL is not shown."""
    assert target_finding(choice, environment) == Finding("target", "ok", told)


def test_no_setting_names_a_target() -> None:
    """Amazon is never assumed."""
    with pytest.raises(UsageError, match="no target is named"):
        target_finding(TargetChoice(), {})


def test_the_setting_that_names_the_region() -> None:
    """And those that say another."""
    environment = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-2"}
    target = url_target(URL, TargetChoice(), environment)
    told = "eu-west-1, from AWS_REGION; us-east-2 from AWS_DEFAULT_REGION passed over"
    assert region_finding(target, environment).found == told
    assert region_finding(url_target(URL, TargetChoice(), {}), {}).found == "us-east-1, from the default"


def target_with(credentials: Any) -> Target:
    return replace(url_target(URL, TargetChoice(), {}), credentials=credentials)


def unreachable() -> dict[str, str]:
    raise CredentialRetrievalError(provider="sso", error_msg="no network")


def ending(at: datetime) -> RefreshableCredentials:
    """Credentials that nobody can renew."""
    return RefreshableCredentials(
        "ASIAEXAMPLEKEY", "secret", "token", at, unreachable, "sso", time_fetcher=lambda: NOW
    )


@pytest.mark.parametrize(
    ("credentials", "grade", "told"),
    [
        (
            Credentials("AKIAEXAMPLEKEY", "secret", method="env"),
            "ok",
            "access key …EKEY from the environment, long-term",
        ),
        (
            Credentials("ASIAEXAMPLEKEY", "secret", "token", method="shared-credentials-file"),
            "ok",
            "access key …EKEY from the credentials file, temporary, nobody says until when",
        ),
        (
            Credentials("AKIAEXAMPLEKEY", "secret"),
            "ok",
            "access key …EKEY from the settings of the target, long-term",
        ),
        (
            ending(NOW + timedelta(hours=1)),
            "ok",
            "access key …EKEY from IAM Identity Center, temporary, until 2026-11-24 13:00 UTC (60 min)",
        ),
        (
            ending(NOW + timedelta(minutes=14)),
            "warning",
            "access key …EKEY from IAM Identity Center, temporary, until 2026-11-24 12:14 UTC (14 min)",
        ),
    ],
)
def test_credentials_are_told_by_where_they_came_from(credentials: Any, grade: str, told: str) -> None:
    """With the end of the access key, and when they end."""
    finding = credentials_finding(target_with(credentials), now=NOW)
    assert (finding.grade, finding.found) == (grade, told)
    assert bool(finding.way_out) == (grade != "ok")
    assert "secret" not in finding.found


def test_credentials_that_have_ended_fail() -> None:
    """To the second."""
    credentials = Credentials("ASIAEXAMPLEKEY", "secret", "token")
    credentials._expiry_time = NOW
    finding = credentials_finding(target_with(credentials), now=NOW)
    assert (finding.grade, finding.found.split(", ")[1]) == ("failed", "ended at 2026-11-24 12:00 UTC")


class Unreadable:
    method = "sso"

    def get_frozen_credentials(self) -> None:
        raise CredentialRetrievalError(provider="sso", error_msg="the token has expired")


def test_credentials_that_cannot_be_read_fail() -> None:
    """With the way to renew them."""
    finding = credentials_finding(target_with(Unreadable()), now=NOW)
    assert finding.grade == "failed"
    assert "the token has expired" in finding.found
    assert "aws sso login" in finding.way_out


def test_where_there_are_none_a_stand_in_is_told() -> None:
    """For servers that check nothing."""
    finding = credentials_finding(url_target(URL, TargetChoice(), {}), now=NOW)
    assert finding.found.startswith("the stand-in `local`")


@pytest.mark.parametrize(
    ("access_key", "shown"), [("AKIAIOSFODNN7EXAMPLE", "…MPLE"), ("123456789", "…6789"), ("12345678", "…")]
)
def test_an_access_key_is_masked(access_key: str, shown: str) -> None:
    """A short one wholly."""
    assert masked(access_key) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("aws", "aws"),
        ("http://a.example:1/", "http://a.example:1/"),
        ('no "https://u:p@a.example/x" and http://q@b', 'no "https://a.example/x" and http://b'),
        ("mail a@b.example", "mail a@b.example"),
    ],
)
def test_a_url_shows_no_user(text: str, shown: str) -> None:
    """Wherever it stands."""
    assert bare(text) == shown


def aws_with_sts(url: str, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLEKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return replace(url_target(URL, TargetChoice(), {}), name="aws")


def test_sts_tells_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """And who we are there."""
    with stranger(IDENTITY, headers={"content-type": "text/xml"}) as url:
        finding, account = account_finding(aws_with_sts(url, monkeypatch))
    assert finding == Finding("account", "ok", "123456789012, arn:aws:iam::123456789012:user/ann")
    assert account == "123456789012"


def test_credentials_that_know_their_account_ask_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others ask STS, and on any other server there is none to know."""
    with stranger(IDENTITY, headers={"content-type": "text/xml"}) as url:
        asking = aws_with_sts(url, monkeypatch)
        assert account_of(asking) == "123456789012"
    knowing = replace(asking, credentials=Credentials("a", "b", account_id="222222222222"), session=None)
    assert account_of(knowing) == "222222222222"
    assert account_of(replace(asking, name=URL, session=None)) == ""


def test_sts_may_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing depends on it."""
    with stranger(DENIED, status=403, headers={"content-type": "text/xml"}) as url:
        denied, account = account_finding(aws_with_sts(url, monkeypatch))
    silent, _ = account_finding(aws_with_sts("http://127.0.0.1:9", monkeypatch))
    assert (denied.grade, silent.grade, account) == ("warning", "warning", "")
    assert "AccessDenied" in denied.found
