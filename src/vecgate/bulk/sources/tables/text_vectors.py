"""Vectors in text columns, such as those of pgvector in CSV, parsed by Arrow a column at a time."""

from __future__ import annotations

from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from vecgate.bulk.sources.documents.vector_text import is_vector_text, parse_vector_text
from vecgate.bulk.sources.tables.arrow_types import Array, ArrowType


def is_text(arrow_type: ArrowType) -> bool:
    """Return True for a type of text that is not encoded as a dictionary."""
    return bool(pt.is_string(arrow_type) or pt.is_large_string(arrow_type) or pt.is_string_view(arrow_type))


def holds_vector_text(column: Array) -> bool:
    """Return True if the first value of a text column that is not null is a vector."""
    first = pc.drop_null(column)
    return len(first) > 0 and is_vector_text(first[0].as_py())


def lists_of_text(column: Array) -> tuple[Array, dict[int, str]]:
    """Return the vectors in a text column as lists of numbers, and by row why a text is not a vector."""
    texts = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    is_bracketed = pc.and_(pc.starts_with(texts, "["), pc.ends_with(texts, "]"))
    if not pc.all(is_bracketed, skip_nulls=True, min_count=0).as_py():
        return _one_by_one(texts)
    inner = pc.binary_slice(texts.cast(pa.large_binary()), 1, -1).cast(pa.large_string())
    parts = pc.split_pattern(inner, pattern=",")
    values = _numbers(parts.values)
    if values is None:
        return _one_by_one(texts)
    return pa.LargeListArray.from_arrays(parts.offsets.cast(pa.int64()), values, mask=parts.is_null()), {}


def _numbers(texts: Array) -> Array | None:
    """Return *texts* as numbers, None if one is none."""
    # Most programs write no spaces, and trimming costs as much as parsing.
    for prepare in (lambda column: column, pc.utf8_trim_whitespace):
        with suppress(pa.ArrowInvalid):
            return prepare(texts).cast(pa.float64())
    return None


def _one_by_one(texts: Array) -> tuple[Array, dict[int, str]]:
    parsed = [None if text is None else parse_vector_text(text) for text in texts.to_pylist()]
    problems = {row: result for row, result in enumerate(parsed) if isinstance(result, str)}
    lists = [None if isinstance(result, str) else result for result in parsed]
    return pa.array(lists, pa.large_list(pa.float64())), problems
