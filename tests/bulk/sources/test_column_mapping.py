"""Columns are recognised by name first and by kind second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vecgate.bulk.sources.column_mapping import ColumnChoice, ColumnKind, detect_layout
from vecgate.errors import SourceError

TEXT, VECTOR, INTEGERS, OTHER, OBJECT, INTEGER = (
    ColumnKind.TEXT,
    ColumnKind.VECTOR,
    ColumnKind.INTEGERS,
    ColumnKind.OTHER,
    ColumnKind.OBJECT,
    ColumnKind.INTEGER,
)


@pytest.mark.parametrize(
    ("kinds", "key", "vector", "objects", "flat"),
    [
        ({"id": TEXT, "emb": VECTOR}, "id", "emb", None, ()),
        ({"id": TEXT, "values": VECTOR, "metadata": TEXT}, "id", "values", "metadata", ()),
        ({"key": TEXT, "data": VECTOR, "metadata": OBJECT, "extra": OTHER}, "key", "data", "metadata", ()),
        ({"ID": INTEGER, "Embedding": VECTOR, "year": OTHER}, "ID", "Embedding", None, ("year",)),
        ({"id": TEXT, "uuid": TEXT, "clip": VECTOR}, "id", "clip", None, ("uuid",)),
        ({"id": TEXT, "embedding": VECTOR, "other": VECTOR}, "id", "embedding", None, ()),
        ({"id": TEXT, "embedding": VECTOR, "tags": INTEGERS}, "id", "embedding", None, ("tags",)),
        ({"id": TEXT, "embedding": INTEGERS, "clip": VECTOR}, "id", "embedding", None, ()),
        ({"id": TEXT, "vec": VECTOR, "payload": ColumnKind.EMPTY}, "id", "vec", "payload", ()),
        ({"id": TEXT, "vector": OTHER, "clip": VECTOR}, "id", "clip", None, ("vector",)),
        ({"id": TEXT, "vector": ColumnKind.EMPTY}, "id", "vector", None, ()),
        ({"id": OTHER, "doc_id": TEXT, "vec": VECTOR}, "doc_id", "vec", None, ("id",)),
        ({"id": TEXT, "vec": VECTOR, "payload": OBJECT}, "id", "vec", "payload", ()),
        ({"key": TEXT, "vec": VECTOR, "problem": TEXT, "position": INTEGER}, "key", "vec", None, ()),
        ({"key": TEXT, "vector": VECTOR, "position": INTEGER}, "key", "vector", None, ("position",)),
    ],
)
def test_common_names_are_recognised(
    kinds: dict[str, ColumnKind], key: str, vector: str, objects: str | None, flat: tuple[str, ...]
) -> None:
    """The first known name of a column of a fitting kind wins; a single column of vectors needs no known
    name.
    """
    layout = detect_layout("f", kinds, ColumnChoice())
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
def test_a_choice_takes_precedence(
    choice: ColumnChoice, key: str, vector: str, objects: str | None, flat: tuple[str, ...]
) -> None:
    """The column that the user named is used."""
    kinds = {"id": TEXT, "b": TEXT, "v": VECTOR, "w": VECTOR, "metadata": OBJECT}
    layout = detect_layout("f", kinds, replace(choice, vector=choice.vector or "v"))
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
            'no column of f is recognised as keys, among "name", "v"',
            (
                "Name the column with --key-column, or number the rows with --key-prefix P (P0, P1, …) or "
                "--row-keys (0, 1, …). Equal keys of another file are overwritten."
            ),
        ),
        (
            {"id": TEXT, "a": VECTOR, "b": VECTOR},
            ColumnChoice(),
            'f has several columns with lists of numbers: "a", "b"',
            "Name the column of the vectors with --vector-column.",
        ),
        (
            {"id": TEXT, "a": TEXT},
            ColumnChoice(),
            'f has no column with lists of numbers, among "id", "a"',
            "Name the column of the vectors with --vector-column.",
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
def test_a_problem_names_the_column_and_the_way_out(
    kinds: dict[str, ColumnKind], choice: ColumnChoice, message: str, hint: str
) -> None:
    """The hint has the columns of the input, or the option that decides."""
    with pytest.raises(SourceError) as caught:
        detect_layout("f", kinds, choice)
    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_a_prefix_without_a_key_column_numbers_the_rows() -> None:
    """The row number is appended to the prefix."""
    layout = detect_layout("f", {"v": VECTOR}, ColumnChoice(key_prefix="doc-"))
    assert layout.key is None
    assert layout.describe(3, "float32") == (
        'key ← "doc-" + row number, vector ← "v" (3 × float32), metadata ← none'
    )


def test_describe_names_every_column() -> None:
    """No column is dropped silently."""
    kinds = {"id": INTEGER, "v": VECTOR, "metadata": OBJECT, "a": TEXT}
    assert detect_layout("f", kinds, ColumnChoice()).describe(None, "float32") == (
        'key ← "id" (integers as text), vector ← "v" (no usable vector yet), '
        'metadata ← the objects in "metadata", not used: a'
    )


def test_keys_alone_need_no_vectors() -> None:
    """Deletes read one column."""
    layout = detect_layout("f", {"id": TEXT, "a": TEXT}, ColumnChoice(), keys_only=True)
    assert layout.used == ["id"]
    assert layout.describe(None, "") == 'key ← "id"'
