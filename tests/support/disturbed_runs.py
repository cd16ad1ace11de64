"""Runs of the batch client that a property test disturbs at will, and the properties that must still hold."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import accumulate, combinations
from pathlib import Path
from typing import Any, Protocol

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from journals import journal_identity

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import encode_put
from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.core.run_state import BulkOutcome, BulkRun
from vecgate.bulk.journal import Journal
from vecgate.bulk.rejects_file import RejectsFile
from vecgate.bulk.sources import Source
from vecgate.bulk.writer import BulkWriter
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted_service import ScriptedService, ServiceFault
from vecgate.testing.simulation import Simulation
from vecgate.testing.strategies import block_of

ADDRESS = IndexAddress("bucket", "index")
REJECTS_NAME = "rejects.jsonl"
#: The key that the service always rejects.
BAD = "bad"
#: Few keys, so that they repeat in a batch, across batches in flight, and across crashes.
FEW_KEYS = st.sampled_from(["a", "b", "c", "d", BAD])
CONFIG = BulkConfig(
    batch_vectors=3,
    in_flight=3,
    vectors_per_s=50,
    requests_per_s=20,
    retry=RetryPolicy(attempts_max=3, base_s=1.0, cap_s=4.0, deadline_s=60.0),
)
#: Only the service can slow the run down.
UNLIMITED = BulkConfig(
    batch_vectors=10,
    in_flight=4,
    vectors_per_s=1e9,
    requests_per_s=1e9,
    retry=RetryPolicy(attempts_max=10, base_s=0.0001, cap_s=0.0001, deadline_s=30.0),
)
#: The tests kill a run, not the machine, so a folder in memory is enough where the system has one.
MEMORY = "/dev/shm"  # noqa: S108 - a folder of a random name is made in it
#: A resumed run stops again when the service keeps failing. Here the service recovers long before this.
RESUMES_MAX = 20
#: An undisturbed run ends well before this number of steps.
STEPS_MAX = 20_000


class RecordingService(ScriptedService):
    """A service that records every request that arrives, including those that it fails.

    received  (operation, keys, fault) of each request, in order
    """

    def __init__(self, *, poisoned: Iterable[str] = ()) -> None:
        super().__init__(poisoned=poisoned)
        self.received: list[tuple[str, list[str], ServiceFault | Exception]] = []

    def handle(self, operation: str, members: dict[str, Any], fault: ServiceFault | Exception) -> bytes:
        """Record a request, then answer it or fail it with *fault*."""
        self.received.append((operation, [vector["key"] for vector in members["vectors"]], fault))
        return super().handle(operation, members, fault)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a disturbed run.

    kind  dispatch: hand out a batch; advance: move a batch in flight; tick: let time pass;
          undisturbed: let everything go well for a while; crash: kill the process and resume the run
    """

    kind: str
    pick: int = 0
    fault: ServiceFault = ServiceFault.NONE
    random_value: float = 0.5
    seconds: float = 0.0


def lists_of_steps(
    *, kinds: Sequence[str] = ("dispatch", "advance", "tick", "undisturbed", "crash")
) -> SearchStrategy[list[Step]]:
    """Steps of the given kinds, in any order."""
    return st.lists(
        st.builds(
            Step,
            kind=st.sampled_from([*kinds, "advance", "advance"]),
            pick=st.integers(0, 5),
            fault=st.sampled_from(ServiceFault),
            random_value=st.floats(0, 1),
            seconds=st.floats(0, 5),
        ),
        max_size=60,
    )


