"""The batch client on real threads: every record read is accounted for, whatever happens."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk import writer as writer_module
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.batching import batch_of
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.delivery import Acknowledged
from vecgate.bulk.core.record_blocks import Block, RejectedRecord
from vecgate.bulk.core.reject_limit import RejectLimit
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.core.run_state import BulkOutcome, BulkRun
from vecgate.bulk.journal import Journal, JournalIdentity
from vecgate.bulk.progress import BatchMetric, Event, Progress, RecordsRejected, Retrying
from vecgate.bulk.sources import Source
from vecgate.bulk.sources.in_memory.source_argument import as_source
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import (
    ConfigError,
    IndexUnusable,
    InvalidRecord,
    JournalError,
    JournalMismatch,
    NoCredentials,
    ServiceError,
    SourceError,
    TooManyRejects,
    TransportError,
    UsageError,
    VecgateError,
)
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error
from vecgate.testing.strategies import block_of

#: No test here takes this long: one that would hang fails instead.
DEADLINE_S = 60
FAST_RECOVERY = RetryPolicy(attempts_max=10, base_s=0.0001, cap_s=0.0001, deadline_s=30.0)
CONFIG = BulkConfig(
    batch_vectors=10,
    in_flight=4,
    vectors_per_s=1e9,
    requests_per_s=1e9,
    retry=FAST_RECOVERY,
    retry_for_s=0,
)
POISONED = "Invalid record for key 'bad': poisoned"


@dataclass(slots=True)
class Blocks(Source):
    """A source of given blocks that then fails with *failure*."""

    given: Sequence[Block]
    failure: BaseException | None = None
    name: str = "blocks"
    total: int | None = None
    fingerprint: str = "blocks-1"
    dimension: int | None = 2
    is_repeatable: bool = True
    is_identified: bool = True
    before: Callable[[], None] = lambda: None

    def describe(self) -> str:
        return "as given"

    def blocks(self, *, dimension: int | None = None, rows: int = 4096, first: int = 0) -> Iterator[Block]:
        yield from self.given
        self.before()
        if self.failure is not None:
            raise self.failure


class DiscardingSink:
    """Discards rejects."""

    path = Path("unused")

    def write(self, rejects: Sequence[RejectedRecord]) -> int:
        return 0


@dataclass
class Notes:
    """A subscriber that keeps its events and checks what must always be true."""

    events: list[Event] = field(default_factory=list)

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class GatedService(ScriptedService):
    """Holds every request until it is released."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.arrived, self.release = threading.Semaphore(0), threading.Event()

    def send(self, operation: str, body: Body) -> bytes:
        if operation != "GetIndex":
            self.arrived.release()
            assert self.release.wait(DEADLINE_S)
        return super().send(operation, body)


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def keys(count: int, *, first: int = 0) -> list[str]:
    return [f"k{i}" for i in range(first, first + count)]


def in_blocks(names: Sequence[str], *, size: int = 25) -> list[Block]:
    return [block_of(names[i : i + size], first=i) for i in range(0, len(names), size)]


def writer_to(service: ScriptedService, *subscribers: Any, config: BulkConfig = CONFIG) -> BulkWriter:
    return BulkWriter(service, bucket="media", index="films", config=config, subscribers=subscribers)


def put(
    source: Source | Iterable[Any],
    service: ScriptedService,
    *subscribers: Any,
    config: BulkConfig = CONFIG,
    **options: Any,
) -> BulkOutcome:
    notes = Notes()
    outcome = writer_to(service, notes, *subscribers, config=config).put(source, **options)
    check(outcome, notes)
    return outcome


def check(outcome: BulkOutcome, notes: Notes) -> None:
    """Check what must be true of every outcome and of all published events."""
    assert outcome.acknowledged + outcome.rejected + outcome.pending == outcome.read
    for progress in notes.of(Progress):
        assert progress.acknowledged + progress.rejected + progress.pending == progress.read
        assert 0 <= progress.rate_scale <= 1
    assert len(notes.of(BatchMetric)) == outcome.requests == len(outcome.metrics)
    assert len(notes.of(Retrying)) == outcome.retries
    assert sum(m.payload_bytes for m in outcome.metrics) == outcome.payload_bytes
    assert outcome.is_complete == (
        not outcome.pending and not outcome.interrupted and outcome.stopped_by is None
    )
    last = notes.of(Progress)[-1]
    assert (last.acknowledged, last.rejected, last.pending) == (
        outcome.acknowledged,
        outcome.rejected,
        outcome.pending,
    )


def read_rejects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def journaled(path: Path, *, operation: str = "PutVectors") -> set[int]:
    with closing(
        Journal(path, JournalIdentity("", "media/films", "", operation, "as given", "blocks-1"))
    ) as journal:
        edges = zip(journal.acknowledged.starts.tolist(), journal.acknowledged.stops.tolist(), strict=True)
        return {position for start, stop in edges for position in range(start, stop)}


def wait_until(holds: Callable[[], bool]) -> None:
    """Poll until *holds* returns true, or fail after DEADLINE_S."""
    until_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.001)


def stored_positions(service: ScriptedService) -> set[int]:
    return {int(values[0]) for values, _ in service.stored.values()}


