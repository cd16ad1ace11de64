"""How requests go out, against a service that fails as it is told."""

from __future__ import annotations

import time
from collections.abc import Iterable

import gevent
import pytest
from gevent.event import Event
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.encoding import Body
from vecgate.bulk.retry import RetryPolicy
from vecgate.errors import NoCredentials, ProtocolError, ServiceError, TransportError
from vecgate.load.bodies import Bodies, key_of
from vecgate.load.data import synthetic_pool
from vecgate.load.lab.engine import Flight
from vecgate.load.lab.sending import AsTheBatchClient, Once
from vecgate.load.recorder import Recorder
from vecgate.load.requests import Request
from vecgate.load.specs import Scenario
from vecgate.results.load import OperationSecond
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted import Mishap, ScriptedService, error_of

POOL = synthetic_pool(16, dimension=2, clusters=2, spread=0.3, metadata="small", seed=0)
BODIES = Bodies(IndexAddress("media", "films"), Scenario(), POOL)
#: So fast that pacing is not felt, and waits between attempts of no length.
CONFIG = BulkConfig(
    batch_vectors=8, vectors_per_s=1e9, requests_per_s=1e9, retry=RetryPolicy(attempts_max=4, base_s=0)
)
DENIED = error_of("AccessDeniedException")


def put_of(first: int, count: int = 8) -> Request:
    records = range(first, first + count)
    return Request("PutVectors", BODIES.put(records), count, records)


def keys_of(first: int, count: int = 8) -> set[str]:
    return {key_of(record) for record in range(first, first + count)}


class Client:
    """The batch client over a scripted service, and what it has recorded."""

    def __init__(self, script: Iterable[Mishap | Exception] = (), *, poisoned: Iterable[str] = ()) -> None:
        self.service = ScriptedService(script, poisoned=poisoned)
        self._recorder = Recorder()
        self._client = AsTheBatchClient(self.service, BODIES, self._recorder, CONFIG)
        self.flight = Flight()

    def send(self, request: Request) -> Flight:
        self.flight = Flight()
        self._client(request, self.flight)
        return self.flight

    def told(self) -> OperationSecond:
        return self._recorder.take(0).operations.get("PutVectors", OperationSecond())


# Once.