@dataclass
class DisturbedRun:
    """A run over *blocks* that may crash and is then resumed. *simulation* is the current process."""

    blocks: list[Block]
    folder: Path
    config: BulkConfig = CONFIG
    service: RecordingService = field(default_factory=lambda: RecordingService(poisoned=[BAD]))
    _process: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start a process. It resumes the run that the previous process left."""
        identity = journal_identity("source", str(ADDRESS))
        path = self.folder / REJECTS_NAME
        journal = self._process.enter_context(closing(Journal(self.folder / "journal", identity)))
        rejects = RejectsFile(journal.untouched_rejects_path(path))
        self._process.enter_context(closing(rejects))
        self.run = BulkRun(self.config, rejects=rejects, journal=journal, now_s=0.0)
        self.simulation = Simulation(
            self.run, self.blocks, self.service, lambda batch: encode_put(ADDRESS, batch.block)
        )

    def kill(self) -> None:
        """End the process: what was in flight is lost, what was journaled is not."""
        self._process.close()

    def apply(self, step: Step) -> None:
        """Do *step*, if the run allows it now."""
        simulation = self.simulation
        match step.kind:
            case "dispatch":
                simulation.dispatch()
            case "advance" if simulation.batches_in_flight:
                batch = simulation.batches_in_flight[step.pick % len(simulation.batches_in_flight)]
                simulation.advance(batch, fault=step.fault, random_value=step.random_value)
            case "tick":
                simulation.tick(step.seconds)
            case "undisturbed":
                self._run_undisturbed(step.pick)
            case "crash":
                self.kill()
                self.start()

    def apply_all(self, steps: Iterable[Step]) -> None:
        """Do *steps* in order."""
        for step in steps:
            self.apply(step)

    def complete(self) -> None:
        """Bring the run to its end, and resume it whenever it stops early."""
        for _ in range(RESUMES_MAX):
            self.finish_process()
            if self.run.stopped_by is None:
                return
            self.kill()
            self.start()

    def finish_process(self) -> None:
        """Let everything go well until the process has finished, or has stopped early."""
        for _ in range(STEPS_MAX):
            if self.simulation.is_done:
                return
            self._run_undisturbed(1, seconds=0.0 if self.simulation.dispatch() else 1.0)
        raise AssertionError("the run does not end, although nothing disturbs it")

    def rejected_positions(self) -> list[int]:
        """Return the positions in the rejects file, ascending."""
        return rejected_positions(self.folder)

    def _run_undisturbed(self, turns: int, *, seconds: float = 0.1) -> None:
        for _ in range(turns):
            self.simulation.dispatch()
            for batch in list(self.simulation.batches_in_flight):
                self.simulation.advance(batch)
            self.simulation.tick(seconds)


@contextmanager
def new_folder() -> Iterator[Path]:
    """Make a folder for one run."""
    with tempfile.TemporaryDirectory(dir=MEMORY if Path(MEMORY).is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def disturbed_run(blocks: list[Block], **options: Any) -> Iterator[DisturbedRun]:
    """Start a run in a new folder, which is removed at the end."""
    with new_folder() as folder:
        disturbed = DisturbedRun(blocks, folder, **options)
        try:
            yield disturbed
        finally:
            disturbed.kill()


def put_on_threads(
    records: Source | Path | Iterable[Any], service: Any, *, config: BulkConfig, folder: Path
) -> BulkOutcome:
    """Write *records* through *service* with `BulkWriter`. Resume the run whose journal is in *folder*."""
    writer = BulkWriter(service, bucket=ADDRESS.bucket, index=ADDRESS.index, config=config)
    return writer.put(records, journal=folder / "journal", rejects=folder / REJECTS_NAME, stable_order=True)


def rejected_positions(folder: Path) -> list[int]:
    """Return the positions in the rejects file of *folder*, ascending."""
    path = folder / REJECTS_NAME
    lines = path.read_text().splitlines() if path.exists() else []
    return sorted(json.loads(line)["position"] for line in lines)


def blocks_of(keys: Sequence[str], *, size: int = 4) -> list[Block]:
    """Return *keys* in consecutive blocks. The first value of each vector is its position."""
    return [block_of(keys[first : first + size], first=first) for first in range(0, len(keys), size)]


def records_of(blocks: Iterable[Block]) -> list[tuple[str, int]]:
    """Return the records of *blocks* as pairs of key and position."""
    return [
        (key, int(position))
        for block in blocks
        for key, position in zip(block.keys, block.positions, strict=True)
    ]


class Counts(Protocol):
    """Numbers of records, during a run and at its end."""

    @property
    def read(self) -> int: ...
    @property
    def acknowledged(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def pending(self) -> int: ...


def check_counts(counts: Counts) -> None:
    """At every moment, acknowledged + rejected + pending = read."""
    assert counts.acknowledged + counts.rejected + counts.pending == counts.read
    assert min(counts.acknowledged, counts.rejected, counts.pending) >= 0


def check_last_write_wins(service: ScriptedService, blocks: Iterable[Block]) -> None:
    """At the end, the index is as if the valid records had been written one by one."""
    expected = {key: float(position) for key, position in records_of(blocks) if key != BAD}
    assert {key: values[0] for key, (values, _) in service.stored.items()} == expected


def check_requests(service: RecordingService, *, vectors_max: int) -> None:
    """Every request holds 1 to *vectors_max* vectors, and no key twice."""
    for _, keys, _ in service.received:
        assert 1 <= len(keys) <= vectors_max
        assert len(set(keys)) == len(keys)


def check_pace(
    departures: Sequence[tuple[float, int]], *, requests_per_s: float, vectors_per_s: float
) -> None:
    """Between any two departures, the requests and vectors sent stay within both rates."""
    times = [at_s for at_s, _ in departures]
    sums = [0, *accumulate(vectors for _, vectors in departures)]
    for i, j in combinations(range(len(times)), 2):
        span_s = times[j] - times[i]
        assert j - i <= requests_per_s * span_s + 1e-6
        assert sums[j] - sums[i] <= vectors_per_s * span_s + 1e-6
