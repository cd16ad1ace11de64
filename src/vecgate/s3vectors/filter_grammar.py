"""The grammar of metadata filters: which part of a filter the service refuses, and how to write it.

The service answers every syntax error with "Invalid filter". The rules below were probed on AWS in September
2026, and follow the guide (read 2026-11-24):
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite, nan
from typing import Any

COMBINATIONS = ("$and", "$or")
COMPARISONS = ("$gt", "$gte", "$lt", "$lte")
OPERATORS = ("$eq", "$ne", *COMPARISONS, "$in", "$nin", "$exists", "$startsWith")
#: Operator to the one that matches the other vectors.
OPPOSITES = {
    "$eq": "$ne",
    "$ne": "$eq",
    "$in": "$nin",
    "$nin": "$in",
    "$gt": "$lte",
    "$lte": "$gt",
    "$gte": "$lt",
    "$lt": "$gte",
}
#: Operators as other filter languages write them.
SYMBOLS = {
    "=": "$eq",
    "==": "$eq",
    "!=": "$ne",
    "<>": "$ne",
    ">": "$gt",
    ">=": "$gte",
    "<": "$lt",
    "<=": "$lte",
}
#: Operators that the service does not have, and what to use in place of them.
FOREIGN = {
    "$not": "Write the opposite operator, such as $ne for $eq or $lt for $gte.",
    "$nor": "Write the opposite of each condition in one $and.",
    "$regex": "There are no patterns; $startsWith compares the beginning of a text.",
    "$like": "There are no patterns; $startsWith compares the beginning of a text.",
    "$contains": 'An array matches a value that it contains: {"tags": "red"}.',
    "$elemMatch": 'An array matches a value that it contains: {"tags": "red"}.',
    "$all": 'Combine the values: {"$and": [{"tags": "red"}, {"tags": "blue"}]}.',
    "$between": 'Give both limits: {"year": {"$gte": 2000, "$lte": 2009}}.',
    "$size": "The length of an array cannot be compared; store it under a key of its own.",
    "$type": "Types cannot be compared; a value of another type than the operand does not match.",
}
NESTED_HINT = 'Metadata is flat: a dot is part of a key\'s name, as in {"address.city": "Rome"}.'
NOT_JSON_HINT = "JSON has no NaN and no infinity."
#: Deeper filters are left to the service.
DEPTH_MAX = 100
#: Longest suggestion.
TEXT_LENGTH_MAX = 300
#: An operator with fewer letters in common is a name that the service may know by now.
SIMILARITY_MIN = 0.7


@dataclass(frozen=True, slots=True)
class FilterProblem:
    """A part of a filter that the service refuses.

    path        of the part, such as `$and[1].year`; empty for the whole filter
    problem     what is wrong, and what is allowed
    hint        how to write it
    is_certain  False for an operator that the service may have learned since
    """

    path: str
    problem: str
    hint: str
    is_certain: bool = True

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


def find_filter_problem(document: object, *, allow_unknown: bool = True) -> FilterProblem | None:
    """Return the first part of the filter *document* that the service refuses, or None.

    allow_unknown  leave operators to the service that resemble none of those known here
    """
    problems = _condition_problems(document, "", DEPTH_MAX)
    return next((each for each in problems if each.is_certain or not allow_unknown), None)


def _condition_problems(condition: object, path: str, depth: int) -> Iterator[FilterProblem]:
    if not depth:
        return
    if not isinstance(condition, dict):
        hint = _write({"$and": condition}) if isinstance(condition, list) and condition else ""
        yield FilterProblem(path, f"a condition must be a JSON object, not {_kind(condition)}", hint)
    elif not condition:
        whole = "Leave the filter out to match every vector." if not path else "Leave the condition out."
        yield FilterProblem(path, "an empty object is no condition", whole)
    elif len(condition) > 1:
        yield _several_keys(condition, path)
    else:
        ((name, operand),) = condition.items()
        yield from _entry_problems(str(name), operand, path, depth)


def _entry_problems(name: str, operand: object, path: str, depth: int) -> Iterator[FilterProblem]:
    inner = f"{path}.{name}" if path else name
    if name in COMBINATIONS:
        yield from _combination_problems(name, operand, inner, depth)
    elif not name.startswith("$"):
        yield from _field_problems(name, operand, inner)
    elif name in OPERATORS:
        yield FilterProblem(inner, f"{name} must be below a metadata key", _write({"KEY": {name: operand}}))
    else:
        yield from _unknown(name, inner, (*COMBINATIONS, *OPERATORS), _negation(operand, name))


def _several_keys(condition: Mapping[str, Any], path: str) -> FilterProblem:
    if all(name in OPERATORS for name in condition):
        hint = _write({"KEY": condition})
        return FilterProblem(path, f"{_names(condition)} must be below a metadata key", hint)
    parts: list[object] = []
    for name, operand in condition.items():
        parts += operand if name == "$and" and isinstance(operand, list) else [{name: operand}]
    problem = f"a condition has one key, and this one has {len(condition)}: {_names(condition)}"
    return FilterProblem(path, problem, _write({"$and": parts}))


def _combination_problems(name: str, operand: object, path: str, depth: int) -> Iterator[FilterProblem]:
    if not isinstance(operand, list):
        entries = operand.items() if isinstance(operand, dict) else ()
        parts = [{key: value} for key, value in entries] or [{"KEY": "value"}]
        problem = f"{name} takes an array of conditions, not {_kind(operand)}"
        yield FilterProblem(path, problem, _write({name: parts}))
    elif not operand:
        yield FilterProblem(path, f"{name} takes at least one condition", "Leave it out.")
    else:
        for number, part in enumerate(operand):
            yield from _condition_problems(part, f"{path}[{number}]", depth - 1)


def _field_problems(name: str, operand: object, path: str) -> Iterator[FilterProblem]:
    if not isinstance(operand, dict):
        if not _accepts("$eq", operand):
            hint = _operand_hint(name, "$eq", operand)
            yield FilterProblem(path, f"a key cannot be compared with {_kind(operand)}", hint)
        return
    if not operand:
        yield FilterProblem(path, "an empty object holds no operator", _write({name: {"$exists": True}}))
    for operator, value in operand.items():
        yield from _operator_problems(name, str(operator), value, f"{path}.{operator}")


def _operator_problems(name: str, operator: str, value: object, path: str) -> Iterator[FilterProblem]:
    if operator in OPERATORS:
        if not _accepts(operator, value):
            hint = _operand_hint(name, operator, value)
            problem = f"{operator} takes {_allowed(operator)}, not {_kind_of_operand(value)}"
            yield FilterProblem(path, problem, hint)
    elif operator in COMBINATIONS:
        parts = value if isinstance(value, list) else [value]
        hint = _write({operator: [{name: part} for part in parts]})
        yield FilterProblem(path, f"{operator} combines conditions, not operators of one key", hint)
    elif operator.startswith("$"):
        opposite = {name: _opposite(value)} if operator == "$not" else None
        yield from _unknown(operator, path, OPERATORS, opposite)
    elif known := SYMBOLS.get(operator) or next((o for o in OPERATORS if o[1:] == operator), ""):
        hint = _write({name: {known: value}})
        yield FilterProblem(path, f'the operator is written "{known}", not "{operator}"', hint)
    else:
        yield FilterProblem(
            path, f'"{operator}" is no operator, and metadata has no nested keys', NESTED_HINT
        )


def _unknown(operator: str, path: str, known: tuple[str, ...], opposite: object) -> Iterator[FilterProblem]:
    problem = f'there is no operator "{operator}"'
    similar = get_close_matches(operator, known, 1, SIMILARITY_MIN)
    if operator in FOREIGN:
        yield FilterProblem(path, problem, FOREIGN[operator] if opposite is None else _write(opposite))
    elif similar:
        yield FilterProblem(path, problem, f"Did you mean {similar[0]}?")
    else:
        yield FilterProblem(path, problem, f"The operators are {', '.join(known)}.", is_certain=False)


def _accepts(operator: str, value: object) -> bool:
    """Return whether the service accepts *value* as the operand of *operator*."""
    if operator in COMPARISONS:
        return _is_number(value)
    if operator in {"$in", "$nin"}:
        return isinstance(value, list) and bool(value) and all(map(_is_scalar, value))
    if operator == "$exists":
        return isinstance(value, bool)
    return isinstance(value, str) if operator == "$startsWith" else _is_scalar(value)


def _corrected(operator: str, value: object) -> dict[str, object] | str:
    """Return the operators that *operator* with a wrong *value* may mean, or a hint in words."""
    if operator in COMPARISONS:
        return _corrected_number(operator, value)
    if operator in {"$in", "$nin"}:
        elements = [each for each in (value if isinstance(value, list) else [value]) if _is_scalar(each)]
        return {operator: elements or ["value"]}
    if operator == "$exists":
        return {operator: value not in (0, "false")}
    if operator == "$startsWith":
        return {operator: "text"}
    if value is None:
        return {"$exists": operator == "$ne"}
    name = "$nin" if operator == "$ne" else "$in"
    words = NOT_JSON_HINT if isinstance(value, float) else NESTED_HINT
    return {name: value} if _accepts(name, value) else words


def _corrected_number(operator: str, value: object) -> dict[str, object] | str:
    try:
        number = float(value) if isinstance(value, str) else 0.0
    except ValueError:
        number = nan
    if not isfinite(number):
        return "Only numbers have an order: store dates as seconds since 1970, and compare these."
    return {operator: int(number) if number.is_integer() else number}


def _operand_hint(name: str, operator: str, value: object) -> str:
    corrected = _corrected(operator, value)
    return corrected if isinstance(corrected, str) else _write({name: corrected})


def _negation(operand: object, name: str) -> object:
    """Return the opposite of the condition *operand* of a `$not`, None if it would be long."""
    if name != "$not" or not isinstance(operand, dict) or len(operand) != 1:
        return None
    ((key, value),) = operand.items()
    opposite = None if str(key).startswith("$") else _opposite(value)
    return None if opposite is None else {key: opposite}


def _opposite(operators: object) -> object:
    if not isinstance(operators, dict):
        return {"$ne": operators}
    ((operator, value),) = operators.items() if len(operators) == 1 else ((None, None),)
    if operator == "$exists":
        return {operator: not value}
    return {OPPOSITES[operator]: value} if operator in OPPOSITES else None


def _allowed(operator: str) -> str:
    if operator in COMPARISONS:
        return "a number"
    if operator in {"$in", "$nin"}:
        return "an array of at least one text, number or boolean"
    if operator == "$exists":
        return "true or false"
    return "a text" if operator == "$startsWith" else "a text, a number or a boolean"


def _is_number(value: object) -> bool:
    # An integer is always finite, and `isfinite` overflows on a large one.
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer or (isinstance(value, float) and isfinite(value))


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def _kind_of_operand(value: object) -> str:
    wrong = [each for each in value if not _is_scalar(each)] if isinstance(value, list) else []
    return f"an array with {_kind(wrong[0])}" if wrong else _kind(value)


def _kind(value: object) -> str:
    if isinstance(value, float) and not isfinite(value):
        return "NaN or infinity"
    if isinstance(value, list) and not value:
        return "an empty array"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number"
    kinds = {str: "a text", bool: "a boolean", type(None): "null", list: "an array", dict: "an object"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def _names(condition: Mapping[str, Any]) -> str:
    return ", ".join(f'"{name}"' for name in condition)


def _write(document: object) -> str:
    if document is None:
        return ""
    text = json.dumps(document, ensure_ascii=False, default=str)
    return f"Write {text}" if len(text) <= TEXT_LENGTH_MAX else f"Write {text[:TEXT_LENGTH_MAX]}…"
