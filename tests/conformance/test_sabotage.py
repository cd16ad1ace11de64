"""The list of sabotages, held against the source of today. `sabotage.py` runs them; that takes minutes."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST: list[Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("sabotages.toml").read_text(encoding="utf-8")
)["sabotage"]
LEAST = 45

each_sabotage = pytest.mark.parametrize("sabotage", LIST, ids=[each["name"] for each in LIST])


def test_there_are_enough() -> None:
    """A list that shrinks proves less."""
    assert len(LIST) >= LEAST


@pytest.mark.parametrize("field", ["name", "breaks"])
def test_every_sabotage_is_told_apart(field: str) -> None:
    """Two of one name could not be chosen, two of one description not be read."""
    assert [text for text, count in Counter(each[field] for each in LIST).items() if count > 1] == []


@each_sabotage
def test_the_text_is_in_the_source_once(sabotage: Mapping[str, str]) -> None:
    """What is to be replaced stands exactly once in the source: the list cannot rot."""
    source = (ROOT / "src" / "vecgate" / sabotage["file"]).read_text(encoding="utf-8")
    assert source.count(sabotage["old"]) == 1
    assert sabotage["new"] != sabotage["old"]


@each_sabotage
def test_what_is_broken_still_compiles(sabotage: Mapping[str, str]) -> None:
    """A sabotage breaks what the endpoint does, not the endpoint as a whole."""
    source = (ROOT / "src" / "vecgate" / sabotage["file"]).read_text(encoding="utf-8")
    ast.parse(source.replace(sabotage["old"], sabotage["new"]))


@each_sabotage
def test_the_part_of_the_suite_to_try_first_is_there(sabotage: Mapping[str, str]) -> None:
    """`first` names a file of the suite."""
    assert (ROOT / "conformance" / sabotage["first"]).is_file()
