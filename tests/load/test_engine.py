"""The engine under a clock of its own: how requests start is judged by a queue that is worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush

import gevent
import pytest
from greenlets import VirtualTime
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.encoding import Body
from vecgate.errors import NoCredentials, ServiceError, TransportError
from vecgate.load.arrivals import Schedule
from vecgate.load.lab.engine import Engine, Flight, Sent, code_of
from vecgate.load.recorder import Recorder
from vecgate.load.requests import Request
from vecgate.load.sharing import Share, divided
from vecgate.results.load import Second, Stage
from vecgate.testing.scripted import error_of

#: A user without work looks again after so long, as Locust's do.
IDLE_S = 0.05
BEGUN_S = 100.0
ALL = Share(0, 0, 1)
NONE = Share(0, 0, 0)
#: Of start_within: no sum of whole milliseconds comes near it.
ODD_S = 0.0503
#: A new share is told so long before it holds.
LEAD_S = 1.0


def schedule_of(
    rate: float, duration_s: float, kind: str = "constant", start: float | None = None
) -> Schedule:
    first = rate if start is None else start
    stage = Stage(kind=kind, from_per_s=first, to_per_s=rate, duration_s=duration_s)  # type: ignore[arg-type] # a kind
    return Schedule.of([stage], per_arrival=1, seed=7)


def request_of(arrival: int) -> Request:
    return Request("PutVectors", Body(b"12345", ""), 3, range(arrival, arrival + 1), stored_bytes=40)


@dataclass
class Service:
    """Takes the time for a request that *takes_s* says, and keeps when each started."""

    time: VirtualTime
    takes_s: Callable[[int], float] = lambda _: 0.0
    started: list[tuple[int, float]] = field(default_factory=list)

    def __call__(self, request: Request, flight: Flight) -> None:
        arrival = request.records.start
        self.started.append((arrival, self.time.clock() - BEGUN_S))
        self.time.sleep(self.takes_s(arrival))
        flight.bytes_in = 7


class Users:
    """So many greenlets that serve, as Locust's users do, and what came of it."""

    def __init__(self, engine: Engine, number: int, time: VirtualTime) -> None:
        self.sent: list[Sent] = []
        self._engine, self._time, self._is_over = engine, time, False
        self._greenlets = [gevent.spawn(self._user) for _ in range(number)]

    def _user(self) -> None:
        while not self._is_over:
            sent = self._engine.serve()
            if sent is not None:
                self.sent.append(sent)
            elif self._engine.is_idle:
                self._time.sleep(IDLE_S)

    def end(self) -> None:
        self._is_over = True
        self._time.run(until_s=self._time.clock() + 2 * IDLE_S)
        for greenlet in self._greenlets:
            greenlet.get(block=False)


@dataclass
class Lab:
    """An engine with its time, users and service."""

    time: VirtualTime
    engine: Engine
    service: Service
    users: Users

    def run(self, until_s: float) -> Second:
        """Go on until *until_s* of the schedule; what was recorded since the last time."""
        self.time.run(until_s=BEGUN_S + until_s)
        return self.engine.recorder.take(0)


@contextmanager
def lab_of(
    schedule: Schedule,
    *,
    users: int = 4,
    takes_s: Callable[[int], float] = lambda _: 0.0,
    start_within_s: float = 1_000.0,
    time: VirtualTime | None = None,
) -> Iterator[Lab]:
    time = time or VirtualTime(BEGUN_S - 1)
    service = Service(time, takes_s)
    engine = Engine(
        schedule,
        request_of,
        service,
        Recorder(),
        start_within_s=start_within_s,
        clock=time.clock,
        sleep=time.sleep,
    )
    found = Lab(time, engine, service, Users(engine, users, time))
    try:
        yield found
    finally:
        engine.stop()
        engine.started.set()
        found.users.end()


def queued(
    due_s: Sequence[float], takes_s: Callable[[int], float], users: int, start_within_s: float
) -> tuple[list[tuple[int, float]], list[int]]:
    """When each arrival starts, and which are dropped: of a queue before *users* servers, first come."""
    free, started, dropped = [0.0] * users, [], []
    for arrival, at_s in enumerate(due_s):
        start_s = max(at_s, heappop(free))
        if start_s - at_s > start_within_s:
            dropped.append(arrival)
            heappush(free, start_s)
        else:
            started.append((arrival, start_s))
            heappush(free, start_s + takes_s(arrival))
    return started, dropped


