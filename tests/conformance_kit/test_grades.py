"""The level of a requirement follows from its kind and its evidence, as the README of the suite states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vecgate.conformance_kit.grades import EVIDENCE, KINDS, LEVELS_BY_KIND, Evidence, Kind, level_of

README = (Path(__file__).parents[2] / "conformance" / "README.md").read_text()


def test_the_table_in_the_readme_is_the_rule() -> None:
    """One row for each kind: its level with evidence, and its level if it is inferred."""
    rows = re.findall(r"^\| `(\w+)` \|[^|]+\| (\w+|–) \| (\w+) \|$", README, re.MULTILINE)
    assert {
        kind: (None if with_evidence == "–" else with_evidence, inferred)
        for kind, with_evidence, inferred in rows
    } == (dict(LEVELS_BY_KIND))
    assert [kind for kind, _, _ in rows] == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("evidence", EVIDENCE)
def test_a_level_follows_from_kind_and_evidence(kind: Kind, evidence: Evidence) -> None:
    """Only a guard is must without evidence, and a refusal of invalid requests never is."""
    if kind == "open" and evidence != "inferred":
        with pytest.raises(ValueError, match="not open"):
            level_of(kind, evidence)
        return
    level = level_of(kind, evidence)
    assert (level == "must") is (kind == "guard" or (kind == "effect" and evidence != "inferred"))
    assert (level == "may") is (evidence == "inferred" and kind in {"refusal", "detail", "open"})
