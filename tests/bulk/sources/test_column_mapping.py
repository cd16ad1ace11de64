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
                "--row-keys (0, 1, …), or give them with --ids. Equal keys of another file are overwritten."
            ),
        ),
        (
            {"id": TEXT, "a": VECTOR, "b": VECTOR},
            ColumnChoice(),
            'f has several columns with lists of numbers: "a", "b"',
            "Name the column of the vectors with --vector-column.",
        ),
        (
            {"id": INTEGER, "neighbors_id": INTEGERS, "neighbors_distance": VECTOR},
            ColumnChoice(),
            (
                "f has no column that is certainly vectors; its lists of integers, or named like results of a "
                'search, are "neighbors_id", "neighbors_distance"'
            ),
            "Name the column of the vectors with --vector-column.",
        ),
        (
            {"id": TEXT, "v": VECTOR, "meta": OBJECT},
            ColumnChoice(metadata=("meta.a=x", "v=x")),
            'the metadata entry "x" is named twice',
            "Name each entry once; column=name gives another name.",
        ),
        (
            {"id": TEXT, "v": VECTOR, "a": TEXT},
            ColumnChoice(metadata=("a.b", "a=", "=a", "b=c")),
            'f has no column "a.b", "a=", "=a", "b=c"',
            'It has "id", "v", "a".',
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


@pytest.mark.parametrize(
    "name", ["neighbors", "neighbours_ids", "distances", "score", "indices", "token_ids", "Ground_Truth"]
)
def test_results_of_a_search_are_no_vectors_unless_chosen(name: str) -> None:
    """A file of neighbours must not pass a check of vectors; a matrix that is named otherwise may be one."""
    with pytest.raises(SourceError, match="no column that is certainly vectors"):
        detect_layout("f", {"id": TEXT, name: VECTOR}, ColumnChoice())
    assert detect_layout("f", {"id": TEXT, name: VECTOR}, ColumnChoice(vector=name)).vector == name
    assert detect_layout("f", {"id": TEXT, name: VECTOR, "x": VECTOR}, ColumnChoice()).vector == "x"
    assert detect_layout("f", {"id": TEXT, "distant_text_emb": VECTOR}, ColumnChoice()).vector is not None


def test_metadata_may_be_entries_of_objects_and_have_other_names() -> None:
    """A name of a column wins over a path, and the longest column over a shorter one."""
    kinds = {"id": TEXT, "v": VECTOR, "a": OBJECT, "a.b": TEXT, "c": OBJECT, "d=e": TEXT, "t": TEXT}
    choice = ColumnChoice(metadata=("a.b", "a.b.c", "a.x.y", "a.z=q", "t=text", "d=e", "c"))
    kinds["a.b"] = OBJECT
    layout = detect_layout("f", kinds, choice)
    assert layout.describe(3, "float32") == (
        'key ← "id", vector ← "v" (3 × float32), metadata ← only d=e, the objects in "a.b", a.b.c, a.x.y, '
        'a.z as q, t as text, the objects in "c"'
    )
    assert layout.used == ["id", "v", "d=e", "a.b", "a", "t", "c"]


def test_the_index_of_pandas_is_a_key_only_if_it_is_text() -> None:
    """Its integers are row numbers, which are no keys unless the user says so; it is never metadata."""
    kinds = {"v": VECTOR, "a": TEXT, "__index_level_0__": TEXT}
    layout = detect_layout("f", kinds, ColumnChoice())
    assert (layout.key, layout.flat) == ("__index_level_0__", ("a",))
    layout = detect_layout("f", {"id": TEXT, **kinds}, ColumnChoice())
    assert (layout.key, layout.others) == ("id", ("__index_level_0__",))
    with pytest.raises(SourceError, match="recognised as keys"):
        detect_layout("f", kinds | {"__index_level_0__": INTEGER}, ColumnChoice())


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
