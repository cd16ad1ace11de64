"""The dispatcher under a virtual clock, compared with a simple model of a queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush

import gevent
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from virtual_time import VirtualTime

from vecgate.bulk.core.body_encoding import Body
from vecgate.errors import NoCredentials, ServiceError, TransportError, UnexpectedResponse
from vecgate.load.runtime.dispatcher import CompletedRequest, Dispatcher, SendProgress, failure_code
from vecgate.load.schedule.arrival_schedule import Schedule
from vecgate.load.schedule.partition import Partition, partition_arrivals
from vecgate.load.traffic.planned_requests import PlannedRequest
from vecgate.load.traffic.request_log import LoggedRequest
from vecgate.load.traffic.request_recorder import RequestRecorder
from vecgate.results.load.load_records import Second, Stage
from vecgate.s3vectors.pricing import PUT_BYTES_MIN, requests_usd
from vecgate.testing.scripted_service import modelled_error

#: Interval at which an idle user checks again, as Locust's users do.
IDLE_S = 0.05
BEGUN_S = 100.0
ALL = Partition(0, 0, 1)
NONE = Partition(0, 0, 0)
#: A start deadline that no sum of whole milliseconds comes near.
ODD_S = 0.0503
#: A new partition is completed this long before it takes effect.
LEAD_S = 1.0


def schedule_of(
    rate: float, duration_s: float, kind: str = "constant", start: float | None = None
) -> Schedule:
    first = rate if start is None else start
    stage = Stage(kind=kind, from_per_s=first, to_per_s=rate, duration_s=duration_s)  # type: ignore[arg-type] # a kind
    return Schedule.from_stages([stage], units_per_arrival=1, seed=7)


def request_of(arrival: int) -> PlannedRequest:
    return PlannedRequest("PutVectors", Body(b"12345", ""), 3, range(arrival, arrival + 1), stored_bytes=40)


@dataclass
class Service:
    """Answers each request after *takes_s*, and keeps the time at which it started."""

    time: VirtualTime
    takes_s: Callable[[int], float] = lambda _: 0.0
    started: list[tuple[int, float]] = field(default_factory=list)

    def __call__(self, request: PlannedRequest, progress: SendProgress) -> None:
        arrival = request.records.start
        self.started.append((arrival, self.time.clock() - BEGUN_S))
        self.time.sleep(self.takes_s(arrival))
        progress.bytes_in = 7


class Users:
    """Greenlets that serve arrivals, as Locust's users do, and the completed requests."""

    def __init__(self, dispatcher: Dispatcher, number: int, time: VirtualTime) -> None:
        self.completed: list[CompletedRequest] = []
        self._dispatcher, self._time, self._is_over = dispatcher, time, False
        self._greenlets = [gevent.spawn(self._user) for _ in range(number)]

    def _user(self) -> None:
        while not self._is_over:
            completed = self._dispatcher.serve()
            if completed is not None:
                self.completed.append(completed)
            elif self._dispatcher.is_idle:
                self._time.sleep(IDLE_S)

    def end(self) -> None:
        self._is_over = True
        self._time.run(until_s=self._time.clock() + 2 * IDLE_S)
        for greenlet in self._greenlets:
            greenlet.get(block=False)


@dataclass
class Bench:
    """A dispatcher with its clock, users and service."""

    time: VirtualTime
    dispatcher: Dispatcher
    service: Service
    users: Users

    def run(self, until_s: float) -> Second:
        """Run until *until_s* of the schedule, and return what was recorded since the last call."""
        self.time.run(until_s=BEGUN_S + until_s)
        return self.dispatcher.recorder.take_second(0)


@contextmanager
def open_bench(
    schedule: Schedule,
    *,
    users: int = 4,
    takes_s: Callable[[int], float] = lambda _: 0.0,
    start_deadline_s: float = 1_000.0,
    time: VirtualTime | None = None,
) -> Iterator[Bench]:
    time = time or VirtualTime(BEGUN_S - 1)
    service = Service(time, takes_s)
    dispatcher = Dispatcher(
        schedule,
        request_of,
        service,
        RequestRecorder(),
        operation_of=lambda _: "PutVectors",
        start_deadline_s=start_deadline_s,
        clock=time.clock,
        sleep=time.sleep,
    )
    found = Bench(time, dispatcher, service, Users(dispatcher, users, time))
    try:
        yield found
    finally:
        dispatcher.stop()
        dispatcher.started.set()
        found.users.end()