def near(started: Sequence[tuple[int, float]]) -> list[tuple[int, object]]:
    return [(arrival, pytest.approx(at_s, abs=1e-6)) for arrival, at_s in started]


@given(
    rate=st.sampled_from([1.0, 30.0, 400.0]),
    duration_s=st.floats(0.05, 2),
    kind=st.sampled_from(["constant", "ramp", "poisson"]),
    users=st.integers(1, 6),
    takes_ms=st.lists(st.integers(0, 300), min_size=1, max_size=12),
    start_within_s=st.sampled_from([ODD_S, 1_000.0]),
)
@example(rate=400.0, duration_s=2.0, kind="constant", users=1, takes_ms=[300, 0], start_within_s=ODD_S)
def test_requests_start_when_they_are_due_and_a_user_is_free(
    *, rate: float, duration_s: float, kind: str, users: int, takes_ms: list[int], start_within_s: float
) -> None:
    """Each arrival once, in order, started or dropped; a slow answer holds up nothing but its user."""
    schedule = schedule_of(rate, duration_s, kind)

    def takes_s(arrival: int) -> float:
        return takes_ms[arrival % len(takes_ms)] / 1e3

    due_s = schedule.due_s(0, schedule.total).tolist()
    started, dropped = queued(due_s, takes_s, users, start_within_s)
    with lab_of(schedule, users=users, takes_s=takes_s, start_within_s=start_within_s) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        told = lab.run(max((at_s for _, at_s in started), default=0.0) + 1)
        assert lab.service.started == near(started)
        assert (told.started, told.dropped) == (len(started), len(dropped))
        assert told.in_flight == 0
        assert lab.engine.is_done
        assert len(lab.users.sent) == len(started)


def test_nobody_starts_before_the_schedule_does() -> None:
    """Users are there first, and wait."""
    with lab_of(schedule_of(10, 1)) as lab:
        lab.time.run(until_s=BEGUN_S + 0.5)
        assert lab.service.started == []
        assert not lab.engine.is_done
        lab.engine.begin(ALL, at_s=BEGUN_S + 0.7)
        lab.run(5)
        assert lab.service.started == near([(n, 0.7 + n / 10) for n in range(10)])


def test_two_latencies_are_told() -> None:
    """From when a request was due, and from when it left: here one user is busy for three requests' time."""
    with lab_of(schedule_of(10, 0.5), users=1, takes_s=lambda n: 0.35 if n == 0 else 0.0) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        told = lab.run(5).operations["PutVectors"]
        assert [round(sent.response_s, 6) for sent in lab.users.sent] == [0.35, 0.25, 0.15, 0.05, 0.0]
        assert [round(sent.service_s, 6) for sent in lab.users.sent] == [0.35, 0, 0, 0, 0]
        assert (told.ok, told.vectors, told.bytes_out, told.bytes_in) == (5, 15, 25, 35)
        assert round(told.response.max_ms) == round(told.service.max_ms) == 350
        assert round(told.response.p50_ms) == 150


@pytest.mark.parametrize("failure", [None, TransportError("PutVectors", "reset")])
def test_a_request_sent_again_counts_from_its_last_departure(failure: Exception | None) -> None:
    """Whoever sends says when that was, and how often; also of one that has failed in the end."""
    schedule = schedule_of(1, 1)
    time = VirtualTime(BEGUN_S)

    def send(request: Request, flight: Flight) -> None:
        time.sleep(0.5)
        flight.retried, flight.left_s = 2, time.clock()
        time.sleep(0.2)
        if failure:
            raise failure

    engine = Engine(
        schedule, request_of, send, Recorder(), start_within_s=1, clock=time.clock, sleep=time.sleep
    )
    engine.begin(ALL, at_s=BEGUN_S)
    users = Users(engine, 1, time)
    time.run(until_s=BEGUN_S + 2)
    users.end()
    (sent,) = users.sent
    assert (round(sent.response_s, 6), round(sent.service_s, 6)) == (0.7, 0.2)
    counts = engine.recorder.take(0).operations["PutVectors"]
    assert (counts.retried, counts.ok) == (2, 0 if failure else 1)


