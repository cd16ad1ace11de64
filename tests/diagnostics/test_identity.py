"""The checks of target, region, credentials and account, which show no secrets."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from constant_server import constant_server

from vecgate.diagnostics.diagnostic import Diagnostic
from vecgate.diagnostics.identity import (
    check_account,
    check_credentials,
    check_region,
    check_target,
    mask,
    strip_user,
)
from vecgate.errors import UsageError
from vecgate.targets.account import resolve_account
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import target_from_url

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
URL = "http://127.0.0.1:7333"
IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ann</Arn><UserId>A</UserId>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
DENIED = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>No.</Message></Error></ErrorResponse>"""


@pytest.fixture(autouse=True)
def _isolated_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "VECGATE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(
    ("choice", "environment", "message"),
    [
        (TargetChoice("local"), {}, "local, from --target"),
        (TargetChoice("aws"), {"AWS_ENDPOINT_URL": URL}, "aws, from --target; AWS_ENDPOINT_URL ignored"),
        (TargetChoice(), {"VECGATE_TARGET": "aws"}, "aws, from VECGATE_TARGET"),
        (
            TargetChoice(),
            {"AWS_ENDPOINT_URL_S3VECTORS": URL, "VECGATE_TARGET": "moto", "AWS_ENDPOINT_URL": "http://a"},
            "moto, from VECGATE_TARGET; AWS_ENDPOINT_URL_S3VECTORS and AWS_ENDPOINT_URL ignored",
        ),
        (TargetChoice("https://me:secret@a.example/x"), {}, "https://a.example/x, from --target"),
    ],
)
def test_the_setting_that_names_the_target(
    choice: TargetChoice, environment: dict[str, str], message: str
) -> None:
    """And the settings that are ignored. A password in a URL is not shown."""
    assert check_target(choice, environment) == Diagnostic("target", "ok", message)


def test_no_setting_names_a_target() -> None:
    """Amazon is never the default."""
    with pytest.raises(UsageError, match="no target is named"):
        check_target(TargetChoice(), {})


def test_the_setting_that_names_the_region() -> None:
    """And the settings with another region."""
    environment = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-2"}
    target = target_from_url(URL, TargetChoice(), environment)
    message = "eu-west-1, from AWS_REGION; us-east-2 from AWS_DEFAULT_REGION ignored"
    assert check_region(target, environment).message == message
    assert check_region(target_from_url(URL, TargetChoice(), {}), {}).message == "us-east-1, from the default"


def target_with(credentials: Any) -> Target:
    return replace(target_from_url(URL, TargetChoice(), {}), credentials=credentials)


def unreachable() -> dict[str, str]:
    raise CredentialRetrievalError(provider="sso", error_msg="no network")


def expiring(at: datetime) -> RefreshableCredentials:
    """Temporary credentials that cannot be renewed."""
    return RefreshableCredentials(
        "ASIAEXAMPLEKEY", "secret", "token", at, unreachable, "sso", time_fetcher=lambda: NOW
    )


@pytest.mark.parametrize(
    ("credentials", "grade", "message"),
    [
        (
            Credentials("AKIAEXAMPLEKEY", "secret", method="env"),
            "ok",
            "access key …EKEY from the environment, long-term",
        ),
        (
            Credentials("ASIAEXAMPLEKEY", "secret", "token", method="shared-credentials-file"),
            "ok",
            "access key …EKEY from the credentials file, temporary, expiry unknown",
        ),
        (
            Credentials("AKIAEXAMPLEKEY", "secret"),
            "ok",
            "access key …EKEY from the settings of the target, long-term",
        ),
        (
            expiring(NOW + timedelta(hours=1)),
            "ok",
            "access key …EKEY from IAM Identity Center, valid until 2026-11-24 13:00 UTC (60 min)",
        ),
        (
            expiring(NOW + timedelta(minutes=14)),
            "warning",
            "access key …EKEY from IAM Identity Center, valid until 2026-11-24 12:14 UTC (14 min)",
        ),
    ],
)
def test_credentials_are_reported_with_their_source(credentials: Any, grade: str, message: str) -> None:
    """With the end of the access key, and their expiry."""
    diagnostic = check_credentials(target_with(credentials), now=NOW)
    assert (diagnostic.grade, diagnostic.message) == (grade, message)
    assert bool(diagnostic.hint) == (grade != "ok")
    assert "secret" not in diagnostic.message


