from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vecgate.endpoint.order import KeyOrder

#: Few hashes, so that many keys share one; the largest there is among them.
entries = st.dictionaries(st.text(max_size=3), st.sampled_from([0, 1, 7, 2**63, 2**64 - 1]), max_size=30)


def order_of(hashes: dict[str, int]) -> tuple[list[str], KeyOrder]:
    keys = list(hashes)
    return keys, KeyOrder.of(keys, np.array(list(hashes.values()), np.uint64))


@given(hashes=entries)
def test_keys_stand_by_hash_and_then_by_key(hashes: dict[str, int]) -> None:
    """Whatever the order in which they came."""
    keys, order = order_of(hashes)
    assert [keys[row] for row in order.rows] == sorted(keys, key=lambda key: (hashes[key], key))


@given(hashes=entries, gone=st.text(max_size=3), hash_=st.sampled_from([0, 1, 7, 9, 2**63, 2**64 - 1]))
def test_a_page_goes_on_after_its_last_key_even_if_that_is_gone(
    hashes: dict[str, int], gone: str, hash_: int
) -> None:
    """What comes after it is exactly what is larger."""
    hash_ = hashes.get(gone, hash_)
    keys, order = order_of(hashes)
    rest = [keys[row] for row in order.rows[order.after(gone, hash_, keys) :]]
    assert rest == sorted(
        (key for key in keys if (hashes[key], key) > (hash_, gone)), key=lambda key: (hashes[key], key)
    )


@given(hashes=entries, count=st.integers(1, 16))
def test_every_key_is_in_one_segment_the_same_whatever_else_is_there(
    hashes: dict[str, int], count: int
) -> None:
    """Segments are shares of the space of hashes: a key stays in its own as others come and go."""
    keys, order = order_of(hashes)
    seen = []
    for index in range(count):
        start, stop = order.segment(index, count)
        for row in order.rows[start:stop]:
            assert (index << 64) // count <= hashes[keys[row]] < ((index + 1) << 64) // count
            seen.append(keys[row])
    assert sorted(seen) == sorted(keys)
