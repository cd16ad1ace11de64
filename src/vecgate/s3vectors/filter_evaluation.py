"""Evaluates metadata filters on the client, as far as the behaviour of the service is known.

A filter matches, does not match, or is unclear: AWS states nothing about `$ne` and `$nin` without the key, or
about other operators than `$eq` and `$exists` on arrays, and servers differ. What must be certain, such as a
deletion, uses the vectors that match; a condition of `$exists` in the filter makes the others certain too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from vecgate.s3vectors.metadata import Metadata

#: True, False, or None where the service may do either.
Match: TypeAlias = bool | None

#: Represents an absent key.
_ABSENT = object()
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(condition: Mapping[str, Any], metadata: Metadata | None) -> Match:
    """Return whether *metadata* passes *condition*, which `filter_grammar` has no problem with."""
    ((name, operand),) = condition.items()
    if name == "$and":
        return _all(matches(part, metadata) for part in operand)
    if name == "$or":
        return _negate(_all(_negate(matches(part, metadata)) for part in operand))
    value = (metadata or {}).get(name, _ABSENT)
    operators = operand if isinstance(operand, dict) else {"$eq": operand}
    return _all(_test(each, value, against) for each, against in operators.items())


def _all(results: Iterable[Match]) -> Match:
    found = list(results)
    if False in found:
        return False
    return None if None in found else True


def _negate(result: Match) -> Match:
    return None if result is None else not result


def _test(name: str, value: Any, operand: Any) -> Match:  # noqa: ANN401 - metadata holds any JSON value
    if name in {"$ne", "$nin"}:
        return _differs(value, operand if name == "$nin" else [operand])
    if name == "$exists" or value is _ABSENT:
        return name == "$exists" and (value is not _ABSENT) is operand
    if isinstance(value, list):
        return _test_array(name, value, operand)
    if name in {"$eq", "$in"}:
        return _is_one_of(value, operand if name == "$in" else [operand])
    if name == "$startsWith":
        return isinstance(value, str) and value.startswith(operand)
    return _COMPARE[name](value, operand) if _kind(value) is float else None


def _differs(value: object, operands: list[Any]) -> Match:
    """Return the result of `$ne` or `$nin`."""
    if value is _ABSENT or isinstance(value, list):
        return None
    if _is_one_of(value, operands):
        return False
    return True if all(_kind(value) is _kind(each) for each in operands) else None


def _test_array(name: str, array: list[Any], operand: Any) -> Match:  # noqa: ANN401 - as above
    if name == "$eq":
        return _is_one_of(operand, array)
    # Whatever the service does with arrays, it cannot find a value that is not in them.
    return False if name == "$in" and not any(_is_one_of(each, operand) for each in array) else None


def _is_one_of(value: object, operands: Iterable[object]) -> bool:
    return any(_equals(value, operand) for operand in operands)


def _equals(value: object, operand: object) -> bool:
    # In Python True equals 1; in the service it does not.
    return _kind(value) is _kind(operand) and value == operand


def _kind(value: object) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)
