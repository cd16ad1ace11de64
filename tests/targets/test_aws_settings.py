"""Credentials that cannot be read are named as the cause, whatever the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vecgate.bulk.index_setup import describe_index
from vecgate.errors import NoCredentials
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice

EXPIRED = '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "2020-01-01T00:00:00Z"}'


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide the AWS settings of the user."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VECGATE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / "not-a-program").write_text("text")
    (tmp_path / "expired.sh").write_text(f"#!/bin/sh\necho '{EXPIRED}'\n")
    (tmp_path / "expired.sh").chmod(0o700)
    return tmp_path / "config"


@pytest.mark.parametrize(
    "process",
    [
        "{folder}/missing",
        "{folder}/not-a-program",
        "{folder}/expired.sh",
        "false",
        "echo no-json",
        "echo {{}}",
        'echo {{"Version":2}}',
        "'",
    ],
)
@pytest.mark.parametrize("target", ["aws", "http://127.0.0.1:9"])
@pytest.mark.parametrize("direct", [False, True])
def test_a_broken_credential_process_is_the_cause(
    config: Path, process: str, target: str, *, direct: bool
) -> None:
    """It may be missing, fail, print anything, or return credentials that have expired."""
    command = process.format(folder=config.parent)
    config.write_text(f"[default]\nregion = us-east-1\ncredential_process = {command}\n")
    with (
        pytest.raises(NoCredentials, match=r"the AWS credentials cannot be read: ."),
        open_target(TargetChoice(target), os.environ) as opened,
        opened.sender(direct=direct) as sender,
    ):
        describe_index(sender, IndexAddress("media", "films"))


def test_missing_credentials_are_named() -> None:
    """Before any request."""
    with (
        pytest.raises(NoCredentials, match="no AWS credentials were found"),
        open_target(TargetChoice("aws", "us-east-1"), os.environ),
    ):
        pass
