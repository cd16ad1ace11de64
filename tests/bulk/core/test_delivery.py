"""A batch is delivered step by step, and each step is decided once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.core.batching import Batch, batch_of
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.delivery import (
    Acknowledged,
    Acquire,
    Delivery,
    Departure,
    Failed,
    Pause,
    Rejected,
    RunEnded,
    Send,
    deliver,
    drive,
)
from vecgate.bulk.core.retry import Failure, Reject, Retry, RetryDecision, Split, Stop
from vecgate.errors import NoCredentials, TransportError
from vecgate.testing.scripted_service import modelled_error
from vecgate.testing.strategies import block_of

THROTTLED = modelled_error("TooManyRequestsException")
BROKEN = modelled_error("InternalServerException")
INVALID = modelled_error("ValidationException", "bad")

#: The failure of a request with this body, or None.
Responder = Callable[[str], Failure | None]


def keys_of(batch: Batch) -> str:
    return "".join(batch.block.keys)


@dataclass
class RecordingHandler:
    """Logs the effects of a delivery. *respond* gives the failure of a request, *decide* what to do about it."""

    respond: Responder
    decide: Callable[[Failed], RetryDecision] = lambda _: Retry(0.25)
    body_sizes: Iterator[int] | None = None
    log: list[str] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    encoded: int = 0
    is_settled: bool | None = None

    def run(self, keys: str, *, payload_bytes_max: int = 1_000) -> RecordingHandler:
        steps = deliver(batch_of(block_of(list(keys))), self._encode, payload_bytes_max=payload_bytes_max)
        self.is_settled = drive(steps, self)
        return self

    def acquire(self, vectors: int) -> Departure:
        self.log.append(f"acquire {vectors}")
        return Departure(float(len(self.log)), 0)

    def send(self, body: Body) -> float:
        text = body.data.decode()
        self.log.append(f"send {text}")
        if failure := self.respond(text):
            raise failure
        return 0.5

    def decide_retry(self, failed: Failed) -> RetryDecision:
        self.failed.append(failed)
        return self.decide(failed)

    def pause(self, seconds: float) -> None:
        self.log.append(f"pause {seconds}")

    def record_acknowledged(self, acknowledged: Acknowledged) -> None:
        self.acknowledged.append(acknowledged)
        self.log.append(f"acknowledged {keys_of(acknowledged.batch)}")

    def record_rejected(self, rejected: Rejected) -> None:
        self.log.append(f"rejected {keys_of(rejected.batch)}: {rejected.problem}")

    def _encode(self, batch: Batch) -> Body:
        self.encoded += 1
        return Body.of(b"x" * next(self.body_sizes) if self.body_sizes else keys_of(batch).encode())


def failing(*failures: Failure | None) -> Responder:
    script = iter(failures)
    return lambda _body: next(script, None)


def split_or_reject(failed: Failed) -> RetryDecision:
    return Split() if len(failed.batch) > 1 else Reject("bad")


def test_an_acknowledged_batch_is_settled() -> None:
    """The handler gets its size in bytes, its attempts and its latency."""
    handler = RecordingHandler(failing()).run("abc")
    assert handler.log == ["acquire 3", "send abc", "acknowledged abc"]
    assert handler.is_settled is True
    acknowledged = handler.acknowledged[0]
    assert (acknowledged.payload_bytes, acknowledged.attempts, acknowledged.latency_s) == (3, 1, 0.5)


def test_a_retry_waits_for_a_slot_and_reuses_the_body() -> None:
    """A retry is paced like any request."""
    handler = RecordingHandler(failing(BROKEN, THROTTLED, TransportError("PutVectors", "reset"))).run("ab")
    attempt = ["acquire 2", "send ab", "pause 0.25"]
    assert handler.log == [*attempt, *attempt, *attempt, "acquire 2", "send ab", "acknowledged ab"]
    assert handler.encoded == 1
    assert handler.acknowledged[0].attempts == 4
    assert [(f.number, f.counted) for f in handler.failed] == [(1, 1), (2, 1), (3, 2)]
    assert {f.first for f in handler.failed} == {Departure(1.0, 0)}


@pytest.mark.parametrize(("successes", "others_succeed"), [(4, False), (5, True)])
def test_an_attempt_is_measured_from_its_first_departure(successes: int, *, others_succeed: bool) -> None:
    """Both the time and the other requests that were acknowledged count from there."""
    failed = Failed(BROKEN, batch_of(block_of(["a", "b"])), 3, 2, Departure(10.0, 4))
    attempt = failed.attempt(now_s=12.5, successes=successes)
    assert (attempt.number, attempt.counted, attempt.records) == (3, 2, 2)
    assert (attempt.since_s, attempt.others_succeed) == (2.5, others_succeed)


def test_a_stop_leaves_the_other_records_pending() -> None:
    """An acknowledged piece stays acknowledged; the other pieces are neither sent nor rejected."""
    handler = RecordingHandler(lambda body: BROKEN if body == "cd" else None, lambda _: Stop())
    handler.run("abcdef", payload_bytes_max=3)
    assert handler.log == ["acquire 2", "send ab", "acknowledged ab", "acquire 2", "send cd"]
    assert handler.is_settled is False


def test_a_body_that_is_too_large_is_split_in_order() -> None:
    """Nothing is sent before the batch is split."""
    handler = RecordingHandler(failing()).run("abcdefg", payload_bytes_max=4)
    assert handler.log == [
        *("acquire 4", "send abcd", "acknowledged abcd"),
        *("acquire 3", "send efg", "acknowledged efg"),
    ]
    assert handler.is_settled is True


def test_a_record_that_is_too_large_alone_is_rejected_and_its_earlier_one_sent() -> None:
    """The message has the size and the limit, not the values."""
    handler = RecordingHandler(failing(), body_sizes=iter([1_001, 500])).run("aa")
    assert handler.log[0] == "rejected a: record encodes to 1,001 bytes; a request may carry 1,000"
    assert handler.log[1:] == ["acquire 1", "send " + "x" * 500, "acknowledged a"]
    assert handler.is_settled is True


def test_a_record_that_the_service_names_is_separated_at_once() -> None:
    """After one error the other records are sent together, then the named one alone."""
    named = modelled_error("ValidationException", "Invalid record for key 'c': bad")
    handler = RecordingHandler(lambda body: named if "c" in body else None, split_or_reject).run("abcde")
    assert handler.log == [
        *("acquire 5", "send abcde"),
        *("acquire 4", "send abde", "acknowledged abde"),
        *("acquire 1", "send c", "rejected c: bad"),
    ]
    assert handler.is_settled is True


@pytest.mark.parametrize(
    "failure",
    [
        INVALID,
        modelled_error("ValidationException", "Invalid record for key 'z': not in this batch"),
        TransportError("PutVectors", "Invalid record for key 'c': a reason, not a message"),
    ],
)
def test_a_record_that_is_not_named_is_found_by_halving(failure: Failure) -> None:
    """One bad record does not prevent the others from being written."""
    handler = RecordingHandler(lambda body: failure if "c" in body else None, split_or_reject).run("abcdefgh")
    assert [line for line in handler.log if line.startswith(("acknowledged", "rejected"))] == [
        "acknowledged ab",
        "rejected c: bad",
        "acknowledged d",
        "acknowledged efgh",
    ]
    assert len(handler.failed) == 4


def test_when_the_last_record_of_a_key_is_rejected_the_one_before_it_is_written() -> None:
    """The result is the same as for records that are put one after the other."""
    handler = RecordingHandler(failing(INVALID, INVALID), lambda _: Reject("bad")).run("aaa")
    assert handler.log == [
        *("acquire 1", "send a", "rejected a: bad"),
        *("acquire 1", "send a", "rejected a: bad"),
        *("acquire 1", "send a", "acknowledged a"),
    ]
    assert [int(p) for p in handler.acknowledged[0].batch.positions] == [0]


def test_an_exception_that_is_not_a_failed_attempt_propagates() -> None:
    """A request without credentials is not retried."""

    class WithoutCredentials(RecordingHandler):
        def send(self, body: Body) -> float:
            raise NoCredentials("none")

    handler = WithoutCredentials(failing())
    with pytest.raises(NoCredentials):
        handler.run("a")
    assert handler.failed == []


@pytest.mark.parametrize("method", ["acquire", "pause"])
def test_a_handler_can_abandon_a_delivery(method: str) -> None:
    """RunEnded from a wait ends the delivery without settling it."""

    def abandon(_: float) -> None:
        raise RunEnded

    handler = RecordingHandler(failing(BROKEN))
    setattr(handler, method, abandon)
    assert handler.run("ab").is_settled is False
    assert handler.acknowledged == []


def test_a_step_can_be_repeated_when_its_effect_is_not_possible_yet() -> None:
    """An exception of the handler leaves the delivery at its current effect."""

    class NotYet(Exception):
        pass

    class Busy(RecordingHandler):
        def acquire(self, vectors: int) -> Departure:
            if not self.log:
                self.log.append("busy")
                raise NotYet
            return super().acquire(vectors)

    handler = Busy(failing(BROKEN))
    delivery = Delivery(deliver(batch_of(block_of(["a"])), lambda _: Body.of(b"a"), payload_bytes_max=10))
    with pytest.raises(NotYet):
        delivery.step(handler)
    kinds: list[type] = []
    while delivery.effect is not None:
        kinds.append(type(delivery.effect))
        delivery.step(handler)
    assert kinds == [Acquire, Send, Failed, Pause, Acquire, Send, Acknowledged]
    assert delivery.is_settled


@given(
    keys=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12),
    bad=st.sets(st.sampled_from("abcdef")),
    payload_bytes_max=st.integers(1, 12),
)
def test_every_record_is_settled_once(keys: list[str], bad: set[str], payload_bytes_max: int) -> None:
    """A record is acknowledged if its key is good and rejected if its key is bad."""
    handler = RecordingHandler(lambda body: INVALID if bad & set(body) else None, split_or_reject)
    handler.run("".join(keys), payload_bytes_max=payload_bytes_max)
    acknowledged = sorted(int(p) for each in handler.acknowledged for p in each.batch.positions)
    assert acknowledged == [p for p, key in enumerate(keys) if key not in bad]
    rejected = [line for line in handler.log if line.startswith("rejected")]
    assert len(rejected) == sum(key in bad for key in keys)
    assert handler.is_settled is True
