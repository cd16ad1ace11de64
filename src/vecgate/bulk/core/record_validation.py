"""Finds records that the service would reject, before sending, with the messages of the service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from vecgate.bulk.core.record_blocks import Block, Float32Matrix, RejectedRecord, reject_row
from vecgate.s3vectors.limits import KEY_LENGTH_MAX
from vecgate.s3vectors.metadata import describe_value, find_metadata_problem

NOT_FINITE = "vector contains NaNs or Infs"
ZERO_NORM = "cosine distance does not support vectors with zero norm"
NOT_UNICODE = "text holds a lone surrogate, which UTF-8 cannot carry"
INTEGER_BEYOND_64_BIT = "Metadata numbers must fit 64 bits"
#: Characters of a metadata key in a message.
KEY_CHARACTERS_SHOWN = 80


@dataclass(frozen=True, slots=True)
class IndexRules:
    """The rules that vectors of an index must meet.

    dimension       number of values
    metric          `cosine` or `euclidean`
    non_filterable  metadata keys that do not count toward the 2 KB
    """

    dimension: int
    metric: str
    non_filterable: frozenset[str] = frozenset()


def validate(block: Block, rules: IndexRules) -> tuple[Block, tuple[RejectedRecord, ...]]:
    """Split *block* into the records that the service accepts and the rejects, including its own."""
    problems = dict(_problems(block, rules))
    return _split(block, problems)


def validate_keys(block: Block) -> tuple[Block, tuple[RejectedRecord, ...]]:
    """Validate the keys alone, for deletes; otherwise like `validate`."""
    return _split(block, {row: p for row, key in enumerate(block.keys) if (p := key_problem(key))})


def key_problem(key: str) -> str | None:
    """Return why the service would reject *key*, or None."""
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        return f"key must have 1 to {KEY_LENGTH_MAX} characters, but has {len(key)}"
    if key.isascii():
        return None
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        return NOT_UNICODE
    return (
        None
        if length <= KEY_LENGTH_MAX
        else f"key must have at most {KEY_LENGTH_MAX} bytes, but has {length}"
    )


def length_problem(expected: int, length: int) -> str:
    """Return the message for a vector whose length differs from the dimension of the index."""
    return f"vector must have length {expected}, but has length {length}"


def _split(block: Block, problems: dict[int, str]) -> tuple[Block, tuple[RejectedRecord, ...]]:
    if not problems:
        return block, block.rejects
    good = [row for row in range(len(block)) if row not in problems]
    rejects = tuple(reject_row(block, row, problem) for row, problem in sorted(problems.items()))
    return block.take(good), (*block.rejects, *rejects)


def _problems(block: Block, rules: IndexRules) -> Iterator[tuple[int, str]]:
    # Later pairs win in the caller's dict, so the checks run in the reverse order of the service's.
    for row, metadata in enumerate(block.metadata):
        if metadata is not None and (problem := _metadata_problem(metadata, rules)):
            yield row, problem
    yield from _vector_problems(block.vectors, rules)
    for row, key in enumerate(block.keys):
        if problem := key_problem(key):
            yield row, problem


def _vector_problems(vectors: Float32Matrix, rules: IndexRules) -> Iterator[tuple[int, str]]:
    if vectors.shape[1] != rules.dimension:
        problem = length_problem(rules.dimension, vectors.shape[1])
        yield from ((row, problem) for row in range(len(vectors)))
        return
    # One fast pass finds the few rows that may be wrong: squares may also overflow, or be too small.
    with np.errstate(all="ignore"):
        squared_norms = np.einsum("ij,ij->i", vectors, vectors)
        doubtful = np.flatnonzero(~((squared_norms > 0) & np.isfinite(squared_norms)))
    for row in doubtful:
        if rules.metric == "cosine" and not vectors[row].any():
            yield int(row), ZERO_NORM
        if not np.isfinite(vectors[row]).all():
            yield int(row), NOT_FINITE


def _metadata_problem(metadata: object, rules: IndexRules) -> str | None:
    """Return the message of the service, and the key and the type of the value that cause it."""
    try:
        found = find_metadata_problem(metadata, non_filterable=rules.non_filterable)
    except UnicodeEncodeError:
        found = NOT_UNICODE, _key_beyond_unicode(metadata)
    message, key = found or _integer_problem(metadata) or ("", None)
    if key is None:
        return message or None
    assert isinstance(metadata, Mapping)
    name = f'"{_printable(key[:KEY_CHARACTERS_SHOWN])}{"…" * (len(key) > KEY_CHARACTERS_SHOWN)}"'
    subject = f"the largest key, {name}," if message.endswith(" bytes") else name
    return f"{message}: {subject} is {describe_value(metadata[key])}"


def _key_beyond_unicode(metadata: object) -> str:
    assert isinstance(metadata, Mapping)
    return next(str(key) for key, value in metadata.items() if not _is_unicode((key, value)))


def _is_unicode(values: Iterable[object]) -> bool:
    return all(
        _is_unicode(value) if isinstance(value, list) else value == _printable(value)
        for value in values
        if isinstance(value, str | list)
    )


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _integer_problem(metadata: object) -> tuple[str, str] | None:
    assert isinstance(metadata, Mapping)
    for key, value in metadata.items():
        for element in value if isinstance(value, list) else (value,):
            if isinstance(element, int) and not -(2**63) <= element < 2**64:
                return INTEGER_BEYOND_64_BIT, key
    return None
