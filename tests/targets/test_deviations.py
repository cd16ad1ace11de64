from __future__ import annotations

from pathlib import Path

import pytest

from vecgate.errors import ConfigError
from vecgate.targets.deviations import Deviations, read_deviations

GOOD = """
[[deviation]]
requirements = ["a.b", "a.c[1]"]
reason = "Answers 404."
evidence = "https://a.example/"

[[lacks]]
capability = "query"
reason = "Has none."
evidence = "https://b.example/"
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def test_a_list_is_read(written: Path) -> None:
    """One cause may stand for several requirements."""
    written.write_text(GOOD)
    found = read_deviations(written)
    assert {id_: each.reason for id_, each in found.known.items()} == {
        "a.b": "Answers 404.",
        "a.c[1]": "Answers 404.",
    }
    assert found.lacks["query"].evidence == "https://b.example/"


def test_no_list_is_an_empty_one(written: Path) -> None:
    """A target of which nothing is known to differ needs no file."""
    assert read_deviations(written) == Deviations()


def test_what_is_no_longer_true_is_found(written: Path) -> None:
    """An id that nothing has, a capability that the target has after all."""
    written.write_text(GOOD)
    found = read_deviations(written)
    assert found.unmatched({"a.b", "x.y"}) == ["a.c[1]"]
    assert found.unmatched({"a.b", "a.c[1]"}) == []
    assert found.outgrown({"text"}) == ["query"]
    assert found.outgrown({"text", "query"}) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x = [", "lists no deviations"),
        ("[[deviation]]\nrequirements = ['a.b']\nreason = 'r'\n", "evidence"),
        ("[[deviation]]\ntest = 'a.b'\nreason = 'r'\nevidence = 'e'\n", "lists no deviations"),
        ("[[deviations]]\n", "lists no deviations"),
        (
            "[[deviation]]\nrequirements = ['a.b']\nreason = ' '\nevidence = 'e'\n",
            "a.b has no reason or no evidence",
        ),
        (
            "[[deviation]]\nrequirements = []\nreason = 'r'\nevidence = 'e'\n",
            "a deviation names no requirement",
        ),
        (
            "[[deviation]]\nrequirements = ['a.b', 'a.b']\nreason = 'r'\nevidence = 'e'\n",
            "a.b is listed 2 times",
        ),
        (
            "[[lacks]]\ncapability = 'speed'\nreason = 'r'\nevidence = 'e'\n",
            "no capability is called 'speed'",
        ),
        (
            "[[lacks]]\ncapability = 'query'\nreason = ''\nevidence = 'e'\n",
            "query has no reason or no evidence",
        ),
    ],
)
def test_a_list_that_explains_nothing_is_refused(written: Path, content: str, said: str) -> None:
    """Every entry has a reason and evidence, no id stands twice."""
    written.write_text(content)
    with pytest.raises(ConfigError, match=r"mine\.toml") as caught:
        read_deviations(written)
    assert said in str(caught.value)


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder is no list."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_deviations(tmp_path)


@pytest.mark.parametrize("name", ["local", "moto"])
def test_the_shipped_lists_can_be_read(name: str) -> None:
    """Ours explain themselves too."""
    found = read_deviations(Path(__file__).parents[2] / "conformance" / "deviations" / f"{name}.toml")
    evidence = [each.evidence for each in found.known.values()]
    evidence += [each.evidence for each in found.lacks.values()]
    assert all(text.startswith("https://") for text in evidence)
