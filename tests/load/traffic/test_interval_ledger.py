"""The interval ledger, compared with a model that keeps every report and adds up at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from vecgate.load.schedule.arrival_schedule import Schedule
from vecgate.load.traffic.interval_ledger import IntervalLedger
from vecgate.results.load.load_records import OperationSecond, Recall, Second, Stage, WorkerTotals

RATE, SECONDS = 12, 8
WORKERS = ("a", "b", "c")


def build_ledger() -> IntervalLedger:
    """Build a ledger for twelve requests per second of two vectors each, for eight seconds."""
    stage = Stage(kind="constant", from_per_s=RATE, to_per_s=RATE, duration_s=SECONDS)
    return IntervalLedger(Schedule.from_stages([stage], units_per_arrival=1, seed=0), 2.0)


def report(at_s: int, due: int = 0, started: int | None = None, **more: object) -> Second:
    counts = {"due_vectors": 2 * due, "started": due if started is None else started, **more}
    return Second(at_s=at_s, due=due, **counts)  # type: ignore[arg-type] # numbers


def totals(worker: str) -> WorkerTotals:
    return WorkerTotals(worker=worker)


def finish_workers(ledger: IntervalLedger, *workers: str) -> None:
    for worker in workers:
        ledger.finish_worker(worker, totals(worker), None)


@dataclass
class Expected:
    """The model of one worker: the second that it reports next, the first one, and its reports."""

    next_s: int
    first_s: int
    reports: dict[int, Second] = field(default_factory=dict)


class LedgerMachine(RuleBasedStateMachine):
    """Workers join, report, fall silent and finish in any order; each report counts exactly once."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = build_ledger()
        self.active: dict[str, Expected] = {}
        self.known: dict[str, Expected] = {}
        self.closed: list[Second] = []
        self.sums: dict[int, list[Second]] = {}
        self.finished: list[str] = []
        self.waiting_on_lost = 0

    @initialize()
    def first_worker(self) -> None:
        self._join("a", 0)

    @precondition(lambda self: len(self.known) < len(WORKERS))
    @rule(after_s=st.floats(0, 2))
    def join(self, after_s: float) -> None:
        """Not before a second that was reported already."""
        latest = max((state.next_s for state in self.known.values()), default=0)
        self._join(WORKERS[len(self.known)], max(latest, len(self.closed)) + after_s)

    @precondition(lambda self: self.active)
    @rule(data=st.data(), due=st.integers(0, 4), missed=st.integers(0, 2), usd=st.integers(0, 3))
    def report_second(self, data: st.DataObject, due: int, missed: int, usd: int) -> None:
        worker = data.draw(st.sampled_from(sorted(self.active)))
        state = self.active[worker]
        counts = {"PutVectors": OperationSecond(ok=due, vectors=2 * due)}
        second = report(state.next_s, due, max(0, due - missed), usd=float(usd), operations=counts)
        assert self.ledger.add_report(worker, second)
        state.reports[state.next_s] = second
        self.sums.setdefault(state.next_s, []).append(second)
        state.next_s += 1

    @precondition(lambda self: any(state.reports for state in self.active.values()))
    @rule(data=st.data())
    def report_twice(self, data: st.DataObject) -> None:
        worker = data.draw(
            st.sampled_from(sorted(name for name, state in self.active.items() if state.reports))
        )
        state = self.active[worker]
        assert not self.ledger.add_report(
            worker, state.reports[data.draw(st.sampled_from(sorted(state.reports)))]
        )

    @rule(at_s=st.integers(0, 20), worker=st.sampled_from([*WORKERS, "unknown"]))
    def report_while_inactive(self, at_s: int, worker: str) -> None:
        if worker not in self.active:
            assert not self.ledger.add_report(worker, report(at_s, 1_000))
            self.ledger.finish_worker(worker, totals("unknown"), Recall(k=1, queries=1, mean=0, lowest=0))

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.active)))
        finish_workers(self.ledger, worker)
        del self.active[worker]
        self.finished.append(worker)

    @precondition(lambda self: len(self.active) > 1)
    @rule(data=st.data())
    def fall_silent(self, data: st.DataObject) -> None:
        """One worker does not report for 4.5 s, while the others do."""
        worker = data.draw(st.sampled_from(sorted(self.active)))
        state = self.active[worker]
        for other in self.active.values():
            if other.next_s <= state.next_s:
                return
        assert worker not in self.ledger.remove_lost(now_s=state.next_s + 3.4)
        assert self.ledger.remove_lost(now_s=state.next_s + 3.6) == [worker]
        self.waiting_on_lost += sum(each.due - each.started for each in state.reports.values())
        del self.active[worker]

    @rule()
    def close(self) -> None:
        for second in self.ledger.take_closed():
            assert second.at_s == len(self.closed)
            # Every active worker has reported it.
            assert all(
                state.next_s > second.at_s for state in self.active.values() if state.first_s <= second.at_s
            )
            self._check(second, self.sums.pop(second.at_s, []))
            self.closed.append(second)

    @invariant()
    def it_is_over_without_active_workers(self) -> None:
        assert self.ledger.is_over == (not self.active)

    def teardown(self) -> None:
        finish_workers(self.ledger, *self.active)
        self.finished += self.active
        self.active = {}
        self.close()
        # Idle seconds at the very end are left out.
        assert all(at_s >= max(SECONDS, len(self.closed)) for at_s in self.sums)
        assert not [part for parts in self.sums.values() for part in parts if part.due or part.started]
        assert list(self.ledger.take_closed()) == []
        assert [each.worker for each in self.ledger.totals] == self.finished
        assert self.ledger.recall is None

    def _join(self, worker: str, at_s: float) -> None:
        self.ledger.add_worker(worker, at_s=at_s)
        self.active[worker] = self.known[worker] = Expected(int(at_s), int(at_s))

    def _check(self, second: Second, parts: list[Second]) -> None:
        scheduled = RATE if second.at_s < SECONDS else 0
        due = sum(part.due for part in parts)
        missing = max(0, scheduled - due)
        assert (second.due, second.due_vectors) == (due + missing, 2 * (due + missing))
        assert second.started == sum(part.started for part in parts)
        assert second.lost + second.unknown == missing + self.waiting_on_lost
        self.waiting_on_lost = 0
        assert second.workers == len(parts)
        ok = sum(part.operations["PutVectors"].ok for part in parts)
        assert sum(counts.ok for counts in second.operations.values()) == ok
        before = self.closed[-1].usd if self.closed else 0.0
        assert second.usd == before + sum(part.usd for part in parts)


