"""The filter language of QueryVectors.

A condition is an object with exactly one key: `$and`, `$or`, or a metadata key. The value of a metadata key
is a value (equality) or an object of operators, all of which must hold. A dot in a key never means nesting.
Operands were probed on AWS in September 2026. The treatment of absent keys and of arrays by `$ne`, `$nin`,
`$in` and ranges is inferred: the negation of `$eq`, any element, no match. The guide (read 2026-11-24):
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias, TypeGuard

from vecgate.endpoint.requests.messages import ApiError, invalid
from vecgate.endpoint.search.metadata_columns import Mask, MetadataColumn
from vecgate.endpoint.storage.vector_table import VectorTable
from vecgate.s3vectors.limits import FILTER_CONSTRAINTS_MAX
from vecgate.s3vectors.metadata import Metadata

#: Decides for the metadata of one vector, or for all rows of a table at once.
Predicate: TypeAlias = Callable[[Metadata], bool]
Selection: TypeAlias = Callable[[VectorTable], Mask]

#: Represents an absent key in a `FilterTest`.
ABSENT = object()
#: AWS documents no limit of nesting, but Python's stack has one.
DEPTH_MAX = 100
#: Nor one of CLASSIC filters, but each part of them is compared with every vector, and each key has a column.
NODES_MAX, FIELDS_MAX = 10_000, 100
STARTS_WITH = "$startsWith"
NEGATIONS = frozenset({"$ne", "$nin"})


@dataclass(frozen=True, slots=True)
class FilterTest:
    """A test of the value of one metadata key.

    matches  returns whether a value, or `ABSENT`, passes
    select   the same for the first rows of a column, shape (count,)
    """

    matches: Callable[[Any], bool]
    select: Callable[[MetadataColumn, int], Mask]


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter.

    matches      returns whether the metadata of a vector passes
    select       the same for all rows of a table at once, shape (n,)
    fields       the metadata keys that it names
    constraints  the number of values that it compares with, counted as the service does
    """

    matches: Predicate
    select: Selection
    fields: frozenset[str]
    constraints: int


@dataclass(frozen=True, slots=True)
class Combination:
    """`$and` or `$or`, for the results of one vector and for masks of rows."""

    combine_results: Callable[[Iterable[bool]], bool]
    combine_masks: Callable[[Mask, Mask], Mask]


@dataclass(frozen=True, slots=True)
class FilterLanguage:
    """The variants of the filter language.

    operators          builds the test of an operator, by its name
    ne_matches_absent  `$ne` and `$nin` match vectors that lack the key
    """

    operators: Mapping[str, Callable[[object], FilterTest]]
    ne_matches_absent: bool


def parse_filter(
    document: object,
    *,
    non_filterable: Collection[str] = (),
    ne_matches_absent: bool = True,
    classic: bool = False,
) -> Filter:
    """Return the filter in *document*. Raises ApiError if the service refuses it.

    *ne_matches_absent*: `$ne` and `$nin` match vectors that lack the key. *classic*: as in CLASSIC queries,
    without `$startsWith` and without the limit of constraints.
    """
    _check_extent(document, classic=classic)
    operators = {name: build for name, build in OPERATORS.items() if name != STARTS_WITH or not classic}
    parsed = _parse_condition(document, FilterLanguage(operators, ne_matches_absent), DEPTH_MAX)
    if not parsed.fields.isdisjoint(non_filterable):
        raise _invalid("Invalid use of non-filterable metadata in filter")
    if parsed.constraints > FILTER_CONSTRAINTS_MAX and not classic:
        raise _too_many_constraints()
    if len(parsed.fields) > FIELDS_MAX:
        raise _invalid(f"Filter must name at most {FIELDS_MAX} metadata keys")
    return parsed


def _check_extent(document: object, *, classic: bool) -> None:
    """Raise ApiError for a filter of too many values or levels, without visiting more than are allowed."""
    level, nodes = [document], 0
    for _ in range(2 * DEPTH_MAX):  # a condition is an object in a list: two levels
        below: list[object] = []
        for node in level:
            inner = node if isinstance(node, list) else node.values() if isinstance(node, dict) else ()
            nodes += len(inner)
            if nodes > NODES_MAX and not classic:
                raise _too_many_constraints()
            if nodes > NODES_MAX:
                raise _invalid(f"Filter must have at most {NODES_MAX} values")
            below += inner
        if not below:
            return
        level = below
    raise _invalid()


def _too_many_constraints() -> ApiError:
    return _invalid(f"Filter must have at most {FILTER_CONSTRAINTS_MAX} constraints")


