"""Python iterables of records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from vecgate.bulk.records import Block
from vecgate.bulk.sources.columns import GUESS, ColumnChoice, Layout, recognise
from vecgate.bulk.sources.jsonl import SAMPLE_LINES, read_once
from vecgate.bulk.sources.objects import Unreadable, blocks_of, first_length, kinds_of
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source
from vecgate.errors import SourceError

NAME = "an iterable"
_MEMBERS = ("key", "vector", "metadata")


@dataclass(frozen=True, slots=True)
class IterableSource(Source):
    """Records that Python code gives."""

    name: str
    total: int | None
    dimension: int | None
    layout: Layout
    records: Callable[[], Iterator[object]]
    is_repeatable: bool
    fingerprint: str = "iterable"
    is_identified: bool = False

    def describe(self) -> str:
        """One line that says which member was taken for what."""
        return self.layout.describe(self.dimension, "number")

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """The records, drawn as they are needed."""
        yield from blocks_of(
            self.records(), self.layout, dimension=dimension or self.dimension, rows=rows, first=first
        )


def source_of(records: Iterable[object], *, columns: ColumnChoice = GUESS, keys_only: bool = False) -> Source:
    """*records* as a source: dicts, or tuples of key, vector, metadata.

    A vector is a list of numbers, a one-dimensional numpy array, or `{"float32": [...]}`. An iterator
    can be read once, a list as often as wanted.

    Raises SourceError where there are no records or their members are not recognised.
    """
    total = len(records) if isinstance(records, list | tuple) else None
    is_iterator = iter(records) is records
    drawn = map(_record, records)
    sample = list(islice(drawn, SAMPLE_LINES))
    if not sample:
        raise SourceError(f"{NAME} holds no records")
    layout = recognise(NAME, kinds_of(sample), columns, keys_only=keys_only)
    again = read_once(NAME, chain(sample, drawn)) if is_iterator else lambda: map(_record, records)
    return IterableSource(NAME, total, first_length(sample, layout), layout, again, not is_iterator)


def _record(record: object) -> object:
    if isinstance(record, Mapping):
        return record
    if isinstance(record, tuple) and 1 <= len(record) <= len(_MEMBERS):
        return dict(zip(_MEMBERS, record, strict=False))
    return Unreadable(f"record must be a dict or a tuple, but is a {type(record).__name__}")
