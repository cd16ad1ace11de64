"""Properties of filters: they behave like an algebra of sets.

Negations have `must` properties only where every vector has the field, always of one type. What AWS does in
other cases is not known, so those properties are `may`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.grades import Evidence, Kind
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeIndex

from ..oracle import matches
from .oracle_checks import index_with_metadata
from .strategies import (
    FIELDS,
    Filter,
    Metadata,
    any_conditions,
    arrays,
    equalities,
    filterable,
    filterable_scalars,
    filters_of_any_kind,
    filters_seen,
    joined,
    numbers,
    scalars,
    uniform,
    words,
)

SEEN = filters_seen()
OBJECTS = filterable()
NAMES = st.sampled_from(FIELDS)
LISTS = st.lists(scalars(), min_size=1, max_size=4)
#: A field of `uniform` with a value of its type.
FIELDS_WITH_VALUES = (
    st.tuples(st.just("f"), words())
    | st.tuples(st.just("g"), numbers())
    | st.tuples(st.just("h.i"), st.booleans())
)


def filter_property(
    name: str, *, kind: Kind = "effect", evidence: Evidence = "documented", needs: str = "query"
) -> pytest.MarkDecorator:
    return requirement(
        f"properties.{name}", kind=kind, evidence=evidence, source=sources.FILTERS, needs=needs
    )


def matching_keys(objects: list[Metadata], filter_: Filter) -> set[str]:
    return {f"k{number}" for number, each in enumerate(objects) if matches(each, filter_)}


def all_keys(objects: list[Metadata]) -> set[str]:
    return {f"k{number}" for number in range(len(objects))}


@filter_property("filter")
@given(objects=filterable_scalars(), filter_=SEEN)
def test_a_filter_works_as_documented(
    make_index: MakeIndex, objects: list[Metadata], filter_: Filter
) -> None:
    """A filter of operators with a known meaning selects exactly the matching vectors."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found(filter_) == matching_keys(objects, filter_)


@filter_property("filter-negations")
@given(
    objects=uniform(),
    values_by_field=st.lists(FIELDS_WITH_VALUES, min_size=1, max_size=3),
    sign=st.sampled_from(["$and", "$or"]),
)
def test_a_negation_works_as_documented(
    make_index: MakeIndex, objects: list[Metadata], values_by_field: list[tuple[str, Any]], sign: str
) -> None:
    """For a field that every vector has, always of one type, $ne and $nin select the vectors that differ."""
    filter_ = joined(
        sign, [{name: {"$ne": value}} for name, value in values_by_field] + [{"g": {"$nin": [1, 2]}}]
    )
    with index_with_metadata(make_index, objects) as index:
        assert index.found(filter_) == matching_keys(objects, filter_)


@filter_property("filter-any", kind="open", evidence="inferred")
@given(objects=OBJECTS, filter_=filters_of_any_kind())
def test_the_whole_language(make_index: MakeIndex, objects: list[Metadata], filter_: Filter) -> None:
    """$ne and $nin are the opposites of $eq and $in, any element of an array may match, and ranges match
    numbers only.
    """
    with index_with_metadata(make_index, objects) as index:
        assert index.found(filter_) == matching_keys(objects, filter_)


@filter_property("filter-results")
@given(objects=filterable_scalars(), filter_=SEEN)
def test_every_result_matches(make_index: MakeIndex, objects: list[Metadata], filter_: Filter) -> None:
    """The metadata of a filtered result matches the filter."""
    with index_with_metadata(make_index, objects) as index:
        found = index.query([1, 0], filter=filter_, metadata=True)
        assert all(matches(each["metadata"], filter_) for each in found)


@filter_property("filter-after-writes", evidence="recorded")
@given(first=filterable_scalars(), second=filterable_scalars(), deleted_from=st.integers(0, 8), filter_=SEEN)
def test_a_filter_sees_every_write(
    make_index: MakeIndex,
    *,
    first: list[Metadata],
    second: list[Metadata],
    deleted_from: int,
    filter_: Filter,
) -> None:
    """After overwrites and deletions, a filter selects the vectors that match now, even if it was used
    before.
    """
    stored = dict(enumerate(first))
    with index_with_metadata(make_index, first) as index:
        before = index.found(filter_)
        index.put(*((f"k{number}", [1.0, 0.5], each) for number, each in enumerate(second)))
        index.delete(*(f"k{number}" for number in range(deleted_from, len(first))))
        after = index.found(filter_)
    stored |= dict(enumerate(second))
    assert before == matching_keys(first, filter_)
    remaining = {number: each for number, each in stored.items() if not deleted_from <= number < len(first)}
    assert after == {f"k{number}" for number, each in remaining.items() if matches(each, filter_)}


# $and and $or


