"""Strategies for property tests. All values are valid by construction.

Unless their name says otherwise, the strategies use only what has been seen on AWS. Numbers are exactly
representable in float32, because it is not known whether AWS keeps more of a number in metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Values: TypeAlias = list[float]
Metadata: TypeAlias = dict[str, Any]
Filter: TypeAlias = dict[str, Any]
#: Key, values, metadata or None.
Row: TypeAlias = tuple[str, Values, Metadata | None]

FLOAT32_MAX = 3.4028234663852886e38
PRINTED = st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"])
FIELDS = ("f", "g", "h.i")
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:"
RANGES = ("$gt", "$gte", "$lt", "$lte")


def plain_keys() -> SearchStrategy[str]:
    """Keys that every server stores, some of which differ only slightly."""
    return st.sampled_from(["a", "b", "ab", "A", "a/b", "é", "日本"]) | st.text(
        PLAIN, min_size=1, max_size=30
    )


def any_keys() -> SearchStrategy[str]:
    """Keys of any printable characters, for the requirement about them."""
    return st.just(" ") | plain_keys() | st.text(PRINTED, min_size=1, max_size=30)


def plain_values(dimension: int) -> SearchStrategy[Values]:
    """Values of moderate size that are not all 0. Every metric accepts them."""
    eighths = st.integers(-400, 400).map(lambda number: number / 8)
    return st.lists(eighths, min_size=dimension, max_size=dimension).map(
        lambda values: values if any(values) else [1.0, *values[1:]]
    )


def any_values(dimension: int) -> SearchStrategy[Values]:
    """Any finite float32 values, including the smallest and the largest."""
    numbers = st.floats(-FLOAT32_MAX, FLOAT32_MAX, width=32)
    return st.lists(numbers, min_size=dimension, max_size=dimension)


def numbers() -> SearchStrategy[float]:
    """Numbers that float32 represents exactly, few enough that they repeat."""
    return st.sampled_from([-3, -1, 0, 1, 2, 2.5, 7, 100]) | st.integers(-50, 50).map(lambda n: n / 4)


def words() -> SearchStrategy[str]:
    """Texts, few enough that they repeat."""
    return st.sampled_from(["", "a", "b", "ab", "A", "1", "true", "日本"])


def scalars() -> SearchStrategy[Any]:
    """Texts, numbers and booleans."""
    return words() | numbers() | st.booleans()


def arrays() -> SearchStrategy[list[Any]]:
    """Arrays as metadata may contain them: of texts or of numbers."""
    return st.lists(words(), min_size=1, max_size=3) | st.lists(numbers(), min_size=1, max_size=3)


def plain_metadata() -> SearchStrategy[Metadata]:
    """Metadata of any types, with a few fields."""
    return st.dictionaries(st.sampled_from(FIELDS), scalars() | arrays(), max_size=3)


def metadata_objects() -> SearchStrategy[Metadata]:
    """Metadata of any shape, for the requirement about it."""
    texts = st.text(PRINTED, max_size=20)
    names = st.sampled_from(FIELDS) | st.text(PRINTED, max_size=12)
    return st.dictionaries(names, scalars() | texts | arrays(), max_size=4)


def rows(
    *,
    keys: SearchStrategy[str] | None = None,
    values: SearchStrategy[Values] | None = None,
    metadata: SearchStrategy[Metadata] | None = None,
    min_size: int = 0,
    max_size: int = 8,
) -> SearchStrategy[list[Row]]:
    """Records with unique keys, with plain keys, values of two dimensions and plain metadata by default."""
    # Strategies have no truth value.
    row_keys = plain_keys() if keys is None else keys
    row_values = plain_values(2) if values is None else values
    row_metadata = plain_metadata() if metadata is None else metadata
    row = st.tuples(row_keys, row_values, st.none() | row_metadata)
    return st.lists(row, min_size=min_size, max_size=max_size, unique_by=lambda each: each[0])


def filterable() -> SearchStrategy[list[Metadata]]:
    """Metadata of some vectors, with fields of any type that filters name; fields may be missing."""
    return st.lists(plain_metadata(), min_size=1, max_size=8)


def filterable_scalars() -> SearchStrategy[list[Metadata]]:
    """The same without arrays."""
    return st.lists(st.dictionaries(st.sampled_from(FIELDS), scalars(), max_size=3), min_size=1, max_size=8)


def uniform() -> SearchStrategy[list[Metadata]]:
    """Metadata that has every field, always of one type: the meaning of negations is known for these."""
    one = st.fixed_dictionaries({"f": words(), "g": numbers(), "h.i": st.booleans()})
    return st.lists(one, min_size=1, max_size=8)


def equalities() -> SearchStrategy[Filter]:
    """Conditions that compare one field with a value."""
    field = st.sampled_from(FIELDS)
    return st.builds(lambda name, value: {name: value}, field, scalars()) | st.builds(
        lambda name, value: {name: {"$eq": value}}, field, scalars()
    )


def seen_conditions() -> SearchStrategy[Filter]:
    """Conditions on one field whose meaning has been seen on AWS or is documented."""
    field = st.sampled_from(FIELDS)
    exists = st.builds(lambda name, operand: {name: {"$exists": operand}}, field, st.booleans())
    listed = st.builds(
        lambda name, values: {name: {"$in": values}}, field, st.lists(scalars(), min_size=1, max_size=3)
    )
    ranges = st.builds(
        lambda name, bounds: {name: bounds},
        field,
        st.dictionaries(st.sampled_from(RANGES), numbers(), min_size=1, max_size=2),
    )
    return equalities() | exists | listed | ranges


def any_conditions() -> SearchStrategy[Filter]:
    """Conditions on one field with any operators, up to three at once."""
    operators: dict[str, SearchStrategy[Any]] = {
        "$eq": scalars(),
        "$ne": scalars(),
        "$in": st.lists(scalars(), min_size=1, max_size=3),
        "$nin": st.lists(scalars(), min_size=1, max_size=3),
        "$exists": st.booleans(),
        **dict.fromkeys(RANGES, numbers()),
    }
    chosen = st.lists(st.sampled_from(sorted(operators)), min_size=1, max_size=3, unique=True)
    body = chosen.flatmap(lambda names: st.fixed_dictionaries({name: operators[name] for name in names}))
    return st.builds(lambda name, operand: {name: operand}, st.sampled_from(FIELDS), body)


def filters(conditions: SearchStrategy[Filter]) -> SearchStrategy[Filter]:
    """Combined and nested *conditions*, with fewer than a hundred constraints."""
    return st.recursive(
        conditions,
        lambda inner: st.builds(
            lambda sign, branches: {sign: branches},
            st.sampled_from(["$and", "$or"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=5,
    )


def filters_seen() -> SearchStrategy[Filter]:
    """Filters whose meaning has been seen on AWS or is documented."""
    return filters(seen_conditions())


def filters_of_any_kind() -> SearchStrategy[Filter]:
    """Filters of the whole language except $startsWith, which not every mode has."""
    return filters(equalities() | any_conditions())


def joined(sign: str, branches: Sequence[Filter]) -> Filter:
    return {sign: list(branches)}
