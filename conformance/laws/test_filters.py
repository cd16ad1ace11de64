"""Laws of filters: an algebra of sets, as far as the language goes.

Negations are held to laws only where every vector has the field, always of one type; what they do elsewhere
nobody has seen on AWS, and is a `may`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.testing import sources
from vecgate.testing.requirements import Evidence, Level, requirement
from vecgate.testing.resources import MakeIndex

from ..oracle import matches
from .judging import holding
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
#: A value of the type that `uniform` has under each field.
FITTING = (
    st.tuples(st.just("f"), words())
    | st.tuples(st.just("g"), numbers())
    | st.tuples(st.just("h.i"), st.booleans())
)


def law(
    name: str, *, level: Level = "must", evidence: Evidence = "documented", needs: str = "query"
) -> pytest.MarkDecorator:
    return requirement(f"laws.{name}", level=level, evidence=evidence, source=sources.FILTERS, needs=needs)


def selected(objects: list[Metadata], filter_: Filter) -> set[str]:
    return {f"k{number}" for number, each in enumerate(objects) if matches(each, filter_)}


def everything(objects: list[Metadata]) -> set[str]:
    return {f"k{number}" for number in range(len(objects))}


@law("filter")
@given(objects=filterable_scalars(), filter_=SEEN)
def test_a_filter_means_what_the_guide_says(
    make_index: MakeIndex, objects: list[Metadata], filter_: Filter
) -> None:
    """A filter of operators whose meaning is known lets through exactly what matches it."""
    with holding(make_index, objects) as index:
        assert index.found(filter_) == selected(objects, filter_)


@law("filter-negations")
@given(
    objects=uniform(),
    fitting=st.lists(FITTING, min_size=1, max_size=3),
    sign=st.sampled_from(["$and", "$or"]),
)
def test_a_negation_means_what_the_guide_says(
    make_index: MakeIndex, objects: list[Metadata], fitting: list[tuple[str, Any]], sign: str
) -> None:
    """Of vectors that have a field, always of one type, $ne and $nin let through those that differ."""
    filter_ = joined(sign, [{name: {"$ne": value}} for name, value in fitting] + [{"g": {"$nin": [1, 2]}}])
    with holding(make_index, objects) as index:
        assert index.found(filter_) == selected(objects, filter_)


@law("filter-any", level="may", evidence="inferred")
@given(objects=OBJECTS, filter_=filters_of_any_kind())
def test_the_whole_language(make_index: MakeIndex, objects: list[Metadata], filter_: Filter) -> None:
    """Negations are the opposite, arrays any of their elements, and numbers alone have an order."""
    with holding(make_index, objects) as index:
        assert index.found(filter_) == selected(objects, filter_)


@law("filter-results")
@given(objects=filterable_scalars(), filter_=SEEN)
def test_every_result_matches(make_index: MakeIndex, objects: list[Metadata], filter_: Filter) -> None:
    """The metadata that a filtered result carries passes the filter."""
    with holding(make_index, objects) as index:
        found = index.query([1, 0], filter=filter_, metadata=True)
        assert all(matches(each["metadata"], filter_) for each in found)


@law("filter-after-writes", evidence="recorded")
@given(first=filterable_scalars(), second=filterable_scalars(), kept=st.integers(0, 8), filter_=SEEN)
def test_a_filter_sees_every_write(
    make_index: MakeIndex, *, first: list[Metadata], second: list[Metadata], kept: int, filter_: Filter
) -> None:
    """After overwrites and deletions a filter, used before or not, lets through what matches it now."""
    stored = dict(enumerate(first))
    with holding(make_index, first) as index:
        before = index.found(filter_)
        index.put(*((f"k{number}", [1.0, 0.5], each) for number, each in enumerate(second)))
        index.delete(*(f"k{number}" for number in range(kept, len(first))))
        again = index.found(filter_)
    stored |= dict(enumerate(second))
    assert before == selected(first, filter_)
    left = {number: each for number, each in stored.items() if not kept <= number < len(first)}
    assert again == {f"k{number}" for number, each in left.items() if matches(each, filter_)}


# Joining


@law("and-is-intersection")
@given(objects=OBJECTS, branches=st.lists(SEEN, min_size=1, max_size=3))
def test_and_is_the_intersection(
    make_index: MakeIndex, objects: list[Metadata], branches: list[Filter]
) -> None:
    """What passes $and is what passes each of its conditions."""
    with holding(make_index, objects) as index:
        assert index.found(joined("$and", branches)) == set.intersection(*map(index.found, branches))


@law("or-is-union")
@given(objects=OBJECTS, branches=st.lists(SEEN, min_size=1, max_size=3))
def test_or_is_the_union(make_index: MakeIndex, objects: list[Metadata], branches: list[Filter]) -> None:
    """What passes $or is what passes any of its conditions."""
    with holding(make_index, objects) as index:
        assert index.found(joined("$or", branches)) == set.union(*map(index.found, branches))


@law("one-branch")
@given(objects=OBJECTS, filter_=SEEN, sign=st.sampled_from(["$and", "$or"]))
def test_a_branch_alone_is_itself(
    make_index: MakeIndex, objects: list[Metadata], filter_: Filter, sign: str
) -> None:
    """A condition alone in $and or $or means what it means without."""
    with holding(make_index, objects) as index:
        assert index.found({sign: [filter_]}) == index.found(filter_)


@law("twice")
@given(objects=OBJECTS, filter_=SEEN, sign=st.sampled_from(["$and", "$or"]))
def test_twice_is_once(make_index: MakeIndex, objects: list[Metadata], filter_: Filter, sign: str) -> None:
    """A filter that is applied twice means what it means once."""
    with holding(make_index, objects) as index:
        assert index.found({sign: [filter_, filter_]}) == index.found(filter_)


@law("branch-order")
@given(
    objects=OBJECTS, branches=st.lists(SEEN, min_size=2, max_size=4), sign=st.sampled_from(["$and", "$or"])
)
def test_the_order_of_branches_is_no_matter(
    make_index: MakeIndex, objects: list[Metadata], branches: list[Filter], sign: str
) -> None:
    """Conditions may be joined in any order."""
    with holding(make_index, objects) as index:
        assert index.found({sign: branches}) == index.found({sign: branches[::-1]})


@law("branch-nesting")
@given(objects=OBJECTS, a=SEEN, b=SEEN, c=SEEN, sign=st.sampled_from(["$and", "$or"]))
def test_branches_may_be_grouped(
    make_index: MakeIndex, objects: list[Metadata], *, a: Filter, b: Filter, c: Filter, sign: str
) -> None:
    """Conditions that are joined alike may be grouped in any way."""
    with holding(make_index, objects) as index:
        assert index.found({sign: [a, {sign: [b, c]}]}) == index.found({sign: [{sign: [a, b]}, c]})


@law("distribution")
@given(objects=OBJECTS, a=SEEN, b=SEEN, c=SEEN, signs=st.sampled_from([("$and", "$or"), ("$or", "$and")]))
def test_one_branch_distributes_over_the_other(
    make_index: MakeIndex, objects: list[Metadata], *, a: Filter, b: Filter, c: Filter, signs: tuple[str, str]
) -> None:
    """The operator $and distributes over $or, and $or over $and."""
    outer, inner = signs
    with holding(make_index, objects) as index:
        together = index.found({outer: [a, {inner: [b, c]}]})
        assert together == index.found({inner: [{outer: [a, b]}, {outer: [a, c]}]})


@law("absorption")
@given(objects=OBJECTS, a=SEEN, b=SEEN, signs=st.sampled_from([("$and", "$or"), ("$or", "$and")]))
def test_one_branch_absorbs_the_other(
    make_index: MakeIndex, objects: list[Metadata], a: Filter, b: Filter, signs: tuple[str, str]
) -> None:
    """A condition joined with itself-or-another, or with itself-and-another, is itself."""
    outer, inner = signs
    with holding(make_index, objects) as index:
        assert index.found({outer: [a, {inner: [a, b]}]}) == index.found(a)


# Operators


@law("shorthand")
@given(objects=OBJECTS, name=NAMES, value=scalars())
def test_a_bare_value_is_equality(
    make_index: MakeIndex, objects: list[Metadata], name: str, value: Any
) -> None:
    """A bare value means $eq."""
    with holding(make_index, objects) as index:
        assert index.found({name: value}) == index.found({name: {"$eq": value}})


@law("in-is-or-of-eq")
@given(objects=filterable_scalars(), name=NAMES, values=LISTS)
def test_in_is_any_equality(
    make_index: MakeIndex, objects: list[Metadata], name: str, values: list[Any]
) -> None:
    """The operator $in means any of its values under $eq."""
    with holding(make_index, objects) as index:
        assert index.found({name: {"$in": values}}) == index.found({"$or": [{name: each} for each in values]})


@law("in-is-or-of-eq-arrays", level="may", evidence="inferred")
@given(objects=st.lists(st.fixed_dictionaries({"f": arrays()}), min_size=1, max_size=6), values=LISTS)
def test_in_is_any_equality_of_arrays(
    make_index: MakeIndex, objects: list[Metadata], values: list[Any]
) -> None:
    """The operator $in means any of its values under $eq, where arrays are stored too."""
    with holding(make_index, objects) as index:
        assert index.found({"f": {"$in": values}}) == index.found({"$or": [{"f": each} for each in values]})


@law("in-order")
@given(objects=OBJECTS, name=NAMES, values=LISTS)
def test_a_list_is_a_set(
    make_index: MakeIndex, objects: list[Metadata], name: str, values: list[Any]
) -> None:
    """In what order, and how often, values are listed under $in is no matter."""
    with holding(make_index, objects) as index:
        assert index.found({name: {"$in": values}}) == index.found({name: {"$in": values[::-1] + values[:1]}})


@law("nin-is-and-of-ne")
@given(objects=uniform(), values=st.lists(numbers(), min_size=1, max_size=4))
def test_nin_is_every_inequality(make_index: MakeIndex, objects: list[Metadata], values: list[Any]) -> None:
    """The operator $nin means each of its values under $ne."""
    with holding(make_index, objects) as index:
        each_differs = {"$and": [{"g": {"$ne": each}} for each in values]}
        assert index.found({"g": {"$nin": values}}) == index.found(each_differs)


@law("nin-is-and-of-ne-any", level="may", evidence="inferred")
@given(objects=OBJECTS, name=NAMES, values=LISTS)
def test_nin_is_every_inequality_of_anything(
    make_index: MakeIndex, objects: list[Metadata], name: str, values: list[Any]
) -> None:
    """The operator $nin means each of its values under $ne, whatever is stored, or nothing."""
    with holding(make_index, objects) as index:
        each_differs = {"$and": [{name: {"$ne": each}} for each in values]}
        assert index.found({name: {"$nin": values}}) == index.found(each_differs)


@law("ne-complements-eq")
@given(objects=uniform(), fitting=FITTING)
def test_ne_is_the_rest_of_eq(
    make_index: MakeIndex, objects: list[Metadata], fitting: tuple[str, Any]
) -> None:
    """Every vector that has the field passes $eq or $ne, and none both."""
    name, value = fitting
    with holding(make_index, objects) as index:
        assert index.found({name: {"$ne": value}}) == everything(objects) - index.found(
            {name: {"$eq": value}}
        )


@law("nin-complements-in")
@given(objects=uniform(), values=st.lists(words(), min_size=1, max_size=4))
def test_nin_is_the_rest_of_in(make_index: MakeIndex, objects: list[Metadata], values: list[str]) -> None:
    """Every vector that has the field passes $in or $nin, and none both."""
    with holding(make_index, objects) as index:
        assert index.found({"f": {"$nin": values}}) == everything(objects) - index.found(
            {"f": {"$in": values}}
        )


@law("de-morgan")
@given(objects=uniform(), fitting=st.lists(FITTING, min_size=2, max_size=3))
def test_de_morgan(make_index: MakeIndex, objects: list[Metadata], fitting: list[tuple[str, Any]]) -> None:
    """What passes no equality passes every inequality, and what fails one equality passes one inequality."""
    equal = [{name: {"$eq": value}} for name, value in fitting]
    unequal = [{name: {"$ne": value}} for name, value in fitting]
    with holding(make_index, objects) as index:
        assert index.found({"$and": unequal}) == everything(objects) - index.found({"$or": equal})
        assert index.found({"$or": unequal}) == everything(objects) - index.found({"$and": equal})


@law("complements-any", level="may", evidence="inferred")
@given(objects=OBJECTS, name=NAMES, values=LISTS)
def test_a_negation_is_the_rest_of_anything(
    make_index: MakeIndex, objects: list[Metadata], name: str, values: list[Any]
) -> None:
    """Every vector passes $in or $nin, whatever is stored, or nothing, and none both."""
    with holding(make_index, objects) as index:
        assert index.found({name: {"$nin": values}}) == everything(objects) - index.found(
            {name: {"$in": values}}
        )


@law("range-split")
@given(objects=filterable_scalars(), name=NAMES, bound=numbers())
def test_a_bound_splits_the_numbers(
    make_index: MakeIndex, objects: list[Metadata], name: str, bound: float
) -> None:
    """Every number is below a bound or not: $lt and $gte part the numbers, and so do $lte and $gt."""
    with holding(make_index, objects) as index:
        below, above = index.found({name: {"$lt": bound}}), index.found({name: {"$gte": bound}})
        assert not below & above
        assert below | above == index.found({name: {"$lte": bound}}) | index.found({name: {"$gt": bound}})


@law("range-edge")
@given(objects=filterable_scalars(), name=NAMES, bound=numbers())
def test_an_edge_is_equality(make_index: MakeIndex, objects: list[Metadata], name: str, bound: float) -> None:
    """What passes $gte and not $gt is equal to the bound, and so is what passes $lte and not $lt."""
    with holding(make_index, objects) as index:
        equal = index.found({name: bound})
        assert index.found({name: {"$gte": bound}}) - index.found({name: {"$gt": bound}}) == equal
        assert index.found({name: {"$lte": bound}}) - index.found({name: {"$lt": bound}}) == equal


@law("range-both")
@given(objects=filterable_scalars(), name=NAMES, bound=numbers())
def test_at_least_and_at_most_is_equality(
    make_index: MakeIndex, objects: list[Metadata], name: str, bound: float
) -> None:
    """What is at least a bound and at most the same is equal to it."""
    with holding(make_index, objects) as index:
        assert index.found({name: {"$gte": bound, "$lte": bound}}) == index.found({name: bound})


@law("range-grows")
@given(objects=filterable_scalars(), name=NAMES, bounds=st.tuples(numbers(), numbers()))
def test_a_higher_bound_lets_less_through(
    make_index: MakeIndex, objects: list[Metadata], name: str, bounds: tuple[float, float]
) -> None:
    """What passes the higher of two bounds passes the lower."""
    with holding(make_index, objects) as index:
        low, high = (index.found({name: {"$gt": bound}}) for bound in sorted(bounds))
        assert high <= low


@law("operators-are-and")
@given(objects=uniform(), low=numbers(), high=numbers(), other=numbers())
def test_operators_beside_one_another_are_joined(
    make_index: MakeIndex, objects: list[Metadata], low: float, high: float, other: float
) -> None:
    """Several operators under one field mean all of them."""
    operators = {"$gte": low, "$lte": high, "$ne": other}
    with holding(make_index, objects) as index:
        apart = {"$and": [{"g": {sign: operand}} for sign, operand in operators.items()]}
        assert index.found({"g": operators}) == index.found(apart)


@law("operators-are-and-any", level="may", evidence="inferred")
@given(objects=OBJECTS, condition=any_conditions())
def test_any_operators_beside_one_another_are_joined(
    make_index: MakeIndex, objects: list[Metadata], condition: Filter
) -> None:
    """Several operators of any kind under one field mean all of them."""
    ((name, operators),) = condition.items()
    with holding(make_index, objects) as index:
        apart = {"$and": [{name: {sign: operand}} for sign, operand in operators.items()]}
        assert index.found(condition) == index.found(apart)


@law("exists-complements")
@given(objects=OBJECTS, name=NAMES)
def test_a_field_is_there_or_not(make_index: MakeIndex, objects: list[Metadata], name: str) -> None:
    """Every vector has a field or has it not: $exists true and false part all vectors."""
    with holding(make_index, objects) as index:
        there, absent = index.found({name: {"$exists": True}}), index.found({name: {"$exists": False}})
        assert there == {f"k{number}" for number, each in enumerate(objects) if name in each}
        assert absent == everything(objects) - there


@law("eq-implies-exists")
@given(objects=OBJECTS, equality=equalities())
def test_what_is_equal_is_there(make_index: MakeIndex, objects: list[Metadata], equality: Filter) -> None:
    """What equals a value has the field, so $exists true adds nothing to equality."""
    (name,) = equality
    with holding(make_index, objects) as index:
        assert index.found({"$and": [equality, {name: {"$exists": True}}]}) == index.found(equality)
        assert index.found({"$and": [equality, {name: {"$exists": False}}]}) == set()


@law("starts-with", needs="query modes")
@given(objects=uniform(), prefix=words())
def test_a_prefix_is_any_text_that_starts_with_it(
    make_index: MakeIndex, objects: list[Metadata], prefix: str
) -> None:
    """The operator $startsWith lets through the texts that start with another."""
    with holding(make_index, objects) as index:
        expected = {f"k{number}" for number, each in enumerate(objects) if each["f"].startswith(prefix)}
        assert index.found({"f": {"$startsWith": prefix}}) == expected


@law("starts-with-longer", needs="query modes")
@given(objects=uniform(), prefix=words(), more=words())
def test_a_longer_prefix_lets_less_through(
    make_index: MakeIndex, objects: list[Metadata], prefix: str, more: str
) -> None:
    """What starts with a longer text starts with its beginning."""
    with holding(make_index, objects) as index:
        longer = index.found({"f": {"$startsWith": prefix + more}})
        assert longer <= index.found({"f": {"$startsWith": prefix}})
        assert index.found({"f": prefix + more}) <= longer
