"""A batch is brought to its end, step by step; every decision is asked for, none is taken twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.batching import Batch, batch_of
from vecgate.bulk.delivery import Departure, Failed, Leave, Pause, Refused, Send, Taken, deliver
from vecgate.bulk.encoding import Body
from vecgate.bulk.retry import Again, Failure, Narrow, SetAside, Stop, Verdict
from vecgate.errors import NoCredentials, TransportError
from vecgate.testing.scripted import error_of
from vecgate.testing.strategies import block_of

THROTTLED = error_of("TooManyRequestsException")
BROKEN = error_of("InternalServerException")
INVALID = error_of("ValidationException", "bad")


def keys_of(batch: Batch) -> str:
    return "".join(batch.block.keys)


@dataclass
class Drive:
    """Does what a delivery asks for: *answers* gives the failure of a request, *judge* the verdict."""

    answers: Callable[[str, int], Failure | None]
    judge: Callable[[Failed], Verdict] = lambda _: Again(0.25)
    sizes: Iterator[int] | None = None
    log: list[str] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    encoded: int = 0
    settled: bool | None = None

    def run(self, keys: str, *, payload_bytes_max: int = 1_000) -> Drive:
        steps = deliver(batch_of(block_of(list(keys))), self._encode, payload_bytes_max=payload_bytes_max)
        answer: object = None
        error: Failure | None = None
        while True:
            try:
                effect = steps.throw(error) if error else steps.send(answer)
            except StopIteration as end:
                self.settled = end.value
                return self
            answer = error = None
            match effect:
                case Leave(vectors):
                    self.log.append(f"leave {vectors}")
                    answer = Departure(float(len(self.log)), 0)
                case Send(body):
                    self.log.append(f"send {body.data.decode()}")
                    error = self.answers(body.data.decode(), len(self.log))
                    answer = 0.5
                case Failed() as failed:
                    self.failed.append(failed)
                    answer = self.judge(failed)
                case Pause(seconds):
                    self.log.append(f"pause {seconds}")
                case Taken() as taken:
                    self.taken.append(taken)
                    self.log.append(f"taken {keys_of(taken.batch)}")
                case Refused(batch, problem):
                    self.log.append(f"refused {keys_of(batch)}: {problem}")

    def _encode(self, batch: Batch) -> Body:
        self.encoded += 1
        return Body.of(b"x" * next(self.sizes) if self.sizes else keys_of(batch).encode())


def failing(*failures: Failure | None) -> Callable[[str, int], Failure | None]:
    script = iter(failures)
    return lambda _body, _step: next(script, None)


def test_a_batch_that_is_taken_is_done() -> None:
    """Leave, send, taken: with its bytes, its attempts and the latency that was told."""
    drive = Drive(failing()).run("abc")
    assert drive.log == ["leave 3", "send abc", "taken abc"]
    assert drive.settled is True
    taken = drive.taken[0]
    assert (taken.payload_bytes, taken.attempts, taken.latency_s) == (3, 1, 0.5)


def test_a_retry_waits_leaves_again_and_encodes_nothing_again() -> None:
    """It takes its turn in the lanes like any request."""
    drive = Drive(failing(BROKEN, THROTTLED, TransportError("PutVectors", "reset"))).run("ab")
    attempt = ["leave 2", "send ab", "pause 0.25"]
    assert drive.log == [*attempt, *attempt, *attempt, "leave 2", "send ab", "taken ab"]
    assert drive.encoded == 1
    assert drive.taken[0].attempts == 4
    assert [(f.number, f.counted) for f in drive.failed] == [(1, 1), (2, 1), (3, 2)]
    assert {f.first for f in drive.failed} == {Departure(1.0, 0)}


@pytest.mark.parametrize(("successes", "others_do"), [(4, False), (5, True)])
def test_an_attempt_is_judged_by_what_came_since_its_first_departure(
    successes: int, *, others_do: bool
) -> None:
    """Time, and whether any other request was taken meanwhile."""
    failed = Failed(BROKEN, batch_of(block_of(["a", "b"])), 3, 2, Departure(10.0, 4))
    attempt = failed.attempt(now_s=12.5, successes=successes)
    assert (attempt.number, attempt.counted, attempt.records) == (3, 2, 2)
    assert (attempt.since_s, attempt.others_do) == (2.5, others_do)


def test_a_stop_leaves_the_rest_pending() -> None:
    """Of the pieces, what was taken stays taken; the rest is neither sent nor refused."""

    def answers(body: str, _step: int) -> Failure | None:
        return BROKEN if body == "cd" else None

    drive = Drive(answers, lambda _: Stop()).run("abcdef", payload_bytes_max=3)
    assert drive.log == ["leave 2", "send ab", "taken ab", "leave 2", "send cd"]
    assert drive.settled is False


def test_a_body_that_is_too_large_is_cut_in_order() -> None:
    """Before anything of it is sent."""
    drive = Drive(failing()).run("abcdefg", payload_bytes_max=4)
    assert drive.log == ["leave 4", "send abcd", "taken abcd", "leave 3", "send efg", "taken efg"]
    assert drive.settled is True


def test_a_record_that_is_too_large_by_itself_is_refused_and_its_earlier_one_sent() -> None:
    """The request limit and its size are named, the values are not."""
    drive = Drive(failing(), sizes=iter([1_001, 500])).run("aa")
    assert drive.log[0] == "refused a: record encodes to 1,001 bytes; a request may carry 1,000"
    assert drive.log[1:] == ["leave 1", "send " + "x" * 500, "taken a"]
    assert drive.settled is True


def test_the_key_that_is_named_is_taken_out_at_once() -> None:
    """One refusal, then the others together, then the one alone."""
    named = error_of("ValidationException", "Invalid record for key 'c': bad")

    def judge(failed: Failed) -> Verdict:
        return Narrow() if len(failed.batch) > 1 else SetAside("bad")

    drive = Drive(lambda body, _: named if "c" in body else None, judge).run("abcde")
    assert drive.log == [
        "leave 5",
        "send abcde",
        "leave 4",
        "send abde",
        "taken abde",
        "leave 1",
        "send c",
        "refused c: bad",
    ]
    assert drive.settled is True


@pytest.mark.parametrize(
    "failure",
    [
        INVALID,
        error_of("ValidationException", "Invalid record for key 'z': not in this batch"),
        TransportError("PutVectors", "Invalid record for key 'c': a reason, not a message"),
    ],
)
def test_a_key_that_is_not_named_is_found_by_halving(failure: Failure) -> None:
    """So that one bad record does not sink the others."""

    def judge(failed: Failed) -> Verdict:
        return Narrow() if len(failed.batch) > 1 else SetAside("bad")

    drive = Drive(lambda body, _: failure if "c" in body else None, judge).run("abcdefgh")
    assert [line for line in drive.log if line.startswith(("taken", "refused"))] == [
        "taken ab",
        "refused c: bad",
        "taken d",
        "taken efgh",
    ]
    assert len(drive.failed) == 4


def test_when_the_last_record_of_a_key_is_refused_the_one_before_it_is_written() -> None:
    """As if they had been put one after the other."""
    drive = Drive(failing(INVALID, INVALID), lambda _: SetAside("bad")).run("aaa")
    assert drive.log == [
        *("leave 1", "send a", "refused a: bad"),
        *("leave 1", "send a", "refused a: bad"),
        *("leave 1", "send a", "taken a"),
    ]
    assert [int(p) for p in drive.taken[0].batch.positions] == [0]


def test_another_exception_is_not_ours_to_judge() -> None:
    """Without credentials there is nothing to try again."""
    steps = deliver(batch_of(block_of(["a"])), lambda _: Body.of(b"x"), payload_bytes_max=10)
    assert isinstance(next(steps), Leave)
    assert isinstance(steps.send(Departure(0.0, 0)), Send)
    with pytest.raises(NoCredentials):
        steps.throw(NoCredentials("none"))


@given(
    keys=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12),
    bad=st.sets(st.sampled_from("abcdef")),
    payload_bytes_max=st.integers(1, 12),
)
def test_every_record_is_settled_once(keys: list[str], bad: set[str], payload_bytes_max: int) -> None:
    """Taken exactly where its key is good, refused exactly where it is bad."""

    def judge(failed: Failed) -> Verdict:
        return Narrow() if len(failed.batch) > 1 else SetAside("bad")

    drive = Drive(lambda body, _: INVALID if bad & set(body) else None, judge)
    drive.run("".join(keys), payload_bytes_max=payload_bytes_max)
    taken = sorted(int(p) for t in drive.taken for p in t.batch.positions)
    assert taken == [p for p, key in enumerate(keys) if key not in bad]
    refused = [line for line in drive.log if line.startswith("refused")]
    assert len(refused) == sum(key in bad for key in keys)
    assert drive.settled is True
