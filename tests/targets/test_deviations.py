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

[[unsupported]]
capability = "query"
reason = "Has no QueryVectors."
evidence = "https://b.example/"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "known.toml"


def test_a_list_is_read(path: Path) -> None:
    """One cause may affect several requirements."""
    path.write_text(GOOD)
    found = read_deviations(path)
    assert {id_: each.reason for id_, each in found.known.items()} == {
        "a.b": "Answers 404.",
        "a.c[1]": "Answers 404.",
    }
    assert found.unsupported["query"].evidence == "https://b.example/"


def test_a_missing_file_is_an_empty_list(path: Path) -> None:
    """A target without known deviations needs no file."""
    assert read_deviations(path) == Deviations()


def test_the_earlier_name_of_the_unsupported_table_is_read(path: Path) -> None:
    """`[[lacks]]` in files of earlier versions."""
    path.write_text(GOOD.replace("[[unsupported]]", "[[lacks]]"))
    assert read_deviations(path).unsupported.keys() == {"query"}


def test_stale_entries_are_found(path: Path) -> None:
    """An id that no requirement has, and a capability that the target supports."""
    path.write_text(GOOD)
    found = read_deviations(path)
    assert found.unmatched({"a.b", "x.y"}) == ["a.c[1]"]
    assert found.unmatched({"a.b", "a.c[1]"}) == []
    assert found.stale_capabilities({"text"}) == ["query"]
    assert found.stale_capabilities({"text", "query"}) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x = [", "is not valid TOML"),
        ("[[deviation]]\nrequirements = ['a.b']\nreason = 'r'\n", "deviation[1].evidence is missing"),
        (
            "[[deviation]]\ntest = 'a.b'\nreason = 'r'\nevidence = 'e'\n",
            "deviation[1].test is not a known key",
        ),
        ("[[deviations]]\n", "deviations is not a known key, the nearest is deviation"),
        (
            "[[deviation]]\nrequirements = ['a.b']\nreason = ' '\nevidence = 'e'\n",
            'deviation[1].reason is " ", allowed is a text that is not empty',
        ),
        (
            "[[deviation]]\nrequirements = []\nreason = 'r'\nevidence = 'e'\n",
            "deviation[1].requirements is [], allowed is a list of texts that is not empty",
        ),
        (
            "[[deviation]]\nrequirements = ['a.b', 'a.b']\nreason = 'r'\nevidence = 'e'\n",
            "deviation lists a.b twice",
        ),
        (
            "[[unsupported]]\ncapability = 'speed'\nreason = 'r'\nevidence = 'e'\n",
            "unsupported[1].capability is 'speed', allowed are query, ",
        ),
        (
            "[[unsupported]]\ncapability = 'query'\nreason = ''\nevidence = 'e'\n",
            'unsupported[1].reason is "", allowed is a text that is not empty',
        ),
    ],
)
def test_an_invalid_list_is_refused(path: Path, content: str, said: str) -> None:
    """Every entry has a reason and evidence, and no id is listed twice."""
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"known\.toml") as caught:
        read_deviations(path)
    assert said in str(caught.value)


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Here the path is a folder."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_deviations(tmp_path)


@pytest.mark.parametrize("name", ["local", "moto", "s3mock", "local-s3"])
def test_the_shipped_lists_can_be_read(name: str) -> None:
    """Each of their entries has a link as evidence."""
    found = read_deviations(Path(__file__).parents[2] / "conformance" / "deviations" / f"{name}.toml")
    evidence = [each.evidence for each in found.known.values()]
    evidence += [each.evidence for each in found.unsupported.values()]
    assert all(text.startswith("https://") for text in evidence)


def test_ids_of_earlier_versions_are_read_as_those_of_today(path: Path) -> None:
    """A requirement that was retired is ignored, and named."""
    path.write_text(GOOD.replace('"a.b", "a.c[1]"', '"laws.filters", "bulk.order", "a.b"'))
    found = read_deviations(path)
    assert sorted(found.known) == ["a.b", "properties.filters"]
    assert found.retired == ("bulk.order",)


def test_all_problems_of_a_list_are_reported_at_once(path: Path) -> None:
    """One line for each problem."""
    path.write_text("[[deviation]]\nrequirements = ['a.b']\n[[unsupported]]\ncapability = 'speed'\n")
    with pytest.raises(ConfigError) as caught:
        read_deviations(path)
    lines = str(caught.value).splitlines()
    assert [line.strip().split(" ")[0] for line in lines[1:]] == [
        "deviation[1].reason",
        "deviation[1].evidence",
        "unsupported[1].reason",
        "unsupported[1].evidence",
    ]
