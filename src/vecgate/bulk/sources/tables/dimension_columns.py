"""Vectors that are spread over one column for each dimension: `dim_0 … dim_127`, `emb.0 …`, `0 …`.

Such columns appear as one column, named by what their names have in common and a star: `dim_*`. Their order
is that of their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from vecgate.bulk.sources.tables.arrow_types import Array, Batch, Schema

#: Yields the columns of the given names in batches of at most the given number of rows.
BatchReader: TypeAlias = Callable[[list[str], int], Iterator[Batch]]

_NUMBERED = re.compile(r"(.*?)(\d{1,6})\]?")
#: Fewer columns need a name that says what they are.
_COLUMNS_MIN = 8
_WORDS = re.compile(r"(?i)^(.*(emb|vec|dim|feat|comp|value)[a-z]*|[vxfed]|)$")


def dimension_groups(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the groups of *names* that are numbered without a gap from 0 or 1, by their common name."""
    numbered: dict[str, dict[int, str]] = {}
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            numbered.setdefault(match[1], {})[int(match[2])] = name
    return {
        f"{prefix}*": tuple(members[number] for number in sorted(members))
        for prefix, members in numbered.items()
        if _is_vector(prefix, members)
    }


def gather_dimensions(
    schema: Schema, read_batches: BatchReader, chosen: str | None, *, has_vectors: bool
) -> tuple[Schema, BatchReader]:
    """Return the schema and a reader with one column for each group of numeric columns.

    Unless such a group is *chosen*, groups of a table that has vectors otherwise stay as they are.
    """
    groups = {
        name: members
        for name, members in dimension_groups(schema.names).items()
        if name not in schema.names
        and all(_is_number(schema.field(member).type) for member in members)
        and (name == chosen if chosen or has_vectors else True)
    }
    if not groups:
        return schema, read_batches
    used = {member for members in groups.values() for member in members}
    fields = [field for field in schema if field.name not in used]
    fields += [pa.field(name, pa.list_(pa.float64(), len(members))) for name, members in groups.items()]

    def read(names: list[str], rows: int) -> Iterator[Batch]:
        columns = [column for name in names for column in groups.get(name, (name,))]
        for batch in read_batches(columns, rows):
            yield _gathered(batch, names, groups)

    return pa.schema(fields), read


def _gathered(batch: Batch, names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> Batch:
    columns = [
        _vectors([batch.column(member) for member in groups[name]]) if name in groups else batch.column(name)
        for name in names
    ]
    return pa.record_batch(columns, names=list(names))


def _vectors(columns: Sequence[Array]) -> Array:
    """Return columns of numbers as one column of vectors, in which nulls stay nulls."""
    matrix = np.stack([column.to_numpy(zero_copy_only=False) for column in columns], axis=1, dtype=np.float64)
    mask = None
    if any(column.null_count for column in columns):
        mask = np.stack(
            [column.is_null().to_numpy(zero_copy_only=False) for column in columns], axis=1
        ).ravel()
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel(), mask=mask), len(columns))


def _is_vector(prefix: str, members: Mapping[int, str]) -> bool:
    first = min(members)
    is_gapless = first in {0, 1} and max(members) - first + 1 == len(members) > 1
    return is_gapless and (len(members) >= _COLUMNS_MIN or bool(_WORDS.match(prefix.rstrip("._-[ "))))


def _is_number(arrow_type: object) -> bool:
    return bool(pt.is_integer(arrow_type) or pt.is_floating(arrow_type))