def test_a_stalled_service_does_not_stall_the_schedule() -> None:
    """For two seconds nothing is answered: while users are free requests leave on time all the same."""
    with lab_of(schedule_of(100, 3), users=300, takes_s=lambda n: max(0.0, 2.5 - n / 100)) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        told = lab.run(10)
        assert (told.started, told.late, told.dropped) == (300, 0, 0)
        assert lab.service.started == near([(n, n / 100) for n in range(300)])
        assert round(max(sent.response_s for sent in lab.users.sent), 6) == 2.5


def test_what_could_not_start_in_time_is_dropped_and_counted() -> None:
    """One user, busy for a second with the first of ten a second: 100 ms late is allowed."""
    with lab_of(
        schedule_of(10, 2), users=1, takes_s=lambda n: 1.0 if n == 0 else 0.0, start_within_s=0.11
    ) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        told = lab.run(10)
        assert [arrival for arrival, _ in lab.service.started] == [0, *range(9, 20)]
        assert (told.started, told.late, told.dropped) == (12, 1, 8)


def test_one_user_watches_the_clock_for_all() -> None:
    """Of five hundred, the others sleep until it is their turn: waking costs the time that requests need."""
    with lab_of(schedule_of(10, 1), users=500) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        lab.time.run(until_s=BEGUN_S + 0.84)
        assert len(lab.service.started) == 9
        # Until 50 ms before an arrival is due, until it is, and while it is served.
        assert lab.time.sleeps <= 3 * 10


# Shares.


@given(
    rate=st.sampled_from([3.0, 50.0]),
    moves=st.lists(
        st.tuples(st.floats(0, 5), st.integers(0, 3), st.booleans(), st.floats(0, 0.9 * LEAD_S)), max_size=6
    ),
)
def test_shares_told_in_time_leave_no_gap_and_do_nothing_twice(
    rate: float, moves: list[tuple[float, int, bool, float]]
) -> None:
    """Workers join and leave in the middle, and hear of it sooner or later: each arrival has one of them."""
    time, schedule = VirtualTime(BEGUN_S - 1), schedule_of(rate, 6)
    serving = {"0"}
    with (
        lab_of(schedule, time=time) as a,
        lab_of(schedule, time=time) as b,
        lab_of(schedule, time=time) as c,
        lab_of(schedule, time=time) as d,
    ):
        labs = {str(number): lab for number, lab in enumerate((a, b, c, d))}
        heard_s = dict.fromkeys(labs, 0.0)
        a.engine.begin(ALL, at_s=BEGUN_S)
        for at_s, worker, joins, delay_s in sorted(moves):
            after = serving | {str(worker)} if joins else serving - {str(worker)}
            if not after or after == serving:
                continue
            time.run(until_s=BEGUN_S + at_s)
            first = schedule.due_before(time.clock() - BEGUN_S + LEAD_S)
            shares = divided(sorted(after), first)
            for name in serving | after:
                # Messages may be slow, but the first is never overtaken.
                heard_s[name] = max(heard_s[name], time.clock() + delay_s)
                share = shares.get(name, Share(first, 0, 0))
                gevent.spawn(hear, labs[name].engine, share, time, heard_s[name] - time.clock())
            serving = after
        time.run(until_s=BEGUN_S + 7)
        started = [[arrival for arrival, _ in lab.service.started] for lab in labs.values()]
        assert all(each == sorted(each) for each in started)
        assert sorted(arrival for each in started for arrival in each) == list(range(schedule.total))
        for second in range(7):
            due = schedule.due_before(second + 1) - schedule.due_before(second)
            assert sum(lab.engine.due_between(second, second + 1) for lab in labs.values()) == due
        assert all(lab.engine.is_done for lab in labs.values() if lab.engine.started.is_set())


def hear(engine: Engine, share: Share, time: VirtualTime, delay_s: float) -> None:
    """Take *share* as a message that is on its way for *delay_s* brings it."""
    time.sleep(delay_s)
    if engine.started.is_set():
        engine.take_share(share)
    else:
        engine.begin(share, at_s=BEGUN_S)


def test_workers_that_share_a_schedule_take_turns() -> None:
    """Two of them: one the even arrivals, the other the odd ones, each when it is due."""
    time, schedule = VirtualTime(BEGUN_S - 1), schedule_of(10, 0.6)
    with lab_of(schedule, time=time) as even, lab_of(schedule, time=time) as odd:
        for lab, share in zip((even, odd), divided(["a", "b"], 0).values(), strict=True):
            lab.engine.begin(share, at_s=BEGUN_S)
        time.run(until_s=BEGUN_S + 5)
        assert even.service.started == near([(0, 0.0), (2, 0.2), (4, 0.4)])
        assert odd.service.started == near([(1, 0.1), (3, 0.3), (5, 0.5)])


