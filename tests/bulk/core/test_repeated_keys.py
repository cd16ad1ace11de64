from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.core import repeated_keys
from vecgate.bulk.core.repeated_keys import RepeatedKeys


@given(parts=st.lists(st.lists(st.sampled_from("abcdef"))))
def test_every_record_but_the_last_of_a_key_is_repeated(parts: list[list[str]]) -> None:
    """In whatever parts they arrive."""
    found = RepeatedKeys()
    for part in parts:
        found.add(part)
    keys = [key for part in parts for key in part]
    assert found.count() == len(keys) - len(set(keys))


def test_too_many_keys_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of them."""
    monkeypatch.setattr(repeated_keys, "KEYS_MAX", 3)
    found = RepeatedKeys()
    for _ in range(3):
        found.add(["a", "a"])
    assert found.count() is None
