"""JSON documents: a list of records, or one object that has one list of records inside.

The first elements of each list decide which one has the records. If elements of two lists could be records,
the document is refused, also if that shows later.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

import orjson

from vecgate.bulk.sources.column_mapping import ColumnChoice, ColumnKind, Layout
from vecgate.bulk.sources.compression import decompress
from vecgate.bulk.sources.documents.json_splitter import JsonSplitter
from vecgate.bulk.sources.documents.partial_answers import ERRORS, check_whole
from vecgate.bulk.sources.documents.record_layout import recognise
from vecgate.bulk.sources.documents.text_lines import VALUES_MAX, ByteCount, has_too_many_values
from vecgate.bulk.sources.object_records import (
    SAMPLE_RECORDS,
    SAMPLE_RECORDS_MAX,
    TEXT_BYTES_MAX,
    ObjectSource,
    UnreadableRecord,
    field_kinds,
    first_length,
)
from vecgate.bulk.sources.remote_files import SourceFile
from vecgate.bulk.sources.source import EmptySource, file_fingerprint, source_errors
from vecgate.errors import SourceError

FORMAT_NAME = "JSON"
_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 64


def open_json(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> ObjectSource:
    """Open a JSON document. Raises SourceError if it has no list of records, or several."""
    name, count = str(path), ByteCount()
    members: dict[str, object] = {}

    def elements() -> Generator[tuple[str, object]]:
        with source_errors(name, FORMAT_NAME), path.open("rb") as file:
            splitter = JsonSplitter(decompress(file), name, members)
            for number, (where, text) in enumerate(splitter.elements(), 1):
                count.value += len(text)
                yield where, _record(text, number)

    with closing(elements()) as opened:
        samples = _draw_samples(
            opened, count, lambda s: _holds_records(name, s, columns, keys_only=keys_only)
        )
    if not samples:
        raise _without_objects(path)
    where, layout, check = _choose_list(name, samples, columns, keys_only=keys_only)

    def records() -> Iterator[object]:
        known = {*samples}
        for found, record in elements():
            if found == where:
                yield check(record)
            elif found == ERRORS:
                raise SourceError(f'{name} says itself that it is a part: it has "{ERRORS}"')
            elif found not in known:
                known.add(found)
                if _holds_records(name, [record], columns, keys_only=keys_only):
                    raise _ambiguous(name, [where, found])

    dimension, fingerprint = first_length(samples[where], layout), file_fingerprint(path)
    return ObjectSource(
        *(name, None, fingerprint, dimension, layout, records),
        is_repeatable=True,
        is_identified=True,
        count=count,
        check_whole=lambda read: check_whole(name, members, read),
    )


def _without_objects(path: SourceFile) -> SourceError:
    """Return the error for a document without any element: it is empty, or it has something else."""
    with source_errors(str(path), FORMAT_NAME), path.open("rb") as file:
        is_empty = decompress(file).read(_HEAD_BYTES).removeprefix(_BOM).split() in ([b"[]"], [b"[", b"]"])
    if is_empty:
        return EmptySource(f"{path} holds no records")
    return SourceError(
        f"{path} is JSON without a list of objects",
        hint="Each record must be an object, in a list or on a line.",
    )


def _record(text: bytes, number: int) -> object:
    try:
        if not has_too_many_values(text):
            return orjson.loads(text)
        problem = f"has more than {VALUES_MAX:,} values"
    except orjson.JSONDecodeError as error:
        problem = f"is not JSON, from character {error.pos + 1}"
    return UnreadableRecord(f"element {number:,} {problem}", text.decode(errors="backslashreplace"))


def _draw_samples(
    elements: Iterator[tuple[str, object]],
    count: ByteCount,
    holds_records: Callable[[Sequence[object]], bool],
) -> dict[str, list[object]]:
    """Return the first elements of each list: enough to recognise the fields of one that holds records."""
    samples: dict[str, list[object]] = {}
    for number, (where, record) in enumerate(elements, 1):
        sample = samples.setdefault(where, [])
        sample.append(record)
        # Looked at when the sample has doubled, because a field may be null in the first ones.
        is_due = len(sample) >= SAMPLE_RECORDS and len(sample).bit_count() == 1
        if is_due and ColumnKind.EMPTY not in field_kinds(sample).values() and holds_records(sample):
            break
        if number >= SAMPLE_RECORDS_MAX or count.value >= TEXT_BYTES_MAX:
            break
    return samples


def _choose_list(
    name: str, samples: dict[str, list[object]], columns: ColumnChoice, *, keys_only: bool
) -> tuple[str, Layout, Callable[[object], object]]:
    """Return the path of the list with the records, and what `recognise` returns for it."""
    fitting = [w for w, s in samples.items() if _holds_records(name, s, columns, keys_only=keys_only)]
    if len(fitting) > 1:
        raise _ambiguous(name, fitting)
    where = fitting[0] if fitting else max(samples, key=lambda each: len(samples[each]))
    layout, check = recognise(name, samples[where], columns, keys_only=keys_only)
    return where, layout, check


def _holds_records(name: str, sample: Sequence[object], columns: ColumnChoice, *, keys_only: bool) -> bool:
    try:
        recognise(name, sample, columns, keys_only=keys_only)
    except SourceError:
        return False
    return True


def _ambiguous(name: str, lists: Sequence[str]) -> SourceError:
    places = ", ".join(f'"{where}"' for where in lists)
    return SourceError(
        f"{name} has several lists that could be the records: {places}",
        hint="Write the right one to a file of its own, such as with jq.",
    )
