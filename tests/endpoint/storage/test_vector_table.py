from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.endpoint.storage.vector_table import Hashes, VectorTable, compute_norms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def put(table: VectorTable, keys: Sequence[str], value: float = 1.0) -> None:
    table.put(keys, np.full((len(keys), table.dimension), value, np.float32), [{"v": value}] * len(keys))


def three_hashes(keys: Iterable[str]) -> Hashes:
    """A hash function under which most keys collide."""
    return np.array([len(key) % 3 for key in keys], dtype=np.uint64)


def keys_in_order(table: VectorTable) -> list[str]:
    return [table.keys[row] for row in table.order.rows]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "delete"]), st.sets(st.integers(0, 150), max_size=90)), max_size=8
    ),
    dimension=st.sampled_from([1, 3]),
)
def test_a_table_holds_the_same_as_a_dictionary(steps: list[tuple[str, set[int]]], dimension: int) -> None:
    """For any sequence of puts, replacements and deletes."""
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
        assert sorted(keys_in_order(table)) == sorted(expected)
        assert [table.keys[row] for row in table.find_rows(expected)] == list(expected)
        assert np.allclose(table.norms, np.abs(table.vectors[:, 0]) * np.sqrt(dimension))


def test_keys_with_an_equal_hash_are_ordered_by_key() -> None:
    """So a page can end between them without losing one."""
    table = VectorTable(1, hashing=three_hashes)
    put(table, ["bbb", "aaa", "c", "a", "dd", "ccc", "b", "bb"])
    assert keys_in_order(table) == ["aaa", "bbb", "ccc", "a", "b", "c", "bb", "dd"]
    assert table.sort_rows([0, 1, 2]) == [1, 0, 2]


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_deleted_key_still_has_a_position(*, is_deleted: bool) -> None:
    """A scan continues after its last key, even if that was deleted since."""
    table = VectorTable(1, hashing=three_hashes)
    keys = ["aaa", "bbb", "ccc", "a", "b", "bb"]
    put(table, keys)
    for position, key in enumerate(keys, start=1):
        if is_deleted:
            table.delete([key])
            assert keys_in_order(table)[table.position_after(key) :] == keys[position:]
            put(table, [key])
        else:
            assert table.position_after(key) == position


@given(count=st.integers(0, 60), segments=st.integers(1, 16))
def test_segments_have_no_gaps(count: int, segments: int) -> None:
    """The first starts at the beginning, each next one at the end of the previous one, and the last ends at
    the end.
    """
    table = VectorTable(1)
    put(table, [str(number) for number in range(count)])
    cuts = [table.order.segment(index, segments) for index in range(segments)]
    assert cuts[0][0] == 0
    assert cuts[-1][1] == count
    assert all(before[1] == after[0] for before, after in pairwise(cuts))


def test_segments_have_about_equal_sizes() -> None:
    """16 workers get about equal work."""
    table = VectorTable(1)
    put(table, [f"key-{number:06}" for number in range(16_000)])
    shares = [stop - start for start, stop in (table.order.segment(index, 16) for index in range(16))]
    assert min(shares) > 850
    assert max(shares) < 1_150


def test_the_order_is_cached_until_keys_are_added_or_removed() -> None:
    """A scan of many pages sorts once; replacing a vector does not change the order."""
    table = VectorTable(1)
    put(table, ["a", "b"])
    order = table.order
    put(table, ["a"], 2.0)
    table.delete(["nope"])
    assert table.order is order
    put(table, ["c"])
    assert table.order is not order


def test_sizes_count_floats_key_and_metadata() -> None:
    """4 bytes for each dimension, the bytes of the key, and the size model's 4 + 8 + key + value."""
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
def test_norms_are_correct_at_the_limits_of_float32(vector: list[float], norm: float) -> None:
    """Zero only for a zero vector, infinite only beyond float32."""
    assert compute_norms(np.array([vector], np.float32))[0] == np.float32(norm)


def test_a_large_matrix_grows_without_copying() -> None:
    """A put does not wait for a copy of all earlier vectors; small matrices reserve little."""
    table = VectorTable(4_096)
    put(table, [f"a{n}" for n in range(500)])
    assert capacity(table) < 2_000
    put(table, [f"b{n}" for n in range(700)])
    before = table.vectors.__array_interface__["data"]
    put(table, [f"c{n}" for n in range(4_000)])
    assert table.vectors.__array_interface__["data"] == before
    assert capacity(table) == 2**30 / (4 * 4_096)


def capacity(table: VectorTable) -> int:
    """Return the number of rows that the matrix has memory for."""
    base = table.vectors.base
    assert isinstance(base, np.ndarray)
    return len(base)
