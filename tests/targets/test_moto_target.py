from __future__ import annotations

import importlib.util
from contextlib import closing

import pytest
from botocore.exceptions import EndpointConnectionError

from vecgate.errors import UsageError
from vecgate.targets import moto_target as moto
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice


def test_moto_runs_as_long_as_the_target_is_open() -> None:
    """In its own process, on a free port."""
    with open_target(TargetChoice("moto"), {}) as target:
        assert target.name == "moto"
        client = target.client()
        client.create_vector_bucket(vectorBucketName="vg-moto")
        assert (
            client.get_vector_bucket(vectorBucketName="vg-moto")["vectorBucket"]["vectorBucketName"]
            == "vg-moto"
        )
        client.close()
    client = target.client()
    with closing(client), pytest.raises(EndpointConnectionError):
        client.list_vector_buckets()


def test_without_moto_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not a core dependency."""
    found = importlib.util.find_spec
    monkeypatch.setattr(moto, "find_spec", lambda name: None if name == "moto" else found(name))
    with (
        pytest.raises(UsageError, match="moto is not installed") as caught,
        open_target(TargetChoice("moto"), {}),
    ):
        pass
    assert "vecgate[moto]" in caught.value.hint
