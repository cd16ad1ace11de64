"""Columns are recognised by name first and by kind second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vecgate.bulk.sources.columns import ColumnChoice, Kind, recognise
from vecgate.errors import SourceError

TEXT, VECTOR, OTHER, OBJECT, INTEGER = Kind.TEXT, Kind.VECTOR, Kind.OTHER, Kind.OBJECT, Kind.INTEGER


@pytest.mark.parametrize(
    ("kinds", "key", "vector", "objects", "flat"),
    [
        ({"id": TEXT, "emb": VECTOR}, "id", "emb", None, ()),
        ({"id": TEXT, "values": VECTOR, "metadata": TEXT}, "id", "values", "metadata", ()),
        ({"key": TEXT, "data": VECTOR, "metadata": OBJECT, "extra": OTHER}, "key", "data", "metadata", ()),
        ({"ID": INTEGER, "Embedding": VECTOR, "year": OTHER}, "ID", "Embedding", None, ("year",)),
        ({"id": TEXT, "uuid": TEXT, "clip": VECTOR}, "id", "clip", None, ("uuid",)),
        ({"id": TEXT, "embedding": VECTOR, "other": VECTOR}, "id", "embedding", None, ("other",)),
        ({"id": TEXT, "vector": OTHER, "clip": VECTOR}, "id", "clip", None, ("vector",)),
        ({"id": TEXT, "vector": Kind.EMPTY}, "id", "vector", None, ()),
        ({"id": OTHER, "doc_id": TEXT, "vec": VECTOR}, "doc_id", "vec", None, ("id",)),
        ({"id": TEXT, "vec": VECTOR, "payload": OBJECT}, "id", "vec", "payload", ()),
        ({"key": TEXT, "vec": VECTOR, "problem": TEXT, "position": INTEGER}, "key", "vec", None, ()),
        ({"key": TEXT, "vector": VECTOR, "position": INTEGER}, "key", "vector", None, ("position",)),
    ],
)
def test_a_guess_takes_names_people_use(
    kinds: dict[str, Kind], key: str, vector: str, objects: str | None, flat: tuple[str, ...]
) -> None:
    """The first known name on a column of a fitting kind wins; one column of vectors needs no name."""
    layout = recognise("f", kinds, ColumnChoice())
    assert (layout.key, layout.vector, layout.objects, layout.flat) == (key, vector, objects, flat)


@pytest.mark.parametrize(
    ("choice", "key", "vector", "objects", "flat"),
    [
        (ColumnChoice(key="b"), "b", "v", "metadata", ()),
        (ColumnChoice(vector="w"), "id", "w", "metadata", ()),
        (ColumnChoice(metadata=()), "id", "v", None, ()),
        (ColumnChoice(metadata=("b", "w")), "id", "v", None, ("b", "w")),
        (ColumnChoice(metadata=("metadata",)), "id", "v", "metadata", ()),
    ],
)
def test_a_choice_beats_the_guess(
    choice: ColumnChoice, key: str, vector: str, objects: str | None, flat: tuple[str, ...]
) -> None:
    """What the user named is taken."""
    kinds = {"id": TEXT, "b": TEXT, "v": VECTOR, "w": VECTOR, "metadata": OBJECT}
    layout = recognise("f", kinds, replace(choice, vector=choice.vector or "v"))
    assert (layout.key, layout.vector, layout.objects, layout.flat) == (key, vector, objects, flat)


@pytest.mark.parametrize(
    ("kinds", "choice", "message", "hint"),
    [
        (
            {"id": TEXT, "v": VECTOR},
            ColumnChoice(key="ident", metadata=("x",)),
            'f has no column "ident", "x"',
            'It has "id", "v".',
        ),
        (
            {"name": TEXT, "v": VECTOR},
            ColumnChoice(),
            'f has no column of keys that could be recognised, among "name", "v"',
            "Name it with --key-column, or number the rows with --key-prefix.",
        ),
        (
            {"id": TEXT, "a": VECTOR, "b": VECTOR},
            ColumnChoice(),
            'f has several columns with lists of numbers: "a", "b"',
            "Name the one with the vectors with --vector-column.",
        ),
        (
            {"id": TEXT, "a": TEXT},
            ColumnChoice(),
            'f has no column with lists of numbers, among "id", "a"',
            "Name the one with the vectors with --vector-column.",
        ),
        (
            {"id": TEXT, "v": VECTOR},
            ColumnChoice(vector="id"),
            'column "id" of f holds text; vectors are lists of numbers',
            "",
        ),
        (
            {"id": OTHER, "v": VECTOR},
            ColumnChoice(key="id"),
            'column "id" of f holds other values; keys are text or integers',
            "",
        ),
    ],
)
def test_what_does_not_fit_is_said(
    kinds: dict[str, Kind], choice: ColumnChoice, message: str, hint: str
) -> None:
    """The message says which column, the hint which there are or which option decides."""
    with pytest.raises(SourceError) as caught:
        recognise("f", kinds, choice)
    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_rows_are_numbered_where_a_prefix_stands_for_a_key() -> None:
    """A prefix without a column of keys means row numbers."""
    layout = recognise("f", {"v": VECTOR}, ColumnChoice(key_prefix="doc-"))
    assert layout.key is None
    assert layout.describe(3, "float32") == (
        'key ← "doc-" + row number, vector ← "v" (3 × float32), metadata ← none'
    )


def test_describe_names_every_column() -> None:
    """Nothing is dropped in silence."""
    kinds = {"id": INTEGER, "v": VECTOR, "metadata": OBJECT, "a": TEXT}
    assert recognise("f", kinds, ColumnChoice()).describe(None, "float32") == (
        'key ← "id" (integers as text), vector ← "v" (no usable one yet), '
        'metadata ← the objects in "metadata", not used: a'
    )


def test_keys_alone_need_no_vectors() -> None:
    """Deletes read one column."""
    layout = recognise("f", {"id": TEXT, "a": TEXT}, ColumnChoice(), keys_only=True)
    assert layout.used == ["id"]
    assert layout.describe(None, "") == 'key ← "id"'
