"""The targets that vecgate starts itself, other than the local endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from vecgate.servers.running_server import RunningServer
from vecgate.targets import server_target
from vecgate.targets.resolution import open_target
from vecgate.targets.run_header import build_run_header
from vecgate.targets.target import TargetChoice


def test_the_target_has_the_name_and_the_version_of_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name finds its deviations, the version identifies the result; the user's keys stay here."""

    @contextmanager
    def start(text: str, start_limit_s: float) -> Iterator[RunningServer]:
        assert (text, start_limit_s) == ("s3mock@5.1.0", 7.0)
        yield RunningServer("s3mock", "5.1.0", "http://127.0.0.1:9", 1)

    monkeypatch.setattr(server_target, "start_server", start)
    keys = {"AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_SECRET_ACCESS_KEY": "real"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    with open_target(TargetChoice("s3mock@5.1.0", region="eu-west-1", start_limit_s=7.0), keys) as target:
        assert (target.name, target.version, target.region) == ("s3mock", "5.1.0", "eu-west-1")
        assert target.credentials.access_key == "local"
        assert str(target) == "s3mock (ends with this command)"
        header = build_run_header("load", target, run="r1", packages=(), options={})
    assert header.versions["s3mock"] == "5.1.0"
