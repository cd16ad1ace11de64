"""Writers on several machines that share a budget, in simulated time: clocks differ, messages take time, threads
wake late, writers die and the owner is lost.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from vecgate.distributed.shared_budget import ClockBounds, Exchange, HeldLease, Lease, Rates, SharedBudget

ERROR_S = 0.5


@dataclass(frozen=True)
class World:
    """What the writers have to cope with: seconds of a message and of waking up, each from 0 to the given one.

    latency_s  of a request to the service
    threads    of each writer, each of which always has a request
    """

    message_s: float = 0.0
    late_s: float = 0.0
    latency_s: float = 0.05
    threads: int = 5
    vectors: tuple[int, ...] = (500,)


@dataclass
class Writer:
    clock_s: float
    waiting: int
    is_dead: bool = False
    is_asking: bool = False
    bounds: ClockBounds = field(default_factory=ClockBounds)
    held: HeldLease | None = None
    uncommitted: HeldLease | None = None


class Simulation:
    """*departures* has the time and the vectors of each request, *leases* every lease granted."""

    def __init__(self, rates: Rates, writers: int, world: World, *, seed: int = 0) -> None:
        self.rates, self.world, self.now_s = rates, world, 0.0
        self.departures: list[tuple[float, int]] = []
        self.leases: list[Lease] = []
        self.budget = SharedBudget(rates, now_s=0.0)
        self._random = random.Random(seed)  # noqa: S311 - of a simulation
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._queue: deque[tuple[Writer, int, float, float]] = deque()
        self.writers = [Writer(self._random.uniform(-1e6, 1e6), world.threads) for _ in range(writers)]
        for writer in self.writers:
            self.at(0.0, partial(self._ask, writer))

    def at(self, time_s: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time_s, next(self._order), event))

    def run(self, until_s: float) -> None:
        while self._events and self._events[0][0] <= until_s:
            self.now_s, _, event = heapq.heappop(self._events)
            event()
        self.now_s = until_s

    def kill(self, writer: Writer) -> None:
        writer.is_dead = True

    def lose_owner(self) -> None:
        """Let the owner start again without its memory. The calls that wait for it fail."""
        self.budget = SharedBudget(
            self.rates, now_s=self.now_s, is_restart=True, first_number=self._random.getrandbits(60)
        )
        for writer, *_ in self._queue:
            self.at(self.now_s + ERROR_S, partial(self._fail, writer))
        self._queue.clear()

    def throttle(self) -> None:
        self.budget.record_throttle(now_s=self.now_s)

    def succeed(self) -> None:
        self.budget.record_success(now_s=self.now_s)

    def _message(self, event: Callable[[], None]) -> None:
        self.at(self.now_s + self._random.uniform(0, self.world.message_s), event)

    def _late(self, wait_s: float, event: Callable[[], None]) -> None:
        self.at(self.now_s + wait_s + self._random.uniform(0, self.world.late_s), event)

    def _fail(self, writer: Writer) -> None:
        writer.is_asking = False
        self._ask(writer)

    def _ask(self, writer: Writer) -> None:
        """Tell the owner what is new, and ask for a lease if there is none."""
        if writer.is_dead or writer.is_asking:
            return
        wants = writer.waiting if writer.held is None else 0
        commit, writer.uncommitted = writer.uncommitted, None
        if not (wants or commit):
            return
        writer.is_asking = True
        asked_s = self.now_s + writer.clock_s
        self._message(lambda: self._arrive(writer, asked_s, wants, commit))

    def _arrive(self, writer: Writer, asked_s: float, wants: int, commit: HeldLease | None) -> None:
        if commit:
            self.budget.commit(commit.lease.number, commit.free_s)
        if wants:
            self._queue.append((writer, wants, asked_s, self.now_s))
        else:
            self._reply(writer, asked_s, self.now_s, None)
        self._serve()

    def _serve(self) -> None:
        while self._queue:
            writer, wants, asked_s, arrived_s = self._queue[0]
            lease = self.budget.try_lease(requests=wants, vectors=self.world.vectors[0], now_s=self.now_s)
            if not isinstance(lease, Lease):
                self.at(self.now_s + lease, self._serve)
                return
            self.leases.append(lease)
            self._queue.popleft()
            self._reply(writer, asked_s, arrived_s, lease)

    def _reply(self, writer: Writer, asked_s: float, arrived_s: float, lease: Lease | None) -> None:
        replied_s = self.now_s

        def receive() -> None:
            writer.is_asking = False
            received_s = self.now_s + writer.clock_s
            writer.bounds = writer.bounds.after(Exchange(asked_s, arrived_s, replied_s, received_s))
            if lease is not None and not writer.is_dead:
                writer.held = HeldLease.of(lease, writer.bounds)
                self._depart(writer)
            self._ask(writer)

        self._message(receive)

    def _depart(self, writer: Writer) -> None:
        if writer.is_dead or writer.held is None:
            return
        if not writer.waiting:
            return
        vectors = self._random.choice(self.world.vectors)
        local_s = self.now_s + writer.clock_s
        wait_s = writer.held.wait_s(vectors, now_s=local_s)
        if wait_s is None:
            writer.uncommitted, writer.held = writer.held.given_back(now_s=local_s), None
            self._ask(writer)
        elif wait_s > 1e-9:
            self._late(wait_s, lambda: self._depart(writer))
        else:
            self.departures.append((self.now_s, vectors))
            writer.waiting -= 1
            self._late(self.world.latency_s, lambda: self._acknowledge(writer))
            held = writer.held.depart(vectors, now_s=local_s)
            if held.is_committed and not writer.held.is_committed:
                writer.uncommitted = held
            writer.held = held if held.left else None
            self._ask(writer)
            self._depart(writer)

    def _acknowledge(self, writer: Writer) -> None:
        writer.waiting += 1
        self._depart(writer)
        self._ask(writer)