def test_a_request_is_sent_once_and_its_answer_handed_on() -> None:
    """With its length."""

    class Answering(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            assert (operation, body) == ("QueryVectors", BODIES.query(3, filtered=False))
            return b'{"vectors":[]}'

    answers: list[bytes] = []
    query = Request("QueryVectors", BODIES.query(3, filtered=False), on_ok=answers.append)
    flight = Flight()
    Once(Answering())(query, flight)
    assert flight == Flight(bytes_in=14)
    assert answers == [b'{"vectors":[]}']


@pytest.mark.parametrize("mishap", [Mishap.THROTTLED, Mishap.RESET, DENIED])
def test_what_fails_has_failed(mishap: Mishap | Exception) -> None:
    """There is no second attempt, and nobody is handed an answer."""
    service, answers = ScriptedService([mishap]), list[bytes]()
    with pytest.raises((ServiceError, TransportError)):
        Once(service)(Request("DeleteVectors", BODIES.delete([1]), on_ok=answers.append), Flight())
    assert (len(service.requests), answers) == (1, [])


class Saying(ScriptedService):
    """Answers whatever it is asked with 200 and *answer*."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer, self.sent = answer, list[str]()

    def send(self, operation: str, body: Body) -> bytes:
        self.sent.append(operation)
        return self.answer


HTML = b"<html>login</html>"


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("PutVectors", HTML),
        ("DeleteVectors", HTML),
        ("QueryVectors", HTML),
        ("QueryVectors", b""),
        ("QueryVectors", b"{}"),
        ("GetVectors", b'["vectors"]'),
        ("ListVectors", b"{}"),
    ],
)
def test_not_all_that_comes_with_200_is_an_answer(operation: str, answer: bytes) -> None:
    """A login page is none, nor is one without vectors to who asked for them."""
    with pytest.raises(ProtocolError, match=f"{operation} was answered with something"):
        Once(Saying(answer))(Request(operation, BODIES.listing()), Flight())


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("PutVectors", b""),
        ("PutVectors", b"{}"),
        ("DeleteVectors", b""),
        ("ListVectors", b' \n{ "vectors": [] }'),
        ("GetVectors", b'{"vectors":[]}'),
    ],
)
def test_an_answer_may_be_written_in_several_ways(operation: str, answer: bytes) -> None:
    """Whoever has nothing to say may say nothing: Amazon describes the answer to PutVectors as empty."""
    flight = Flight()
    Once(Saying(answer))(Request(operation, BODIES.listing()), flight)
    assert flight.bytes_in == len(answer)


# As the batch client.


def test_a_put_of_the_batch_client_is_not_written_by_a_login_page() -> None:
    """It is sent once: what answered is no service."""
    service, flight = Saying(HTML), Flight()
    with pytest.raises(ProtocolError):
        AsTheBatchClient(service, BODIES, Recorder(), CONFIG)(put_of(0), flight)
    assert (service.sent, flight.retried, flight.bytes_in) == (["PutVectors"], 0, len(HTML))


def test_a_throttled_put_is_sent_again() -> None:
    """Each such answer is counted, and none of them is an error."""
    client = Client([Mishap.THROTTLED, Mishap.THROTTLED, Mishap.THROTTLED])
    answered = client.send(put_of(0))
    assert (answered.bytes_in, answered.retried) == (2, 3)
    assert set(client.service.stored) == keys_of(0)
    told = client.told()
    assert (told.throttled, told.errors, told.ok) == (3, {}, 0), "the engine counts what ended"


def test_what_was_sent_is_sent_again_unchanged() -> None:
    """The same body, with the same hash: nothing is encoded anew."""
    bodies = []

    class Keeping(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            bodies.append(body)
            return super().send(operation, body)

    request = put_of(0)
    AsTheBatchClient(Keeping([Mishap.BROKEN]), BODIES, Recorder(), CONFIG)(request, Flight())
    assert len(bodies) == 2
    assert all(body is request.body for body in bodies)


def test_the_last_departure_is_told() -> None:
    """Time that was spent on attempts before it is no service time."""
    service, begun_s, flight = ScriptedService([Mishap.THROTTLED]), time.monotonic(), Flight()
    policy = RetryPolicy(base_s=0.05)
    config = BulkConfig(batch_vectors=8, vectors_per_s=100, requests_per_s=100, retry=policy)
    AsTheBatchClient(service, BODIES, Recorder(), config)(put_of(0), flight)
    assert flight.left_s is not None
    # The second request has to wait for the eight vectors of the first.
    assert begun_s + 0.08 <= flight.left_s <= time.monotonic()


def test_puts_keep_to_the_rate() -> None:
    """Of all users together: eight vectors each, a hundred a second."""
    config = BulkConfig(batch_vectors=8, vectors_per_s=100, requests_per_s=1e9)
    send, begun_s = AsTheBatchClient(ScriptedService(), BODIES, Recorder(), config), time.monotonic()
    puts = [gevent.spawn(send, put_of(8 * n), Flight()) for n in range(4)]
    gevent.joinall(puts, timeout=30, raise_error=True)
    assert time.monotonic() - begun_s >= 3 * 0.08


@given(
    script=st.lists(st.sampled_from([*Mishap, Mishap.NONE, DENIED]), max_size=30),
    counts=st.lists(st.integers(1, 8), min_size=1, max_size=5),
)
@example(script=[Mishap.UNAVAILABLE] * 3, counts=[8])
@example(script=[DENIED, Mishap.NONE], counts=[8, 8])
@example(script=[Mishap.BROKEN] * 4, counts=[1])
def test_what_was_answered_was_written(script: list[Mishap | Exception], counts: list[int]) -> None:
    """All of it, whatever happened on the way; what was not is an error, and no other request's."""
    client = Client(script)
    for number, count in enumerate(counts):
        request, sent = put_of(100 * number, count), len(client.service.requests)
        try:
            client.send(request)
        except (ServiceError, TransportError):
            assert len(client.service.requests) > sent, "nothing fails that was not sent"
        else:
            assert keys_of(100 * number, count) <= set(client.service.stored)
        assert client.flight.retried == len(client.service.requests) - sent - 1
    met = script[: len(client.service.requests)]
    assert client.told().throttled == met.count(Mishap.THROTTLED)


def test_a_put_that_is_too_much_is_halved() -> None:
    """After three times 503: each half is a request of its own, with its own body."""
    client = Client([Mishap.UNAVAILABLE] * 3)
    assert client.send(put_of(0)).retried == 4
    sizes = [len(members["vectors"]) for _, members in client.service.requests]
    assert sizes == [8, 8, 8, 4, 4]
    assert set(client.service.stored) == keys_of(0)
    assert client.service.stored[key_of(5)][1] == POOL.metadata[5]


def test_a_put_that_is_refused_has_failed() -> None:
    """Though all but one of its vectors could be written: none of a load test should be refused."""
    client = Client(poisoned=[key_of(3)])
    with pytest.raises(ServiceError, match="poisoned") as caught:
        client.send(put_of(0))
    assert caught.value.code == "ValidationException"
    assert set(client.service.stored) == keys_of(0) - {key_of(3)}


def test_what_cannot_be_mended_is_not_sent_again() -> None:
    """It fails by itself: the next request tries its own luck, and is not blamed for it."""
    other = error_of("NotFoundException")
    client = Client([DENIED, other])
    for failure in (DENIED, other):
        with pytest.raises(ServiceError) as caught:
            client.send(put_of(0))
        assert caught.value is failure
    assert len(client.service.requests) == 2
    assert client.send(put_of(0)).retried == 0


def test_a_request_in_flight_is_not_harmed_by_one_that_fails() -> None:
    """Its answer was on the way: it is written, and says so."""
    is_denied = Event()

    class Slow(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            if key_of(0).encode() in body.data:
                is_denied.wait(10)
                return super().send(operation, body)
            raise DENIED

    send = AsTheBatchClient(Slow(), BODIES, Recorder(), CONFIG)
    flight = Flight()
    slow = gevent.spawn(send, put_of(0), flight)
    gevent.idle()
    with pytest.raises(ServiceError):
        send(put_of(100), Flight())
    is_denied.set()
    slow.get(timeout=10)
    assert flight.retried == 0


def test_a_target_that_never_answers_is_given_up() -> None:
    """After as many attempts as are allowed."""
    client = Client([Mishap.RESET] * 99)
    with pytest.raises(TransportError):
        client.send(put_of(0))
    assert (len(client.service.requests), client.flight.retried) == (4, 3)


def test_a_throttle_that_never_ends_is_an_error_in_the_end() -> None:
    """The last of them is that of the request, which the engine counts; those before are counted here."""
    policy = RetryPolicy(base_s=0, deadline_s=0.5)
    config = BulkConfig(batch_vectors=8, vectors_per_s=4_000, requests_per_s=500, retry=policy)
    service, recorder = ScriptedService([Mishap.THROTTLED] * 9_999), Recorder()
    with pytest.raises(ServiceError) as caught:
        AsTheBatchClient(service, BODIES, recorder, config)(put_of(0), Flight())
    assert caught.value.is_throttling
    assert len(service.requests) > 1
    told = recorder.take(0).operations.get("PutVectors", OperationSecond())
    assert told.throttled == len(service.requests) - 1


def test_without_credentials_nothing_is_tried_again() -> None:
    """There is nothing to sign with."""
    client = Client([NoCredentials("none")])
    with pytest.raises(NoCredentials):
        client.send(put_of(0))


def test_anything_but_a_put_is_sent_once() -> None:
    """As any other client would."""
    client = Client([Mishap.THROTTLED])
    with pytest.raises(ServiceError):
        client.send(Request("DeleteVectors", BODIES.delete([1, 2]), 2))
    assert client.send(Request("DeleteVectors", BODIES.delete([1, 2]), 2)) == Flight(2)
    assert len(client.service.requests) == 2
