"""The account of a run, against a bookkeeper that writes down every line and adds up at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from vecgate.load.arrivals import Schedule
from vecgate.load.ledger import Ledger
from vecgate.results.load import OperationSecond, Recall, Second, Stage, WorkerTotals

RATE, SECONDS = 12, 8
WORKERS = ("a", "b", "c")


def ledger() -> Ledger:
    """Of a schedule of twelve requests a second, of two vectors each, for eight seconds."""
    stage = Stage(kind="constant", from_per_s=RATE, to_per_s=RATE, duration_s=SECONDS)
    return Ledger(Schedule.of([stage], per_arrival=1, seed=0), 2.0)


def told(at_s: int, due: int = 0, started: int | None = None, **more: object) -> Second:
    counts = {"due_vectors": 2 * due, "started": due if started is None else started, **more}
    return Second(at_s=at_s, due=due, **counts)  # type: ignore[arg-type] # numbers


def totals(worker: str) -> WorkerTotals:
    return WorkerTotals(worker=worker)


def done(book: Ledger, *workers: str) -> None:
    for worker in workers:
        book.done(worker, totals(worker), None)


@dataclass
class Kept:
    """What the bookkeeper knows of a worker: the second that it tells of next, while it serves."""

    next_s: int
    first_s: int
    told: dict[int, Second] = field(default_factory=dict)


class Accounts(RuleBasedStateMachine):
    """Workers join, tell, fall silent and end in any order; all that they tell counts, and counts once."""

    def __init__(self) -> None:
        super().__init__()
        self.book = ledger()
        self.serving: dict[str, Kept] = {}
        self.ever: dict[str, Kept] = {}
        self.closed: list[Second] = []
        self.sums: dict[int, list[Second]] = {}
        self.ended: list[str] = []
        self.given_up = 0

    @initialize()
    def begin(self) -> None:
        self._join("a", 0)

    @precondition(lambda self: len(self.ever) < len(WORKERS))
    @rule(after_s=st.floats(0, 2))
    def join(self, after_s: float) -> None:
        """No sooner than what is told already."""
        latest = max((kept.next_s for kept in self.ever.values()), default=0)
        self._join(WORKERS[len(self.ever)], max(latest, len(self.closed)) + after_s)

    @precondition(lambda self: self.serving)
    @rule(data=st.data(), due=st.integers(0, 4), missed=st.integers(0, 2), usd=st.integers(0, 3))
    def tell(self, data: st.DataObject, due: int, missed: int, usd: int) -> None:
        worker = data.draw(st.sampled_from(sorted(self.serving)))
        kept = self.serving[worker]
        counts = {"PutVectors": OperationSecond(ok=due, vectors=2 * due)}
        second = told(kept.next_s, due, max(0, due - missed), usd=float(usd), operations=counts)
        assert self.book.told(worker, second)
        kept.told[kept.next_s] = second
        self.sums.setdefault(kept.next_s, []).append(second)
        kept.next_s += 1

    @precondition(lambda self: any(kept.told for kept in self.serving.values()))
    @rule(data=st.data())
    def tell_again(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(name for name, kept in self.serving.items() if kept.told)))
        kept = self.serving[worker]
        assert not self.book.told(worker, kept.told[data.draw(st.sampled_from(sorted(kept.told)))])

    @rule(at_s=st.integers(0, 20), worker=st.sampled_from([*WORKERS, "stranger"]))
    def tell_without_serving(self, at_s: int, worker: str) -> None:
        if worker not in self.serving:
            assert not self.book.told(worker, told(at_s, 1_000))
            self.book.done(worker, totals("nobody"), Recall(k=1, queries=1, mean=0, lowest=0))

    @precondition(lambda self: self.serving)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.serving)))
        done(self.book, worker)
        del self.serving[worker]
        self.ended.append(worker)

    @precondition(lambda self: len(self.serving) > 1)
    @rule(data=st.data())
    def fall_silent(self, data: st.DataObject) -> None:
        """One is not heard of for 4.5 s, while the others are."""
        worker = data.draw(st.sampled_from(sorted(self.serving)))
        kept = self.serving[worker]
        for other in self.serving.values():
            if other.next_s <= kept.next_s:
                return
        assert worker not in self.book.overdue(now_s=kept.next_s + 3.4)
        assert self.book.overdue(now_s=kept.next_s + 3.6) == [worker]
        self.given_up += sum(each.due - each.started for each in kept.told.values())
        del self.serving[worker]

    @rule()
    def close(self) -> None:
        for second in self.book.closed():
            assert second.at_s == len(self.closed)
            # Everybody who serves has told of it.
            assert all(
                kept.next_s > second.at_s for kept in self.serving.values() if kept.first_s <= second.at_s
            )
            self._check(second, self.sums.pop(second.at_s, []))
            self.closed.append(second)

    @invariant()
    def it_is_over_when_nobody_serves(self) -> None:
        assert self.book.is_over == (not self.serving)

    def teardown(self) -> None:
        done(self.book, *self.serving)
        self.ended += self.serving
        self.serving = {}
        self.close()
        # At the very end nothing may happen any more: those seconds are of no interest.
        assert all(at_s >= max(SECONDS, len(self.closed)) for at_s in self.sums)
        assert not [part for parts in self.sums.values() for part in parts if part.due or part.started]
        assert list(self.book.closed()) == []
        assert [each.worker for each in self.book.totals] == self.ended
        assert self.book.recall is None

    def _join(self, worker: str, at_s: float) -> None:
        self.book.joined(worker, at_s=at_s)
        self.serving[worker] = self.ever[worker] = Kept(int(at_s), int(at_s))

    def _check(self, second: Second, parts: list[Second]) -> None:
        scheduled = RATE if second.at_s < SECONDS else 0
        due = sum(part.due for part in parts)
        unheard = max(0, scheduled - due)
        assert (second.due, second.due_vectors) == (due + unheard, 2 * (due + unheard))
        assert second.started == sum(part.started for part in parts)
        assert second.lost == unheard + self.given_up
        self.given_up = 0
        assert second.workers == len(parts)
        ok = sum(part.operations["PutVectors"].ok for part in parts)
        assert sum(counts.ok for counts in second.operations.values()) == ok
        before = self.closed[-1].usd if self.closed else 0.0
        assert second.usd == before + sum(part.usd for part in parts)


Accounts.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
test_whatever_workers_do_the_account_is_right = Accounts.TestCase


def test_a_second_waits_for_every_worker() -> None:
    """And then is the sum of what they told."""
    book = ledger()
    for worker in "ab":
        book.joined(worker, at_s=0)
    for at_s in range(3):
        assert book.told("a", told(at_s, 6))
    assert list(book.closed()) == []
    assert book.told("b", told(0, 6))
    assert list(book.closed()) == [Second(at_s=0, due=12, due_vectors=24, started=12, workers=2)]


def test_what_is_due_on_a_worker_that_is_gone_is_lost() -> None:
    """By the schedule's count of the second, which nobody else can tell."""
    book = ledger()
    for worker in "ab":
        book.joined(worker, at_s=0)
        book.told(worker, told(0, 6))
    for at_s in range(1, 5):
        book.told("a", told(at_s, 6))
    assert [each.at_s for each in book.closed()] == [0]
    assert book.overdue(now_s=4.5) == []
    assert book.overdue(now_s=4.6) == ["b"]
    assert not book.told("b", told(1, 6)), "it was given up"
    assert [(each.at_s, each.due, each.due_vectors, each.lost) for each in book.closed()] == [
        (at_s, 12, 24, 6) for at_s in range(1, 5)
    ]


