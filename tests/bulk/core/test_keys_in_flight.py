"""A key is never in flight twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.core.keys_in_flight import KeysInFlight

KEY_SETS = st.lists(st.sampled_from("abcdef"), max_size=4)


@given(moves=st.lists(st.tuples(st.booleans(), KEY_SETS), max_size=30))
def test_claims_never_overlap(moves: list[tuple[bool, list[str]]]) -> None:
    """A claim succeeds if and only if none of its keys is held, and then holds all of them."""
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