def test_a_worker_without_a_part_has_nothing_to_do() -> None:
    """It is done at once, and nothing is due on it."""
    with lab_of(schedule_of(10, 1)) as lab:
        lab.engine.begin(NONE, at_s=BEGUN_S)
        assert lab.engine.is_done
        assert lab.engine.due_between(0, 1) == 0
        assert lab.run(5).started == 0


def test_a_long_schedule_is_read_in_pieces() -> None:
    """Each arrival at its own time, far beyond what is computed at once."""
    with lab_of(schedule_of(5_000, 1)) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        assert lab.run(5).started == 5_000
        assert lab.service.started[-1:] == near([(4_999, 0.9998)])


# The end.


def test_a_run_that_is_stopped_begins_nothing_more() -> None:
    """What is in flight comes to its end, and what is due later is no longer."""
    with lab_of(schedule_of(10, 2), takes_s=lambda _: 0.3) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        lab.time.run(until_s=BEGUN_S + 0.51)
        lab.engine.stop()
        assert (lab.engine.is_idle, lab.engine.is_done) == (True, False)
        lab.run(10)
        assert lab.engine.is_done
        assert [arrival for arrival, _ in lab.service.started] == [0, 1, 2, 3, 4, 5]
        assert lab.engine.due_between(0, 2) == len(lab.users.sent) == 6


@given(
    parts=st.integers(2, 4),
    part=st.integers(0, 3),
    stop_s=st.floats(0, 2),
    share=st.builds(Share, st.integers(0, 40), st.just(0), st.integers(1, 3)),
)
def test_after_a_stop_no_share_begins_anything(parts: int, part: int, stop_s: float, share: Share) -> None:
    """A worker is lost, its part is dealt out, and the run was over before."""
    with lab_of(schedule_of(20, 2)) as lab:
        lab.engine.begin(Share(0, part % parts, parts), at_s=BEGUN_S)
        lab.time.run(until_s=BEGUN_S + stop_s)
        lab.engine.stop()
        lab.time.run(until_s=BEGUN_S + stop_s + 0.2)
        started = list(lab.service.started)
        lab.engine.take_share(share)
        assert lab.engine.is_idle
        lab.run(10)
        assert lab.service.started == started


def test_what_is_left_can_be_given_up() -> None:
    """What has not begun is dropped; what was never answered is an error that took until now."""
    with lab_of(schedule_of(10, 1), users=1, takes_s=lambda _: 30.0) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        lab.time.run(until_s=BEGUN_S + 20)
        lab.engine.give_up()
        told = lab.engine.recorder.take(0)
        counts = told.operations["PutVectors"]
        assert (told.started, told.dropped, told.in_flight) == (1, 9, 0)
        assert (counts.ok, counts.vectors, counts.errors) == (0, 0, {"Unanswered": 1})
        assert round(counts.response.max_ms, -2) == round(counts.service.max_ms, -2) == 20_000
        assert lab.engine.due_between(0, 1) == 10
        lab.run(21)
        assert lab.engine.is_done, "nobody waits for the answer any longer"
        lab.engine.give_up()
        told = lab.run(40)
        assert (told.started, told.dropped, told.in_flight, told.operations) == (0, 0, 0, {})


def test_what_was_taken_and_has_not_left_is_dropped_with_the_rest() -> None:
    """Its user waits for the moment that it is due, or has yet to wake; it is counted once and not sent."""
    with lab_of(schedule_of(10, 1), users=2) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        lab.time.run(until_s=BEGUN_S + 0.27)
        lab.engine.give_up()
        told = lab.run(10)
        assert (told.started, told.dropped) == (3, 7)
        assert len(lab.service.started) == 3


def test_a_run_ends_with_its_schedule_or_when_it_is_stopped() -> None:
    """From then on what is under way is waited for."""
    with lab_of(schedule_of(10, 2)) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        assert lab.engine.ends_s == BEGUN_S + 2
        lab.time.run(until_s=BEGUN_S + 0.5)
        lab.engine.stop()
        assert lab.engine.ends_s == pytest.approx(BEGUN_S + 0.5)


