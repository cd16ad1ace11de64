"""The filter language of QueryVectors.

A condition is an object with exactly one key: `$and`, `$or`, or a metadata key. Under a metadata key stands
a value (equality) or an object of operators, all of which must hold. A dot never means nesting. Operands were
probed on AWS in September 2026; what `$ne`, `$nin`, `$in` and ranges do with absent keys and arrays is
inferred: the negation of `$eq`, any element, no match. The guide, read 2026-11-24:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from vecgate.endpoint.answers import Refused, invalid
from vecgate.s3vectors.limits import FILTER_CONSTRAINTS_MAX
from vecgate.s3vectors.metadata import Metadata

#: What the value under a metadata key must satisfy; `ABSENT` stands for no value.
Test: TypeAlias = Callable[[Any], bool]
Predicate: TypeAlias = Callable[[Metadata], bool]

ABSENT = object()
#: Ours: no limit is documented, and Python's stack has one.
DEPTH_MAX = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter ready for use.

    matches      whether it lets metadata through
    fields       the metadata keys that it names
    constraints  how many values it compares with, as the service counts them
    """

    matches: Predicate
    fields: frozenset[str]
    constraints: int


def parse_filter(document: object, *, non_filterable: Collection[str] = ()) -> Filter:
    """The filter that *document* spells. Raises Refused for one that the service refuses."""
    parsed = _condition(document, DEPTH_MAX)
    if not parsed.fields.isdisjoint(non_filterable):
        raise _refused("Invalid use of non-filterable metadata in filter")
    if parsed.constraints > FILTER_CONSTRAINTS_MAX:
        raise _refused(f"Filter must have at most {FILTER_CONSTRAINTS_MAX} constraints")
    return parsed


def _refused(message: str = "Invalid filter") -> Refused:
    return invalid(message, path="filter")


def _condition(document: object, depth: int) -> Filter:
    if not isinstance(document, dict) or len(document) != 1 or not depth:
        raise _refused()
    ((name, operand),) = document.items()
    if name in BRANCHES:
        return _branch(BRANCHES[name], operand, depth - 1)
    if name.startswith("$"):
        raise _refused()
    return _field(name, operand)


def _branch(join: Callable[[Sequence[Predicate]], Predicate], operand: object, depth: int) -> Filter:
    if not isinstance(operand, list) or not operand:
        raise _refused()
    parts = [_condition(each, depth) for each in operand]
    return Filter(
        join([part.matches for part in parts]),
        frozenset().union(*(part.fields for part in parts)),
        sum(part.constraints for part in parts),
    )


def _field(name: str, operand: object) -> Filter:
    operators = operand if isinstance(operand, dict) else {"$eq": operand}
    if not operators or not operators.keys() <= OPERATORS.keys():
        raise _refused()
    tests = [OPERATORS[sign](value) for sign, value in operators.items()]
    count = sum(len(value) if isinstance(value, list) else 1 for value in operators.values())
    return Filter(_on_value(name, tests), frozenset({name}), count)


def _on_value(name: str, tests: Sequence[Test]) -> Predicate:
    if len(tests) == 1:
        (test,) = tests
        return lambda metadata: test(metadata.get(name, ABSENT))
    return lambda metadata: all(test(metadata.get(name, ABSENT)) for test in tests)


def _all_of(parts: Sequence[Predicate]) -> Predicate:
    return lambda metadata: all(part(metadata) for part in parts)


def _any_of(parts: Sequence[Predicate]) -> Predicate:
    return lambda metadata: any(part(metadata) for part in parts)


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

    def test(value: Any) -> bool:  # noqa: ANN401 - metadata holds any JSON scalar
        if isinstance(value, list):
            return any(element in others for element in value)
        return value in (truths if isinstance(value, bool) else others)

    return test


def _negated(positive: Callable[[object], Test]) -> Callable[[object], Test]:
    def build(operand: object) -> Test:
        test = positive(operand)
        return lambda value: not test(value)

    return build


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[object], Test]:
    def build(operand: object) -> Test:
        if not _is_number(operand):
            raise _refused()
        return lambda value: _is_number(value) and compare(value, operand)

    return build


def _exists(operand: object) -> Test:
    if not isinstance(operand, bool):
        raise _refused()
    return lambda value: (value is not ABSENT) is operand


def _starts_with(operand: object) -> Test:
    if not isinstance(operand, str):
        raise _refused()
    return lambda value: isinstance(value, str) and value.startswith(operand)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


BRANCHES: Mapping[str, Callable[[Sequence[Predicate]], Predicate]] = {"$and": _all_of, "$or": _any_of}
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
    "$startsWith": _starts_with,
}
