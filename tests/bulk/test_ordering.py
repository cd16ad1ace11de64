"""A key never flies twice at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.ordering import KeysInFlight

KEY_SETS = st.lists(st.sampled_from("abcdef"), max_size=4)


@given(moves=st.lists(st.tuples(st.booleans(), KEY_SETS), max_size=30))
def test_claims_never_overlap(moves: list[tuple[bool, list[str]]]) -> None:
    """A claim takes all its keys or none, and exactly when none of them is held."""
    keys = KeysInFlight()
    held: set[str] = set()
    for is_claim, wanted in moves:
        if is_claim:
            assert keys.claim(iter(wanted)) == (not held & set(wanted))
            held |= set(wanted) if not held & set(wanted) else set()
        else:
            keys.release(iter(wanted))
            held -= set(wanted)
        assert len(keys) == len(held)
