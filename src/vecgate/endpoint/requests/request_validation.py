"""The validation that the service's framework makes before an operation runs: types first, then constraints.

Both come from botocore's model, so a newer botocore brings its own rules. Lists that are too long end the
validation before anything inside them is read. A wrong type is a SerializationException and ends it too.
Violated constraints are collected and reported together: `1 validation error detected. Value with length 2 at
'/x' failed to satisfy constraint: Member must ...`. How several are joined is inferred from Smithy servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, TypeAlias
from unicodedata import category

from vecgate.endpoint.requests.messages import ApiError, Field, malformed
from vecgate.s3vectors.model import service_model, shapes

Document: TypeAlias = dict[str, Any]
Shape: TypeAlias = Mapping[str, Any]

#: A response reports this many violations, and shows this much of a key in their paths: it must not be much
#: larger than its request.
VIOLATIONS_MAX, KEY_SHOWN = 20, 256
#: The JSON protocol's names for floats that JSON has no literal for.
FLOAT_WORDS = frozenset({"NaN", "Infinity", "-Infinity"})
#: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*` in two parts, because Python's `re` has no Unicode categories.
TAG_CATEGORIES, TAG_SIGNS = "LZN", frozenset("_.:/=+-@")

PYTHON_TYPES: Mapping[str, type] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "boolean": bool,
}


@cache
def input_shape(operation: str) -> Shape:
    """Return the model's input shape of *operation*."""
    return shapes()[service_model().operation_model(operation).input_shape.name]


def check_input(operation: str, document: object) -> Document:
    """Return the members of *document* that the model knows, without nulls, after checking them.

    Raises ApiError: SerializationException for a wrong type, ValidationException for violated constraints.
    """
    raise_violations(_find_long_lists(input_shape(operation), document))
    members = _structure(input_shape(operation), document)
    raise_violations(find_violations(input_shape(operation), members))
    return members


def check_constraints(operation: str, members: Document) -> None:
    """Check the constraints of *members*, whose types are correct. Raises ApiError like `check_input`."""
    known = input_shape(operation)["members"]
    inner = {name: shapes()[known[name]["shape"]] for name in members}
    raise_violations(
        each for name, value in members.items() for each in find_violations(inner[name], value, f"/{name}")
    )


def raise_violations(violations: Iterator[Field]) -> None:
    """Raise the framework's ValidationException if there are any violations. It reports the first ones."""
    if fields := list(islice(violations, VIOLATIONS_MAX + 1)):
        count = str(len(fields)) if len(fields) <= VIOLATIONS_MAX else f"More than {VIOLATIONS_MAX}"
        head = f"{count} validation error{'s' if len(fields) > 1 else ''} detected. "
        fields = fields[:VIOLATIONS_MAX]
        raise ApiError("ValidationException", head + "; ".join(field.message for field in fields), fields)


def format_violation(path: str, rule: str, *, length: int | None = None) -> Field:
    """Return one violated constraint in the framework's words."""
    value = "Value" if length is None else f"Value with length {length}"
    return Field(path, f"{value} at '{path}' failed to satisfy constraint: Member must {rule}")


def find_violations(shape: Shape, value: Any, path: str = "") -> Iterator[Field]:  # noqa: ANN401 - a JSON value
    """Yield the violated constraints of *shape* and of the shapes inside it. The types in *value* are
    correct.
    """
    kind = shape["type"]
    if kind in {"string", "list"}:
        yield from _bounded(shape, len(value), path, "have length", length=len(value))
    if kind == "integer":
        yield from _bounded(shape, value, path, "be")
    if "enum" in shape and value not in shape["enum"]:
        yield format_violation(path, f"satisfy enum value set: [{', '.join(shape['enum'])}]")
    if "pattern" in shape and not _matches(shape["pattern"], value):
        yield format_violation(path, f"satisfy regular expression pattern: ^{shape['pattern']}$")
    yield from _inner_violations(kind, shape, value, path)