def test_every_record_is_written_and_counted() -> None:
    """Vectors and metadata arrive unchanged, in requests of the configured size."""
    records = [
        {"key": key, "vector": [float(i), 0.1], "metadata": {"year": i}} for i, key in enumerate(keys(95))
    ]
    service, notes = ScriptedService(), Notes()
    outcome = put(records, service, notes)
    assert service.stored == {f"k{i}": ([float(i), 0.1], {"year": i}) for i in range(95)}
    assert (outcome.total, outcome.read, outcome.acknowledged) == (95, 95, 95)
    assert outcome.is_complete
    assert sorted(metric.vectors for metric in outcome.metrics) == [5] + [10] * 9
    assert {operation for operation, _ in service.requests} == {"PutVectors"}
    assert all(m["vectorBucketName"] == "media" and m["indexName"] == "films" for _, m in service.requests)
    assert outcome.payload_bytes == sum(metric.payload_bytes for metric in notes.of(BatchMetric)) > 95 * 20
    assert outcome.elapsed_s > 0
    assert outcome.latency_ms(50) >= 0
    assert not list(Path.cwd().iterdir()), "a run in which nothing went wrong leaves nothing behind"


def test_a_run_without_valid_records_is_complete() -> None:
    """An input of rejects sends nothing, and its latency is NaN."""
    outcome = put(Blocks([replace(block_of([]), rejects=(RejectedRecord(0, "", "why"),))]), ScriptedService())
    assert (outcome.read, outcome.rejected, outcome.requests) == (1, 1, 0)
    assert outcome.is_complete
    assert np.isnan(outcome.latency_ms(99))


@given(
    names=st.lists(st.sampled_from([*"abcdefgh", "bad", ""]), max_size=60),
    script=st.lists(st.sampled_from(ServiceFault), max_size=25),
    size=st.integers(1, 20),
    batch_vectors=st.integers(1, 8),
    in_flight=st.integers(1, 6),
)
def test_counts_are_correct_whatever_happens(
    names: list[str], script: list[ServiceFault], size: int, batch_vectors: int, in_flight: int
) -> None:
    """With duplicates, poisoned and invalid records, throttles, failures and lost responses."""
    service = ScriptedService(script, poisoned=["bad"])
    config = replace(CONFIG, batch_vectors=batch_vectors, in_flight=in_flight)
    outcome = put(Blocks(in_blocks(names, size=size)), service, config=config)
    for _, members in service.requests:
        sent = [vector["key"] for vector in members["vectors"]]
        assert len(sent) == len(set(sent)) <= batch_vectors
    if outcome.stopped_by is None:
        assert outcome.pending == 0
        assert outcome.rejected >= sum(name in {"bad", ""} for name in names)
    if outcome.stopped_by is None and outcome.rejected == sum(name in {"bad", ""} for name in names):
        last = {name: float(i) for i, name in enumerate(names) if name not in {"bad", ""}}
        assert {key: values[0] for key, (values, _) in service.stored.items()} == last


@pytest.mark.parametrize(
    "fault", [ServiceFault.THROTTLED, ServiceFault.ANSWER_LOST, ServiceFault.RESET, ServiceFault.BROKEN]
)
def test_every_fifth_request_may_fail(fault: ServiceFault) -> None:
    """Throttled, lost, reset or broken: all records are written in the end, and each failure is counted."""
    service = ScriptedService(cycle([ServiceFault.NONE] * 4 + [fault]))
    notes = Notes()
    outcome = put(Blocks(in_blocks(keys(1_000))), service, notes)
    assert outcome.is_complete
    assert stored_positions(service) == set(range(1_000))
    assert (outcome.acknowledged, outcome.requests) == (1_000, 100)
    assert outcome.retries == len(service.requests) - 100 == sum(outcome.failed_attempts.values()) > 20
    assert outcome.throttles == (outcome.retries if fault is ServiceFault.THROTTLED else 0)
    causes = {
        ServiceFault.THROTTLED: "TooManyRequestsException",
        ServiceFault.ANSWER_LOST: "no answer",
        ServiceFault.RESET: "no answer",
        ServiceFault.BROKEN: "InternalServerException",
    }
    assert outcome.failed_attempts == {causes[fault]: outcome.retries}
    assert {event.cause for event in notes.of(Retrying)} == {causes[fault]}
    assert max(metric.attempts for metric in outcome.metrics) > 1


def test_throttles_lower_the_rate() -> None:
    """The progress shows the lower rate."""
    notes = Notes()
    put(Blocks(in_blocks(keys(100))), ScriptedService([ServiceFault.THROTTLED]), notes)
    assert notes.of(Progress)[-1].rate_scale < 1


class CountedDepartures:
    """Lets every second request that asks depart."""

    def __init__(self) -> None:
        self.scale = 0.5
        self.departed: list[int] = []
        self.asked = self.waits = self.throttles = self.successes = 0

    def try_acquire(self, vectors: int, *, now_s: float) -> float:
        self.asked += 1
        if self.asked % 2:
            return 1_000.0
        self.departed.append(vectors)
        return 0.0

    def wait(self, seconds: float) -> None:
        assert 0 < seconds < 1
        self.waits += 1

    def record_throttle(self, *, now_s: float) -> None:
        self.throttles += 1

    def record_success(self, *, now_s: float) -> None:
        self.successes += 1


