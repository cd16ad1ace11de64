"""The preflight checks of `vecgate ramp`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from vecgate.cli.run_safeguards import CostLimit
from vecgate.cli.runs.load.ramp_run import RampChoice, ramp_run
from vecgate.diagnostics import preflight
from vecgate.diagnostics.diagnostic import Diagnostic
from vecgate.diagnostics.permission_probes import ProbeAddress
from vecgate.errors import TargetError
from vecgate.targets.target import TargetChoice

EMPTY = dict.fromkeys((each.name for each in fields(RampChoice)), "")


@pytest.mark.parametrize(("prefix", "start"), [("team", "team-"), ("", "vg-")])
def test_the_checks_use_names_that_the_policy_covers(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, prefix: str, start: str
) -> None:
    """A policy for `--bucket-prefix team` allows nothing on buckets with another prefix."""
    addresses: list[ProbeAddress] = []

    def denied(*_: object, address: ProbeAddress, **__: object) -> tuple[Diagnostic, ...]:
        addresses.append(address)
        return (Diagnostic("PutVectors", "failed", "no"),)

    monkeypatch.setattr(preflight, "preflight", denied)
    options: dict[str, Any] = {**EMPTY, "scenario": "smoke", "settings": (), "thresholds": ()}
    choice = RampChoice(**options | {"bucket_prefix": prefix})
    with pytest.raises(TargetError, match="the run would not work: PutVectors"):
        ramp_run(TargetChoice(endpoint), choice, CostLimit(yes=False, max_cost=None), None, quiet=True)
    assert [address.bucket.startswith(start) for address in addresses] == [True]
