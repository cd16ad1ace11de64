from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing.requirements import Requirement, catalogue_of, listed, requirement

SOURCE = "https://a.example/"
GOOD: dict[str, Any] = {"level": "must", "evidence": "model", "source": SOURCE}


@pytest.mark.parametrize(
    ("id_", "change", "said"),
    [
        ("PutVectors.a", {}, "does not read group.name"),
        ("put-vectors", {}, "does not read group.name"),
        ("put_vectors.a", {}, "does not read group.name"),
        ("put-vectors.", {}, "does not read group.name"),
        ("a.b", {"level": "shall"}, "level 'shall' is none of must, should, may"),
        ("a.b", {"evidence": "heard"}, "evidence 'heard' is none of model, documented, recorded, inferred"),
        ("a.b", {"source": "file:///x"}, "is no https URL"),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused(id_: str, change: dict[str, Any], said: str) -> None:
    """When the module is imported, so that the suite cannot be collected."""
    with pytest.raises(ValueError, match=f"requirement {id_}") as caught:
        requirement(id_, **{**GOOD, **change})
    assert said in str(caught.value)


def collected(pytester: pytest.Pytester, body: str) -> tuple[dict[str, Requirement], list[str]]:
    prelude = "import pytest\nfrom vecgate.testing.requirements import requirement\n"
    mark = (
        f"must = lambda id_, **m: requirement(id_, level='must', evidence='model', source={SOURCE!r}, **m)\n"
    )
    items, _ = pytester.inline_genitems(pytester.makepyfile(prelude + mark + body))
    return catalogue_of(items)


def test_a_test_carries_what_its_mark_says(pytester: pytest.Pytester) -> None:
    """And its claim, the first paragraph of its docstring."""
    body = """
@must("put-vectors.keys", needs="tags text", covers="PutVectors", slow=True)
def test_a():
    '''One claim,
    on two lines.

    More.'''
"""
    found, problems = collected(pytester, body)
    assert problems == []
    (only,) = found.values()
    assert (only.id, only.group, only.claim) == (
        "put-vectors.keys",
        "put-vectors",
        "One claim, on two lines.",
    )
    assert (only.needs, only.covers, only.slow) == (frozenset({"tags", "text"}), ("PutVectors",), True)


def test_each_case_of_a_parametrised_test_has_an_id(pytester: pytest.Pytester) -> None:
    """The id of its parameters is the suffix, their values fill in what it covers."""
    body = """
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("operation", ["GetIndex"])
@must("limits.a", covers="{operation}.indexName.max")
def test_a(size, operation): ...
"""
    found, problems = collected(pytester, body)
    assert problems == []
    assert [each.id for each in found.values()] == ["limits.a[GetIndex-1]", "limits.a[GetIndex-2]"]
    assert {each.covers for each in found.values()} == {("GetIndex.indexName.max",)}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("def test_a(): ...", "carries 0 requirements"),
        ("@must('a.b')\n@must('a.c')\ndef test_a(): ...", "carries 2 requirements"),
        ("@must('a.b')\ndef test_a(): ...\n@must('a.b')\ndef test_b(): ...", "a.b is checked by"),
        (
            "@pytest.mark.parametrize('x', [{}, []])\n@must('a.b')\ndef test_a(x): ...",
            "give its parameters ids",
        ),
        (
            "@pytest.mark.parametrize('x', [1], ids=['y' * 101])\n@must('a.b')\ndef test_a(x): ...",
            "101 characters long",
        ),
    ],
    ids=["none", "two", "repeated", "made-up", "long"],
)
def test_what_makes_a_catalogue_useless_is_found(pytester: pytest.Pytester, body: str, problem: str) -> None:
    """A test without an id, an id twice, an id that changes when a case is inserted."""
    _, problems = collected(pytester, body)
    assert any(problem in each for each in problems)


def test_the_catalogue_is_listed_by_id() -> None:
    """As JSON, whatever the order of collection."""
    both = [
        Requirement("b.x", "may", "model", SOURCE),
        Requirement("a.x", "must", "model", SOURCE, frozenset({"tags"})),
    ]
    assert listed(both).startswith(b'[{"claim":"","covers":[],"evidence":"model","id":"a.x"')