def test_departures_may_come_from_elsewhere() -> None:
    """Then the rates of the configuration do not apply."""
    departures = CountedDepartures()
    writer = BulkWriter(
        ScriptedService([ServiceFault.THROTTLED]),
        bucket="b",
        index="i",
        config=replace(CONFIG, in_flight=1, vectors_per_s=0.001),
        departures=departures,
    )
    outcome = writer.put(Blocks([block_of([f"k{number}" for number in range(25)])]))
    assert outcome.acknowledged == 25
    assert departures.departed == [10, 10, 10, 5]
    assert (departures.waits, departures.throttles, departures.successes) == (4, 1, 3)


def test_equal_keys_are_never_in_flight_together_and_the_last_wins() -> None:
    """Superseded records count as written, and separately."""
    names = ["a", "b", "a", "c", "a", "b"] * 10
    service = ScriptedService()
    outcome = put(Blocks(in_blocks(names, size=7)), service)
    assert {key: values[0] for key, (values, _) in service.stored.items()} == {
        "a": 58.0,
        "b": 59.0,
        "c": 57.0,
    }
    assert (outcome.acknowledged, outcome.rejected) == (60, 0)
    sent = sum(len(members["vectors"]) for _, members in service.requests)
    assert outcome.superseded == 60 - sent > 0


@given(
    names=st.lists(st.sampled_from("abcd"), min_size=1, max_size=40),
    script=st.lists(st.sampled_from([ServiceFault.THROTTLED, ServiceFault.ANSWER_LOST]), max_size=8),
    in_flight=st.integers(1, 8),
)
def test_workers_that_take_single_records_keep_the_order_of_each_key(
    names: list[str], script: list[ServiceFault], in_flight: int
) -> None:
    """Each key is sent in the order of its records, whichever worker takes which, and however often."""
    service = ScriptedService(script)
    outcome = put(
        Blocks(in_blocks(names, size=3)),
        service,
        config=replace(CONFIG, batch_vectors=1, in_flight=in_flight),
    )
    assert (outcome.acknowledged, outcome.requests) == (len(names), len(names))
    sent: dict[str, list[float]] = {name: [] for name in names}
    for _, members in service.requests:
        (vector,) = members["vectors"]
        sent[vector["key"]].append(vector["data"]["float32"][0])
    assert sent == {key: sorted(values) for key, values in sent.items()}
    assert {key: values[0] for key, (values, _) in service.stored.items()} == {
        name: float(row) for row, name in enumerate(names)
    }


def test_a_batch_that_waits_for_its_key_holds_nobody_up() -> None:
    """Whoever has taken it waits; the requests in flight are sent and answered."""
    service = GatedService()
    outcomes: list[BulkOutcome] = []
    config = replace(CONFIG, batch_vectors=1, in_flight=3)
    run = threading.Thread(
        target=lambda: outcomes.append(put(Blocks(in_blocks(["a", "b", "a", "c"])), service, config=config)),
        daemon=True,
    )
    run.start()
    for _ in range(2):
        assert service.arrived.acquire(timeout=DEADLINE_S)
    # The second record of `a` is next, and `c` after it.
    assert not service.arrived.acquire(timeout=0.2)
    service.release.set()
    run.join(DEADLINE_S)
    assert [outcome.acknowledged for outcome in outcomes] == [4]


def test_a_bug_in_a_worker_that_takes_a_batch_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others end, and the rest stays pending: an input that cannot be validated is not written."""

    def broken(block: Block, _: object) -> object:
        raise ZeroDivisionError(len(block))

    monkeypatch.setattr(writer_module, "validate", broken)
    service = ScriptedService()
    with pytest.raises(ZeroDivisionError):
        put(Blocks(in_blocks(keys(50))), service)
    assert not service.stored


def test_without_enough_threads_the_run_stops_when_those_that_run_have_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A system limits the threads of a user. No request may be sent after the outcome is returned."""
    service = GatedService()
    started: list[threading.Thread] = []

    class Limited(threading.Thread):
        def start(self) -> None:
            if len(started) == 2:
                raise RuntimeError("can't start new thread")
            started.append(self)
            super().start()
            assert service.arrived.acquire(timeout=DEADLINE_S)

        def join(self, timeout: float | None = None) -> None:
            if timeout is None:
                service.release.set()
            super().join(timeout)

    monkeypatch.setattr(writer_module, "Thread", Limited)
    outcome = put(Blocks(in_blocks(keys(50))), service)
    assert not any(worker.is_alive() for worker in started)
    assert str(outcome.stopped_by) == "2 of 4 threads were started: can't start new thread"
    assert outcome.acknowledged == len(service.stored) == 20
    assert outcome.pending == outcome.read - 20


