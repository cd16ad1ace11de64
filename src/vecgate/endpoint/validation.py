"""What the service's framework checks before an operation runs: types first, then the constraints of members.

Both are driven by botocore's model, so a newer botocore brings its own rules. A wrong type is a
SerializationException and ends everything; broken constraints are collected and answered together:
`1 validation error detected. Value with length 2 at '/x' failed to satisfy constraint: Member must ...`.
How several are joined is inferred from Smithy servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias
from unicodedata import category

from vecgate.endpoint.answers import Field, Refused, malformed
from vecgate.s3vectors.model import service_model, shapes

Document: TypeAlias = dict[str, Any]
Shape: TypeAlias = Mapping[str, Any]

#: How the JSON protocol spells the floats that JSON has no word for.
FLOAT_WORDS = frozenset({"NaN", "Infinity", "-Infinity"})
#: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*` in parts: Python's `re` knows no Unicode categories.
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
    """The shape of the input of *operation*, as the model has it."""
    return shapes()[service_model().operation_model(operation).input_shape.name]


def check_input(operation: str, document: object) -> Document:
    """The members of *document*, without nulls, if they are what the model says.

    Members that the model does not know are left out. Raises Refused: SerializationException for a wrong
    type, ValidationException for broken constraints.
    """
    members = _structure(input_shape(operation), document)
    refuse_broken(violations(input_shape(operation), members))
    return members


def check_given(operation: str, members: Document) -> None:
    """Check the constraints of *members* alone, whose types are right. Raises Refused like `check_input`."""
    known = input_shape(operation)["members"]
    inner = {name: shapes()[known[name]["shape"]] for name in members}
    refuse_broken(
        each for name, value in members.items() for each in violations(inner[name], value, f"/{name}")
    )


def refuse_broken(broken: Iterator[Field]) -> None:
    """Raise the framework's ValidationException, unless nothing is *broken*."""
    if fields := list(broken):
        head = f"{len(fields)} validation error{'s' if len(fields) > 1 else ''} detected. "
        raise Refused("ValidationException", head + "; ".join(field.message for field in fields), fields)


def violation(path: str, rule: str, *, length: int | None = None) -> Field:
    """One broken constraint, in the framework's words."""
    value = "Value" if length is None else f"Value with length {length}"
    return Field(path, f"{value} at '{path}' failed to satisfy constraint: Member must {rule}")


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[Field]:  # noqa: ANN401 - a JSON value
    """Every constraint of *shape*, and of the shapes inside it, that *value* breaks. Types must be right."""
    kind = shape["type"]
    if kind in {"string", "list"}:
        yield from _bounded(shape, len(value), path, "have length", length=len(value))
    if kind == "integer":
        yield from _bounded(shape, value, path, "be")
    if "enum" in shape and value not in shape["enum"]:
        yield violation(path, f"satisfy enum value set: [{', '.join(shape['enum'])}]")
    if "pattern" in shape and not _matches(shape["pattern"], value):
        yield violation(path, f"satisfy regular expression pattern: ^{shape['pattern']}$")
    yield from _inner_violations(kind, shape, value, path)


def deserialised(shape: Shape, value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """*value* as *shape* says, nulls and unknown members left out. Raises Refused for a wrong type."""
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
        return {key: deserialised(shapes()[shape["value"]["shape"]], each) for key, each in value.items()}
    return _list(shapes()[shape["member"]["shape"]], value) if kind == "list" else value


def _has_type(kind: str, value: object) -> bool:
    return type(value) is PYTHON_TYPES[kind]  # exactly: JSON's true is no integer


def _structure(shape: Shape, value: object) -> Document:
    if not isinstance(value, dict):
        raise malformed()
    members = {
        name: deserialised(shapes()[member["shape"]], value[name])
        for name, member in shape["members"].items()
        if value.get(name) is not None
    }
    if shape.get("union") and len(members) != 1:
        raise malformed()
    return members


def _list(element: Shape, values: list[Any]) -> list[Any]:
    if element["type"] == "float":
        return _floats(values)
    return [deserialised(element, value) for value in values]


def _floats(values: list[Any]) -> list[float]:
    # One look at the types of all: a vector has thousands of elements.
    if set(map(type, values)) <= {int, float}:
        return values
    return [_float(value) for value in values]


def _float(value: object) -> float:
    if type(value) in {int, float} or (isinstance(value, str) and value in FLOAT_WORDS):
        return float(value)  # type: ignore[arg-type]  # the line above says what it is
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
    yield violation(path, rule, length=length)


def _matches(pattern: str, value: str) -> bool:
    if r"\p{" in pattern:
        return all(sign in TAG_SIGNS or category(sign)[0] in TAG_CATEGORIES for sign in value)
    return re.fullmatch(pattern, value) is not None


def _inner_violations(kind: str, shape: Shape, value: Any, path: str) -> Iterator[Field]:  # noqa: ANN401 - JSON
    if kind == "structure":
        yield from _member_violations(shape, value, path)
    elif kind == "map":
        for key, each in value.items():
            yield from violations(shapes()[shape["key"]["shape"]], key, path)
            yield from violations(shapes()[shape["value"]["shape"]], each, f"{path}/{key}")
    elif kind == "list" and (element := shapes()[shape["member"]["shape"]])["type"] != "float":
        for position, each in enumerate(value):
            yield from violations(element, each, f"{path}/{position}")


def _member_violations(shape: Shape, value: Document, path: str) -> Iterator[Field]:
    for name, member in shape.get("members", {}).items():
        if name in value:
            inner = shapes()[member["shape"]]
            if not inner.get("document"):
                yield from violations(inner, value[name], f"{path}/{name}")
        elif name in shape.get("required", ()):
            yield violation(f"{path}/{name}", "not be null")
