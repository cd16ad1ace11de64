from __future__ import annotations

from typing import Any

import orjson
import pytest

from vecgate.conformance_kit.requirements import Requirement, build_catalogue, encode_catalogue, requirement

SOURCE = "https://a.example/"
GOOD: dict[str, Any] = {"kind": "effect", "evidence": "model", "source": SOURCE}


@pytest.mark.parametrize(
    ("id_", "change", "message"),
    [
        ("PutVectors.a", {}, "is not `group.name`"),
        ("put-vectors", {}, "is not `group.name`"),
        ("put_vectors.a", {}, "is not `group.name`"),
        ("put-vectors.", {}, "is not `group.name`"),
        ("a.b", {"kind": "promise"}, "kind 'promise' is unknown; use guard, effect, refusal, detail, open"),
        (
            "a.b",
            {"evidence": "heard"},
            "evidence 'heard' is unknown; use model, documented, recorded, inferred",
        ),
        ("a.b", {"source": "file:///x"}, "is not an https URL"),
    ],
)
def test_an_invalid_mark_is_rejected(id_: str, change: dict[str, Any], message: str) -> None:
    """The error is raised on import, so that the suite cannot be collected."""
    with pytest.raises(ValueError, match=f"requirement {id_}") as caught:
        requirement(id_, **{**GOOD, **change})
    assert message in str(caught.value)


def collected(pytester: pytest.Pytester, body: str) -> tuple[dict[str, Requirement], list[str]]:
    prelude = "import pytest\nfrom vecgate.conformance_kit.requirements import requirement\n"
    mark = (
        f"must = lambda id_, **m: requirement(id_, kind='effect', evidence='model', source={SOURCE!r}, **m)\n"
    )
    items, _ = pytester.inline_genitems(pytester.makepyfile(prelude + mark + body))
    return build_catalogue(items)


def test_a_requirement_is_read_from_the_mark(pytester: pytest.Pytester) -> None:
    """The claim is the first paragraph of the docstring."""
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


def test_each_case_of_a_parametrised_test_is_a_requirement(pytester: pytest.Pytester) -> None:
    """The id of the parameters is appended to the id, and their values fill in the placeholders."""
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
        ("def test_a(): ...", "has 0 requirements"),
        ("@must('a.b')\n@must('a.c')\ndef test_a(): ...", "has 2 requirements"),
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
    ids=["none", "two", "duplicate", "generated", "long"],
)
def test_problems_of_a_catalogue_are_found(pytester: pytest.Pytester, body: str, problem: str) -> None:
    """A missing, a duplicate, a generated and a long id are problems."""
    _, problems = collected(pytester, body)
    assert any(problem in each for each in problems)


def test_the_catalogue_is_ordered_by_id() -> None:
    """The JSON is ordered by id, whatever the order of collection."""
    both = [
        Requirement("b.x", "open", "inferred", SOURCE),
        Requirement("a.x", "effect", "model", SOURCE, frozenset({"tags"})),
    ]
    first, second = orjson.loads(encode_catalogue(both))
    assert (first["id"], first["kind"], first["level"]) == ("a.x", "effect", "must")
    assert (second["id"], second["level"]) == ("b.x", "may")


def test_the_level_follows_from_kind_and_evidence(pytester: pytest.Pytester) -> None:
    """The evidence may depend on the operation, and with it the level. What has evidence is not open."""
    body = """
@pytest.mark.parametrize("operation", ["GetIndex", "PutVectors"])
@requirement("a.b", kind="refusal", evidence={"GetIndex": "recorded", "": "inferred"}, source="https://a.example/")
def test_a(operation): ...
"""
    found, problems = collected(pytester, body)
    assert problems == []
    assert [(each.evidence, each.level) for each in found.values()] == [
        ("recorded", "should"),
        ("inferred", "may"),
    ]
    with pytest.raises(ValueError, match="recorded is not open"):
        requirement("a.b", kind="open", evidence="recorded", source=SOURCE)