def test_what_a_lost_worker_had_on_its_list_is_lost_too() -> None:
    """It was due, and had neither started nor been dropped when it was last heard of; it is due but once."""
    book = ledger()
    for worker in "ab":
        book.joined(worker, at_s=0)
    book.told("a", told(0, 6))
    book.told("b", told(0, 6, 1, dropped=2))
    book.told("a", told(1, 6))
    book.told("b", told(1, 6, 7, dropped=0))
    book.told("a", told(2, 12))
    assert book.overdue(now_s=5.6) == ["b"]
    assert [(each.due, each.lost) for each in book.closed()] == [(12, 2), (12, 0), (12, 0)]


def test_a_worker_that_has_ended_is_lost_at_once() -> None:
    """It will say nothing more: what it was to tell is waited for no longer."""
    book = ledger()
    for worker in "ab":
        book.joined(worker, at_s=0)
        book.told(worker, told(0, 6))
    book.told("a", told(1, 6))
    assert book.overdue(now_s=1.1, ended=["c"]) == []
    assert book.overdue(now_s=1.1, ended=["b", "c"]) == ["b"]
    assert [(each.due, each.lost) for each in book.closed()] == [(12, 0), (12, 6)]


def test_idle_seconds_count_only_where_something_follows() -> None:
    """A worker goes on telling while it judges answers; the others may still have requests under way."""
    book = ledger()
    for worker in "ab":
        book.joined(worker, at_s=0)
        for at_s in range(SECONDS):
            book.told(worker, told(at_s, 6))
    assert len(list(book.closed())) == SECONDS
    ended = told(9, operations={"PutVectors": OperationSecond(ok=1)})
    for at_s, second in {8: told(8), 9: ended, 10: told(10), 11: told(11)}.items():
        book.told("a", told(at_s))
        book.told("b", second)
    assert [each.at_s for each in book.closed()] == [8, 9]
    done(book, "a", "b")
    assert list(book.closed()) == []


def test_after_a_stop_idle_seconds_are_none_of_the_schedule() -> None:
    """The run is as long as something happened."""
    book = ledger()
    book.joined("a", at_s=0)
    book.told("a", told(0, 12))
    book.told("a", told(1))
    assert [each.at_s for each in book.closed()] == [0, 1], "a second of the schedule counts, idle or not"
    book.stopped()
    book.told("a", told(2))
    assert list(book.closed()) == []