def test_while_a_worker_is_busy_no_other_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would compete for the interpreter. Other tests show that a service that is slow gets them all."""
    monkeypatch.setattr(writer_module, "BUSY_SHARE", 0.0)
    senders = set()

    class Noting(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            if operation != "GetIndex":
                senders.add(threading.current_thread().name)
            return super().send(operation, body)

    # Longer than several looks at the worker.
    config = replace(CONFIG, batch_vectors=1, requests_per_s=500)
    assert put(Blocks(in_blocks(keys(50))), Noting(), config=config).acknowledged == 50
    assert senders == {"vecgate-worker-0"}


def test_an_exit_in_a_subscriber_ends_the_run() -> None:
    """It is not lost with the worker that it ends: the rest of the input was not read."""

    class Exiting:
        def on_event(self, event: Event) -> None:
            if isinstance(event, BatchMetric):
                raise SystemExit

    source = Blocks(in_blocks(keys(50), size=10))
    outcome = put(source, ScriptedService(), Exiting(), config=replace(CONFIG, in_flight=1))
    assert "SystemExit" in str(outcome.stopped_by)
    assert not outcome.is_complete


def test_the_records_of_an_iterator_are_sent_as_they_come() -> None:
    """In requests of one record, eight are read at once: none waits for a hundred others."""
    service = ScriptedService()

    def records() -> Iterator[tuple[str, list[float]]]:
        yield from ((key, [1.0, 2.0]) for key in keys(30))
        # Read as a block of 8, and handed over, when the one after it is asked for.
        wait_until(lambda: len(service.stored) >= 8)

    outcome = put(records(), service, config=replace(CONFIG, batch_vectors=1))
    assert outcome.acknowledged == 30


@pytest.mark.parametrize(("is_repeatable", "rows"), [(True, 100), (False, 8)])
def test_small_requests_are_cut_from_larger_blocks(*, is_repeatable: bool, rows: int) -> None:
    """A block per eight requests of one record would cost more than the records."""
    asked = []

    class Recorder(Blocks):
        def blocks(
            self, *, dimension: int | None = None, rows: int = 4096, first: int = 0
        ) -> Iterator[Block]:
            asked.append(rows)
            return Blocks.blocks(self, dimension=dimension, rows=rows, first=first)

    source = Recorder(in_blocks(keys(3)), is_repeatable=is_repeatable)
    put(source, ScriptedService(), config=replace(CONFIG, batch_vectors=1))
    writer_to(ScriptedService(), config=replace(CONFIG, batch_vectors=1)).delete(source)
    put(source, ScriptedService(), config=replace(CONFIG, batch_vectors=500))
    assert asked == [rows, rows, 4000]


def test_a_poisoned_record_does_not_prevent_the_others() -> None:
    """It is rejected with the service's message, published, and counted by cause; the others are written."""
    names = [*keys(33), "bad", *keys(40, first=34)]
    service, notes = ScriptedService(poisoned=["bad"]), Notes()
    outcome = put(Blocks(in_blocks(names)), service, notes, rejects=Path("rejected.jsonl"))
    assert outcome.is_complete
    assert (outcome.acknowledged, outcome.rejected) == (73, 1)
    assert stored_positions(service) == set(range(74)) - {33}
    assert read_rejects(Path("rejected.jsonl")) == [
        {"key": "bad", "vector": [33.0, 1.0], "position": 33, "problem": POISONED}
    ]
    assert {problem: (cause.count, cause.keys) for problem, cause in outcome.reject_causes.items()} == {
        POISONED: (1, ["bad"])
    }
    assert [event.rejects[0].key for event in notes.of(RecordsRejected)] == ["bad"]


def test_the_rejects_file_is_named_after_the_input() -> None:
    """It is in the current folder unless another path is given."""
    put(Blocks(in_blocks(["", "a"]), name="some/where/films.parquet"), ScriptedService())
    assert [line["position"] for line in read_rejects(Path("films.parquet.rejected.jsonl"))] == [0]


@pytest.mark.parametrize("names", [["a", "", "c"], ["a", "bad", "c"]])
def test_strict_stops_at_the_first_invalid_record(names: list[str]) -> None:
    """Whether it is found before sending or by the service; unsent records stay pending."""
    service = ScriptedService(poisoned=["bad"])
    config = replace(CONFIG, batch_vectors=1, in_flight=1)
    source = Blocks([*in_blocks([*keys(5), *names], size=1), *in_blocks(keys(500, first=9), size=100)])
    outcome = put(source, service, config=config, strict=True)
    assert isinstance(outcome.stopped_by, InvalidRecord)
    assert outcome.stopped_by.key == names[1]
    assert not outcome.is_complete
    assert outcome.rejected == 1
    assert outcome.acknowledged == len(service.stored) <= 108
    assert not outcome.interrupted


@pytest.mark.parametrize("in_flight", [1, 4])
def test_stop_waits_for_requests_in_flight(in_flight: int) -> None:
    """They are acknowledged and journaled; a resumed run sends only the other records."""
    service, path = GatedService(), Path("run.journal")
    notes = Notes()
    writer = writer_to(service, notes, config=replace(CONFIG, in_flight=in_flight))
    outcomes: list[BulkOutcome] = []
    source = Blocks(in_blocks(keys(200)))
    thread = threading.Thread(target=lambda: outcomes.append(writer.put(source, journal=path)))
    thread.start()
    for _ in range(in_flight):
        assert service.arrived.acquire(timeout=DEADLINE_S)
    writer.stop()
    assert thread.is_alive()
    service.release.set()
    thread.join(DEADLINE_S)
    (outcome,) = outcomes
    check(outcome, notes)
    assert outcome.interrupted
    assert not outcome.is_complete
    assert outcome.stopped_by is None
    assert outcome.acknowledged == len(service.stored) == in_flight * 10
    assert journaled(path) == stored_positions(service)

    sent_before = stored_positions(service)
    service.requests.clear()
    resumed = put(source, service, journal=path)
    assert resumed.is_complete
    assert (resumed.read, resumed.acknowledged, resumed.resumed) == (200, 200, in_flight * 10)
    sent = {int(v["data"]["float32"][0]) for _, members in service.requests for v in members["vectors"]}
    assert sent == set(range(200)) - sent_before
    assert not path.exists()