@filter_property("and-is-intersection")
@given(objects=OBJECTS, branches=st.lists(SEEN, min_size=1, max_size=3))
def test_and_is_the_intersection(
    make_index: MakeIndex, objects: list[Metadata], branches: list[Filter]
) -> None:
    """$and matches if each of its conditions does."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found(joined("$and", branches)) == set.intersection(*map(index.found, branches))


@filter_property("or-is-union")
@given(objects=OBJECTS, branches=st.lists(SEEN, min_size=1, max_size=3))
def test_or_is_the_union(make_index: MakeIndex, objects: list[Metadata], branches: list[Filter]) -> None:
    """$or matches if any of its conditions does."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found(joined("$or", branches)) == set.union(*map(index.found, branches))


@filter_property("one-branch")
@given(objects=OBJECTS, filter_=SEEN, sign=st.sampled_from(["$and", "$or"]))
def test_a_single_branch(make_index: MakeIndex, objects: list[Metadata], filter_: Filter, sign: str) -> None:
    """A single condition in $and or $or has the same meaning as without it."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({sign: [filter_]}) == index.found(filter_)


@filter_property("twice")
@given(objects=OBJECTS, filter_=SEEN, sign=st.sampled_from(["$and", "$or"]))
def test_a_repeated_condition(
    make_index: MakeIndex, objects: list[Metadata], filter_: Filter, sign: str
) -> None:
    """A condition that is repeated in $and or $or has the same meaning as once."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({sign: [filter_, filter_]}) == index.found(filter_)


@filter_property("branch-order")
@given(
    objects=OBJECTS, branches=st.lists(SEEN, min_size=2, max_size=4), sign=st.sampled_from(["$and", "$or"])
)
def test_the_order_of_branches_does_not_matter(
    make_index: MakeIndex, objects: list[Metadata], branches: list[Filter], sign: str
) -> None:
    """The order of conditions in $and and $or does not matter."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({sign: branches}) == index.found({sign: branches[::-1]})


@filter_property("branch-nesting")
@given(objects=OBJECTS, a=SEEN, b=SEEN, c=SEEN, sign=st.sampled_from(["$and", "$or"]))
def test_branches_may_be_grouped(
    make_index: MakeIndex, objects: list[Metadata], *, a: Filter, b: Filter, c: Filter, sign: str
) -> None:
    """Conditions under the same operator may be grouped in any way."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({sign: [a, {sign: [b, c]}]}) == index.found({sign: [{sign: [a, b]}, c]})


@filter_property("distribution")
@given(objects=OBJECTS, a=SEEN, b=SEEN, c=SEEN, signs=st.sampled_from([("$and", "$or"), ("$or", "$and")]))
def test_and_and_or_are_distributive(
    make_index: MakeIndex, objects: list[Metadata], *, a: Filter, b: Filter, c: Filter, signs: tuple[str, str]
) -> None:
    """$and distributes over $or, and $or over $and."""
    outer, inner = signs
    with index_with_metadata(make_index, objects) as index:
        together = index.found({outer: [a, {inner: [b, c]}]})
        assert together == index.found({inner: [{outer: [a, b]}, {outer: [a, c]}]})


@filter_property("absorption")
@given(objects=OBJECTS, a=SEEN, b=SEEN, signs=st.sampled_from([("$and", "$or"), ("$or", "$and")]))
def test_and_and_or_absorb_each_other(
    make_index: MakeIndex, objects: list[Metadata], a: Filter, b: Filter, signs: tuple[str, str]
) -> None:
    """Both "a and (a or b)" and "a or (a and b)" mean the same as "a"."""
    outer, inner = signs
    with index_with_metadata(make_index, objects) as index:
        assert index.found({outer: [a, {inner: [a, b]}]}) == index.found(a)


# Operators


@filter_property("shorthand")
@given(objects=OBJECTS, name=NAMES, value=scalars())
def test_a_bare_value_means_eq(make_index: MakeIndex, objects: list[Metadata], name: str, value: Any) -> None:
    """A bare value means $eq."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({name: value}) == index.found({name: {"$eq": value}})


@filter_property("in-is-or-of-eq")
@given(objects=filterable_scalars(), name=NAMES, values=LISTS)
def test_in_means_any_eq(
    make_index: MakeIndex, objects: list[Metadata], name: str, values: list[Any]
) -> None:
    """$in matches if $eq matches any of its values."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({name: {"$in": values}}) == index.found({"$or": [{name: each} for each in values]})


