"""What `vecgate ramp` looks at before it runs anything."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from vecgate.cli import looks
from vecgate.cli.care import Spending
from vecgate.cli.ramp_run import RampChoice, ramp_run
from vecgate.errors import TargetError
from vecgate.targets.findings import Finding
from vecgate.targets.target import TargetChoice
from vecgate.targets.trials import Place

NOTHING = dict.fromkeys((each.name for each in fields(RampChoice)), "")


@pytest.mark.parametrize(("prefix", "begins"), [("team", "team-"), ("", "vg-")])
def test_it_looks_at_names_that_its_policy_is_about(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, prefix: str, begins: str
) -> None:
    """A policy for `--bucket-prefix team` allows nothing about buckets that are called anything else."""
    places: list[Place] = []

    def refused(*_: object, place: Place, **__: object) -> tuple[Finding, ...]:
        places.append(place)
        return (Finding("PutVectors", "failed", "no"),)

    monkeypatch.setattr(looks, "preflight", refused)
    told: dict[str, Any] = {**NOTHING, "scenario": "smoke", "settings": (), "thresholds": ()}
    choice = RampChoice(**told | {"bucket_prefix": prefix})
    with pytest.raises(TargetError, match="the run would not work: PutVectors"):
        ramp_run(TargetChoice(endpoint), choice, Spending(yes=False, max_cost=None), None, quiet=True)
    assert [place.bucket.startswith(begins) for place in places] == [True]
