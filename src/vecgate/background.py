"""Work on another thread, for a caller in which KeyboardInterrupt may be raised at any moment.

`Thread.start`, `Thread.join`, `Condition`, `Event`, `Queue` and `Future.result` hold a lock in Python code.
An interrupt between acquiring that lock and entering its block leaves it held for ever, and the other threads
wait for it. So the caller uses only primitives that are written in C: it starts raw threads, waits for a lock
that nobody else waits for, and exchanges values through a `SimpleQueue`.

The primitives are looked up when they are used, because Locust replaces them.
"""

from __future__ import annotations

import _thread
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
S = TypeVar("S")

#: Longest wait in one call, after which a flag is checked. An exception that another thread sends to this one
#: is raised then.
POLL_S = 0.1
#: A call that has not begun after this time is started again.
BEGIN_TIMEOUT_S = 1.0


class BackgroundCall(Generic[T]):
    """Runs *call* on a thread that does not keep the process alive."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._claim, self._ended = _thread.allocate_lock(), _thread.allocate_lock()
        self._ended.acquire()
        self._is_finished = False
        self._begins_by_s = 0.0
        self._value: Any = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Start the call and return."""
        self._begins_by_s = time.monotonic() + BEGIN_TIMEOUT_S
        _thread.start_new_thread(self._start_thread, ())

    def has_ended(self) -> bool:
        """Return true if the call has returned or raised."""
        # An exception that is sent to the caller while it starts a thread may hit the new thread instead.
        if not self._claim.locked() and time.monotonic() > self._begins_by_s:
            self.start()
        return self._is_finished

    def cancel(self, seconds: float) -> bool:
        """Prevent the call if it has not begun; else wait up to *seconds* for its end.

        Returns False if it still runs.
        """
        if self._claim.acquire(blocking=False):
            return True
        return self.wait(seconds)

    def wait(self, seconds: float) -> bool:
        """Wait up to *seconds* for the end. Returns False if the call still runs."""
        until_s = time.monotonic() + seconds
        while not self.has_ended() and (remaining_s := until_s - time.monotonic()) > 0:
            self._ended.acquire(timeout=min(remaining_s, POLL_S))
        return self._is_finished

    def result(self) -> T:
        """Wait for the end, and return the result of the call or raise its exception."""
        while not self.has_ended():
            self._ended.acquire(timeout=POLL_S)
        if self._error is not None:
            raise self._error
        value: T = self._value
        return value

    def _start_thread(self) -> None:
        # A `Thread` has a name and is traced; here its start cannot be interrupted.
        try:
            threading.Thread(target=self._run, name="vecgate-background", daemon=True).start()
        except RuntimeError as error:
            if self._claim.acquire(blocking=False):
                self._end(error)

    def _run(self) -> None:
        # Only one thread may make the call, and none after `cancel`.
        if not self._claim.acquire(blocking=False):
            return
        try:
            self._value = self._call()
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._end(error)
        else:
            self._end(None)

    def _end(self, error: BaseException | None) -> None:
        self._error, self._is_finished = error, True
        self._ended.release()


def cancel_all(calls: Sequence[BackgroundCall[Any]], seconds: float) -> None:
    """Cancel *calls*, and wait up to *seconds* in total for the end of those that have begun."""
    until_s = time.monotonic() + seconds
    for call in calls:
        call.cancel(until_s - time.monotonic())


def new_queue() -> Any:  # noqa: ANN401 - gevent has another class
    """Return a queue that an interrupt cannot tear: a `SimpleQueue`."""
    return queue.SimpleQueue()


def map_on_threads(call: Callable[[S], T], items: Sequence[S], *, threads: int) -> list[T]:
    """Return the results of *call* for all *items*, in order, on up to *threads* threads.

    After an exception, which is raised again, no further item is begun.
    """
    left = deque(enumerate(items))
    results: dict[int, T] = {}

    def take() -> tuple[int, S] | None:
        try:
            return left.popleft()
        except IndexError:
            return None

    def work() -> None:
        while (entry := take()) is not None:
            number, item = entry
            try:
                results[number] = call(item)
            except BaseException:
                left.clear()
                raise

    workers = [BackgroundCall(work) for _ in range(min(threads, len(items)))]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.result()
    finally:
        left.clear()
    return [results[number] for number in range(len(items))]
