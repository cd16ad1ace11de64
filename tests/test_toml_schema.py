"""Every file of settings is validated by the same rules. The tests of each user have the table of its file."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from vecgate.errors import ConfigError
from vecgate.toml_schema import (
    Duration,
    Parser,
    PositiveDuration,
    Problems,
    Text,
    check_keys,
    describe_type,
    parse_duration,
    parse_table,
    parse_tables,
    preset_or_file,
    read_toml,
)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Part(msgspec.Struct, frozen=True):
    name: Text
    size: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    colour: Colour = Colour.RED
    kind: Literal["a", "b"] = "a"
    wait_s: Duration = msgspec.field(name="wait", default=1.0)
    limit: Annotated[float, msgspec.Meta(gt=0)] | None = None
    is_new: bool = False
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    part: Part | None = None
    parts: tuple[Part, ...] = ()


def problems_of(raw: object) -> list[str]:
    problems = Problems()
    parse_table(Thing, raw, "", problems)
    return [str(each) for each in problems]


def test_a_valid_table_becomes_a_struct() -> None:
    """Names of keys may differ from those of fields, and tables may contain tables."""
    raw = {
        "name": "x",
        "colour": "green",
        "wait": "1m30s",
        "limit": 2,
        "tags": ["t"],
        "labels": {"a": "b"},
        "parts": [{"name": "p"}, {"name": "q", "size": 9}],
    }
    problems = Problems()
    found = parse_table(Thing, raw, "", problems)
    assert not problems
    parts = (Part("p"), Part("q", 9))
    labels = {"a": "b"}
    expected = Thing(
        name="x", colour=Colour.GREEN, wait_s=90, limit=2, tags=("t",), labels=labels, parts=parts
    )
    assert found == expected


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({}, "name is missing, allowed is a text"),
        ({"name": 3}, "name is 3, allowed is a text"),
        ({"name": "x" * 99}, ""),
        ({"name": ["x" * 99]}, f'name is ["{"x" * 58}…, allowed is a text'),
        ({"name": "x", "colours": 1}, "colours is not a known key, the nearest is colour"),
        ({"name": "x", "colour": "blue"}, 'colour is "blue", allowed is red, green'),
        ({"name": "x", "kind": "c"}, 'kind is "c", allowed is a, b'),
        (
            {"name": "x", "wait": 5},
            'wait is 5, allowed is a time with its unit, such as "500ms", "60s" or "2m", up to "24h"',
        ),
        ({"name": "x", "limit": 0}, "limit is 0, allowed is a number above 0"),
        ({"name": "x", "limit": float("inf")}, "limit is Infinity, allowed is a number above 0"),
        ({"name": "x", "is_new": "yes"}, 'is_new is "yes", allowed is true or false'),
        ({"name": "x", "tags": "t"}, 'tags is "t", allowed is a list of texts'),
        ({"name": "x", "labels": {"a": 1}}, 'labels is {"a": 1}, allowed is a table'),
        (
            {"name": "x", "part": {"name": "p", "size": 10}},
            "part.size is 10, allowed is a whole number from 1 to 9",
        ),
        ({"name": "x", "parts": 1}, "parts is 1, allowed is a list of tables, [[parts]]"),
        ({"name": "x", "parts": [{"name": "p"}, 1]}, "parts[2] is 1, allowed is a table"),
        (
            {"name": "x", "parts": [{"name": " "}]},
            'parts[1].name is " ", allowed is a text that is not empty',
        ),
        (3, "is 3, allowed is a table"),
    ],
)
def test_a_problem_names_the_path_the_value_and_what_is_allowed(raw: object, problem: str) -> None:
    """Items of lists count from 1."""
    assert problems_of(raw) == ([problem] if problem else [])


def test_all_problems_are_found_at_once() -> None:
    """A key with a problem does not hide another one, and keeps its default."""
    problems = Problems()
    found = parse_table(Thing, {"name": "x", "kind": 1, "is_new": 2, "typo": 3}, "at", problems)
    assert [each.path for each in problems] == ["at.typo", "at.kind", "at.is_new"]
    assert found == Thing(name="x")


def test_values_can_be_hidden() -> None:
    """A file of credentials is not quoted."""
    problems = Problems(hides_values=True)
    parse_table(Thing, {"name": 12345, "parts": "hush"}, "", problems)
    assert [str(each) for each in problems] == [
        "name is not valid, allowed is a text",
        "parts is not valid, allowed is a list of tables, [[parts]]",
    ]


def test_a_check_sees_each_valid_table_with_its_own_path() -> None:
    """Invalid tables before it do not shift its number."""

    def check(part: Part, path: str, problems: Problems) -> None:
        problems.add(f"{path}.size", f"is {part.size}")

    problems = Problems()
    parsers: dict[str, Parser] = {"parts": partial(parse_tables, Part, check=check)}
    parse_table(Thing, {"name": "x", "parts": [{}, {"name": "p"}]}, "", problems, parsers)
    assert [each.path for each in problems] == ["parts[1].name", "parts[2].size"]


def test_keys_without_a_struct_can_be_checked() -> None:
    """Some tables have the names of operations as their keys."""
    problems = Problems()
    check_keys(["GetIndx", "ListIndexes"], ["GetIndex", "ListIndexes"], "mix", problems)
    assert [str(each) for each in problems] == ["mix.GetIndx is not a known key, the nearest is GetIndex"]


@pytest.mark.parametrize(
    ("paths", "is_overlap"),
    [
        (["a.b"], True),
        (["a"], True),
        (["a.b.c"], True),
        (["a.bc"], False),
        (["x", "a.b[2]"], True),
        ([], False),
    ],
)
def test_a_problem_may_overlap_other_paths(paths: list[str], is_overlap: bool) -> None:
    """At, inside or around the value."""
    problems = Problems()
    problems.add("a.b", "is 1")
    assert problems.overlap(paths) is is_overlap


def test_problems_are_raised_with_their_file() -> None:
    """One in a line with the file, several in a line each."""
    problems = Problems()
    problems.raise_if_any("file", hint="h")
    problems.add("a", "is 1")
    with pytest.raises(ConfigError, match=r"^file: a is 1$") as caught:
        problems.raise_if_any("file", hint="h")
    assert caught.value.hint == "h"
    problems.add("b", "is 2")
    with pytest.raises(ConfigError, match=r"^file: 2 problems\n  a is 1\n  b is 2$"):
        problems.raise_if_any("file", hint="h")


@pytest.mark.parametrize(
    ("kind", "description"),
    [
        (Annotated[int, msgspec.Meta(ge=0)], "a whole number of at least 0"),
        (Annotated[float, msgspec.Meta(gt=0, le=2_000)], "a number above 0, up to 2,000"),
        (float, "a number"),
        (tuple[int, ...], "a list of whole numbers"),
        (Annotated[tuple[str, ...], msgspec.Meta(min_length=1)], "a list of texts that is not empty"),
        (Annotated[str, msgspec.Meta(pattern="^a+$")], "a text that matches ^a+$"),
        (PositiveDuration, 'a time above 0 with its unit, such as "500ms", "60s" or "2m", up to "24h"'),
        (Part, "a table"),
        (bytes, "another type"),
    ],
)
def test_a_type_is_described(kind: object, description: str) -> None:
    """As a reader of the file understands it."""
    assert describe_type(kind) == description


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("60s", 60), ("1m30s", 90), ("1.5h", 5_400)])
def test_a_duration_has_units(text: str, seconds: float) -> None:
    """Several may follow each other."""
    assert parse_duration(text) == seconds


def test_a_file_is_read_as_toml(tmp_path: Path) -> None:
    """Any other file is a ConfigError of one line."""
    path = tmp_path / "file.toml"
    path.write_text("a = 1")
    assert read_toml(path) == {"a": 1}
    for content in (b"a = ", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"file\.toml is not valid TOML: "):
            read_toml(path)
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        read_toml(tmp_path / "none.toml")


def test_a_preset_takes_precedence_over_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the name is neither, the error lists the presets."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one").write_text("")
    (tmp_path / "file").write_text("")
    presets = {"one": 1, "two": 2}
    assert preset_or_file("one", presets, lambda _: 3) == 1
    assert preset_or_file("file", presets, lambda _: 3) == 3
    with pytest.raises(ConfigError, match="'three' is neither a preset nor a file") as caught:
        preset_or_file("three", presets, lambda _: 3)
    assert caught.value.hint == "The presets are one, two."