def simulate_queue(
    due_s: Sequence[float], takes_s: Callable[[int], float], users: int, start_deadline_s: float
) -> tuple[list[tuple[int, float]], list[int]]:
    """Return the start of each arrival, and the dropped ones, of a FIFO queue with *users* servers."""
    free, started, dropped = [0.0] * users, [], []
    for arrival, at_s in enumerate(due_s):
        start_s = max(at_s, heappop(free))
        if start_s - at_s > start_deadline_s:
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
    start_deadline_s=st.sampled_from([ODD_S, 1_000.0]),
)
@example(rate=400.0, duration_s=2.0, kind="constant", users=1, takes_ms=[300, 0], start_deadline_s=ODD_S)
def test_requests_start_when_they_are_due_and_a_user_is_free(
    *, rate: float, duration_s: float, kind: str, users: int, takes_ms: list[int], start_deadline_s: float
) -> None:
    """Each arrival once and in order, started or dropped; a slow answer delays only its user."""
    schedule = schedule_of(rate, duration_s, kind)

    def takes_s(arrival: int) -> float:
        return takes_ms[arrival % len(takes_ms)] / 1e3

    due_s = schedule.due_s(0, schedule.total).tolist()
    started, dropped = simulate_queue(due_s, takes_s, users, start_deadline_s)
    with open_bench(schedule, users=users, takes_s=takes_s, start_deadline_s=start_deadline_s) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        second = bench.run(max((at_s for _, at_s in started), default=0.0) + 1)
        assert bench.service.started == near(started)
        assert (second.started, second.dropped) == (len(started), len(dropped))
        assert second.in_flight == 0
        assert bench.dispatcher.is_done
        assert len(bench.users.completed) == len(started)


def test_no_request_starts_before_the_schedule() -> None:
    """Users are there before, and wait."""
    with open_bench(schedule_of(10, 1)) as bench:
        bench.time.run(until_s=BEGUN_S + 0.5)
        assert bench.service.started == []
        assert not bench.dispatcher.is_done
        bench.dispatcher.start(ALL, at_s=BEGUN_S + 0.7)
        bench.run(5)
        assert bench.service.started == near([(n, 0.7 + n / 10) for n in range(10)])


def test_response_time_and_service_time_differ() -> None:
    """From the due time and from the send: here one user is busy for the time of three requests."""
    with open_bench(schedule_of(10, 0.5), users=1, takes_s=lambda n: 0.35 if n == 0 else 0.0) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        second = bench.run(5).operations["PutVectors"]
        assert [round(completed.response_s, 6) for completed in bench.users.completed] == [
            0.35,
            0.25,
            0.15,
            0.05,
            0.0,
        ]
        assert [round(completed.service_s, 6) for completed in bench.users.completed] == [0.35, 0, 0, 0, 0]
        assert (second.ok, second.vectors, second.bytes_out, second.bytes_in) == (5, 15, 25, 35)
        assert round(second.response.max_ms) == round(second.service.max_ms) == 350
        assert round(second.response.p50_ms) == 150


@pytest.mark.parametrize("failure", [None, TransportError("PutVectors", "reset")])
def test_the_service_time_of_a_retried_request_is_that_of_its_last_attempt(failure: Exception | None) -> None:
    """The sending function reports its start and the number of retries, also of a request that fails."""
    schedule = schedule_of(1, 1)
    time = VirtualTime(BEGUN_S)

    def send(request: PlannedRequest, progress: SendProgress) -> None:
        time.sleep(0.5)
        progress.retried, progress.last_sent_s = 2, time.clock()
        time.sleep(0.2)
        if failure:
            raise failure

    dispatcher = Dispatcher(
        schedule, request_of, send, RequestRecorder(), start_deadline_s=1, clock=time.clock, sleep=time.sleep
    )
    dispatcher.start(ALL, at_s=BEGUN_S)
    users = Users(dispatcher, 1, time)
    time.run(until_s=BEGUN_S + 2)
    users.end()
    (completed,) = users.completed
    assert (round(completed.response_s, 6), round(completed.service_s, 6)) == (0.7, 0.2)
    counts = dispatcher.recorder.take_second(0).operations["PutVectors"]
    assert (counts.retried, counts.ok) == (2, 0 if failure else 1)