def test_expired_credentials_fail() -> None:
    """To the second."""
    credentials = Credentials("ASIAEXAMPLEKEY", "secret", "token")
    credentials._expiry_time = NOW
    diagnostic = check_credentials(target_with(credentials), now=NOW)
    assert (diagnostic.grade, diagnostic.message.split(", ")[1]) == (
        "failed",
        "expired at 2026-11-24 12:00 UTC",
    )


class Unreadable:
    method = "sso"

    def get_frozen_credentials(self) -> None:
        raise CredentialRetrievalError(provider="sso", error_msg="the token has expired")


def test_credentials_that_cannot_be_read_fail() -> None:
    """The hint shows how to renew them."""
    diagnostic = check_credentials(target_with(Unreadable()), now=NOW)
    assert diagnostic.grade == "failed"
    assert "the token has expired" in diagnostic.message
    assert "aws sso login" in diagnostic.hint


def test_without_credentials_the_placeholder_is_reported() -> None:
    """It is for servers that check no signatures."""
    diagnostic = check_credentials(target_from_url(URL, TargetChoice(), {}), now=NOW)
    assert diagnostic.message.startswith("placeholder `local`")


@pytest.mark.parametrize(
    ("access_key", "shown"), [("AKIAIOSFODNN7EXAMPLE", "…MPLE"), ("123456789", "…6789"), ("12345678", "…")]
)
def test_an_access_key_is_mask(access_key: str, shown: str) -> None:
    """A short one completely."""
    assert mask(access_key) == shown


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
    """At any position of the text."""
    assert strip_user(text) == shown


def aws_with_sts(url: str, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLEKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return replace(target_from_url(URL, TargetChoice(), {}), name="aws")


def test_the_account_comes_from_sts(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the ARN of the caller."""
    with constant_server(IDENTITY, headers={"content-type": "text/xml"}) as url:
        diagnostic, account, caller = check_account(aws_with_sts(url, monkeypatch))
    assert diagnostic == Diagnostic("account", "ok", "123456789012, arn:aws:iam::123456789012:user/ann")
    assert (account, caller) == ("123456789012", "arn:aws:iam::123456789012:user/ann")


def test_credentials_with_an_account_need_no_sts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others use STS. A target other than Amazon has no account."""
    with constant_server(IDENTITY, headers={"content-type": "text/xml"}) as url:
        without_account = aws_with_sts(url, monkeypatch)
        assert resolve_account(without_account) == "123456789012"
    with_account = replace(
        without_account, credentials=Credentials("a", "b", account_id="222222222222"), session=None
    )
    assert resolve_account(with_account) == "222222222222"
    assert resolve_account(replace(without_account, name=URL, session=None)) == ""


def test_a_failure_of_sts_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run depends on it."""
    with constant_server(DENIED, status=403, headers={"content-type": "text/xml"}) as url:
        denied, *account = check_account(aws_with_sts(url, monkeypatch))
    unanswered, *_ = check_account(aws_with_sts("http://127.0.0.1:9", monkeypatch))
    assert (denied.grade, unanswered.grade, account) == ("warning", "warning", ["", ""])
    assert "AccessDenied" in denied.message


@pytest.mark.parametrize(
    "body", [b"<html>sign in</html>", b"{}", b"not XML", b"<GetCallerIdentityResponse/>"]
)
def test_a_page_in_the_place_of_sts_is_a_warning(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """A proxy answers with status 200 and something else."""
    with constant_server(body, headers={"content-type": "text/html"}) as url:
        target = aws_with_sts(url, monkeypatch)
        diagnostic, *account = check_account(target)
        assert (diagnostic.grade, account) == ("warning", ["", ""])
        assert "the answer is not one of STS" in diagnostic.message
        assert resolve_account(target) == ""
