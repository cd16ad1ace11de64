"""The writer's side of a shared budget: the departures of a run, from leases that a thread asks for."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from vecgate.distributed.shared_budget import ClockBounds, Exchange, HeldLease, Lease
from vecgate.errors import TargetError

#: A thread that waits for a lease asks again this often, in case that its run has ended.
POLL_S = 0.1
#: A thread that has not asked for this long does not wait for a departure any more.
ASKING_S = 3 * POLL_S
#: Wait after the owner could not be reached.
RETRY_S = 0.5
#: A run stops when the owner cannot be reached for this long. It may be starting again on another machine.
PATIENCE_S = 120.0


class BudgetUnavailable(TargetError):
    """The owner of a shared budget cannot be reached."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A message to the owner.

    requests   that want to depart, of *vectors* each; 0 if the writer wants no lease
    committed  number of a lease, and the time of the owner's clock at which it ends; None for none
    successes  the service has acknowledged requests since the last message
    """

    requests: int
    vectors: int
    committed: tuple[int, float] | None = None
    successes: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply of the owner.

    arrived_s, replied_s  of its clock
    lease                 None if the writer wanted none, or has to ask again
    scale                 fraction of the rates in use
    """

    arrived_s: float
    replied_s: float
    lease: Lease | None
    scale: float


class BudgetOwner(Protocol):
    """The owner of a budget, as a writer reaches it."""

    def ask(self, ask: Ask) -> Answer:
        """Send *ask* and wait for the reply, which a lease comes with. Raises BudgetUnavailable."""
        ...

    def report_throttle(self) -> None:
        """Say that the service throttled a request, without waiting."""
        ...


class SharedDepartures:
    """The departures of one run, granted by *owner*, for the duration of a `with` block."""

    def __init__(self, owner: BudgetOwner) -> None:
        self._owner = owner
        self._changed = threading.Condition()
        self._bounds = ClockBounds()
        self._held: HeldLease | None = None
        self._committed: list[HeldLease] = []
        self._asking: dict[int, tuple[float, int, int]] = {}
        self._arrivals = 0
        self._has_successes = self._is_closed = False
        self._failure: BudgetUnavailable | None = None
        self.scale: float = 1.0

    def __enter__(self) -> Self:
        threading.Thread(target=self._exchange_messages, name="vecgate-budget", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._asking.clear()
            self._give_back(time.monotonic())
            self._is_closed = True
            self._changed.notify_all()

    def try_acquire(self, vectors: int, *, now_s: float) -> float:
        """Let a request of *vectors* depart now and return 0, or return the seconds after which to ask again.

        Raises BudgetUnavailable if the owner could not be reached for a long time.
        """
        with self._changed:
            if self._failure is not None:
                raise self._failure
            wait_s = None if self._held is None else self._held.wait_s(vectors, now_s=now_s)
            if wait_s is None:
                self._give_back(now_s)
            elif wait_s == 0:
                self._depart(vectors, now_s)
                return 0.0
            self._asking[threading.get_ident()] = now_s, vectors, self._arrivals
            self._changed.notify_all()
            return POLL_S if wait_s is None else wait_s

    def wait(self, seconds: float) -> None:
        """Wait *seconds*, or less if a lease arrives."""
        until_s = time.monotonic() + seconds
        with self._changed:
            _, _, arrivals = self._asking.get(threading.get_ident(), (0.0, 0, self._arrivals))
            while arrivals == self._arrivals and (remaining_s := until_s - time.monotonic()) > 0:
                self._changed.wait(remaining_s)

    def record_throttle(self, *, now_s: float) -> None:
        """Report to the owner that the service throttled a request."""
        del now_s  # the owner has its own clock
        self._owner.report_throttle()

    def record_success(self, *, now_s: float) -> None:
        """Note that the service acknowledged a request: the next message says so."""
        del now_s  # as above
        self._has_successes = True

    def _depart(self, vectors: int, now_s: float) -> None:
        assert self._held is not None
        was_committed = self._held.is_committed
        self._held = self._held.depart(vectors, now_s=now_s)
        self._asking.pop(threading.get_ident(), None)
        if self._held.is_committed and not was_committed:
            self._committed.append(self._held)
        if not self._held.left:
            self._held = None
        self._changed.notify_all()

    def _give_back(self, now_s: float) -> None:
        if self._held is not None and not self._held.is_committed:
            self._committed.append(self._held.given_back(now_s=now_s))
        self._held = None

    def _exchange_messages(self) -> None:
        failing_since_s: float | None = None
        while (ask := self._next_ask()) is not None:
            asked_s = time.monotonic()
            try:
                answer = self._owner.ask(ask)
            except Exception as error:  # noqa: BLE001 - without this thread the run would wait for ever
                failing_since_s = asked_s if failing_since_s is None else failing_since_s
                self._fail(_unavailable(error), gives_up=time.monotonic() - failing_since_s > PATIENCE_S)
                time.sleep(RETRY_S)
            else:
                failing_since_s = None
                self._receive(answer, asked_s)

    def _next_ask(self) -> Ask | None:
        """Wait for the next message to the owner, and return it. None after the end."""
        with self._changed:
            while True:
                now_s = time.monotonic()
                wanted = [] if self._held else self._wanted(now_s)
                if wanted or self._committed:
                    commit = self._committed.pop(0) if self._committed else None
                    committed = None if commit is None else (commit.lease.number, commit.free_s)
                    successes, self._has_successes = self._has_successes, False
                    return Ask(len(wanted), max(wanted, default=0), committed, successes)
                if self._is_closed:
                    return None
                if self._held is not None and now_s > self._held.end_s:
                    self._held = None
                    continue
                self._changed.wait(POLL_S)

    def _wanted(self, now_s: float) -> list[int]:
        return [vectors for at_s, vectors, _ in self._asking.values() if now_s - at_s < ASKING_S]

    def _receive(self, answer: Answer, asked_s: float) -> None:
        received_s = time.monotonic()
        with self._changed:
            exchange = Exchange(asked_s, answer.arrived_s, answer.replied_s, received_s)
            self._bounds, self.scale = self._bounds.after(exchange), answer.scale
            if answer.lease is None:
                return
            self._held = HeldLease.of(answer.lease, self._bounds)
            if self._is_closed:
                self._give_back(received_s)
            self._arrivals += 1
            self._changed.notify_all()

    def _fail(self, error: BudgetUnavailable, *, gives_up: bool) -> None:
        with self._changed:
            # A lease of an owner that was lost ends by itself.
            self._committed.clear()
            if gives_up:
                self._failure = error
                self._is_closed = True


def _unavailable(error: Exception) -> BudgetUnavailable:
    if isinstance(error, BudgetUnavailable):
        return error
    return BudgetUnavailable(f"the owner of the budget cannot be reached: {type(error).__name__}: {error}")