def _invalid(message: str = "Invalid filter") -> ApiError:
    return invalid(message, path="filter")


def _parse_condition(document: object, language: FilterLanguage, depth: int) -> Filter:
    if not isinstance(document, dict) or len(document) != 1 or not depth:
        raise _invalid()
    ((name, operand),) = document.items()
    if name in COMBINATIONS:
        return _parse_combination(COMBINATIONS[name], operand, language, depth - 1)
    if name.startswith("$"):
        raise _invalid()
    return _parse_field(name, operand, language)


def _parse_combination(
    combination: Combination, operand: object, language: FilterLanguage, depth: int
) -> Filter:
    if not isinstance(operand, list) or not operand:
        raise _invalid()
    parts = [_parse_condition(each, language, depth) for each in operand]
    return Filter(
        lambda metadata: combination.combine_results(part.matches(metadata) for part in parts),
        lambda table: reduce(combination.combine_masks, (part.select(table) for part in parts)),
        frozenset().union(*(part.fields for part in parts)),
        sum(part.constraints for part in parts),
    )


def _parse_field(name: str, operand: object, language: FilterLanguage) -> Filter:
    operators = operand if isinstance(operand, dict) else {"$eq": operand}
    if not operators or not operators.keys() <= language.operators.keys():
        raise _invalid()
    tests = [language.operators[operator_name](value) for operator_name, value in operators.items()]
    if not language.ne_matches_absent and not NEGATIONS.isdisjoint(operators):
        tests.append(_exists(operand=True))
    count = sum(len(value) if isinstance(value, list) else 1 for value in operators.values())

    def select(table: VectorTable) -> Mask:
        column = table.column(name)
        return reduce(operator.and_, (test.select(column, len(table)) for test in tests))

    return Filter(
        lambda metadata: all(test.matches(metadata.get(name, ABSENT)) for test in tests),
        select,
        frozenset({name}),
        count,
    )


def _equal(operand: object) -> FilterTest:
    if not _is_scalar(operand):
        raise _invalid()
    return _one_of([operand])


def _in(operand: object) -> FilterTest:
    if not isinstance(operand, list) or not operand or not all(map(_is_scalar, operand)):
        raise _invalid()
    return _one_of(operand)


def _one_of(operands: Sequence[Any]) -> FilterTest:
    # In Python True equals 1; in the service it does not.
    booleans = frozenset(each for each in operands if isinstance(each, bool))
    others = frozenset(each for each in operands if not isinstance(each, bool))

    def matches(value: Any) -> bool:  # noqa: ANN401 - metadata holds any JSON scalar
        if isinstance(value, list):
            return any(element in others for element in value)
        return value in (booleans if isinstance(value, bool) else others)

    return FilterTest(matches, lambda column, count: column.equals_any([*booleans, *others], count))


def _negated(build_positive: Callable[[object], FilterTest]) -> Callable[[object], FilterTest]:
    def build(operand: object) -> FilterTest:
        test = build_positive(operand)
        return FilterTest(
            lambda value: not test.matches(value), lambda column, count: ~test.select(column, count)
        )

    return build


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[object], FilterTest]:
    def build(operand: object) -> FilterTest:
        if not _is_number(operand):
            raise _invalid()
        return FilterTest(
            lambda value: _is_number(value) and compare(value, operand),
            lambda column, count: column.compare(compare, operand, count),
        )

    return build


def _exists(operand: object) -> FilterTest:
    if not isinstance(operand, bool):
        raise _invalid()
    return FilterTest(
        lambda value: (value is not ABSENT) is operand,
        lambda column, count: column.is_present(count) == operand,
    )


def _starts_with(operand: object) -> FilterTest:
    if not isinstance(operand, str):
        raise _invalid()
    return FilterTest(
        lambda value: isinstance(value, str) and value.startswith(operand),
        lambda column, count: column.starts_with(operand, count),
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


COMBINATIONS: Mapping[str, Combination] = {
    "$and": Combination(all, operator.and_),
    "$or": Combination(any, operator.or_),
}
OPERATORS: Mapping[str, Callable[[object], FilterTest]] = {
    "$eq": _equal,
    "$ne": _negated(_equal),
    "$in": _in,
    "$nin": _negated(_in),
    "$gt": _ordered(operator.gt),
    "$gte": _ordered(operator.ge),
    "$lt": _ordered(operator.lt),
    "$lte": _ordered(operator.le),
    "$exists": _exists,
    STARTS_WITH: _starts_with,
}
