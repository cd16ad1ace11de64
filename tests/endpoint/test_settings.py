from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from vecgate.endpoint.settings import complete, preset_or_file, read_toml, typed, typed_list
from vecgate.errors import ConfigError


class Thing(msgspec.Struct):
    name: str
    size: Annotated[int, msgspec.Meta(ge=1)] = 1


def test_all_problems_of_a_table_are_told_at_once() -> None:
    """Missing, unknown and out of range."""
    problems: list[str] = []
    assert typed(Thing, {"size": 0, "colour": "red"}, "thing", problems) is None
    assert problems == [
        "thing: name is missing",
        "thing: size: Expected `int` >= 1",
        "thing: unknown setting 'colour'; there are name, size",
    ]


def test_what_is_no_table_is_told() -> None:
    """Nor a list."""
    problems: list[str] = []
    assert typed(Thing, 1, "thing", problems) is None
    assert typed_list(Thing, "text", "things", problems) == []
    assert problems == ["thing: expected a table", "things: expected a list of tables"]


def test_entries_are_numbered_from_one() -> None:
    """And the good ones are kept."""
    problems: list[str] = []
    assert typed_list(Thing, [{"name": "a"}, {}], "thing", problems) == [Thing("a")]
    assert problems == ["thing 2: name is missing"]


def test_a_file_is_read_as_toml(tmp_path: Path) -> None:
    """What is none is a ConfigError of one line."""
    path = tmp_path / "file.toml"
    path.write_text("a = 1")
    assert read_toml(path) == {"a": 1}
    for content in (b"a = ", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"file\.toml is no TOML: "):
            read_toml(path)
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        read_toml(tmp_path / "none.toml")


def test_a_preset_goes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is neither is answered with the presets."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one").write_text("")
    (tmp_path / "file").write_text("")
    presets = {"one": 1, "two": 2}
    assert preset_or_file("one", presets, lambda _: 3) == 1
    assert preset_or_file("file", presets, lambda _: 3) == 3
    with pytest.raises(ConfigError, match="'three' is neither a preset nor a file") as refused:
        preset_or_file("three", presets, lambda _: 3)
    assert refused.value.hint == "There are the presets one, two."


def test_a_value_is_given_where_nothing_is_wrong() -> None:
    """Else the problems, and where they are."""
    assert complete("file", 1, []) == 1
    with pytest.raises(ConfigError, match=r"^file: a; b$"):
        complete("file", 1, ["a", "b"])
