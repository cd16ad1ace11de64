from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from vecgate.bulk.transfer.metadata_change import MetadataChange, load_transform, parse_entry
from vecgate.errors import SourceError, UsageError


def counted(_: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return metadata that differs each time."""
    return {**metadata, "count": metadata.get("count", 0) + 1}


def in_place(key: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Change the argument."""
    metadata["tags"].append(key)
    return metadata


def test_a_change_transforms_then_drops_then_sets() -> None:
    """Nothing else changes, and vectors without metadata get some."""
    change = MetadataChange(
        {"b": 2}, ("c",), lambda key, metadata: {**metadata, "key": key, "c": (1,)}, "m:f"
    )
    assert change.apply(["k", "l"], [{"a": 1, "b": 0, "c": 3}, None]) == [
        {"a": 1, "key": "k", "b": 2},
        {"key": "l", "b": 2},
    ]
    assert change.describe() == 'transform m:f; drop c; set {"b":2}'
    assert MetadataChange().describe() == "none"


def test_a_transform_that_changes_its_argument_is_seen_as_a_change() -> None:
    """It gets a copy, or the vectors that it changed would be left as they are."""
    change = MetadataChange(transform=in_place, transform_name="m:f")
    before: list[Any] = [{"tags": ["x"]}, {"tags": []}]
    after = change.apply(["k", "l"], before)
    assert change.changed_rows(before, after) == [0, 1]
    assert change.changed_rows([None, {"a": 1}, {"a": True}], [{}, {"a": 1.0}, {"a": 1}]) == [2]


def test_a_transform_of_an_index_in_place_must_be_repeatable() -> None:
    """A page may be read again after an interruption."""
    repeatable = MetadataChange({"x": 1}, must_be_repeatable=True)
    assert repeatable.apply(["k"], [{}]) == [{"x": 1}]
    same = MetadataChange(transform=lambda _, found: {**found, "y": 1}, must_be_repeatable=True)
    assert same.apply(["k"], [{}]) == [{"y": 1}]
    change = MetadataChange(transform=counted, transform_name="m:counted", must_be_repeatable=True)
    with pytest.raises(SourceError, match="m:counted changes its own result again, for the key 'k'"):
        change.apply(["k"], [{}])


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "m:f returned a NoneType for the key 'k', not a dict"),
        ({"a": object()}, "m:f returned metadata for the key 'k' that JSON cannot hold"),
        (ValueError("bad"), "m:f failed for the key 'k': ValueError: bad"),
    ],
)
def test_a_transform_that_fails_is_named_with_the_key(result: object, said: str) -> None:
    """It is the user's code, so it is no failure of vecgate."""

    def transform(_: str, __: dict[str, Any]) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    with pytest.raises(SourceError, match=said):
        MetadataChange(transform=transform, transform_name="m:f").apply(["k"], [{}])


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("genre=horror", ("genre", "horror")),
        ("year=2024", ("year", 2024)),
        ('year="2024"', ("year", "2024")),
        ("tags=[1, 2]", ("tags", [1, 2])),
        ("url=a=b", ("url", "a=b")),
        ("empty=", ("empty", "")),
    ],
)
def test_an_entry_is_json_or_text(text: str, entry: tuple[str, object]) -> None:
    """A number in quotes is text."""
    assert parse_entry(text) == entry


@pytest.mark.parametrize("text", ["genre", "=x", ""])
def test_an_entry_without_a_key_is_refused(text: str) -> None:
    """The hint shows the form."""
    with pytest.raises(UsageError, match="is not of the form key=value"):
        parse_entry(text)


def test_a_transform_is_loaded_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it is said why not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "rewrite_of_test.py").write_text("def add(key, metadata): return {'k': key}\nnumber = 1\n")
    for _ in range(2):
        assert load_transform("rewrite_of_test:add")("a", {}) == {"k": "a"}
    for name, said in (
        ("rewrite_of_test", "is not of the form module:function"),
        ("no_such_module:f", "cannot be imported: ModuleNotFoundError"),
        ("rewrite_of_test:none", "cannot be imported: AttributeError"),
        ("rewrite_of_test:number", "is a int, not a function"),
    ):
        with pytest.raises(UsageError, match=said):
            load_transform(name)
