from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.endpoint.table import Hashes, VectorTable, norms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def put(table: VectorTable, keys: Sequence[str], value: float = 1.0) -> None:
    table.put(keys, np.full((len(keys), table.dimension), value, np.float32), [{"v": value}] * len(keys))


def three_hashes(keys: Iterable[str]) -> Hashes:
    """A hash under which most keys collide."""
    return np.array([len(key) % 3 for key in keys], dtype=np.uint64)


def in_order(table: VectorTable) -> list[str]:
    return [table.keys[row] for row in table.order.rows]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "delete"]), st.sets(st.integers(0, 150), max_size=90)), max_size=8
    ),
    dimension=st.sampled_from([1, 3]),
)
def test_a_table_holds_what_a_dictionary_would(steps: list[tuple[str, set[int]]], dimension: int) -> None:
    """Whatever is put, replaced and deleted, in whatever order and however it grows."""
    table, expected = VectorTable(dimension), dict[str, float]()
    for number, (step, chosen) in enumerate(steps):
        keys = [str(each) for each in chosen]
        if step == "put":
            put(table, keys, float(number))
            expected |= dict.fromkeys(keys, float(number))
        else:
            table.delete(keys)
            expected = {key: value for key, value in expected.items() if key not in keys}
        assert len(table) == len(expected)
        assert dict(zip(table.keys, table.vectors[:, 0].tolist(), strict=True)) == expected
        assert dict(zip(table.keys, table.metadata, strict=True)) == {
            k: {"v": v} for k, v in expected.items()
        }
        assert sorted(in_order(table)) == sorted(expected)
        assert [table.keys[row] for row in table.rows_of(expected)] == list(expected)
        assert np.allclose(table.norms, np.abs(table.vectors[:, 0]) * np.sqrt(dimension))


def test_keys_with_an_equal_hash_are_ordered_by_key() -> None:
    """So a page may end among them without losing one."""
    table = VectorTable(1, hashing=three_hashes)
    put(table, ["bbb", "aaa", "c", "a", "dd", "ccc", "b", "bb"])
    assert in_order(table) == ["aaa", "bbb", "ccc", "a", "b", "c", "bb", "dd"]
    assert table.in_order([0, 1, 2]) == [1, 0, 2]


@pytest.mark.parametrize("gone", [False, True])
def test_the_place_after_a_key_does_not_need_the_key(*, gone: bool) -> None:
    """A key that was deleted since still has a place."""
    table = VectorTable(1, hashing=three_hashes)
    keys = ["aaa", "bbb", "ccc", "a", "b", "bb"]
    put(table, keys)
    for place, key in enumerate(keys, start=1):
        if gone:
            table.delete([key])
            assert in_order(table)[table.place_after(key) :] == keys[place:]
            put(table, [key])
        else:
            assert table.place_after(key) == place


@given(count=st.integers(0, 60), segments=st.integers(1, 16))
def test_segments_follow_one_another_without_gap(count: int, segments: int) -> None:
    """The first starts at the beginning, each at the end of the one before, the last ends at the end."""
    table = VectorTable(1)
    put(table, [str(number) for number in range(count)])
    cuts = [table.order.segment(index, segments) for index in range(segments)]
    assert cuts[0][0] == 0
    assert cuts[-1][1] == count
    assert all(before[1] == after[0] for before, after in pairwise(cuts))


def test_segments_share_the_keys_about_equally() -> None:
    """16 workers get work for 16."""
    table = VectorTable(1)
    put(table, [f"key-{number:06}" for number in range(16_000)])
    shares = [stop - start for start, stop in (table.order.segment(index, 16) for index in range(16))]
    assert min(shares) > 850
    assert max(shares) < 1_150


def test_the_order_is_kept_until_keys_come_or_go() -> None:
    """A scan of many pages sorts once; to replace a vector changes no order."""
    table = VectorTable(1)
    put(table, ["a", "b"])
    order = table.order
    put(table, ["a"], 2.0)
    table.delete(["nope"])
    assert table.order is order
    put(table, ["c"])
    assert table.order is not order


def test_sizes_count_floats_key_and_metadata() -> None:
    """4 to each dimension, the bytes of the key, and the size model's 4 + 8 + key + value."""
    table = VectorTable(3)
    table.put(["é", "k"], np.ones((2, 3), np.float32), [{"abc": 1}, None])
    assert table.sizes.tolist() == [12 + 2 + 4 + 8 + 3 + 4, 12 + 1]


@pytest.mark.parametrize(
    ("vector", "norm"),
    [
        ([3.0, 4.0], 5.0),
        ([0.0, -0.0], 0.0),
        ([1e-30, 0.0], 1e-30),
        ([1.401298464324817e-45, 0.0], 1.401298464324817e-45),
        ([3e30, 4e30], 5e30),
        ([3.4028234663852886e38, 3.4028234663852886e38], np.inf),
    ],
)
def test_norms_are_right_at_the_ends_of_float32(vector: list[float], norm: float) -> None:
    """Zero for a zero vector only; infinite only where float32 ends."""
    assert norms_of(np.array([vector], np.float32))[0] == np.float32(norm)


def test_a_large_matrix_grows_where_it_is() -> None:
    """Whoever puts does not wait until all that was put before is copied; small ones take little."""
    table = VectorTable(4_096)
    put(table, [f"a{n}" for n in range(500)])
    assert capacity(table) < 2_000
    put(table, [f"b{n}" for n in range(700)])
    before = table.vectors.__array_interface__["data"]
    put(table, [f"c{n}" for n in range(4_000)])
    assert table.vectors.__array_interface__["data"] == before
    assert capacity(table) == 2**30 / (4 * 4_096)


def capacity(table: VectorTable) -> int:
    """How many vectors there is room for."""
    base = table.vectors.base
    assert isinstance(base, np.ndarray)
    return len(base)
