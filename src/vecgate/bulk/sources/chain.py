"""Several files read as one: positions and row numbers go on from file to file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vecgate.bulk.records import Block
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source


@dataclass(frozen=True, slots=True)
class ChainSource(Source):
    """The records of *parts*, one after the other."""

    name: str
    parts: Sequence[Source]

    @property
    def total(self) -> int | None:  # type: ignore[override] # read from the parts
        """The records of all parts, None where one does not know its own."""
        totals = [part.total for part in self.parts]
        return None if None in totals else sum(total for total in totals if total is not None)

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """Identity of all contents in this order."""
        return hashlib.sha256("\n".join(part.fingerprint for part in self.parts).encode()).hexdigest()[:32]

    @property
    def dimension(self) -> int | None:  # type: ignore[override]
        """That of the first part that knows one."""
        return next((part.dimension for part in self.parts if part.dimension), None)

    @property
    def is_repeatable(self) -> bool:  # type: ignore[override]
        """Files all can."""
        return all(part.is_repeatable for part in self.parts)

    @property
    def is_identified(self) -> bool:  # type: ignore[override]
        """Files all are."""
        return all(part.is_identified for part in self.parts)

    def describe(self) -> str:
        """What was recognised in the first part, and how many there are."""
        return f"{self.parts[0].describe()}, in {len(self.parts)} files"

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """The records of each part in turn."""
        for part in self.parts:
            for block in part.blocks(dimension=dimension or self.dimension, rows=rows, first=first):
                yield block
                first = 1 + max(
                    [*block.positions[-1:].tolist(), *(reject.position for reject in block.rejects)]
                )