@filter_property("in-is-or-of-eq-arrays", kind="open", evidence="inferred")
@given(objects=st.lists(st.fixed_dictionaries({"f": arrays()}), min_size=1, max_size=6), values=LISTS)
def test_in_means_any_eq_for_arrays(
    make_index: MakeIndex, objects: list[Metadata], values: list[Any]
) -> None:
    """$in matches if $eq matches any of its values, for stored arrays, too."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({"f": {"$in": values}}) == index.found({"$or": [{"f": each} for each in values]})


@filter_property("in-order")
@given(objects=OBJECTS, name=NAMES, values=LISTS)
def test_the_order_of_values_does_not_matter(
    make_index: MakeIndex, objects: list[Metadata], name: str, values: list[Any]
) -> None:
    """The order and repetition of values under $in do not matter."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({name: {"$in": values}}) == index.found({name: {"$in": values[::-1] + values[:1]}})


@filter_property("nin-is-and-of-ne")
@given(objects=uniform(), values=st.lists(numbers(), min_size=1, max_size=4))
def test_nin_means_every_ne(make_index: MakeIndex, objects: list[Metadata], values: list[Any]) -> None:
    """$nin matches if $ne matches each of its values."""
    with index_with_metadata(make_index, objects) as index:
        each_differs = {"$and": [{"g": {"$ne": each}} for each in values]}
        assert index.found({"g": {"$nin": values}}) == index.found(each_differs)


@filter_property("nin-is-and-of-ne-any", kind="open", evidence="inferred")
@given(objects=OBJECTS, name=NAMES, values=LISTS)
def test_nin_means_every_ne_for_any_value(
    make_index: MakeIndex, objects: list[Metadata], name: str, values: list[Any]
) -> None:
    """$nin matches if $ne matches each of its values, whatever is stored, even if the field is missing."""
    with index_with_metadata(make_index, objects) as index:
        each_differs = {"$and": [{name: {"$ne": each}} for each in values]}
        assert index.found({name: {"$nin": values}}) == index.found(each_differs)


@filter_property("ne-complements-eq")
@given(objects=uniform(), values_by_field=FIELDS_WITH_VALUES)
def test_ne_is_the_complement_of_eq(
    make_index: MakeIndex, objects: list[Metadata], values_by_field: tuple[str, Any]
) -> None:
    """Every vector that has the field matches either $eq or $ne."""
    name, value = values_by_field
    with index_with_metadata(make_index, objects) as index:
        assert index.found({name: {"$ne": value}}) == all_keys(objects) - index.found({name: {"$eq": value}})


@filter_property("nin-complements-in")
@given(objects=uniform(), values=st.lists(words(), min_size=1, max_size=4))
def test_nin_is_the_complement_of_in(
    make_index: MakeIndex, objects: list[Metadata], values: list[str]
) -> None:
    """Every vector that has the field matches either $in or $nin."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({"f": {"$nin": values}}) == all_keys(objects) - index.found({"f": {"$in": values}})


@filter_property("de-morgan")
@given(objects=uniform(), values_by_field=st.lists(FIELDS_WITH_VALUES, min_size=2, max_size=3))
def test_de_morgan(
    make_index: MakeIndex, objects: list[Metadata], values_by_field: list[tuple[str, Any]]
) -> None:
    """De Morgan's rules hold: no $eq matches exactly if every $ne matches, and the other way round."""
    equal = [{name: {"$eq": value}} for name, value in values_by_field]
    unequal = [{name: {"$ne": value}} for name, value in values_by_field]
    with index_with_metadata(make_index, objects) as index:
        assert index.found({"$and": unequal}) == all_keys(objects) - index.found({"$or": equal})
        assert index.found({"$or": unequal}) == all_keys(objects) - index.found({"$and": equal})