def test_queries_pay_for_all_that_is_in_the_index() -> None:
    """What was put before, and in the run until then; those that failed pay too. A TB is $0.004."""
    book = Ledger(ledger().schedule, 2.0, held=100, vector_bytes=2**20, usd=0.5)
    book.joined("a", at_s=0)
    queries = OperationSecond(ok=3, errors={"Transport": 1})
    book.told("a", told(0, operations={"QueryVectors": queries}))
    puts = OperationSecond(ok=1, vectors=100)
    book.told("a", told(1, usd=1.0, operations={"PutVectors": puts, "QueryVectors": OperationSecond(ok=1)}))
    each = 100 / 2**20 * 0.004
    assert [second.usd for second in book.closed()] == pytest.approx([0.5 + 4 * each, 1.5 + 6 * each])


def test_a_worker_that_never_told_anything_is_lost_too() -> None:
    """It is expected from the second in which it joined on."""
    book = ledger()
    book.joined("a", at_s=0)
    book.joined("late", at_s=3.4)
    assert book.overdue(now_s=3.5) == []
    assert book.overdue(now_s=3.6) == ["a"]
    assert book.overdue(now_s=6.5) == []
    assert book.overdue(now_s=6.6) == ["late"]
    assert book.is_over


def test_a_worker_that_joins_late_is_not_waited_for_before() -> None:
    """From its first second on it is."""
    book = ledger()
    book.joined("a", at_s=0)
    book.joined("b", at_s=2.9)
    for at_s in range(4):
        book.told("a", told(at_s, 6))
    assert [each.at_s for each in book.closed()] == [0, 1]
    book.told("b", told(2, 6))
    book.told("b", told(3, 6))
    assert [(each.at_s, each.workers, each.lost) for each in book.closed()] == [(2, 2, 0), (3, 2, 0)]


def test_what_is_due_after_a_stop_is_not_lost() -> None:
    """Nobody was to send it any more."""
    book = ledger()
    book.joined("a", at_s=0)
    book.told("a", told(0, 12))
    book.stopped()
    book.told("a", told(1, 3))
    assert [(each.due, each.lost) for each in book.closed()] == [(12, 0), (3, 0)]


def test_a_worker_may_be_done_before_its_last_second_is_closed() -> None:
    """What it has told counts all the same."""
    book = ledger()
    for worker in "ab":
        book.joined(worker, at_s=0)
        book.told(worker, told(0, 6))
    done(book, "a")
    book.told("b", told(1, 12))
    done(book, "b")
    assert book.is_over
    assert [(each.at_s, each.due, each.lost) for each in book.closed()] == [(0, 12, 0), (1, 12, 0)]
    assert [each.worker for each in book.totals] == ["a", "b"]


def test_the_price_of_a_run_adds_up() -> None:
    """Each worker tells that of its own second."""
    book = ledger()
    for worker in "ab":
        book.joined(worker, at_s=0)
        for at_s in range(2):
            book.told(worker, told(at_s, 6, usd=0.25))
    assert [each.usd for each in book.closed()] == [0.5, 1.0]
    assert book.usd == 1.0


def test_recall_is_that_of_all_workers_by_their_queries() -> None:
    """And the lowest is the lowest of all; one that judged nothing does not count."""
    book = ledger()
    for worker, recall in {
        "a": Recall(k=10, queries=30, mean=1.0, lowest=1.0),
        "b": Recall(k=10, queries=10, mean=0.8, lowest=0.5),
        "c": None,
    }.items():
        book.joined(worker, at_s=0)
        book.done(worker, totals(worker), recall)
    assert book.recall is not None
    assert (book.recall.k, book.recall.queries, book.recall.lowest) == (10, 40, 0.5)
    assert book.recall.mean == pytest.approx(0.95)


def test_a_second_in_which_a_stage_ends_keeps_its_parts() -> None:
    """Those of the workers are added up, and what was due on one that is gone is lost in each of them."""
    stages = [Stage(kind="constant", from_per_s=10, to_per_s=10, duration_s=each) for each in (1.5, 1.5)]
    book = Ledger(Schedule.of(stages, per_arrival=1, seed=0), 2.0)
    book.joined("a", at_s=0)
    book.joined("b", at_s=0)
    for worker in ("a", "b"):
        book.told(worker, told(0, 5))
    book.told("a", replace(told(1, 5), parts=(told(1, 3), told(1, 2))))
    assert book.overdue(now_s=1.0, ended={"b"}) == ["b"]
    _, found = book.closed()
    assert (found.due, found.lost) == (10, 5)
    assert [(each.due, each.due_vectors, each.started, each.lost) for each in found.parts] == [
        (5, 10, 3, 2),
        (5, 10, 2, 3),
    ]