def test_stop_ends_waits_too() -> None:
    """Neither a long retry nor a slow rate delays it."""

    class StoppingService(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            answer = super().send(operation, body)
            if operation == "GetIndex":
                return answer
            writer.stop()
            raise ServiceError(
                operation, "InternalServerException", 500, "m", is_retryable=True, retry_after_s=20.0
            )

    slow = replace(CONFIG, vectors_per_s=0.01)
    writer = writer_to(StoppingService(), config=slow)
    outcome = writer.put(Blocks(in_blocks(keys(50))))
    assert outcome.interrupted
    assert outcome.elapsed_s < 15
    assert (outcome.acknowledged, outcome.retries) == (0, 1)


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("of the source's own"), MemoryError()])
def test_an_exception_of_the_input_is_raised_after_the_requests_in_flight(failure: BaseException) -> None:
    """After Ctrl-C or a bug in the caller's generator, the journal is complete."""
    service, path = GatedService(), Path("run.journal")

    def when_all_is_read() -> None:
        assert service.arrived.acquire(timeout=DEADLINE_S)
        service.release.set()

    with pytest.raises(type(failure)) as caught:
        put(Blocks(in_blocks(keys(30)), failure, before=when_all_is_read), service, journal=path)
    assert caught.value is failure
    assert stored_positions(service)
    assert journaled(path) == stored_positions(service)


def test_a_source_that_fails_halfway_ends_the_run() -> None:
    """Sent records are acknowledged, the outcome has the reason, and the journal stays."""
    service, path = ScriptedService(), Path("run.journal")
    failure = SourceError("films.parquet cannot be read as parquet: page 7")
    outcome = put(Blocks(in_blocks(keys(100)), failure), service, journal=path)
    assert outcome.stopped_by is failure
    assert not outcome.is_complete
    assert outcome.read == 100
    assert outcome.acknowledged == len(service.stored)
    assert journaled(path) == stored_positions(service)


@pytest.mark.parametrize(
    "failure",
    [
        NoCredentials("there are no credentials"),
        modelled_error("AccessDeniedException"),
        modelled_error("ServiceQuotaExceededException"),
        modelled_error("NotFoundException"),
    ],
)
def test_an_error_that_concerns_every_record_stops_the_run(failure: VecgateError) -> None:
    """It rejects no record, and a resumed run sends the others."""
    service = ScriptedService([ServiceFault.NONE, ServiceFault.NONE, *[failure] * 50])
    outcome = put(Blocks(in_blocks(keys(1_000))), service)
    assert outcome.stopped_by is failure
    assert (outcome.acknowledged, outcome.rejected) == (20, 0)
    assert outcome.pending > 0
    assert len(service.requests) <= 2 + CONFIG.in_flight


def test_an_unavailable_service_ends_the_run_and_loses_nothing() -> None:
    """The run ends after ten attempts if no other request succeeds."""
    service = ScriptedService([TransportError("PutVectors", "reset")] * 1_000)
    outcome = put(Blocks(in_blocks(keys(100))), service)
    assert isinstance(outcome.stopped_by, TransportError)
    assert (outcome.acknowledged, outcome.rejected) == (0, 0)
    assert len(service.requests) <= 10 * CONFIG.in_flight


def test_a_bug_in_a_sender_is_reported_as_one() -> None:
    """The run ends with the cause and does not hang."""
    service = ScriptedService([ZeroDivisionError("division by zero")])
    outcome = put(Blocks(in_blocks(keys(20))), service)
    assert str(outcome.stopped_by) == "vecgate itself failed: ZeroDivisionError: division by zero"
    assert outcome.pending >= 10