LedgerMachine.TestCase.settings = settings(stateful_step_count=40)
test_the_ledger_is_right_for_any_order_of_events = LedgerMachine.TestCase


def test_a_second_waits_for_every_worker() -> None:
    """Then it is the sum of their reports."""
    ledger = build_ledger()
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
    for at_s in range(3):
        assert ledger.add_report("a", report(at_s, 6))
    assert list(ledger.take_closed()) == []
    assert ledger.add_report("b", report(0, 6))
    assert list(ledger.take_closed()) == [Second(at_s=0, due=12, due_vectors=24, started=12, workers=2)]


def test_requests_due_on_a_silent_worker_are_unknown() -> None:
    """The schedule says how many were due in each second."""
    ledger = build_ledger()
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
        ledger.add_report(worker, report(0, 6))
    for at_s in range(1, 5):
        ledger.add_report("a", report(at_s, 6))
    assert [each.at_s for each in ledger.take_closed()] == [0]
    assert ledger.remove_lost(now_s=4.5) == []
    assert ledger.remove_lost(now_s=4.6) == ["b"]
    assert not ledger.add_report("b", report(1, 6)), "it was given up"
    assert [(each.at_s, each.due, each.due_vectors, each.unknown) for each in ledger.take_closed()] == [
        (at_s, 12, 24, 6) for at_s in range(1, 5)
    ]


