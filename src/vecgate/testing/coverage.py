"""What botocore's service model makes checkable, and how much of it requirements check.

Words, which are what a requirement's *covers* says:

    GetIndex                                 the operation
    GetIndex.indexName.min-1 .min .max .max+1   one below, at and above a bound of an input member
    GetIndex.indexArn.pattern                what does not fit the pattern is refused
    CreateIndex.dataType.enum                what is not in the list is refused
    CreateIndex.dataType.enum=float32        what is, is taken
    PutVectors.vectors.key.required          it is refused where it is missing
    GetIndex>index.dimension                 an output member
    GetIndex!NotFoundException               an error code

A list of structures is passed through, an element of another list is `member`; the sides of a map are `key`
and `value`. A word may hold `*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from botocore import xform_name

from vecgate.s3vectors.model import service_model
from vecgate.testing.requirements import Requirement

#: Error codes that no request provokes at will, and why.
UNPROVOKED: Mapping[str, str] = {
    "ServiceUnavailableException": "the service is overloaded, or broken",
    "InternalServerException": "the service is broken",
    "RequestTimeoutException": "the network is slow",
    "TooManyRequestsException": "tested only with --quota, and AWS lets bursts pass",
    "ServiceQuotaExceededException": "takes 10,000 buckets or indexes, or 2 billion vectors",
    "AccessDeniedException": "takes a second principal, which a target need not have",
    "KmsDisabledException": "takes a KMS key that is disabled",
    "KmsInvalidKeyUsageException": "takes a KMS key of another kind",
    "KmsInvalidStateException": "takes a KMS key that is about to be deleted",
    "KmsNotFoundException": "takes a KMS key that is deleted after the index was made",
    "TagResource!ConflictException": "takes two changes at once to one resource",
    "UntagResource!ConflictException": "takes two changes at once to one resource",
}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the model is checked.

    words    all that there is to check
    missing  those that no requirement covers
    unknown  words of requirements that match nothing, with the id of the requirement
    """

    words: frozenset[str]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def share(self) -> float:
        """What part is covered, from 0 to 1."""
        return 1 - len(self.missing) / len(self.words)


def coverage_of(requirements: Iterable[Requirement]) -> Coverage:
    """What *requirements* cover of the model."""
    words = frozenset(checkable())
    covered: set[str] = set()
    unknown: list[str] = []
    operations = {xform_name(name).replace("_", "-"): name for name in service_model().operation_names}
    for each in requirements:
        if each.group in operations:
            covered.add(operations[each.group])
        for word in each.covers:
            matched = matching(word, words)
            covered |= matched
            if not matched:
                unknown.append(f"{each.id}: {word}")
    return Coverage(words, tuple(sorted(words - covered)), tuple(unknown))


def matching(word: str, words: frozenset[str]) -> set[str]:
    """The ones of *words* that *word* stands for."""
    if "*" not in word:
        return {word} & words
    return {each for each in words if fnmatchcase(each, word)}


def checkable() -> Iterator[str]:
    """Every word that the model gives."""
    model = service_model()
    for name in model.operation_names:
        operation = model.operation_model(name)
        yield name
        if operation.input_shape:
            yield from _inputs(operation.input_shape, name)
        if operation.output_shape:
            yield from _outputs(operation.output_shape, f"{name}>")
        for error in operation.error_shapes:
            if not {error.name, f"{name}!{error.name}"} & UNPROVOKED.keys():
                yield f"{name}!{error.name}"


def _inputs(shape: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - botocore has no types
    yield from _bounds(shape, path)
    match shape.type_name:
        case "structure":
            for name, member in shape.members.items():
                if name in shape.required_members:
                    yield f"{path}.{name}.required"
                yield from _inputs(member, f"{path}.{name}")
        case "list":
            yield from _inputs(shape.member, _through(shape, path))
        case "map":
            yield from _inputs(shape.key, f"{path}.key")
            yield from _inputs(shape.value, f"{path}.value")


def _bounds(shape: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - botocore has no types
    told = shape.metadata
    if "min" in told:
        yield f"{path}.min"
        if told["min"] > 0 or shape.type_name == "integer":
            yield f"{path}.min-1"
    if "max" in told:
        yield from (f"{path}.max", f"{path}.max+1")
    if "pattern" in told:
        yield f"{path}.pattern"
    if "enum" in told:
        yield f"{path}.enum"
        yield from (f"{path}.enum={value}" for value in told["enum"])


def _outputs(shape: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - botocore has no types
    if shape.type_name == "list":
        yield from _outputs(shape.member, path)
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            here = f"{path}{name}" if path.endswith(">") else f"{path}.{name}"
            yield here
            yield from _outputs(member, here)


def _through(shape: Any, path: str) -> str:  # noqa: ANN401 - botocore has no types
    return path if shape.member.type_name == "structure" else f"{path}.member"
