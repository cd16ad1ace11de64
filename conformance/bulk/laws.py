"""A run that is disturbed at will, and the laws that hold all the same."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import accumulate, combinations
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.records import Block
from vecgate.bulk.retry import RetryPolicy
from vecgate.testing.scripted import Mishap, ScriptedService
from vecgate.testing.strategies import block_of

from .client import BulkClient, Counts, Steered

#: The key that the service refuses, whoever asks.
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
#: Nothing holds a run up but the service.
FREE = BulkConfig(
    batch_vectors=10,
    in_flight=4,
    vectors_per_s=1e9,
    requests_per_s=1e9,
    retry=RetryPolicy(attempts_max=10, base_s=0.0001, cap_s=0.0001, deadline_s=30.0),
)
#: What is killed here is a run and not the machine: where there is a folder in memory, it will do.
MEMORY = "/dev/shm"  # noqa: S108 - a folder of a random name is made in it
#: A resumed run gives up again where the service goes on failing; here it does not.
RESUMES_MAX = 20
#: A run that is not disturbed has long ended by then.
MOVES_MAX = 20_000


class Witness(ScriptedService):
    """A service that remembers every request that met it, also those that it failed.

    met    (operation, keys, mishap) of each, in order
    """

    def __init__(self, *, poisoned: Iterable[str] = ()) -> None:
        super().__init__(poisoned=poisoned)
        self.met: list[tuple[str, list[str], Mishap | Exception]] = []

    def meet(self, operation: str, members: dict[str, Any], mishap: Mishap | Exception) -> bytes:
        """Meet a request with *mishap*, and remember it."""
        self.met.append((operation, [vector["key"] for vector in members["vectors"]], mishap))
        return super().meet(operation, members, mishap)


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that happens.

    kind  dispatch: a batch is handed out; advance: a flight moves; tick: time goes by; calm: all goes well
          for a while; crash: the process is killed, and the run resumed
    """

    kind: str
    pick: int = 0
    mishap: Mishap = Mishap.NONE
    chance: float = 0.5
    seconds: float = 0.0


def moves(
    *, kinds: Sequence[str] = ("dispatch", "advance", "tick", "calm", "crash")
) -> SearchStrategy[list[Move]]:
    """What may happen to a run, in any order."""
    return st.lists(
        st.builds(
            Move,
            kind=st.sampled_from([*kinds, "advance", "advance"]),
            pick=st.integers(0, 5),
            mishap=st.sampled_from(Mishap),
            chance=st.floats(0, 1),
            seconds=st.floats(0, 5),
        ),
        max_size=60,
    )


@dataclass
class World:
    """A run over *blocks*, which may crash and is resumed; `steered` is what runs at the moment."""

    client: BulkClient
    blocks: list[Block]
    folder: Path
    config: BulkConfig = CONFIG
    service: Witness = field(default_factory=lambda: Witness(poisoned=[BAD]))
    _life: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start a process, which resumes what the one before has left."""
        self.steered: Steered = self._life.enter_context(
            self.client.steered(self.blocks, self.service, config=self.config, folder=self.folder)
        )

    def kill(self) -> None:
        """End the process: what was in flight is lost, what was journaled is not."""
        self._life.close()

    def apply(self, move: Move) -> None:
        """Let *move* happen, where it can."""
        steered = self.steered
        match move.kind:
            case "dispatch":
                steered.dispatch()
            case "advance" if steered.flights:
                flight = steered.flights[move.pick % len(steered.flights)]
                steered.advance(flight, mishap=move.mishap, chance=move.chance)
            case "tick":
                steered.tick(move.seconds)
            case "calm":
                self._calm(move.pick)
            case "crash":
                self.kill()
                self.begin()

    def end(self) -> None:
        """Bring the run to its end, resuming it where it had given up."""
        for _ in range(RESUMES_MAX):
            self.settle()
            if self.steered.run.stopped_by is None:
                return
            self.kill()
            self.begin()

    def settle(self) -> None:
        """Let everything go well to the end of the run, or to where it gives up."""
        for _ in range(MOVES_MAX):
            if self.steered.is_over:
                return
            self._calm(1, seconds=0.0 if self.steered.dispatch() else 1.0)
        raise AssertionError("the run does not come to its end, though nothing disturbs it")

    def aside(self) -> list[int]:
        """The positions in the set-aside file, ascending."""
        path = self.folder / "aside.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return sorted(json.loads(line)["position"] for line in lines)

    def _calm(self, turns: int, *, seconds: float = 0.1) -> None:
        for _ in range(turns):
            self.steered.dispatch()
            for flight in list(self.steered.flights):
                self.steered.advance(flight)
            self.steered.tick(seconds)


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder for one run."""
    with tempfile.TemporaryDirectory(dir=MEMORY if Path(MEMORY).is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def world(client: BulkClient, blocks: list[Block], **options: Any) -> Iterator[World]:
    """A world with a folder of its own, which goes with it."""
    with new_folder() as folder:
        made = World(client, blocks, folder, **options)
        try:
            yield made
        finally:
            made.kill()


def blocks_of(keys: Sequence[str], *, size: int = 4) -> list[Block]:
    """*keys* in consecutive blocks; each vector tells its position."""
    return [block_of(keys[first : first + size], first=first) for first in range(0, len(keys), size)]


def records_of(blocks: Iterable[Block]) -> list[tuple[str, int]]:
    """The records of *blocks*: key and position."""
    return [
        (key, int(position))
        for block in blocks
        for key, position in zip(block.keys, block.positions, strict=True)
    ]


def check_counts(run: Counts) -> None:
    """At every moment: acknowledged + set aside + pending = read."""
    assert run.acknowledged + run.set_aside + run.pending == run.read
    assert min(run.acknowledged, run.set_aside, run.pending) >= 0


def check_last_write_wins(service: ScriptedService, blocks: Iterable[Block]) -> None:
    """At the end: as if the records had been written one by one, the refused ones left out."""
    wanted = {key: float(position) for key, position in records_of(blocks) if key != BAD}
    assert {key: values[0] for key, (values, _) in service.stored.items()} == wanted


def check_requests(service: Witness, *, vectors_max: int) -> None:
    """Of every request: at least one vector, at most *vectors_max*, no key twice."""
    for _, keys, _ in service.met:
        assert 1 <= len(keys) <= vectors_max
        assert len(set(keys)) == len(keys)


def check_pace(
    departures: Sequence[tuple[float, int]], *, requests_per_s: float, vectors_per_s: float
) -> None:
    """Over every stretch from one departure to another: what left before the last stays within both rates."""
    times = [at_s for at_s, _ in departures]
    sums = [0, *accumulate(vectors for _, vectors in departures)]
    for i, j in combinations(range(len(times)), 2):
        span_s = times[j] - times[i]
        assert j - i <= requests_per_s * span_s + 1e-6
        assert sums[j] - sums[i] <= vectors_per_s * span_s + 1e-6