def test_a_subscriber_that_raises_costs_no_vector(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the run continues."""

    class Broken:
        def on_event(self, event: Event) -> None:
            raise ValueError("of its own")

    service = ScriptedService(poisoned=["bad"])
    outcome = put(Blocks(in_blocks([*keys(30), "bad"])), service, Broken())
    assert outcome.is_complete
    assert (outcome.acknowledged, outcome.rejected) == (30, 1)
    assert "a progress subscriber failed" in caplog.text


class JournalOnAFullDisk(Journal):
    """Has space for some hundred entries."""

    def __init__(self, path: Path, identity: JournalIdentity) -> None:
        super().__init__(path, identity)
        pages = self._db.execute("PRAGMA page_count").fetchone()[0]
        self._db.execute(f"PRAGMA max_page_count = {pages}")


@pytest.mark.parametrize("bad_from", [10_000, 0])
def test_a_journal_that_cannot_be_written_ends_the_run(
    bad_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that are not in the journal stay pending, and a resumed run sends them again."""
    path, rejects = Path("run.journal"), Path("rejected.jsonl")
    names = keys(2_000) if bad_from else [""] * 2_000
    source = Blocks(in_blocks(names, size=1))
    config = replace(CONFIG, batch_vectors=1, rejects_max=RejectLimit.parse("100%"))
    service = ScriptedService()
    with monkeypatch.context() as patched:
        patched.setattr(writer_module, "Journal", JournalOnAFullDisk)
        outcome = put(source, service, config=config, journal=path, rejects=rejects)
    assert isinstance(outcome.stopped_by, JournalError)
    assert 10 < outcome.acknowledged + outcome.rejected < 2_000
    assert outcome.acknowledged == len(journaled(path))

    resumed = put(source, service, config=config, journal=path, rejects=rejects)
    assert resumed.is_complete
    assert resumed.resumed == outcome.acknowledged + outcome.rejected
    assert (resumed.acknowledged, resumed.rejected) == ((2_000, 0) if bad_from else (0, 2_000))
    positions = [line["position"] for line in read_rejects(rejects)]
    assert positions == ([] if bad_from else list(range(2_000)))


@pytest.mark.parametrize(
    ("rejects", "journal", "reason"),
    [
        ("/dev/full", None, "No space left on device"),
        ("in-the-way/rejected", "run.journal", "Not a directory"),
    ],
)
def test_a_rejects_file_that_cannot_be_written_ends_the_run(
    rejects: str, journal: str | None, reason: str
) -> None:
    """A rejected record must not be lost."""
    Path("in-the-way").touch()
    source = Blocks(in_blocks(["a", "", "b"]))
    journal_path = Path(journal) if journal else None
    outcome = put(source, ScriptedService(), rejects=Path(rejects), journal=journal_path)
    assert isinstance(outcome.stopped_by, JournalError)
    assert str(outcome.stopped_by) == f"the rejects file {rejects} cannot be written: {reason}"
    assert (outcome.rejected, outcome.pending) == (0, 3)


@pytest.mark.parametrize("bad_key", ["", "bad"], ids=["found before sending", "found by the service"])
def test_an_input_that_is_wrong_as_a_whole_stops_the_run(bad_key: str) -> None:
    """At a tenth of at least 1,000 records; what was not settled is pending."""
    names = [bad_key if position % 4 == 0 else f"k{position}" for position in range(20_000)]
    service = ScriptedService(poisoned=["bad"])
    outcome = put(Blocks(in_blocks(names, size=50)), service)
    assert isinstance(outcome.stopped_by, TooManyRejects)
    assert outcome.read < 4_000
    assert outcome.rejected > 100
    assert outcome.rejected > outcome.read * 0.1


def test_few_wrong_records_stop_no_run() -> None:
    """Nor do many in a small input: there, all of them are of interest."""
    names = ["" if position % 11 == 0 else f"k{position}" for position in range(5_000)]
    assert put(Blocks(in_blocks(names)), ScriptedService()).is_complete
    assert put(Blocks(in_blocks([""] * 999)), ScriptedService()).is_complete


def test_a_resumed_run_rejects_nothing_twice() -> None:
    """Rejects of an earlier run are counted, and their lines are in the file once."""
    service = ScriptedService(poisoned=["bad"])
    path, rejects = Path("run.journal"), Path("rejected.jsonl")
    names = ["a", "", "bad", *keys(50)]
    first = put(
        Blocks(
            in_blocks(names, size=5),
            SourceError("cut short"),
            before=lambda: wait_until(lambda: len(read_rejects(rejects)) == 2),
        ),
        service,
        journal=path,
        rejects=rejects,
    )
    assert first.rejected == 2
    before = first.acknowledged + first.rejected
    second = put(Blocks(in_blocks(names, size=5)), service, journal=path, rejects=rejects)
    assert (second.resumed, second.rejected, second.acknowledged) == (before, 2, 51)
    assert sorted(line["position"] for line in read_rejects(rejects)) == [1, 2]


def test_a_journal_of_something_else_is_rejected_before_anything_is_sent() -> None:
    """For example of another input, or of a delete."""
    path = Path("run.journal")
    put(Blocks(in_blocks(keys(5)), SourceError("cut short")), ScriptedService(), journal=path)
    service = ScriptedService()
    with pytest.raises(JournalMismatch, match="another input"):
        put(Blocks(in_blocks(keys(5)), fingerprint="blocks-2"), service, journal=path)
    with pytest.raises(JournalMismatch, match="another operation"):
        writer_to(service).delete(Blocks(in_blocks(keys(5))), journal=path)
    assert service.requests == []
    assert path.exists()


def test_wide_vectors_are_batched_by_bytes() -> None:
    """4,096 dimensions: no body exceeds the limit, the run learns the size, and every value arrives."""
    sizes: list[int] = []

    class Measured(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            if operation == "PutVectors":
                sizes.append(len(body.data))
            return super().send(operation, body)

    values = np.random.default_rng(7).standard_normal((120, 4_096)).astype(np.float32)
    blocks = [
        Block(np.arange(i, i + 40), keys(40, first=i), values[i : i + 40], [None] * 40)
        for i in range(0, 120, 40)
    ]
    service = Measured(index={"dimension": 4_096, "distanceMetric": "cosine"})
    config = replace(CONFIG, payload_bytes_max=200_000, batch_vectors=40, in_flight=1)
    outcome = put(Blocks(blocks, dimension=4_096), service, config=config)
    assert outcome.is_complete
    assert max(sizes) <= 200_000
    assert sum(sizes) == outcome.payload_bytes
    assert len(sizes) <= 120 / 3
    stored = np.array([service.stored[key][0] for key in keys(120)], dtype=np.float32)
    assert stored.tobytes() == values.tobytes()


def test_the_batch_size_is_learned_from_acknowledged_requests() -> None:
    """It is 3 % below the limit for the largest recent vectors; older large ones lose weight slowly."""
    run = BulkRun(
        replace(CONFIG, batch_vectors=100, payload_bytes_max=10_000), rejects=DiscardingSink(), now_s=0.0
    )
    batch = batch_of(block_of(keys(10)))
    rows = [run.batch_rows()]
    for payload_bytes in (5_000, 2_000, *[10] * 99):
        run.record_acknowledged(Acknowledged(batch, payload_bytes, 1, 0.1), now_s=0.0)
        rows.append(run.batch_rows())
    assert rows[:4] == [100, 19, 19, 19]
    assert 45 <= rows[-1] <= 60
    assert rows[1:] == sorted(rows[1:])


def test_a_record_beyond_the_limit_is_rejected_before_it_is_sent() -> None:
    """The message has the size and the limit."""
    blocks = [Block(np.arange(3), keys(3), np.ones((3, 2), np.float32), [None, {"text": "x" * 500}, None])]
    service = ScriptedService()
    outcome = put(Blocks(blocks), service, config=replace(CONFIG, payload_bytes_max=400))
    assert (outcome.acknowledged, outcome.rejected) == (2, 1)
    (problem,) = outcome.reject_causes
    assert problem.startswith("record encodes to ")
    assert problem.endswith(" bytes; a request may carry 400")


def test_deletes_send_only_keys() -> None:
    """Equal keys are sent once and invalid ones are rejected; a key without a vector is not an error."""
    service, notes = ScriptedService(), Notes()
    put(Blocks(in_blocks(keys(30))), service)
    service.requests.clear()
    writer = writer_to(service, notes)
    outcome = writer.delete([{"key": key} for key in [*keys(12), "k0", "unknown", "x" * 1_025]])
    check(outcome, notes)
    assert outcome.is_complete
    assert (outcome.acknowledged, outcome.rejected) == (14, 1)
    assert set(service.stored) == set(keys(18, first=12))
    assert {operation for operation, _ in service.requests} == {"DeleteVectors"}
    assert all(members.keys() == {"vectorBucketName", "indexName", "keys"} for _, members in service.requests)


def test_deletes_need_an_index_too() -> None:
    """A missing index is found before the first key is sent."""

    class Empty(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            raise modelled_error("NotFoundException", operation=operation)

    with pytest.raises(IndexUnusable, match="there is no index media/films"):
        writer_to(Empty()).delete([{"key": "a"}])


def test_a_delete_can_be_resumed() -> None:
    """It has its own journal."""
    service, path = ScriptedService(), Path("run.journal")
    names = in_blocks(keys(30), size=10)
    first = writer_to(service).delete(Blocks(names, SourceError("cut short")), journal=path)
    assert journaled(path, operation="DeleteVectors") == set(range(first.acknowledged))
    second = writer_to(service).delete(Blocks(names), journal=path)
    assert second.is_complete
    assert (second.acknowledged, second.resumed) == (30, first.acknowledged)


def test_an_index_of_another_dimension_is_rejected_before_anything_is_sent() -> None:
    """The message has both numbers."""
    service = ScriptedService(index={"dimension": 384, "distanceMetric": "cosine"})
    with pytest.raises(IndexUnusable) as caught:
        put(Blocks(in_blocks(keys(5))), service)
    assert str(caught.value) == (
        "the vectors of blocks have 2 dimensions, those of the index media/films 384"
    )
    assert service.requests == []


def test_a_source_without_a_dimension_is_checked_record_by_record() -> None:
    """Its dimension is not known before."""
    outcome = put(Blocks(in_blocks(keys(5)), dimension=None), ScriptedService())
    assert outcome.acknowledged == 5
    wrong = [block_of(["w"], dimension=3), block_of(["r"], first=1)]
    outcome = put(Blocks(wrong, dimension=None), ScriptedService())
    assert (outcome.acknowledged, outcome.rejected) == (1, 1)


def test_empty_blocks_do_not_disturb_the_others() -> None:
    """A block of another width between two valid ones, all in one batch."""
    mixed = [block_of(["a"]), block_of(["w"], first=1, dimension=3), block_of(["b"], first=2)]
    outcome = put(Blocks(mixed), ScriptedService())
    assert outcome.is_complete
    assert (outcome.acknowledged, outcome.rejected) == (2, 1)


def test_progress_is_published_by_number_of_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """And once at the end; in this test never because of elapsed time."""
    monkeypatch.setattr("vecgate.bulk.core.run_state.PROGRESS_S", 1e9)
    notes = Notes()
    config = replace(CONFIG, progress_every=20, in_flight=1)
    put(Blocks(in_blocks(keys(100)), total=100), ScriptedService(), notes, config=config)
    published = [progress.acknowledged for progress in notes.of(Progress)]
    assert published[-1] == 100
    assert {20, 40, 60, 80, 100} <= set(published)
    assert published == sorted(published)
    assert notes.of(Progress)[-1].eta_s == 0.0
    assert {progress.total for progress in notes.of(Progress)} == {100}


def test_the_rate_holds_on_real_threads() -> None:
    """Six requests of ten at 400 vectors/s take at least five gaps of 25 ms."""
    outcome = put(Blocks(in_blocks(keys(60))), ScriptedService(), config=replace(CONFIG, vectors_per_s=400))
    assert outcome.elapsed_s >= 5 * 0.025


def test_times_are_seconds_and_latencies_milliseconds() -> None:
    """They match the metrics of the run."""
    notes = Notes()
    begun_s = time.monotonic()
    outcome = put(Blocks(in_blocks(keys(50))), ScriptedService(), notes)
    within_s = time.monotonic() - begun_s
    assert 0 < outcome.elapsed_s <= within_s
    assert all(0 <= progress.elapsed_s <= within_s for progress in notes.of(Progress))
    latencies_s = sorted(metric.latency_s for metric in outcome.metrics)
    assert outcome.latency_ms(100) == pytest.approx(latencies_s[-1] * 1_000)
    assert outcome.latency_ms(0) == pytest.approx(latencies_s[0] * 1_000)


def test_no_value_of_a_vector_is_logged_or_raised(caplog: pytest.LogCaptureFixture) -> None:
    """No reason contains one either."""
    value = 0.123456789
    rows = np.full((30, 2), value, dtype=np.float32)
    rows[7, 1] = np.nan
    names = [*keys(29), "bad"]
    block = Block(np.arange(30), names, rows, [None] * 30)
    script: list[ServiceFault | Exception] = [
        ServiceFault.THROTTLED,
        ServiceFault.ANSWER_LOST,
        ServiceFault.BROKEN,
        ServiceFault.RESET,
        ServiceFault.NONE,
        modelled_error("AccessDeniedException"),
    ]
    with caplog.at_level(logging.DEBUG):
        outcome = put(Blocks([block]), ScriptedService(script, poisoned=["bad"]))
    message = [
        caplog.text,
        str(outcome.stopped_by),
        repr(outcome.reject_causes),
        repr(outcome.failed_attempts),
        repr(outcome.metrics),
    ]
    assert not any("0.1234" in text for text in message)


@pytest.mark.parametrize(("bucket", "index"), [("", "films"), ("media", ""), ("", "arn:nonsense")])
def test_half_an_address_is_rejected_at_once(bucket: str, index: str) -> None:
    """It is rejected before any request."""
    with pytest.raises(UsageError):
        BulkWriter(ScriptedService(), bucket=bucket, index=index)
    with pytest.raises(ConfigError):
        BulkConfig(batch_vectors=0)


def test_a_writer_has_defaults() -> None:
    """They are the documented limits of the service."""
    assert BulkWriter(ScriptedService(), bucket="media", index="films").config == BulkConfig()


def test_a_source_may_be_a_path_an_iterable_or_a_source(tmp_path: Path) -> None:
    """Anything else is an error that says so."""
    source = Blocks([])
    assert as_source(source) is source
    path = tmp_path / "films.jsonl"
    path.write_text('{"key": "a", "vector": [1, 2]}\n')
    assert as_source(path).name == as_source(str(path)).name == str(path)
    assert as_source([{"key": "a", "vector": [1.0]}]).dimension == 1
    assert as_source(iter([{"key": "a"}]), keys_only=True).dimension is None
    with pytest.raises(SourceError):
        as_source(tmp_path / "missing.parquet")
    with pytest.raises(SourceError):
        as_source([])


def test_a_stop_after_the_last_record_changes_nothing() -> None:
    """Everything is written, so the run is complete and its journal is removed."""
    path = Path("late.journal")

    class LateSource:
        def on_event(self, event: Event) -> None:
            if isinstance(event, Progress) and event.acknowledged == 50:
                writer.stop()

    writer = writer_to(ScriptedService(), LateSource(), config=replace(CONFIG, progress_every=1))
    outcome = writer.put(Blocks(in_blocks(keys(50))), journal=path)
    assert outcome.is_complete
    assert not outcome.interrupted
    assert not path.exists()


@pytest.mark.parametrize("name", ["journal", "rejects"])
@pytest.mark.parametrize("value", [5, b"x", ["a"]])
def test_a_path_of_another_type_is_one_clear_sentence(name: str, value: object) -> None:
    """It is found before anything is sent; a text is a path."""
    service = ScriptedService()
    options: dict[str, Any] = {name: value}
    with pytest.raises(UsageError, match=f"{name} must be a path, but is an? "):
        writer_to(service).put(Blocks(in_blocks(keys(5))), **options)
    assert service.requests == []
    options = {name: "a-file"}
    assert writer_to(service).put(Blocks(in_blocks(keys(5))), **options).is_complete


def test_a_text_is_no_list_of_keys(tmp_path: Path) -> None:
    """It is a path, and the hint shows a list; a list of keys is one."""
    service = ScriptedService()
    with pytest.raises(SourceError, match="there is no file doc-1") as caught:
        writer_to(service).delete("doc-1")
    assert caught.value.hint == "Give keys as a list, such as ['a', 'b']."
    assert writer_to(service).delete(["doc-1", "doc-2"]).acknowledged == 2
    assert service.requests == [
        ("DeleteVectors", {"vectorBucketName": "media", "indexName": "films", "keys": ["doc-1", "doc-2"]})
    ]


def test_a_rejects_file_that_the_user_changed_is_kept() -> None:
    """After an interrupt the user mends it in place; the resumed run begins another one and names it."""
    service, path, rejects = ScriptedService(), Path("run.journal"), Path("rejected.jsonl")
    names = ["", *keys(20), ""]
    cut_short = Blocks(in_blocks(names[:-1], size=5), SourceError("cut short"))
    first = put(cut_short, service, journal=path, rejects=rejects)
    assert first.rejects_file == rejects
    mended = rejects.read_text().replace('"key":""', '"key":"mended"')
    rejects.write_text(mended)
    second = put(Blocks(in_blocks(names, size=5)), service, journal=path, rejects=rejects)
    assert rejects.read_text() == mended
    assert second.rejects_file == Path("rejected-2.jsonl")
    assert [line["position"] for line in read_rejects(Path("rejected-2.jsonl"))] == [21]