def test_a_stalled_service_does_not_stall_the_schedule() -> None:
    """For two seconds nothing is answered; with free users, requests start on time all the same."""
    with open_bench(schedule_of(100, 3), users=300, takes_s=lambda n: max(0.0, 2.5 - n / 100)) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        second = bench.run(10)
        assert (second.started, second.late, second.dropped) == (300, 0, 0)
        assert bench.service.started == near([(n, n / 100) for n in range(300)])
        assert round(max(completed.response_s for completed in bench.users.completed), 6) == 2.5


def test_arrivals_that_cannot_start_in_time_are_dropped() -> None:
    """One user, busy for a second with the first of ten per second; 110 ms late is allowed."""
    with open_bench(
        schedule_of(10, 2), users=1, takes_s=lambda n: 1.0 if n == 0 else 0.0, start_deadline_s=0.11
    ) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        second = bench.run(10)
        assert [arrival for arrival, _ in bench.service.started] == [0, *range(9, 20)]
        assert (second.started, second.late, second.dropped) == (12, 1, 8)


def test_one_user_watches_the_clock_for_all() -> None:
    """The other 499 sleep until it is their turn: waking up costs time that requests need."""
    with open_bench(schedule_of(10, 1), users=500) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        bench.time.run(until_s=BEGUN_S + 0.84)
        assert len(bench.service.started) == 9
        # Until 50 ms before an arrival is due, until it is, and while it is served.
        assert bench.time.sleeps <= 3 * 10


# PartitionSequence.


@given(
    rate=st.sampled_from([3.0, 50.0]),
    moves=st.lists(
        st.tuples(st.floats(0, 5), st.integers(0, 3), st.booleans(), st.floats(0, 0.9 * LEAD_S)), max_size=6
    ),
)
def test_partitions_that_arrive_in_time_leave_no_gap_and_no_overlap(
    rate: float, moves: list[tuple[float, int, bool, float]]
) -> None:
    """Workers join and leave during the run, and learn of it at different times: each arrival is sent once."""
    time, schedule = VirtualTime(BEGUN_S - 1), schedule_of(rate, 6)
    serving = {"0"}
    with (
        open_bench(schedule, time=time) as a,
        open_bench(schedule, time=time) as b,
        open_bench(schedule, time=time) as c,
        open_bench(schedule, time=time) as d,
    ):
        benches = {str(number): bench for number, bench in enumerate((a, b, c, d))}
        heard_s = dict.fromkeys(benches, 0.0)
        a.dispatcher.start(ALL, at_s=BEGUN_S)
        for at_s, worker, joins, delay_s in sorted(moves):
            after = serving | {str(worker)} if joins else serving - {str(worker)}
            if not after or after == serving:
                continue
            time.run(until_s=BEGUN_S + at_s)
            first = schedule.due_before(time.clock() - BEGUN_S + LEAD_S)
            partitions = partition_arrivals(sorted(after), first)
            for name in serving | after:
                # Messages may be slow, but they stay in order.
                heard_s[name] = max(heard_s[name], time.clock() + delay_s)
                partition = partitions.get(name, Partition(first, 0, 0))
                gevent.spawn(
                    repartition_after, benches[name].dispatcher, partition, time, heard_s[name] - time.clock()
                )
            serving = after
        time.run(until_s=BEGUN_S + 7)
        started = [[arrival for arrival, _ in bench.service.started] for bench in benches.values()]
        assert all(each == sorted(each) for each in started)
        assert sorted(arrival for each in started for arrival in each) == list(range(schedule.total))
        for at_s in range(7):
            due = schedule.due_before(at_s + 1) - schedule.due_before(at_s)
            cursors = [bench.dispatcher.cursor for bench in benches.values()]
            assert sum(cursor.count_due(at_s, at_s + 1) for cursor in cursors) == due
        assert all(
            bench.dispatcher.is_done for bench in benches.values() if bench.dispatcher.started.is_set()
        )


def repartition_after(
    dispatcher: Dispatcher, partition: Partition, time: VirtualTime, delay_s: float
) -> None:
    """Apply *partition* after *delay_s*, the time that its message takes."""
    time.sleep(delay_s)
    if dispatcher.started.is_set():
        dispatcher.repartition(partition)
    else:
        dispatcher.start(partition, at_s=BEGUN_S)


def test_two_workers_take_turns() -> None:
    """One sends the even arrivals, the other the odd ones, each when it is due."""
    time, schedule = VirtualTime(BEGUN_S - 1), schedule_of(10, 0.6)
    with open_bench(schedule, time=time) as even, open_bench(schedule, time=time) as odd:
        for bench, partition in zip((even, odd), partition_arrivals(["a", "b"], 0).values(), strict=True):
            bench.dispatcher.start(partition, at_s=BEGUN_S)
        time.run(until_s=BEGUN_S + 5)
        assert even.service.started == near([(0, 0.0), (2, 0.2), (4, 0.4)])
        assert odd.service.started == near([(1, 0.1), (3, 0.3), (5, 0.5)])