@filter_property("complements-any", kind="open", evidence="inferred")
@given(objects=OBJECTS, name=NAMES, values=LISTS)
def test_a_negation_is_a_complement_for_any_value(
    make_index: MakeIndex, objects: list[Metadata], name: str, values: list[Any]
) -> None:
    """Every vector matches either $in or $nin, whatever is stored, even if the field is missing."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({name: {"$nin": values}}) == all_keys(objects) - index.found(
            {name: {"$in": values}}
        )


@filter_property("range-split")
@given(objects=filterable_scalars(), name=NAMES, bound=numbers())
def test_a_bound_splits_the_numbers(
    make_index: MakeIndex, objects: list[Metadata], name: str, bound: float
) -> None:
    """Every number matches either $lt or $gte, and either $lte or $gt."""
    with index_with_metadata(make_index, objects) as index:
        below, above = index.found({name: {"$lt": bound}}), index.found({name: {"$gte": bound}})
        assert not below & above
        assert below | above == index.found({name: {"$lte": bound}}) | index.found({name: {"$gt": bound}})


@filter_property("range-edge")
@given(objects=filterable_scalars(), name=NAMES, bound=numbers())
def test_a_bound_itself_is_equality(
    make_index: MakeIndex, objects: list[Metadata], name: str, bound: float
) -> None:
    """A value that matches $gte but not $gt, or $lte but not $lt, is equal to the bound."""
    with index_with_metadata(make_index, objects) as index:
        equal = index.found({name: bound})
        assert index.found({name: {"$gte": bound}}) - index.found({name: {"$gt": bound}}) == equal
        assert index.found({name: {"$lte": bound}}) - index.found({name: {"$lt": bound}}) == equal


@filter_property("range-both")
@given(objects=filterable_scalars(), name=NAMES, bound=numbers())
def test_at_least_and_at_most_is_equality(
    make_index: MakeIndex, objects: list[Metadata], name: str, bound: float
) -> None:
    """A value that matches $gte and $lte with the same bound is equal to it."""
    with index_with_metadata(make_index, objects) as index:
        assert index.found({name: {"$gte": bound, "$lte": bound}}) == index.found({name: bound})


@filter_property("range-grows")
@given(objects=filterable_scalars(), name=NAMES, bounds=st.tuples(numbers(), numbers()))
def test_a_higher_bound_selects_less(
    make_index: MakeIndex, objects: list[Metadata], name: str, bounds: tuple[float, float]
) -> None:
    """A value that exceeds the higher of two bounds exceeds the lower."""
    with index_with_metadata(make_index, objects) as index:
        low, high = (index.found({name: {"$gt": bound}}) for bound in sorted(bounds))
        assert high <= low


@filter_property("operators-are-and")
@given(objects=uniform(), low=numbers(), high=numbers(), other=numbers())
def test_several_operators_are_combined_with_and(
    make_index: MakeIndex, objects: list[Metadata], low: float, high: float, other: float
) -> None:
    """Several operators under one field mean all of them."""
    operators = {"$gte": low, "$lte": high, "$ne": other}
    with index_with_metadata(make_index, objects) as index:
        separate = {"$and": [{"g": {sign: operand}} for sign, operand in operators.items()]}
        assert index.found({"g": operators}) == index.found(separate)


@filter_property("operators-are-and-any", kind="open", evidence="inferred")
@given(objects=OBJECTS, condition=any_conditions())
def test_any_operators_are_combined_with_and(
    make_index: MakeIndex, objects: list[Metadata], condition: Filter
) -> None:
    """Several operators of any kind under one field mean all of them."""
    ((name, operators),) = condition.items()
    with index_with_metadata(make_index, objects) as index:
        separate = {"$and": [{name: {sign: operand}} for sign, operand in operators.items()]}
        assert index.found(condition) == index.found(separate)


@filter_property("exists-complements")
@given(objects=OBJECTS, name=NAMES)
def test_a_field_exists_or_not(make_index: MakeIndex, objects: list[Metadata], name: str) -> None:
    """Every vector matches either $exists true or $exists false."""
    with index_with_metadata(make_index, objects) as index:
        present, absent = index.found({name: {"$exists": True}}), index.found({name: {"$exists": False}})
        assert present == {f"k{number}" for number, each in enumerate(objects) if name in each}
        assert absent == all_keys(objects) - present


@filter_property("eq-implies-exists")
@given(objects=OBJECTS, equality=equalities())
def test_eq_implies_exists(make_index: MakeIndex, objects: list[Metadata], equality: Filter) -> None:
    """A field that equals a value exists, so $exists true adds nothing to equality."""
    (name,) = equality
    with index_with_metadata(make_index, objects) as index:
        assert index.found({"$and": [equality, {name: {"$exists": True}}]}) == index.found(equality)
        assert index.found({"$and": [equality, {name: {"$exists": False}}]}) == set()


@filter_property("starts-with", needs="query modes")
@given(objects=uniform(), prefix=words())
def test_starts_with_selects_by_prefix(make_index: MakeIndex, objects: list[Metadata], prefix: str) -> None:
    """$startsWith selects the texts that start with its operand."""
    with index_with_metadata(make_index, objects) as index:
        expected = {f"k{number}" for number, each in enumerate(objects) if each["f"].startswith(prefix)}
        assert index.found({"f": {"$startsWith": prefix}}) == expected


@filter_property("starts-with-longer", needs="query modes")
@given(objects=uniform(), prefix=words(), more=words())
def test_a_longer_prefix_selects_less(
    make_index: MakeIndex, objects: list[Metadata], prefix: str, more: str
) -> None:
    """A text that starts with a longer prefix starts with a shorter one."""
    with index_with_metadata(make_index, objects) as index:
        longer = index.found({"f": {"$startsWith": prefix + more}})
        assert longer <= index.found({"f": {"$startsWith": prefix}})
        assert index.found({"f": prefix + more}) <= longer