def test_what_a_silent_worker_may_have_sent_is_unknown_until_others_take_its_part() -> None:
    """Its link may be cut. A process that has ended sends nothing after that."""
    for ended, until_s in (([], 7), (["b"], 5)):
        ledger = build_ledger()
        for worker in "ab":
            ledger.add_worker(worker, at_s=0)
            ledger.add_report(worker, report(0, 6))
        for at_s in range(1, SECONDS):
            ledger.add_report("a", report(at_s, 6))
        assert ledger.remove_lost(now_s=5.0, ended=ended) == ["b"]
        seconds = list(ledger.take_closed())
        assert [each.unknown for each in seconds[1:]] == [6 * (at_s < until_s) for at_s in range(1, SECONDS)]
        assert [each.lost + each.unknown for each in seconds[1:]] == [6] * (SECONDS - 1)


def test_a_worker_that_joins_again_does_not_report_what_others_got() -> None:
    """It may drop what was due while it was silent; those requests are counted as its own already."""
    ledger = build_ledger()
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
        ledger.add_report(worker, report(0, 6))
    for at_s in range(1, 4):
        ledger.add_report("a", report(at_s, 6))
    assert ledger.remove_lost(now_s=4.6) == ["b"]
    ledger.add_worker("b", at_s=6.2)
    assert not ledger.add_report("b", report(5, 0, 0, dropped=18))
    for at_s in range(4, 8):
        ledger.add_report("a", report(at_s, 12 if at_s < 6 else 6))
    assert ledger.add_report("b", report(6, 6))
    assert ledger.add_report("b", report(7, 6))
    seconds = list(ledger.take_closed())
    assert sum(each.due for each in seconds) == sum(each.started + each.unknown for each in seconds) == 96
    assert not any(each.dropped for each in seconds)


def test_requests_that_waited_on_a_lost_worker_are_unknown_too() -> None:
    """They were due but neither started nor dropped at its last report; they are counted as due only once."""
    ledger = build_ledger()
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
    ledger.add_report("a", report(0, 6))
    ledger.add_report("b", report(0, 6, 1, dropped=2))
    ledger.add_report("a", report(1, 6))
    ledger.add_report("b", report(1, 6, 7, dropped=0))
    ledger.add_report("a", report(2, 12))
    assert ledger.remove_lost(now_s=5.6) == ["b"]
    assert [(each.due, each.unknown) for each in ledger.take_closed()] == [(12, 2), (12, 0), (12, 0)]


def test_requests_in_flight_on_a_lost_worker_are_unknown() -> None:
    """They count once, in the next second that closes, at the mean price of a request; so does what was due."""
    ledger = build_ledger()
    done = {"PutVectors": OperationSecond(ok=4)}
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
        ledger.add_report(worker, report(0, 6, operations=done, usd=4.0, in_flight=2))
    ledger.add_report("a", report(1, 6))
    assert ledger.remove_lost(now_s=1.1, ended=["b"]) == ["b"]
    ledger.add_report("a", report(2, 6))
    first, second, third = ledger.take_closed()
    assert (first.unknown, first.usd) == (2, 10.0)
    assert (second.lost, second.unknown, second.usd) == (5, 1, 11.0)
    assert (third.lost, third.unknown, third.usd) == (6, 0, 11.0)


def test_what_the_last_worker_took_with_it_is_recorded() -> None:
    """Its schedule is over, and no second follows in which the requests could count."""
    ledger = build_ledger()
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
        for at_s in range(SECONDS):
            ledger.add_report(worker, report(at_s, 6, in_flight=5))
    assert len(list(ledger.take_closed())) == SECONDS
    finish_workers(ledger, "a")
    assert ledger.remove_lost(now_s=SECONDS + 1.0, ended=["b"]) == ["b"]
    assert [(each.at_s, each.unknown) for each in ledger.take_closed()] == [(SECONDS, 5)]
    assert list(ledger.take_closed()) == []


