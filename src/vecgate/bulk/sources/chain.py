"""Several files read as one: positions and row numbers continue from file to file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vecgate.bulk.core.record_blocks import Block, RejectedRecord
from vecgate.bulk.sources.documents.partial_answers import PartialAnswer, check_together
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source, absolute_location
from vecgate.formatting import format_count


@dataclass(frozen=True, slots=True)
class ChainSource(Source):
    """The records of *parts*, one after the other.

    partitions  metadata of all records of each part, from the names of its folders
    notes       about files that are skipped and columns that are not used
    is_folder   *name* is a folder that has all the parts
    """

    name: str
    parts: Sequence[Source]
    partitions: Sequence[Mapping[str, object]] = ()
    notes: tuple[str, ...] = ()
    is_folder: bool = False

    @property
    def total(self) -> int | None:  # type: ignore[override] # read from the parts
        """The number of records of all parts, None if one does not know its own."""
        totals = [part.total for part in self.parts]
        return None if None in totals else sum(total for total in totals if total is not None)

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """Identity of all parts, in this order."""
        return "\n".join(
            f"{part.fingerprint}{self._describe_partition(number)}" for number, part in enumerate(self.parts)
        )

    @property
    def dimension(self) -> int | None:  # type: ignore[override]
        """The dimension of the first part that knows one."""
        return next((part.dimension for part in self.parts if part.dimension), None)

    @property
    def is_repeatable(self) -> bool:  # type: ignore[override]
        """True if every part can be read again."""
        return all(part.is_repeatable for part in self.parts)

    @property
    def is_identified(self) -> bool:  # type: ignore[override]
        """True if every part is identified by its fingerprint."""
        return all(part.is_identified for part in self.parts)

    @property
    def conversions(self) -> tuple[str, ...]:
        """The conversions of all parts."""
        return tuple(dict.fromkeys(line for part in self.parts for line in part.conversions))

    @property
    def location(self) -> str:
        """The absolute path of the directory, or of each file."""
        names = [self.name] if self.is_folder else [part.name for part in self.parts]
        return "\n".join(map(absolute_location, names))

    def describe(self) -> str:
        """Return the description of the first part, the metadata from folders, and the number of parts."""
        keys = list(dict.fromkeys(key for entries in self.partitions for key in entries))
        folders = f", from folders: {', '.join(keys)}" if keys else ""
        return f"{self.parts[0].describe()}{folders}, in {format_count(len(self.parts), 'file')}"

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """Yield the records of each part in turn."""
        partial: list[PartialAnswer] = []
        for number, part in enumerate(self.parts):
            entries = self.partitions[number] if self.partitions else {}
            try:
                for block in part.blocks(dimension=dimension or self.dimension, rows=rows, first=first):
                    yield _with_entries(block, entries) if entries else block
                    first = 1 + max(
                        [*block.positions[-1:].tolist(), *(reject.position for reject in block.rejects)]
                    )
            except PartialAnswer as error:
                # It has all records of its file; those of other files may be the rest.
                partial.append(error)
        check_together(partial, len(self.parts) - len(partial))

    def _describe_partition(self, number: int) -> str:
        entries = self.partitions[number] if self.partitions else {}
        return "".join(f", {key}={value}" for key, value in entries.items())


def _with_entries(block: Block, entries: Mapping[str, object]) -> Block:
    """Return *block* with *entries* in the metadata of every record. The record's own entry wins."""
    return replace(
        block,
        metadata=[{**entries, **(metadata or {})} for metadata in block.metadata],
        rejects=tuple(_reject_with_entries(reject, entries) for reject in block.rejects),
    )


def _reject_with_entries(reject: RejectedRecord, entries: Mapping[str, object]) -> RejectedRecord:
    if reject.metadata is None or isinstance(reject.metadata, Mapping):
        return replace(reject, metadata={**entries, **(reject.metadata or {})})
    return reject
