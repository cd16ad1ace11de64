"""Load runs against a queue whose service rate is known, simulated event by event with the real recorder."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count, pairwise

from vecgate.load.schedule.arrival_schedule import Schedule
from vecgate.load.traffic.request_recorder import RequestRecorder, join_parts
from vecgate.results.load.load_records import LoadPlan, OperationSecond, Second, Stage
from vecgate.results.records import Footer, Header, Stream

OPERATION = "QueryVectors"
_runs = count()


@dataclass(frozen=True, slots=True)
class Queue:
    """A server that serves one request after the other.

    served_per_s  its rate
    latency_s     further time until the answer, which takes no part of the rate
    jitter        each service time varies by this share of it
    hole          from when, and for how long, it serves nothing
    errors        share of the answers that are errors
    """

    served_per_s: float
    latency_s: float = 0.0
    jitter: float = 0.0
    hole: tuple[float, float] = (0.0, 0.0)
    errors: float = 0.0


def constant(per_s: float, duration_s: float = 10.0, kind: str = "constant") -> Stage:
    return Stage(kind=kind, from_per_s=per_s, to_per_s=per_s, duration_s=duration_s)  # type: ignore[arg-type]


def queue_stream(
    queue: Queue,
    *stages: Stage,
    in_flight_max: int = 100_000,
    start_deadline_s: float = 60.0,
    thresholds: tuple[str, ...] = (),
    seed: int = 1,
    is_counted: bool = False,
) -> Stream:
    """Return the stream of a run of *stages* against *queue*.

    is_counted  count requests without their latencies, which is several times as fast; then everything may be
                in flight
    """
    schedule = Schedule.from_stages(stages, units_per_arrival=1, seed=seed)
    noise = random.Random(seed)  # noqa: S311 - no secret
    seconds = list(
        _counted_seconds(queue, schedule, noise)
        if is_counted
        else _seconds(queue, schedule, in_flight_max, start_deadline_s, noise)
    )
    plan = LoadPlan(
        scenario="queue",
        unit="requests",
        operations={OPERATION: 1.0},
        dimension=2,
        vectors_per_request=1,
        stages=stages,
        duration_s=schedule.duration_s,
        scheduled=schedule.total,
        in_flight_max=in_flight_max,
        start_deadline_s=start_deadline_s,
        thresholds=thresholds,
    )
    started_at = "2026-11-30T00:00:00+00:00"
    header = Header(kind="load", run=f"queue-{next(_runs)}", started_at=started_at, target="queue")
    footer = Footer(ended_at="2026-11-30T00:01:00+00:00", duration_s=float(len(seconds)))
    return Stream(header, (plan, *seconds), footer)


def _seconds(
    queue: Queue, schedule: Schedule, in_flight_max: int, start_deadline_s: float, noise: random.Random
) -> Iterator[Second]:
    events = _events(
        queue, schedule.due_s(0, schedule.total).tolist(), in_flight_max, start_deadline_s, noise
    )
    recorder, next_event, at_s = RequestRecorder(), 0, 0
    while at_s < schedule.duration_s or next_event < len(events):
        bounds_s = schedule.split_second(at_s)
        parts = []
        for start_s, end_s in pairwise(bounds_s):
            due = schedule.due_before(end_s) - schedule.due_before(start_s)
            recorder.record_due(due, due)
            while next_event < len(events) and events[next_event][0] < end_s:
                _record(recorder, *events[next_event][1:], has_failed=noise.random() < queue.errors)
                next_event += 1
            parts.append(recorder.take_second(at_s, cores=0.1))
        yield join_parts(parts, is_split=len(bounds_s) > 2)
        at_s += 1


def _counted_seconds(queue: Queue, schedule: Schedule, noise: random.Random) -> Iterator[Second]:
    """Yield whole seconds in which requests are only counted."""
    due_s = schedule.due_s(0, schedule.total).tolist()
    due = Counter(map(int, due_s))
    ended = Counter(map(int, served_s(queue, due_s, noise)))
    waiting = 0
    for at_s in range(max([int(schedule.duration_s) - 1, *due, *ended]) + 1):
        waiting += due[at_s] - ended[at_s]
        counts = {OPERATION: OperationSecond(ok=ended[at_s], vectors=ended[at_s])} if ended[at_s] else {}
        yield Second(
            at_s=at_s,
            due=due[at_s],
            due_vectors=due[at_s],
            started=due[at_s],
            in_flight=waiting,
            generator_cores=0.1,
            busiest_cores=0.1,
            operations=counts,
        )


def served_s(queue: Queue, due_s: Sequence[float], noise: random.Random) -> Iterator[float]:
    """Yield when *queue* has answered each request, if it gets all of them when they are due."""
    free_s, (hole_s, until_s) = 0.0, (queue.hole[0], sum(queue.hole))
    for due in due_s:
        free_s = max(free_s, due) + (1 + noise.uniform(-queue.jitter, queue.jitter)) / queue.served_per_s
        if hole_s <= free_s < until_s:
            free_s = until_s
        yield free_s + queue.latency_s


def _record(recorder: RequestRecorder, kind: str, seconds: float, *, has_failed: bool) -> None:
    if kind == "start":
        recorder.record_start(seconds)
    elif kind == "drop":
        recorder.record_drops()
    else:
        code = "InternalServerException" if has_failed else ""
        recorder.record_end(OPERATION, response_s=seconds, service_s=seconds, code=code)


def _events(
    queue: Queue, due_s: Sequence[float], in_flight_max: int, start_deadline_s: float, noise: random.Random
) -> list[tuple[float, str, float]]:
    """Return what happens, in order: when, what, and the lateness or the response time."""
    events, slots, free_s = [], [0.0] * min(in_flight_max, len(due_s)), 0.0
    heapify(slots)
    hole_s, until_s = queue.hole[0], sum(queue.hole)
    for due in due_s:
        start_s = max(due, slots[0])
        if start_s - due > start_deadline_s:
            events.append((due + start_deadline_s, "drop", 0.0))
            continue
        heappop(slots)
        takes_s = (1 + noise.uniform(-queue.jitter, queue.jitter)) / queue.served_per_s
        free_s = max(free_s, start_s) + takes_s
        if hole_s <= free_s < until_s:
            free_s = until_s
        end_s = free_s + queue.latency_s
        heappush(slots, end_s)
        events += [(start_s, "start", start_s - due), (end_s, "end", end_s - due)]
    return sorted(events)