def test_a_worker_that_has_ended_is_lost_at_once() -> None:
    """It will not report again, so the ledger does not wait for it."""
    ledger = build_ledger()
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
        ledger.add_report(worker, report(0, 6))
    ledger.add_report("a", report(1, 6))
    assert ledger.remove_lost(now_s=1.1, ended=["c"]) == []
    assert ledger.remove_lost(now_s=1.1, ended=["b", "c"]) == ["b"]
    assert [(each.due, each.lost, each.unknown) for each in ledger.take_closed()] == [(12, 0, 0), (12, 5, 1)]


def test_idle_seconds_count_only_if_something_follows() -> None:
    """A worker reports while it computes recall; the others may still have requests in flight."""
    ledger = build_ledger()
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
        for at_s in range(SECONDS):
            ledger.add_report(worker, report(at_s, 6))
    assert len(list(ledger.take_closed())) == SECONDS
    ended = report(9, operations={"PutVectors": OperationSecond(ok=1)})
    for at_s, second in {8: report(8), 9: ended, 10: report(10), 11: report(11)}.items():
        ledger.add_report("a", report(at_s))
        ledger.add_report("b", second)
    assert [each.at_s for each in ledger.take_closed()] == [8, 9]
    finish_workers(ledger, "a", "b")
    assert list(ledger.take_closed()) == []


def test_idle_seconds_after_a_stop_do_not_count() -> None:
    """The run ends with its last event."""
    ledger = build_ledger()
    ledger.add_worker("a", at_s=0)
    ledger.add_report("a", report(0, 12))
    ledger.add_report("a", report(1))
    assert [each.at_s for each in ledger.take_closed()] == [0, 1], (
        "a second of the schedule counts, idle or not"
    )
    ledger.stop()
    ledger.add_report("a", report(2))
    assert list(ledger.take_closed()) == []


def test_queries_pay_for_all_vectors_in_the_index() -> None:
    """Preloaded ones and those put so far; failed queries pay too. A TB costs $0.004."""
    ledger = IntervalLedger(build_ledger().schedule, 2.0, stored_vectors=100, vector_bytes=2**20, usd=0.5)
    ledger.add_worker("a", at_s=0)
    queries = OperationSecond(ok=3, errors={"Transport": 1})
    ledger.add_report("a", report(0, operations={"QueryVectors": queries}))
    puts = OperationSecond(ok=1, vectors=100)
    ledger.add_report(
        "a", report(1, usd=1.0, operations={"PutVectors": puts, "QueryVectors": OperationSecond(ok=1)})
    )
    each = 100 / 2**20 * 0.004
    assert [second.usd for second in ledger.take_closed()] == pytest.approx([0.5 + 4 * each, 1.5 + 6 * each])


def test_a_worker_that_never_reports_is_lost_too() -> None:
    """Reports are expected from the second in which it joined."""
    ledger = build_ledger()
    ledger.add_worker("a", at_s=0)
    ledger.add_worker("late", at_s=3.4)
    assert ledger.remove_lost(now_s=3.5) == []
    assert ledger.remove_lost(now_s=3.6) == ["a"]
    assert ledger.remove_lost(now_s=6.5) == []
    assert ledger.remove_lost(now_s=6.6) == ["late"]
    assert ledger.is_over


def test_the_ledger_does_not_wait_for_a_worker_before_it_joined() -> None:
    """From its first second on it does."""
    ledger = build_ledger()
    ledger.add_worker("a", at_s=0)
    ledger.add_worker("b", at_s=2.9)
    for at_s in range(4):
        ledger.add_report("a", report(at_s, 6))
    assert [each.at_s for each in ledger.take_closed()] == [0, 1]
    ledger.add_report("b", report(2, 6))
    ledger.add_report("b", report(3, 6))
    assert [(each.at_s, each.workers, each.lost) for each in ledger.take_closed()] == [(2, 2, 0), (3, 2, 0)]


