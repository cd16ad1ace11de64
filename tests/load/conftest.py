"""An endpoint for load tests, and short scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vecgate.endpoint.local import LocalEndpoint

#: Small vectors: these tests are about the schedule. A slow machine delays requests, but drops none.
SCENARIO = """
description = "a test"
unit = "requests"
in_flight_max = {in_flight}
start_within = "60s"
drain_within = "5s"
thresholds = [{thresholds}]

[vectors]
dimension = 8
per_request = 2
pool = 50

[[stages]]
kind = "constant"
rate = {rate}
for = "{seconds}s"
"""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalEndpoint]:
    """An endpoint that accepts unsigned requests, and a state directory for this test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[..., str]:
    """Write a scenario of one constant stage, and return its path."""

    def write(*, rate: int = 50, seconds: int = 4, in_flight: int = 100, thresholds: str = "") -> str:
        path = tmp_path / "a-test.toml"
        path.write_text(
            SCENARIO.format(rate=rate, seconds=seconds, in_flight=in_flight, thresholds=thresholds)
        )
        return str(path)

    return write
