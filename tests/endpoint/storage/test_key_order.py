from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vecgate.endpoint.storage.key_order import KeyOrder

#: Few hashes, so that many keys have the same one; the largest possible hash is included.
entries = st.dictionaries(st.text(max_size=3), st.sampled_from([0, 1, 7, 2**63, 2**64 - 1]), max_size=30)


def order_of(hashes: dict[str, int]) -> tuple[list[str], KeyOrder]:
    keys = list(hashes)
    return keys, KeyOrder.sort(keys, np.array(list(hashes.values()), np.uint64))


@given(hashes=entries)
def test_keys_are_ordered_by_hash_and_then_by_key(hashes: dict[str, int]) -> None:
    """For any order of insertion."""
    keys, order = order_of(hashes)
    assert [keys[row] for row in order.rows] == sorted(keys, key=lambda key: (hashes[key], key))


@given(hashes=entries, missing=st.text(max_size=3), hash_=st.sampled_from([0, 1, 7, 9, 2**63, 2**64 - 1]))
def test_the_position_after_a_missing_key_is_correct(
    hashes: dict[str, int], missing: str, hash_: int
) -> None:
    """Exactly the larger keys follow it."""
    hash_ = hashes.get(missing, hash_)
    keys, order = order_of(hashes)
    remaining = [keys[row] for row in order.rows[order.position_after(missing, hash_, keys) :]]
    assert remaining == sorted(
        (key for key in keys if (hashes[key], key) > (hash_, missing)), key=lambda key: (hashes[key], key)
    )


@given(hashes=entries, count=st.integers(1, 16))
def test_every_key_is_in_one_segment_that_its_hash_determines(hashes: dict[str, int], count: int) -> None:
    """Segments are equal ranges of hashes, so other keys do not move a key to another segment."""
    keys, order = order_of(hashes)
    seen = []
    for index in range(count):
        start, stop = order.segment(index, count)
        for row in order.rows[start:stop]:
            assert (index << 64) // count <= hashes[keys[row]] < ((index + 1) << 64) // count
            seen.append(keys[row])
    assert sorted(seen) == sorted(keys)
