from __future__ import annotations

import pytest

from vecgate.gate.requirement_ids import current_id


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("put-vectors.overwrites", "put-vectors.overwrites"),
        ("laws.filters", "properties.filters"),
        ("laws.filters[a.b]", "properties.filters[a.b]"),
        ("properties.filters", "properties.filters"),
        ("bulk.order", None),
        ("bulk", "bulk"),
        ("sub.laws.x", "sub.laws.x"),
    ],
)
def test_an_old_id_leads_to_the_requirement_of_today(old: str, new: str | None) -> None:
    """A retired requirement has none."""
    assert current_id(old) == new