def test_requests_due_after_a_stop_are_not_lost() -> None:
    """No worker was supposed to send them."""
    ledger = build_ledger()
    ledger.add_worker("a", at_s=0)
    ledger.add_report("a", report(0, 12))
    ledger.stop()
    ledger.add_report("a", report(1, 3))
    assert [(each.due, each.lost) for each in ledger.take_closed()] == [(12, 0), (3, 0)]


def test_a_worker_may_finish_before_its_last_second_is_closed() -> None:
    """Its reports count all the same."""
    ledger = build_ledger()
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
        ledger.add_report(worker, report(0, 6))
    finish_workers(ledger, "a")
    ledger.add_report("b", report(1, 12))
    finish_workers(ledger, "b")
    assert ledger.is_over
    assert [(each.at_s, each.due, each.lost) for each in ledger.take_closed()] == [(0, 12, 0), (1, 12, 0)]
    assert [each.worker for each in ledger.totals] == ["a", "b"]


def test_the_price_of_a_run_adds_up() -> None:
    """Each worker reports the price of its second."""
    ledger = build_ledger()
    for worker in "ab":
        ledger.add_worker(worker, at_s=0)
        for at_s in range(2):
            ledger.add_report(worker, report(at_s, 6, usd=0.25))
    assert [each.usd for each in ledger.take_closed()] == [0.5, 1.0]
    assert ledger.usd == 1.0


def test_recall_is_weighted_by_the_queries_of_each_worker() -> None:
    """The lowest is that of all workers; a worker without a sample does not count."""
    ledger = build_ledger()
    for worker, recall in {
        "a": Recall(k=10, queries=30, mean=1.0, lowest=1.0),
        "b": Recall(k=10, queries=10, mean=0.8, lowest=0.5),
        "c": None,
    }.items():
        ledger.add_worker(worker, at_s=0)
        ledger.finish_worker(worker, totals(worker), recall)
    assert ledger.recall is not None
    assert (ledger.recall.k, ledger.recall.queries, ledger.recall.lowest) == (10, 40, 0.5)
    assert ledger.recall.mean == pytest.approx(0.95)


def test_a_second_in_which_a_stage_ends_keeps_its_parts() -> None:
    """The parts of all workers are added up, and lost requests are counted in each part."""
    stages = [Stage(kind="constant", from_per_s=10, to_per_s=10, duration_s=each) for each in (1.5, 1.5)]
    ledger = IntervalLedger(Schedule.from_stages(stages, units_per_arrival=1, seed=0), 2.0)
    ledger.add_worker("a", at_s=0)
    ledger.add_worker("b", at_s=0)
    for worker in ("a", "b"):
        ledger.add_report(worker, report(0, 5))
    ledger.add_report("a", replace(report(1, 5), parts=(report(1, 3), report(1, 2))))
    assert ledger.remove_lost(now_s=1.0, ended={"b"}) == ["b"]
    _, found = ledger.take_closed()
    assert (found.due, found.lost) == (10, 5), "the worker had ended before they were due"
    assert [(each.due, each.due_vectors, each.started, each.lost) for each in found.parts] == [
        (5, 10, 3, 2),
        (5, 10, 2, 3),
    ]


def test_a_worker_that_is_lost_keeps_what_it_had_reported() -> None:
    """Its totals show up to when; those of a worker that finishes are its own."""
    ledger = build_ledger()
    for worker in ("a", "b"):
        ledger.add_worker(worker, at_s=0)
    for at_s in range(3):
        ledger.add_report("a", report(at_s, 6, generator_cores=0.25, loop_lag_ms=float(at_s), dropped=0))
        if at_s < 2:
            ledger.add_report("b", report(at_s, 6, 5, dropped=1, generator_cores=0.5, loop_lag_ms=9.0))
    assert ledger.remove_lost(now_s=3.0, ended={"b"}) == ["b"]
    finish_workers(ledger, "a")
    assert ledger.lost_totals == {
        "b": WorkerTotals(worker="b", started=10, dropped=2, cpu_s=1.0, loop_lag_ms=9.0, lost_at_s=2.0)
    }
