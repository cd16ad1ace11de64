"""The switches of the endpoint, as words."""

from __future__ import annotations

import pytest

from vecgate.endpoint.behaviour import Behaviour, read_behaviour
from vecgate.errors import ConfigError


def test_no_words_change_nothing() -> None:
    """The defaults are what the documentation says."""
    assert read_behaviour([]) == Behaviour(
        refuses_duplicate_keys=True,
        absent_differs=True,
        classic_until_s=0.0,
        backfill_s=1.0,
        hybrid_depth=1_000,
    )


def test_words_become_values_of_their_kind() -> None:
    """Booleans, seconds and counts."""
    words = ["refuses_duplicate_keys=false", "absent_differs=0", "backfill_s=2.5", "hybrid_depth=10"]
    assert read_behaviour(words) == Behaviour(
        refuses_duplicate_keys=False, absent_differs=False, backfill_s=2.5, hybrid_depth=10
    )


@pytest.mark.parametrize(
    "word", ["duplicates=true", "backfill_s=soon", "hybrid_depth", "absent_differs=maybe"]
)
def test_a_word_that_is_not_understood_is_answered_with_those_that_are(word: str) -> None:
    """A bad value is answered with the allowed ones."""
    with pytest.raises(ConfigError, match="--behaviour is not understood") as caught:
        read_behaviour([word])
    assert "refuses_duplicate_keys" in caught.value.hint
