"""The list of mutants matches the current source. `mutants.py` runs the mutants, which takes minutes."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MUTANTS: list[Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("mutants.toml").read_text(encoding="utf-8")
)["mutant"]
MUTANTS_MIN = 222

each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=[each["name"] for each in MUTANTS])


def test_there_are_enough_mutants() -> None:
    """A list that shrinks proves less."""
    assert len(MUTANTS) >= MUTANTS_MIN


@pytest.mark.parametrize("field", ["name", "effect"])
def test_names_and_effects_are_unique(field: str) -> None:
    """Names select mutants, and effects are the rows of a table."""
    assert [text for text, count in Counter(each[field] for each in MUTANTS).items() if count > 1] == []


@each_mutant
def test_the_replaced_text_occurs_once(mutant: Mapping[str, str]) -> None:
    """The text to replace occurs exactly once in the source, so the list stays up to date."""
    source = (ROOT / "src" / "vecgate" / mutant["file"]).read_text(encoding="utf-8")
    assert source.count(mutant["old"]) == 1
    assert mutant["new"] != mutant["old"]


@each_mutant
def test_a_mutant_compiles(mutant: Mapping[str, str]) -> None:
    """A mutant changes the behaviour of the endpoint and does not break it completely."""
    source = (ROOT / "src" / "vecgate" / mutant["file"]).read_text(encoding="utf-8")
    ast.parse(source.replace(mutant["old"], mutant["new"]))


@each_mutant
def test_the_test_that_runs_first_exists(mutant: Mapping[str, str]) -> None:
    """`first` names a test of the suite, or a file."""
    file, _, test = mutant["first"].partition("::")
    source = (ROOT / "conformance" / file).read_text(encoding="utf-8")
    assert not test or f"def {test.partition('[')[0]}(" in source
