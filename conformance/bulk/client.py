"""What this part of the suite asks of a batch client; and vecgate's own, which it judges by default.

To judge yours, name what makes it, a class or a function without arguments:

    VECGATE_BULK_CLIENT=package.module:make vecgate conform -k bulk
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from vecgate.bulk.aside import SetAsideFile
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.encoding import encode_put
from vecgate.bulk.journal import Identity, Journal
from vecgate.bulk.records import Block
from vecgate.bulk.run import Run
from vecgate.bulk.sources import Source
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import VecgateError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted import Mishap, ScriptedService
from vecgate.testing.simulation import Simulation

ADDRESS = IndexAddress("bucket", "index")


class Counts(Protocol):
    """Where the records of a run are.

    stopped_by  what ended the run early, None where nothing did
    """

    @property
    def read(self) -> int: ...
    @property
    def acknowledged(self) -> int: ...
    @property
    def set_aside(self) -> int: ...
    @property
    def pending(self) -> int: ...
    @property
    def stopped_by(self) -> VecgateError | None: ...


class Steered(Protocol):
    """A run without threads, in which the test chooses who moves next and when time goes by.

    `vecgate.testing.simulation.Simulation` is one. *departures* are times with the number of vectors.
    """

    @property
    def run(self) -> Counts: ...
    @property
    def now_s(self) -> float: ...
    @property
    def flights(self) -> Sequence[Any]: ...
    @property
    def departures(self) -> Sequence[tuple[float, int]]: ...
    @property
    def is_over(self) -> bool: ...
    def dispatch(self) -> bool: ...
    def advance(
        self, flight: Any, *, mishap: Mishap | Exception = Mishap.NONE, chance: float = 0.5
    ) -> None: ...
    def tick(self, seconds: float) -> None: ...


class BulkClient(Protocol):
    """A batch client.

    In *folder* are its journal and, in lines of JSON, `aside.jsonl`: where they are there from an earlier
    run, that one is resumed.
    """

    def steered(
        self, blocks: Iterable[Block], service: ScriptedService, *, config: BulkConfig, folder: Path
    ) -> AbstractContextManager[Steered]:
        """A run over *blocks* against *service*; to leave the context is to kill the process."""
        ...

    def put(
        self, records: Source | Path | Iterable[Any], service: Any, *, config: BulkConfig, folder: Path
    ) -> Counts:
        """Write *records* through the sender *service*, on threads if it likes, to the end."""
        ...


class VecgateClient:
    """The batch client of vecgate."""

    @contextmanager
    def steered(
        self, blocks: Iterable[Block], service: ScriptedService, *, config: BulkConfig, folder: Path
    ) -> Iterator[Simulation]:
        """A simulation of the parts that `BulkWriter` puts on threads."""
        path = folder / "aside.jsonl"
        with closing(Journal(folder / "journal", Identity("suite", str(ADDRESS), "PutVectors"))) as journal:
            aside = SetAsideFile(path, kept_bytes=journal.kept_bytes(path))
            with closing(aside):
                run = Run(config, aside=aside, journal=journal, now_s=0.0)
                yield Simulation(run, blocks, service, lambda batch: encode_put(ADDRESS, batch.block))

    def put(
        self, records: Source | Path | Iterable[Any], service: Any, *, config: BulkConfig, folder: Path
    ) -> Counts:
        """A put of `BulkWriter`."""
        writer = BulkWriter(service, bucket=ADDRESS.bucket, index=ADDRESS.index, config=config)
        return writer.put(records, journal=folder / "journal", set_aside=folder / "aside.jsonl")
