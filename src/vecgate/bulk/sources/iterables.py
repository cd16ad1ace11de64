"""Python iterables of records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from uuid import UUID

from vecgate.bulk.sources.column_mapping import GUESS, ColumnChoice, Layout, detect_layout
from vecgate.bulk.sources.in_memory.arrays import held
from vecgate.bulk.sources.object_records import (
    SAMPLE_RECORDS,
    ObjectSource,
    UnreadableRecord,
    check_sampled_entries,
    draw_sample,
    field_kinds,
    first_length,
    sample_conversions,
    single_pass,
    usable_vectors,
)
from vecgate.bulk.sources.source import Source
from vecgate.errors import SourceError

NAME = "an iterable"
_MEMBERS = ("key", "vector", "metadata")


def source_from_records(
    records: Iterable[object], *, columns: ColumnChoice = GUESS, keys_only: bool = False
) -> Source:
    """Return *records* as a source: dicts, or tuples of key, vector, metadata; for deletes also keys.

    A vector is a list of numbers, a one-dimensional numpy array, or `{"float32": [...]}`. An iterator can be
    read once, a list any number of times.

    Raises SourceError if *records* is empty or their members are not recognised.
    """
    if isinstance(records, str | bytes | Mapping) or not isinstance(records, Iterable):
        raise SourceError(
            f"the records must be a list or another iterable, but are a {type(records).__name__}",
            hint="Give a path, or a list such as [{'key': 'a', 'vector': [0.1, 0.2]}].",
        )
    read = _key_or_record if keys_only else _record
    total = len(records) if isinstance(records, list | tuple) else None
    is_iterator = iter(records) is records
    drawn = map(read, records)
    # They are held while the next ones are drawn.
    sample = draw_sample(map(held, drawn))
    if not sample:
        raise SourceError(f"{NAME} holds no records")
    unreadable = [each for each in sample if isinstance(each, UnreadableRecord)]
    # One that is wrong is a reject; if all are, the argument is.
    if len(unreadable) == len(sample):
        raise SourceError(
            f"{NAME} has no usable record among the first {len(sample)}: {unreadable[0].problem}",
            hint="A record is a dict such as {'key': 'a', 'vector': [0.1, 0.2]}, or a tuple of the same.",
        )
    layout = detect_layout(NAME, field_kinds(sample), columns, keys_only=keys_only, is_sparse=True)
    check_sampled_entries(NAME, sample, layout)
    return ObjectSource(
        NAME,
        total,
        _fingerprint(sample[:SAMPLE_RECORDS], layout),
        first_length(sample, layout),
        layout,
        single_pass(NAME, chain(sample, drawn)) if is_iterator else lambda: map(read, records),
        is_repeatable=not is_iterator,
        is_identified=False,
        conversions=sample_conversions(sample, layout),
    )


def _fingerprint(sample: Sequence[object], layout: Layout) -> str:
    """Return the identity of an iterable: the keys and vectors of its first records."""
    keys = [record.get(layout.key) for record in sample if isinstance(record, Mapping)]
    digest = hashlib.sha256(repr(keys).encode(errors="backslashreplace"))
    for vector in usable_vectors(sample, layout):
        digest.update(vector.tobytes())
    return f"{NAME} that begins with {digest.hexdigest()[:16]}"


def _key_or_record(record: object) -> object:
    is_key = isinstance(record, str | int | UUID) and not isinstance(record, bool)
    return {_MEMBERS[0]: record} if is_key else _record(record)


def _record(record: object) -> object:
    if isinstance(record, Mapping):
        return record
    if isinstance(record, tuple) and 1 <= len(record) <= len(_MEMBERS):
        return dict(zip(_MEMBERS, record, strict=False))
    return UnreadableRecord(f"record must be a dict or a tuple, but is a {type(record).__name__}")