def test_a_worker_without_arrivals_is_done_at_once() -> None:
    """And nothing is due on it."""
    with open_bench(schedule_of(10, 1)) as bench:
        bench.dispatcher.start(NONE, at_s=BEGUN_S)
        assert bench.dispatcher.is_done
        assert bench.dispatcher.cursor.count_due(0, 1) == 0
        assert bench.run(5).started == 0


def test_a_long_schedule_is_read_in_chunks() -> None:
    """Each arrival has its due time, far beyond one chunk."""
    with open_bench(schedule_of(5_000, 1)) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        assert bench.run(5).started == 5_000
        assert bench.service.started[-1:] == near([(4_999, 0.9998)])


# The end.


def test_a_stopped_dispatcher_starts_no_further_request() -> None:
    """Requests in flight finish, and later arrivals do not count as due."""
    with open_bench(schedule_of(10, 2), takes_s=lambda _: 0.3) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        bench.time.run(until_s=BEGUN_S + 0.51)
        bench.dispatcher.stop()
        assert (bench.dispatcher.is_idle, bench.dispatcher.is_done) == (True, False)
        bench.run(10)
        assert bench.dispatcher.is_done
        assert [arrival for arrival, _ in bench.service.started] == [0, 1, 2, 3, 4, 5]
        assert bench.dispatcher.cursor.count_due(0, 2) == len(bench.users.completed) == 6


@given(
    parts=st.integers(2, 4),
    part=st.integers(0, 3),
    stop_s=st.floats(0, 2),
    partition=st.builds(Partition, st.integers(0, 40), st.just(0), st.integers(1, 3)),
)
def test_a_partition_after_a_stop_starts_nothing(
    parts: int, part: int, stop_s: float, partition: Partition
) -> None:
    """A worker is lost and its arrivals are partitioned again after the run was stopped."""
    with open_bench(schedule_of(20, 2)) as bench:
        bench.dispatcher.start(Partition(0, part % parts, parts), at_s=BEGUN_S)
        bench.time.run(until_s=BEGUN_S + stop_s)
        bench.dispatcher.stop()
        bench.time.run(until_s=BEGUN_S + stop_s + 0.2)
        started = list(bench.service.started)
        bench.dispatcher.repartition(partition)
        assert bench.dispatcher.is_idle
        bench.run(10)
        assert bench.service.started == started


def test_abandoning_drops_what_has_not_started_and_fails_what_is_in_flight() -> None:
    """An unanswered request is an error that took until now."""
    with open_bench(schedule_of(10, 1), users=1, takes_s=lambda _: 30.0) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        bench.time.run(until_s=BEGUN_S + 20)
        bench.dispatcher.abandon()
        second = bench.dispatcher.recorder.take_second(0)
        counts = second.operations["PutVectors"]
        assert (second.started, second.dropped, second.in_flight) == (1, 9, 0)
        assert (counts.ok, counts.vectors, counts.errors) == (0, 0, {"Unanswered": 1})
        assert round(counts.response.max_ms, -2) == round(counts.service.max_ms, -2) == 20_000
        assert bench.dispatcher.cursor.count_due(0, 1) == 10
        bench.run(21)
        assert bench.dispatcher.is_done, "no user waits for the answer any more"
        bench.dispatcher.abandon()
        second = bench.run(40)
        assert (second.started, second.dropped, second.in_flight, second.operations) == (0, 0, 0, {})


def test_abandoning_drops_an_arrival_whose_user_is_still_waiting() -> None:
    """It waits for the due time or has yet to wake up; it is counted once and not sent."""
    with open_bench(schedule_of(10, 1), users=2) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        bench.time.run(until_s=BEGUN_S + 0.27)
        bench.dispatcher.abandon()
        second = bench.run(10)
        assert (second.started, second.dropped) == (3, 7)
        assert len(bench.service.started) == 3


def test_the_end_is_that_of_the_schedule_or_the_stop() -> None:
    """From then on the reporter waits for the requests in flight."""
    with open_bench(schedule_of(10, 2)) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        assert bench.dispatcher.end_s == BEGUN_S + 2
        bench.time.run(until_s=BEGUN_S + 0.5)
        bench.dispatcher.stop()
        assert bench.dispatcher.end_s == pytest.approx(BEGUN_S + 0.5)