def _find_long_lists(shape: Shape, value: object, path: str = "") -> Iterator[Field]:
    """Yield the lists that are too long. The types in *value* are not yet checked."""
    if shape["type"] == "structure" and isinstance(value, dict) and not shape.get("document"):
        for name, member in shape["members"].items():
            if name in value:
                yield from _find_long_lists(shapes()[member["shape"]], value[name], f"{path}/{name}")
    elif shape["type"] == "list" and isinstance(value, list) and len(value) > shape.get("max", len(value)):
        yield from _bounded(shape, len(value), path, "have length", length=len(value))


def deserialize(shape: Shape, value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """Return *value* without nulls and unknown members. Raises ApiError if a type differs from *shape*."""
    if shape.get("document"):
        return value
    kind = shape["type"]
    if kind == "float":
        return _floats([value])[0]
    if not _has_type(kind, value):
        raise malformed()
    if kind == "structure":
        return _structure(shape, value)
    if kind == "map":
        return {key: deserialize(shapes()[shape["value"]["shape"]], each) for key, each in value.items()}
    return _list(shapes()[shape["member"]["shape"]], value) if kind == "list" else value


def _has_type(kind: str, value: object) -> bool:
    return type(value) is PYTHON_TYPES[kind]  # not isinstance: JSON's true is not an integer


def _structure(shape: Shape, value: object) -> Document:
    if not isinstance(value, dict):
        raise malformed()
    members = {
        name: deserialize(shapes()[member["shape"]], value[name])
        for name, member in shape["members"].items()
        if value.get(name) is not None
    }
    if shape.get("union") and len(members) != 1:
        raise malformed()
    return members


def _list(element: Shape, values: list[Any]) -> list[Any]:
    if element["type"] == "float":
        return _floats(values)
    return [deserialize(element, value) for value in values]


def _floats(values: list[Any]) -> list[float]:
    # One set of all types: a vector has thousands of elements.
    if set(map(type, values)) <= {int, float}:
        return values
    return [_float(value) for value in values]


def _float(value: object) -> float:
    if type(value) in {int, float} or (isinstance(value, str) and value in FLOAT_WORDS):
        return float(value)  # type: ignore[arg-type]  # the condition above narrows it
    raise malformed()


def _bounded(
    shape: Shape, measure: int, path: str, verb: str, *, length: int | None = None
) -> Iterator[Field]:
    low, high = shape.get("min"), shape.get("max")
    if (low is None or measure >= low) and (high is None or measure <= high):
        return
    if low is not None and high is not None:
        rule = f"{verb} between {low} and {high}, inclusive"
    else:
        rule = (
            f"{verb} {'greater' if high is None else 'less'} than or equal to {low if high is None else high}"
        )
    yield format_violation(path, rule, length=length)


def _matches(pattern: str, value: str) -> bool:
    if r"\p{" in pattern:
        return all(sign in TAG_SIGNS or category(sign)[0] in TAG_CATEGORIES for sign in value)
    return re.fullmatch(pattern, value) is not None


def _inner_violations(kind: str, shape: Shape, value: Any, path: str) -> Iterator[Field]:  # noqa: ANN401 - JSON
    if kind == "structure":
        yield from _member_violations(shape, value, path)
    elif kind == "map":
        for key, each in value.items():
            yield from find_violations(shapes()[shape["key"]["shape"]], key, path)
            yield from find_violations(shapes()[shape["value"]["shape"]], each, f"{path}/{key[:KEY_SHOWN]}")
    elif kind == "list" and (element := shapes()[shape["member"]["shape"]])["type"] != "float":
        for position, each in enumerate(value):
            yield from find_violations(element, each, f"{path}/{position}")


def _member_violations(shape: Shape, value: Document, path: str) -> Iterator[Field]:
    for name, member in shape.get("members", {}).items():
        if name in value:
            inner = shapes()[member["shape"]]
            if not inner.get("document"):
                yield from find_violations(inner, value[name], f"{path}/{name}")
        elif name in shape.get("required", ()):
            yield format_violation(f"{path}/{name}", "not be null")
