"""Coverage of botocore's service model by the requirements of the suite.

    python tests/support/model_coverage.py      # print what no requirement covers

The *covers* of a requirement names elements of the model:

    GetIndex                                 the operation
    GetIndex.indexName.min-1 .min .max .max+1   values below, at and above a limit of an input member
    GetIndex.indexArn.pattern                values that do not match the pattern are rejected
    CreateIndex.dataType.enum                unknown values are rejected
    CreateIndex.dataType.enum=float32        a known value is accepted
    PutVectors.vectors.key.required          a request without the member is rejected
    GetIndex>index.dimension                 an output member
    GetIndex!NotFoundException               an error code

A list of structures has no name of its own; an element of another list is `member`; the parts of a map are
`key` and `value`. A name may contain `*`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from botocore import xform_name

from vecgate.conformance_kit.conformance_run import read_catalogue
from vecgate.conformance_kit.requirements import Requirement
from vecgate.s3vectors.model import service_model

#: Error codes that no test can cause at will, and why.
UNTESTABLE_ERRORS: Mapping[str, str] = {
    "ServiceUnavailableException": "the service is overloaded, or broken",
    "InternalServerException": "the service is broken",
    "RequestTimeoutException": "the network is slow",
    "TooManyRequestsException": "tested only with --quota, and AWS lets bursts pass",
    "ServiceQuotaExceededException": "needs 10,000 buckets or indexes, or 2 billion vectors",
    "AccessDeniedException": "needs a second principal, which a target may not have",
    "KmsDisabledException": "needs a KMS key that is disabled",
    "KmsInvalidKeyUsageException": "needs a KMS key of another type",
    "KmsInvalidStateException": "needs a KMS key that is pending deletion",
    "KmsNotFoundException": "needs a KMS key that is deleted after the index was created",
    "TagResource!ConflictException": "needs two simultaneous changes of one resource",
    "UntagResource!ConflictException": "needs two simultaneous changes of one resource",
}


@dataclass(frozen=True, slots=True)
class Coverage:
    """The covered part of the model.

    elements  all elements of the model that can be tested
    missing   elements that no requirement covers
    unknown   names in requirements that match no element, with the id of the requirement
    """

    elements: frozenset[str]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """The covered part, from 0 to 1."""
        return 1 - len(self.missing) / len(self.elements)


def measure_coverage(requirements: Iterable[Requirement]) -> Coverage:
    """Return the coverage of the model by *requirements*."""
    elements = frozenset(model_elements())
    covered: set[str] = set()
    unknown: list[str] = []
    operations = {xform_name(name).replace("_", "-"): name for name in service_model().operation_names}
    for each in requirements:
        if each.group in operations:
            covered.add(operations[each.group])
        for name in each.covers:
            matched = matching(name, elements)
            covered |= matched
            if not matched:
                unknown.append(f"{each.id}: {name}")
    return Coverage(elements, tuple(sorted(elements - covered)), tuple(unknown))


def matching(name: str, elements: frozenset[str]) -> set[str]:
    """Return the *elements* that *name* matches."""
    if "*" not in name:
        return {name} & elements
    return {each for each in elements if fnmatchcase(each, name)}


@cache
def all_requirements() -> tuple[Requirement, ...]:
    """Return the requirements of the suite."""
    names = {field.name for field in fields(Requirement)}
    return tuple(
        Requirement(
            **{
                **{name: value for name, value in each.items() if name in names},
                "needs": frozenset(each["needs"]),
                "covers": tuple(each["covers"]),
            }
        )
        for each in read_catalogue()
    )


def model_elements() -> Iterator[str]:
    """Yield the name of every element of the model that can be tested."""
    model = service_model()
    for name in model.operation_names:
        operation = model.operation_model(name)
        yield name
        if operation.input_shape:
            yield from _inputs(operation.input_shape, name)
        if operation.output_shape:
            yield from _outputs(operation.output_shape, f"{name}>")
        for error in operation.error_shapes:
            if not {error.name, f"{name}!{error.name}"} & UNTESTABLE_ERRORS.keys():
                yield f"{name}!{error.name}"


def _inputs(shape: Any, path: str) -> Iterator[str]:
    yield from _bounds(shape, path)
    match shape.type_name:
        case "structure":
            for name, member in shape.members.items():
                if name in shape.required_members:
                    yield f"{path}.{name}.required"
                yield from _inputs(member, f"{path}.{name}")
        case "list":
            yield from _inputs(shape.member, _element_path(shape, path))
        case "map":
            yield from _inputs(shape.key, f"{path}.key")
            yield from _inputs(shape.value, f"{path}.value")


def _bounds(shape: Any, path: str) -> Iterator[str]:
    summary = shape.metadata
    if "min" in summary:
        yield f"{path}.min"
        if summary["min"] > 0 or shape.type_name == "integer":
            yield f"{path}.min-1"
    if "max" in summary:
        yield from (f"{path}.max", f"{path}.max+1")
    if "pattern" in summary:
        yield f"{path}.pattern"
    if "enum" in summary:
        yield f"{path}.enum"
        yield from (f"{path}.enum={value}" for value in summary["enum"])


def _outputs(shape: Any, path: str) -> Iterator[str]:
    if shape.type_name == "list":
        yield from _outputs(shape.member, path)
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            member_path = f"{path}{name}" if path.endswith(">") else f"{path}.{name}"
            yield member_path
            yield from _outputs(member, member_path)


def _element_path(shape: Any, path: str) -> str:
    return path if shape.member.type_name == "structure" else f"{path}.member"


if __name__ == "__main__":
    coverage = measure_coverage(all_requirements())
    lines = [
        f"{coverage.ratio:.1%} of {len(coverage.elements)}",
        *(f"missing  {name}" for name in coverage.missing),
        *(f"unknown  {name}" for name in coverage.unknown),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