# Failures.


@pytest.mark.parametrize(
    ("failure", "code", "throttled"),
    [
        (modelled_error("TooManyRequestsException"), "TooManyRequestsException", 1),
        (modelled_error("ServiceUnavailableException"), "ServiceUnavailableException", 0),
        (TransportError("PutVectors", "reset"), "Transport", 0),
        (UnexpectedResponse("PutVectors", "status 200 with text/html"), "Protocol", 0),
        (NoCredentials("expired"), "NoCredentials", 0),
    ],
)
def test_a_failure_is_counted_by_its_code(failure: Exception, code: str, throttled: int) -> None:
    """It has latencies and wrote nothing; the next request is not affected."""
    with open_bench(schedule_of(10, 0.3), users=1) as bench:

        def takes_s(arrival: int) -> float:
            bench.time.sleep(0.02)
            if arrival == 1:
                raise failure
            return 0.0

        bench.service.takes_s = takes_s
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        second = bench.run(5)
        counts = second.operations["PutVectors"]
        assert (counts.ok, counts.vectors, counts.errors, counts.throttled) == (2, 6, {code: 1}, throttled)
        assert (counts.response.count, second.in_flight) == (3, 0)
        completed = bench.users.completed[1]
        assert (completed.code, completed.failure, round(completed.service_s, 6)) == (code, failure, 0.02)


def test_a_success_has_no_code() -> None:
    """An error of the service has the code of the service."""
    assert failure_code(None) == ""
    assert failure_code(ServiceError("QueryVectors", "Odd", 418, "?")) == "Odd"


def test_an_unexpected_error_is_raised() -> None:
    """It is not a failure of the target, and the dispatcher still finishes."""
    with open_bench(schedule_of(10, 0.1), users=0, time=VirtualTime(BEGUN_S)) as bench:
        bench.service.takes_s = lambda _: 1 // 0
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        with pytest.raises(ZeroDivisionError):
            bench.dispatcher.serve()
        assert bench.dispatcher.is_done


def test_a_killed_user_leaves_nothing_in_flight() -> None:
    """The result of its request is unknown, not a failure of the target, and other users continue."""
    with open_bench(
        schedule_of(10, 0.2), users=0, takes_s=lambda _: 60.0, time=VirtualTime(BEGUN_S)
    ) as bench:
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        user = gevent.spawn(bench.dispatcher.serve)
        bench.time.run(until_s=BEGUN_S + 0.05)
        user.kill()
        other = gevent.spawn(bench.dispatcher.serve)
        second = bench.run(61)
        counts = second.operations["PutVectors"]
        assert (counts.ok, counts.errors, second.unknown) == (1, {}, 1)
        assert (second.started, second.in_flight) == (2, 0)
        assert other.get(block=False).response_s == pytest.approx(60.0)
        assert bench.dispatcher.is_done


@given(
    kills=st.lists(st.tuples(st.floats(0, 2), st.integers(0, 3)), max_size=4),
    takes_s=st.lists(st.sampled_from([0.0, 0.03, 0.4, 60.0]), min_size=1, max_size=5),
    end_s=st.floats(0.1, 2.5),
)
def test_every_request_is_in_exactly_one_column(
    kills: list[tuple[float, int]], takes_s: list[float], end_s: float
) -> None:
    """Whatever ends users and the run: a due request is started, dropped or lost; a started one is answered,
    failed or unknown.
    """

    def takes(arrival: int) -> float:
        if arrival % 5 == 4:
            raise TransportError("PutVectors", "reset")
        return takes_s[arrival % len(takes_s)]

    with open_bench(schedule_of(20, 1.0), takes_s=takes, start_deadline_s=0.5) as bench:
        rows = keep_rows(bench)
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        for at_s, user in sorted(kills):
            bench.time.run(until_s=BEGUN_S + min(at_s, end_s))
            bench.users._greenlets[user].kill(block=False)
        bench.time.run(until_s=BEGUN_S + end_s)
        bench.dispatcher.abandon()
        second = bench.run(end_s + 1)
    ended = sum(each.ok + sum(each.errors.values()) for each in second.operations.values())
    assert second.started == ended + second.unknown
    assert second.started + second.dropped + second.lost == 20
    assert second.in_flight == 0
    # And each has one row, with its state.
    assert sorted(round(each.due_s * 20) for each in rows) == list(range(20))
    states = Counter(each.state for each in rows)
    assert (states["ended"], states["unknown"]) == (ended, second.unknown)
    assert (states["dropped"], states["lost"]) == (second.dropped, second.lost)