# Failures.


@pytest.mark.parametrize(
    ("failure", "code", "throttled"),
    [
        (error_of("TooManyRequestsException"), "TooManyRequestsException", 1),
        (error_of("ServiceUnavailableException"), "ServiceUnavailableException", 0),
        (TransportError("PutVectors", "reset"), "Transport", 0),
        (NoCredentials("expired"), "Transport", 0),
    ],
)
def test_a_failure_is_counted_by_its_code(failure: Exception, code: str, throttled: int) -> None:
    """It has latencies, and wrote nothing; the next request goes on as if nothing had been."""
    with lab_of(schedule_of(10, 0.3), users=1) as lab:

        def takes_s(arrival: int) -> float:
            lab.time.sleep(0.02)
            if arrival == 1:
                raise failure
            return 0.0

        lab.service.takes_s = takes_s
        lab.engine.begin(ALL, at_s=BEGUN_S)
        told = lab.run(5)
        counts = told.operations["PutVectors"]
        assert (counts.ok, counts.vectors, counts.errors, counts.throttled) == (2, 6, {code: 1}, throttled)
        assert (counts.response.count, told.in_flight) == (3, 0)
        sent = lab.users.sent[1]
        assert (sent.code, sent.failure, round(sent.service_s, 6)) == (code, failure, 0.02)


def test_what_did_not_fail_has_no_code() -> None:
    """And what the service says has its own."""
    assert code_of(None) == ""
    assert code_of(ServiceError("QueryVectors", "Odd", 418, "?")) == "Odd"


def test_a_bug_of_ours_is_let_out() -> None:
    """It is no failure of the target, and does not keep the engine from its end."""
    with lab_of(schedule_of(10, 0.1), users=0, time=VirtualTime(BEGUN_S)) as lab:
        lab.service.takes_s = lambda _: 1 // 0
        lab.engine.begin(ALL, at_s=BEGUN_S)
        with pytest.raises(ZeroDivisionError):
            lab.engine.serve()
        assert lab.engine.is_done


def test_a_user_that_is_ended_in_the_middle_leaves_nothing_in_flight() -> None:
    """Its request counts as cut off, and others get on."""
    with lab_of(schedule_of(10, 0.2), users=0, takes_s=lambda _: 60.0, time=VirtualTime(BEGUN_S)) as lab:
        lab.engine.begin(ALL, at_s=BEGUN_S)
        user = gevent.spawn(lab.engine.serve)
        lab.time.run(until_s=BEGUN_S + 0.05)
        user.kill()
        other = gevent.spawn(lab.engine.serve)
        told = lab.run(61)
        counts = told.operations["PutVectors"]
        assert (counts.ok, counts.errors, told.started, told.in_flight) == (1, {"Transport": 1}, 2, 0)
        assert other.get(block=False).response_s == pytest.approx(60.0)
        assert lab.engine.is_done


def test_a_request_that_is_cut_off_was_sent_as_often_as_it_was() -> None:
    """And each time was charged for."""
    time = VirtualTime(BEGUN_S)

    def send(request: Request, flight: Flight) -> None:
        flight.retried, flight.left_s = 3, time.clock()
        time.sleep(60)

    engine = Engine(
        schedule_of(1, 1), request_of, send, Recorder(), start_within_s=1, clock=time.clock, sleep=time.sleep
    )
    engine.begin(ALL, at_s=BEGUN_S)
    user = gevent.spawn(engine.serve)
    time.run(until_s=BEGUN_S + 1)
    user.kill()
    assert engine.recorder.take(0).operations["PutVectors"].retried == 3


def test_on_a_real_clock_every_request_starts_once() -> None:
    """Three hundred in a third of a second, in greenlets that really wait."""
    started = []

    def send(request: Request, flight: Flight) -> None:
        started.append(request.records.start)
        gevent.sleep(0.005)

    def user() -> None:
        while not engine.is_idle:
            engine.serve()

    engine = Engine(schedule_of(900, 1 / 3), request_of, send, Recorder(), start_within_s=60)
    engine.begin(ALL, at_s=engine._clock() + 0.01)
    gevent.joinall([gevent.spawn(user) for _ in range(20)], timeout=30, raise_error=True)
    # Of those that are due at once, greenlets may wake in any order.
    assert sorted(started) == list(range(300))
    assert engine.is_done
