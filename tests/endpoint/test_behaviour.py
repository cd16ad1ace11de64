"""The switches of the endpoint."""

from __future__ import annotations

import pytest

from vecgate.endpoint.behaviour import Behaviour, parse_behaviour
from vecgate.errors import ConfigError


def test_the_defaults_are_as_documented() -> None:
    assert parse_behaviour([]) == Behaviour(
        refuses_duplicate_keys=True,
        ne_matches_absent=True,
        classic_until_s=0.0,
        backfill_s=1.0,
        hybrid_depth=1_000,
    )


def test_values_are_converted_to_their_types() -> None:
    """Booleans, seconds and counts."""
    assignments = ["refuses_duplicate_keys=false", "ne_matches_absent=0", "backfill_s=2.5", "hybrid_depth=10"]
    assert parse_behaviour(assignments) == Behaviour(
        refuses_duplicate_keys=False, ne_matches_absent=False, backfill_s=2.5, hybrid_depth=10
    )


@pytest.mark.parametrize(
    "assignment", ["duplicates=true", "backfill_s=soon", "hybrid_depth", "ne_matches_absent=maybe"]
)
def test_the_error_for_an_invalid_assignment_lists_the_switches(assignment: str) -> None:
    """The hint names all of them."""
    with pytest.raises(ConfigError, match="invalid --behaviour: ") as caught:
        parse_behaviour([assignment])
    assert "refuses_duplicate_keys" in caught.value.hint
