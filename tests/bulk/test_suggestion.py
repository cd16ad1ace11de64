"""The fewest non-filterable keys that let every record fit."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from vecgate.bulk.suggestion import Covers

NAMES = ("a", "b", "c", "d", "e", "f")
SIZES = st.sampled_from([1, 300, 700, 1100, 2040, 2100])


def fits(lengths: dict[str, int], without: tuple[str, ...]) -> bool:
    """4 bytes, and 8 with the key and the text for each entry, are at most 2,048."""
    return 4 + sum(8 + 1 + n for key, n in lengths.items() if key not in without) <= 2048


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), SIZES), max_size=10), st.sets(st.sampled_from(NAMES)))
@settings(deadline=None)
def test_no_smaller_set_does(records: list[dict[str, int]], fixed: set[str]) -> None:
    """Tried against every set, smallest first."""
    covers = Covers(NAMES, frozenset(fixed))
    covers.add([{key: "x" * n for key, n in lengths.items()} or None for lengths in records])
    given_ones = tuple(sorted(fixed))
    free = [name for name in NAMES if name not in fixed]
    sets = [(*given_ones, *more) for n in range(len(free) + 1) for more in combinations(free, n)]
    enough = [s for s in sets if all(fits(lengths, s) for lengths in records)]
    over = [lengths for lengths in records if not fits(lengths, given_ones)]
    found = covers.suggestion()
    if not over:
        assert found is None
    else:
        assert found is not None
        assert set(found.keys) in [set(s) for s in enough if len(s) == len(enough[0])]
        assert found.rescued == len(over)


def test_ten_keys_are_the_most() -> None:
    """Those that the index has already count."""
    names = [f"n{i}" for i in range(11)]
    covers = Covers(names, frozenset(names[:10]))
    covers.add([{"n10": "x" * 3000}])
    found = covers.suggestion()
    assert found is not None
    assert (found.keys, found.rescued, found.option) == ((), 0, "")