def keep_rows(bench: Bench) -> list[LoggedRequest]:
    """Return the list to which every logged request of *bench* is added."""
    rows: list[LoggedRequest] = []

    def keep(request: LoggedRequest) -> str:
        rows.append(request)
        return ""

    bench.dispatcher.recorder.log.row_of = keep
    return rows


def test_arrivals_that_come_too_late_to_a_worker_have_rows() -> None:
    """A partition that arrives late contains arrivals that are over: they are dropped, each with a row."""
    with open_bench(schedule_of(10, 3.0)) as bench:
        rows = keep_rows(bench)
        bench.dispatcher.start(Partition(0, 0, 2), at_s=BEGUN_S)
        bench.time.run(until_s=BEGUN_S + 2)
        bench.dispatcher.repartition(Partition(10, 0, 1))
        second = bench.run(4)
    assert second.dropped > 0
    late = sorted(round(each.due_s * 10) for each in rows if each.state == "dropped")
    assert len(late) == second.dropped
    assert all(arrival % 2 and 10 <= arrival <= 20 for arrival in late)
    assert len(rows) == second.started + second.dropped


def test_a_request_that_is_cut_off_has_the_price_of_its_attempts() -> None:
    """AWS charges for each, whatever became of them."""
    time = VirtualTime(BEGUN_S)

    def send(request: PlannedRequest, progress: SendProgress) -> None:
        progress.retried, progress.last_sent_s = 3, time.clock()
        time.sleep(60)

    dispatcher = Dispatcher(
        schedule_of(1, 1),
        request_of,
        send,
        RequestRecorder(),
        start_deadline_s=1,
        clock=time.clock,
        sleep=time.sleep,
    )
    dispatcher.start(ALL, at_s=BEGUN_S)
    user = gevent.spawn(dispatcher.serve)
    time.run(until_s=BEGUN_S + 1)
    user.kill()
    second = dispatcher.recorder.take_second(0)
    assert (second.unknown, second.in_flight, second.operations) == (1, 0, {})
    assert second.usd == pytest.approx(requests_usd({"PutVectors": 4}, put_bytes=4 * PUT_BYTES_MIN))


def test_on_a_real_clock_every_request_starts_once() -> None:
    """Three hundred in a third of a second, in greenlets that really sleep."""
    started = []

    def send(request: PlannedRequest, progress: SendProgress) -> None:
        started.append(request.records.start)
        gevent.sleep(0.005)

    def user() -> None:
        while not dispatcher.is_idle:
            dispatcher.serve()

    dispatcher = Dispatcher(schedule_of(900, 1 / 3), request_of, send, RequestRecorder(), start_deadline_s=60)
    dispatcher.start(ALL, at_s=dispatcher._clock() + 0.01)
    gevent.joinall([gevent.spawn(user) for _ in range(20)], timeout=30, raise_error=True)
    # Of those that are due at once, greenlets may wake in any order.
    assert sorted(started) == list(range(300))
    assert dispatcher.is_done


def test_every_started_request_is_logged_with_its_times() -> None:
    """The failed ones also as samples, which say when, why and under which request id."""

    def takes_s(arrival: int) -> float:
        if arrival % 3 == 2:
            raise ServiceError("PutVectors", "SlowDown", 503, "later", request_id=f"id-{arrival}")
        return 0.25

    with open_bench(schedule_of(10, 1.0), users=9, takes_s=takes_s) as bench:
        rows = keep_rows(bench)
        bench.dispatcher.start(ALL, at_s=BEGUN_S)
        second = bench.run(5)
        (cause,) = bench.dispatcher.recorder.log.failures.take()
    assert len(rows) == second.started == 10
    assert [round((each.ended_s or 0) - (each.sent_s or 0), 3) for each in rows if not each.code] == [
        0.25
    ] * 7
    assert sorted(round(each.due_s, 3) for each in rows) == [round(at / 10, 3) for at in range(10)]
    assert (cause.code, cause.count, len(cause.samples)) == ("SlowDown", 3, 3)
    assert [sample.request_id for sample in cause.samples] == ["id-2", "id-5", "id-8"]
    assert [round(sample.at_s, 3) for sample in cause.samples] == [0.2, 0.5, 0.8]
