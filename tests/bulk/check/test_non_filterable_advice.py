"""The smallest set of non-filterable keys that lets every record fit."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.check.non_filterable_advice import NonFilterableAdvisor

NAMES = ("a", "b", "c", "d", "e", "f")
SIZES = st.sampled_from([1, 300, 700, 1100, 2040, 2100])


def fits(lengths: dict[str, int], without: tuple[str, ...]) -> bool:
    """Return True if 4 bytes, plus 8 with the key and the text of each entry, are at most 2,048."""
    return 4 + sum(8 + 1 + n for key, n in lengths.items() if key not in without) <= 2048


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), SIZES), max_size=10), st.sets(st.sampled_from(NAMES)))
def test_no_smaller_set_fits(records: list[dict[str, int]], fixed: set[str]) -> None:
    """Compared with every set, smallest first."""
    advisor = NonFilterableAdvisor(NAMES, frozenset(fixed))
    advisor.add([{key: "x" * n for key, n in lengths.items()} or None for lengths in records])
    given_ones = tuple(sorted(fixed))
    free = [name for name in NAMES if name not in fixed]
    sets = [(*given_ones, *more) for n in range(len(free) + 1) for more in combinations(free, n)]
    enough = [s for s in sets if all(fits(lengths, s) for lengths in records)]
    over = [lengths for lengths in records if not fits(lengths, given_ones)]
    found = advisor.suggestion()
    if not over:
        assert found is None
    else:
        assert found is not None
        assert set(found.keys) in [set(s) for s in enough if len(s) == len(enough[0])]
        assert found.rescued == len(over)


def test_ten_keys_are_the_maximum() -> None:
    """Keys that the index has already count too."""
    names = [f"n{i}" for i in range(11)]
    advisor = NonFilterableAdvisor(names, frozenset(names[:10]))
    advisor.add([{"n10": "x" * 3000}])
    found = advisor.suggestion()
    assert found is not None
    assert (found.keys, found.rescued, found.option) == ((), 0, "")


def test_long_texts_are_preferred_to_keys_that_are_filtered() -> None:
    """Two long texts rather than one array of permissions; with no other way, the array."""
    record: dict[str, object] = {"sids": ["s" * 40] * 30, "body": "b" * 900, "summary": "s" * 900}
    advisor = NonFilterableAdvisor([*record], frozenset(), ["body", "summary"])
    advisor.add([record])
    found = advisor.suggestion()
    assert found is not None
    assert set(found.keys) == {"body", "summary"}
    alone = NonFilterableAdvisor(["sids"], frozenset(), [])
    alone.add([{"sids": ["s" * 40] * 60}])
    assert alone.suggestion() is not None
