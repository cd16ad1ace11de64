"""Paths such as `response.body.data[0].embedding` lead to nested members."""

from __future__ import annotations

import pytest

from vecgate.bulk.sources.documents.field_paths import (
    field_value,
    is_below,
    nested_members,
    parse_path,
    root_of,
    without,
)

RECORD = {"a": {"b": [{"c": 1}, {"c": 2}], "n": None}, "a.b": "plain", "[x": 3, "t": (5, 6)}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a", ("a",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ("a[0][1]", ("a", 0, 1)),
        ("[0].a", (0, "a")),
        ("a..b", ("a..b",)),
        (".a", (".a",)),
        ("a.", ("a.",)),
        ("a[x]", ("a[x]",)),
        ("", ("",)),
    ],
)
def test_a_path_has_members_and_indexes(path: str, steps: tuple[str | int, ...]) -> None:
    """What is no path is a name."""
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b[1].c", 2),
        ("a.b", "plain"),
        ("[x", 3),
        ("t[1]", 6),
        ("t[2]", None),
        ("t.x", None),
        ("a[0]", None),
        ("a.n.x", None),
        ("missing", None),
    ],
)
def test_a_path_leads_to_a_member(path: str, value: object) -> None:
    """A member whose name is the path comes first; a way that ends leads to None."""
    assert field_value(RECORD, path) == value


def test_a_member_can_be_left_out_of_a_copy() -> None:
    """The record stays as it is."""
    record = {"a": {"b": 1, "c": 2}, "d": 3}
    assert without(record, ("a", "b")) == {"a": {"c": 2}, "d": 3}
    assert without(record, ("d",)) == {"a": {"b": 1, "c": 2}}
    assert without(record, ("x", "y")) == record
    assert without([1], ("a",)) == [1]
    assert record == {"a": {"b": 1, "c": 2}, "d": 3}


def test_the_relation_of_paths() -> None:
    """A path is below those with which it begins."""
    assert root_of("a.b[0]") == "a"
    assert is_below("a.b", "a")
    assert not is_below("a", "a")
    assert not is_below("ab.c", "a")


def test_nested_members_are_scalars_and_lists_of_numbers() -> None:
    """Of a list of objects the first one is entered; depth and number have limits."""
    record = {
        "a": {"b": [1.5], "c": [{"d": 1}, {"d": 2}], "e": []},
        "f": [[0.5]],
        "g": 1,
        "h": {"float32": [1]},
    }
    assert nested_members(record) == {"a.b": [1.5], "a.c[0].d": 1, "a.e": [], "f[0]": [0.5]}
    deep: object = 1
    for _ in range(20):
        deep = {"x": deep}
    assert nested_members({"a": deep}) == {}
    assert len(nested_members({"a": {str(i): i for i in range(2_000)}})) == 1_000
