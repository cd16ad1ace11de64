"""Text is a vector if it is a list of numbers, in the forms of PostgreSQL, JSON and numpy."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.sources.documents.vector_text import (
    ABBREVIATED,
    NOT_A_VECTOR,
    is_vector_text,
    parse_vector_text,
)
from vecgate.bulk.sources.tables.text_vectors import holds_vector_text, lists_of_text


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("[0.1,0.2]", [0.1, 0.2]),
        (" [ 0.1 , -2e3 ] ", [0.1, -2000.0]),
        ("{1,2}", [1.0, 2.0]),
        ("(1;2)", [1.0, 2.0]),
        ("[1. 2.\n 3.]", [1.0, 2.0, 3.0]),
        ("0.5 1.5", [0.5, 1.5]),
        ("[5]", [5.0]),
        ("[]", []),
        ("[1e400]", [float("inf")]),
        ("5", NOT_A_VECTOR),
        ("", NOT_A_VECTOR),
        ("[", NOT_A_VECTOR),
        ("[1,2", NOT_A_VECTOR),
        ("[1,,2]", NOT_A_VECTOR),
        ("[1_0,2]", NOT_A_VECTOR),
        ("[a,b]", NOT_A_VECTOR),
        ("{1:0.5}/3", NOT_A_VECTOR),
        ("[1. ... 2.]", ABBREVIATED),
    ],
)
def test_a_text_is_a_vector_or_has_a_problem(text: str, numbers: list[float] | str) -> None:
    """Nothing is read half."""
    assert parse_vector_text(text) == numbers


@pytest.mark.parametrize(
    ("value", "is_vector"),
    [
        ("[0.1,0.2]", True),
        ("[1. 2. ... 3.]", True),
        ("[5]", False),
        ("1,2,3", False),
        ("1 2 3 4 5 6 7 8", True),
        ("wait ... 5", False),
        ("", False),
        (5, False),
    ],
)
def test_only_an_unmistakable_vector_is_recognised(value: object, is_vector: bool) -> None:
    """A version or a single number is no vector."""
    assert is_vector_text(value) is is_vector


@given(
    rows=st.lists(
        st.one_of(st.none(), st.lists(st.floats(allow_nan=False), min_size=1, max_size=4)),
        min_size=1,
        max_size=5,
    ),
    separator=st.sampled_from([",", ", ", " "]),
)
def test_a_column_gives_what_its_texts_give_one_by_one(
    rows: list[list[float] | None], separator: str
) -> None:
    """Arrow parses the column at once, to the same numbers."""
    texts = [None if row is None else f"[{separator.join(map(repr, row))}]" for row in rows]
    lists, problems = lists_of_text(pa.array(texts, pa.string()))
    assert lists.to_pylist() == rows
    assert problems == {}


def test_a_wrong_text_does_not_disturb_the_others() -> None:
    """Its row has a problem."""
    lists, problems = lists_of_text(pa.array(["[1,2]", "[x,1]", None, "", "[]"]))
    assert lists.to_pylist() == [[1.0, 2.0], None, None, None, []]
    assert problems == {1: NOT_A_VECTOR, 3: NOT_A_VECTOR}
    assert not holds_vector_text(pa.array([None, "x"]))
    assert not holds_vector_text(pa.array([None], pa.string()))
