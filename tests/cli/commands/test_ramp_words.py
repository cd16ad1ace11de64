"""The arguments that `vecgate ramp` passes to Locust."""

from __future__ import annotations

import pytest

from vecgate.cli.runs.load.ramp_run import RampChoice


def choice(*, web: bool) -> RampChoice:
    return RampChoice(
        scenario="smoke",
        settings=(),
        thresholds=(),
        processes=0,
        web=web,
        master=False,
        expect_workers=1,
        worker=False,
        master_host="127.0.0.1",
        master_port=5557,
        secret_file=None,
        bucket_prefix="vg",
        csv=None,
        otlp="",
        prometheus="",
    )


def test_the_web_interface_listens_on_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everyone who can reach it can start runs; Locust's own variable opens it to others."""
    monkeypatch.delenv("LOCUST_WEB_HOST", raising=False)
    assert choice(web=True).locust_arguments() == ["--web-host=127.0.0.1"]
    assert choice(web=False).locust_arguments() == ["--headless"]
    monkeypatch.setenv("LOCUST_WEB_HOST", "*")
    assert choice(web=True).locust_arguments() == []
