"""Work on another thread is started once, awaited, and cancelled."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable

import pytest

from vecgate import background
from vecgate.background import BackgroundCall, cancel_all, map_on_threads

#: No call here takes this long.
DEADLINE_S = 30.0


def test_a_call_returns_its_result() -> None:
    """It runs on another thread, which does not keep the process alive."""
    call = BackgroundCall(threading.current_thread)
    call.start()
    assert call.result() is not threading.current_thread()
    assert call.result().daemon
    assert call.has_ended()


@pytest.mark.parametrize("error", [ValueError("of its own"), SystemExit(3)])
def test_a_call_raises_its_exception(error: BaseException) -> None:
    """Whatever it is, it reaches the caller."""

    def fail() -> None:
        raise error

    call = BackgroundCall(fail)
    call.start()
    with pytest.raises(type(error)):
        call.result()


def test_a_wait_has_a_limit() -> None:
    """It says whether the call has ended."""
    release = threading.Event()
    call = BackgroundCall(lambda: release.wait(DEADLINE_S))
    call.start()
    assert not call.wait(0.01)
    release.set()
    assert call.wait(DEADLINE_S)
    assert call.result() is True


def test_a_call_that_has_not_begun_can_be_prevented() -> None:
    """It then never begins."""
    begun: list[str] = []
    call = BackgroundCall(lambda: begun.append("begun"))
    assert call.cancel(0.0)
    call.start()
    time.sleep(0)
    assert not call.wait(0.05)
    assert begun == []


def test_cancelling_waits_for_calls_that_have_begun() -> None:
    """Up to a limit in total."""
    release, begun = threading.Event(), threading.Semaphore(0)

    def work() -> bool:
        begun.release()
        return release.wait(DEADLINE_S)

    calls = [BackgroundCall(work) for _ in range(3)]
    for call in calls:
        call.start()
        assert begun.acquire(timeout=DEADLINE_S)
    cancel_all(calls, 0.02)
    assert not any(call.has_ended() for call in calls)
    release.set()
    cancel_all(calls, DEADLINE_S)
    assert all(call.has_ended() for call in calls)


def test_a_call_whose_thread_is_lost_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that was meant for the caller may have ended the new thread."""
    monkeypatch.setattr(background, "BEGIN_TIMEOUT_S", 0.0)
    start_new_thread: Callable[..., int] = _thread.start_new_thread
    lost: list[Callable[[], None]] = []

    def lose_the_first(target: Callable[[], None], arguments: tuple[()]) -> int:
        if not lost:
            lost.append(target)
            return 0
        return start_new_thread(target, arguments)

    monkeypatch.setattr(_thread, "start_new_thread", lose_the_first)
    begun: list[str] = []
    call = BackgroundCall(lambda: begun.append("begun"))
    call.start()
    call.result()
    lost[0]()
    assert begun == ["begun"]


def test_results_come_in_the_order_of_the_items() -> None:
    """However the threads are scheduled, and for any number of them."""
    for threads in (1, 3, 50):
        assert map_on_threads(str.upper, list("abcdefghij"), threads=threads) == list("ABCDEFGHIJ")
    assert map_on_threads(str.upper, [], threads=3) == []


def test_no_item_is_begun_after_an_exception() -> None:
    """It is raised again."""
    begun: list[str] = []

    def fail_at_b(item: str) -> None:
        begun.append(item)
        if item == "b":
            raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        map_on_threads(fail_at_b, list("abcdef"), threads=1)
    assert begun == ["a", "b"]
