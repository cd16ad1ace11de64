"""The filter language of QueryVectors.

A condition is an object with exactly one key: `$and`, `$or`, or a metadata key. Under a metadata key stands
a value (equality) or an object of operators, all of which must hold. A dot never means nesting. Operands were
probed on AWS in September 2026; what `$ne`, `$nin`, `$in` and ranges do with absent keys and arrays is
inferred: the negation of `$eq`, any element, no match. The guide, read 2026-11-24:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias, TypeGuard

from vecgate.endpoint.answers import Refused, invalid
from vecgate.endpoint.columns import Column, Mask
from vecgate.endpoint.table import VectorTable
from vecgate.s3vectors.limits import FILTER_CONSTRAINTS_MAX
from vecgate.s3vectors.metadata import Metadata

#: Whether metadata is let through, one at a time, or all rows of a table at once.
Predicate: TypeAlias = Callable[[Metadata], bool]
Selection: TypeAlias = Callable[[VectorTable], Mask]

#: What stands for no value in a `Test`.
ABSENT = object()
#: Ours: no limit is documented, and Python's stack has one.
DEPTH_MAX = 100
STARTS_WITH = "$startsWith"
NEGATIONS = frozenset({"$ne", "$nin"})


@dataclass(frozen=True, slots=True)
class Test:
    """What is asked of the value under a metadata key.

    of_value   whether a value, or `ABSENT`, will do
    of_column  the same for the first so many rows of a column
    """

    of_value: Callable[[Any], bool]
    of_column: Callable[[Column, int], Mask]


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter ready for use.

    matches      whether it lets metadata through
    select       which rows of a table it lets through, shape (n,): the same, all at once
    fields       the metadata keys that it names
    constraints  how many values it compares with, as the service counts them
    """

    matches: Predicate
    select: Selection
    fields: frozenset[str]
    constraints: int


@dataclass(frozen=True, slots=True)
class Branch:
    """How the parts of `$and` or `$or` go together."""

    of_one: Callable[[Iterable[bool]], bool]
    of_rows: Callable[[Mask, Mask], Mask]


@dataclass(frozen=True, slots=True)
class Language:
    """The filter language where it has variants.

    operators       makes the test of an operator, by its sign
    absent_differs  whether `$ne` and `$nin` match where the key is absent
    """

    operators: Mapping[str, Callable[[object], Test]]
    absent_differs: bool


def parse_filter(
    document: object,
    *,
    non_filterable: Collection[str] = (),
    absent_differs: bool = True,
    classic: bool = False,
) -> Filter:
    """The filter that *document* spells. Raises Refused for one that the service refuses.

    *absent_differs*: `$ne` and `$nin` let through what has no such key. *classic*: as CLASSIC queries take
    it, without `$startsWith` and without a limit of constraints.
    """
    operators = {sign: test for sign, test in OPERATORS.items() if sign != STARTS_WITH or not classic}
    parsed = _condition(document, Language(operators, absent_differs), DEPTH_MAX)
    if not parsed.fields.isdisjoint(non_filterable):
        raise _refused("Invalid use of non-filterable metadata in filter")
    if parsed.constraints > FILTER_CONSTRAINTS_MAX and not classic:
        raise _refused(f"Filter must have at most {FILTER_CONSTRAINTS_MAX} constraints")
    return parsed


def _refused(message: str = "Invalid filter") -> Refused:
    return invalid(message, path="filter")


def _condition(document: object, language: Language, depth: int) -> Filter:
    if not isinstance(document, dict) or len(document) != 1 or not depth:
        raise _refused()
    ((name, operand),) = document.items()
    if name in BRANCHES:
        return _branch(BRANCHES[name], operand, language, depth - 1)
    if name.startswith("$"):
        raise _refused()
    return _field(name, operand, language)


def _branch(branch: Branch, operand: object, language: Language, depth: int) -> Filter:
    if not isinstance(operand, list) or not operand:
        raise _refused()
    parts = [_condition(each, language, depth) for each in operand]
    return Filter(
        lambda metadata: branch.of_one(part.matches(metadata) for part in parts),
        lambda table: reduce(branch.of_rows, (part.select(table) for part in parts)),
        frozenset().union(*(part.fields for part in parts)),
        sum(part.constraints for part in parts),
    )


def _field(name: str, operand: object, language: Language) -> Filter:
    operators = operand if isinstance(operand, dict) else {"$eq": operand}
    if not operators or not operators.keys() <= language.operators.keys():
        raise _refused()
    tests = [language.operators[sign](value) for sign, value in operators.items()]
    if not language.absent_differs and not NEGATIONS.isdisjoint(operators):
        tests.append(_exists(operand=True))
    count = sum(len(value) if isinstance(value, list) else 1 for value in operators.values())

    def select(table: VectorTable) -> Mask:
        column = table.column(name)
        return reduce(operator.and_, (test.of_column(column, len(table)) for test in tests))

    return Filter(
        lambda metadata: all(test.of_value(metadata.get(name, ABSENT)) for test in tests),
        select,
        frozenset({name}),
        count,
    )


def _equal(operand: object) -> Test:
    if not _is_scalar(operand):
        raise _refused()
    return _one_of([operand])


def _in(operand: object) -> Test:
    if not isinstance(operand, list) or not operand or not all(map(_is_scalar, operand)):
        raise _refused()
    return _one_of(operand)


def _one_of(operands: Sequence[Any]) -> Test:
    # Python's True equals 1; the service's does not.
    truths = frozenset(each for each in operands if isinstance(each, bool))
    others = frozenset(each for each in operands if not isinstance(each, bool))

    def of_value(value: Any) -> bool:  # noqa: ANN401 - metadata holds any JSON scalar
        if isinstance(value, list):
            return any(element in others for element in value)
        return value in (truths if isinstance(value, bool) else others)

    return Test(of_value, lambda column, count: column.equal_to_any([*truths, *others], count))


def _negated(positive: Callable[[object], Test]) -> Callable[[object], Test]:
    def build(operand: object) -> Test:
        test = positive(operand)
        return Test(
            lambda value: not test.of_value(value), lambda column, count: ~test.of_column(column, count)
        )

    return build


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[object], Test]:
    def build(operand: object) -> Test:
        if not _is_number(operand):
            raise _refused()
        return Test(
            lambda value: _is_number(value) and compare(value, operand),
            lambda column, count: column.compared(compare, operand, count),
        )

    return build


def _exists(operand: object) -> Test:
    if not isinstance(operand, bool):
        raise _refused()
    return Test(
        lambda value: (value is not ABSENT) is operand,
        lambda column, count: column.present(count) == operand,
    )


def _starts_with(operand: object) -> Test:
    if not isinstance(operand, str):
        raise _refused()
    return Test(
        lambda value: isinstance(value, str) and value.startswith(operand),
        lambda column, count: column.starting_with(operand, count),
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


BRANCHES: Mapping[str, Branch] = {"$and": Branch(all, operator.and_), "$or": Branch(any, operator.or_)}
OPERATORS: Mapping[str, Callable[[object], Test]] = {
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
