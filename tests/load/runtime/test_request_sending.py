"""Sending requests, to a service that fails by a script."""

from __future__ import annotations

import time
from collections.abc import Iterable

import gevent
import pytest
from gevent.event import Event
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.errors import NoCredentials, ProtocolError, ServiceError, TransportError, UnexpectedResponse
from vecgate.load.runtime.dispatcher import SendProgress
from vecgate.load.runtime.request_sending import BatchClientSender, SingleAttemptSender
from vecgate.load.scenario.scenario_spec import Scenario
from vecgate.load.traffic.planned_requests import PlannedRequest
from vecgate.load.traffic.request_bodies import RequestBodies, record_key
from vecgate.load.traffic.request_recorder import RequestRecorder
from vecgate.load.traffic.vector_pool import generate_pool
from vecgate.results.load.load_records import OperationSecond
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error

POOL = generate_pool(16, dimension=2, clusters=2, spread=0.3, metadata="small", seed=0)
BODIES = RequestBodies(IndexAddress("media", "films"), Scenario(), POOL)
#: Without noticeable pacing, and without waits between attempts.
CONFIG = BulkConfig(
    batch_vectors=8,
    vectors_per_s=1e9,
    requests_per_s=1e9,
    retry_for_s=0,
    retry=RetryPolicy(attempts_max=4, base_s=0),
)
DENIED = modelled_error("AccessDeniedException")


def put_of(first: int, count: int = 8) -> PlannedRequest:
    records = range(first, first + count)
    return PlannedRequest("PutVectors", BODIES.put(records), count, records)


def keys_of(first: int, count: int = 8) -> set[str]:
    return {record_key(record) for record in range(first, first + count)}


class Client:
    """The batch client on a scripted service, with its records."""

    def __init__(
        self, script: Iterable[ServiceFault | Exception] = (), *, poisoned: Iterable[str] = ()
    ) -> None:
        self.service = ScriptedService(script, poisoned=poisoned)
        self._recorder = RequestRecorder()
        self._client = BatchClientSender(self.service, BODIES, self._recorder, CONFIG)
        self.progress = SendProgress()

    def send(self, request: PlannedRequest) -> SendProgress:
        self.progress = SendProgress()
        self._client(request, self.progress)
        return self.progress

    def recorded(self) -> OperationSecond:
        return self._recorder.take_second(0).operations.get("PutVectors", OperationSecond())


# SingleAttemptSender.


def test_a_request_is_sent_once_and_its_answer_is_passed_on() -> None:
    """With its length."""

    class OneQuery(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            assert (operation, body) == ("QueryVectors", BODIES.query(3, filtered=False))
            return b'{"vectors":[]}'

    answers: list[bytes] = []
    query = PlannedRequest("QueryVectors", BODIES.query(3, filtered=False), on_ok=answers.append)
    progress = SendProgress()
    SingleAttemptSender(OneQuery())(query, progress)
    assert progress == SendProgress(bytes_in=14)
    assert answers == [b'{"vectors":[]}']


@pytest.mark.parametrize("fault", [ServiceFault.THROTTLED, ServiceFault.RESET, DENIED])
def test_a_failed_request_is_not_retried(fault: ServiceFault | Exception) -> None:
    """And no answer is passed on."""
    service, answers = ScriptedService([fault]), list[bytes]()
    with pytest.raises((ServiceError, TransportError)):
        SingleAttemptSender(service)(
            PlannedRequest("DeleteVectors", BODIES.delete([1]), on_ok=answers.append), SendProgress()
        )
    assert (len(service.requests), answers) == (1, [])


class FixedAnswer(ScriptedService):
    """Answers every request with status 200 and *answer*."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer, self.sent = answer, list[str]()

    def send(self, operation: str, body: Body) -> bytes:
        self.sent.append(operation)
        return self.answer


LOGIN_PAGE = UnexpectedResponse("PutVectors", "status 200 with text/html")


@pytest.mark.parametrize("error", [KeyError("vectors"), TypeError(), ValueError()])
def test_an_answer_that_cannot_be_read_is_a_failure(error: Exception) -> None:
    """The sender has checked its form; whoever reads it may find more."""

    def read(_: bytes) -> None:
        raise error

    query = PlannedRequest("QueryVectors", BODIES.query(3, filtered=False), on_ok=read)
    with pytest.raises(UnexpectedResponse, match="QueryVectors got no S3 Vectors response"):
        SingleAttemptSender(FixedAnswer(b"{}"))(query, SendProgress())


def test_an_answer_that_does_not_fit_its_request_is_a_failure() -> None:
    """Nobody else gets it."""

    def check(_: bytes) -> None:
        raise ProtocolError("another metric")

    answers: list[bytes] = []
    body = BODIES.query(3, filtered=False)
    query = PlannedRequest("QueryVectors", body, check=check, on_ok=answers.append)
    with pytest.raises(ProtocolError, match="another metric"):
        SingleAttemptSender(FixedAnswer(b"{}"))(query, SendProgress())
    assert answers == []


# The batch client.


@pytest.mark.parametrize("pages", [1, 4])
def test_a_login_page_does_not_acknowledge_a_put_of_the_batch_client(pages: int) -> None:
    """It is a failed attempt, and the request fails after those that the policy allows."""
    client = Client([LOGIN_PAGE] * pages)
    if pages < CONFIG.retry.attempts_max:
        assert client.send(put_of(0)).retried == pages
        assert set(client.service.stored) == keys_of(0)
    else:
        with pytest.raises(UnexpectedResponse):
            client.send(put_of(0))
        assert client.service.stored == {}


def test_a_throttled_put_is_retried() -> None:
    """Each throttled attempt is counted, and none is an error."""
    client = Client([ServiceFault.THROTTLED, ServiceFault.THROTTLED, ServiceFault.THROTTLED])
    answered = client.send(put_of(0))
    assert (answered.bytes_in, answered.retried) == (2, 3)
    assert set(client.service.stored) == keys_of(0)
    recorded = client.recorded()
    assert (recorded.throttled, recorded.errors, recorded.ok) == (3, {}, 0), (
        "the dispatcher counts requests that ended"
    )


def test_a_retry_sends_the_same_body() -> None:
    """With the same hash: nothing is encoded again."""
    bodies = []

    class Recording(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            bodies.append(body)
            return super().send(operation, body)

    request = put_of(0)
    BatchClientSender(Recording([ServiceFault.BROKEN]), BODIES, RequestRecorder(), CONFIG)(
        request, SendProgress()
    )
    assert len(bodies) == 2
    assert all(body is request.body for body in bodies)


def test_the_time_of_the_last_attempt_is_reported() -> None:
    """Earlier attempts do not count as service time."""
    service, begun_s, progress = ScriptedService([ServiceFault.THROTTLED]), time.monotonic(), SendProgress()
    policy = RetryPolicy(base_s=0.05)
    config = BulkConfig(batch_vectors=8, vectors_per_s=100, requests_per_s=100, retry=policy)
    BatchClientSender(service, BODIES, RequestRecorder(), config)(put_of(0), progress)
    assert progress.last_sent_s is not None
    # The second request has to wait for the eight vectors of the first.
    assert begun_s + 0.08 <= progress.last_sent_s <= time.monotonic()


def test_puts_stay_within_the_rate() -> None:
    """That of all users together: eight vectors each, a hundred per second."""
    config = BulkConfig(batch_vectors=8, vectors_per_s=100, requests_per_s=1e9)
    send, begun_s = BatchClientSender(ScriptedService(), BODIES, RequestRecorder(), config), time.monotonic()
    puts = [gevent.spawn(send, put_of(8 * n), SendProgress()) for n in range(4)]
    gevent.joinall(puts, timeout=30, raise_error=True)
    assert time.monotonic() - begun_s >= 3 * 0.08


@given(
    script=st.lists(st.sampled_from([*ServiceFault, ServiceFault.NONE, DENIED]), max_size=30),
    counts=st.lists(st.integers(1, 8), min_size=1, max_size=5),
)
@example(script=[ServiceFault.UNAVAILABLE] * 3, counts=[8])
@example(script=[DENIED, ServiceFault.NONE], counts=[8, 8])
@example(script=[ServiceFault.BROKEN] * 4, counts=[1])
def test_a_successful_request_was_written_completely(
    script: list[ServiceFault | Exception], counts: list[int]
) -> None:
    """Whatever failed before; a failed request does not affect the others."""
    client = Client(script)
    for number, count in enumerate(counts):
        request, sent = put_of(100 * number, count), len(client.service.requests)
        try:
            client.send(request)
        except (ServiceError, TransportError):
            assert len(client.service.requests) > sent, "nothing fails that was not sent"
        else:
            assert keys_of(100 * number, count) <= set(client.service.stored)
        assert client.progress.retried == len(client.service.requests) - sent - 1
    met = script[: len(client.service.requests)]
    assert client.recorded().throttled == met.count(ServiceFault.THROTTLED)


def test_a_put_that_is_too_large_is_split() -> None:
    """After three times 503: each half is a separate request with its own body."""
    client = Client([ServiceFault.UNAVAILABLE] * 3)
    assert client.send(put_of(0)).retried == 4
    sizes = [len(members["vectors"]) for _, members in client.service.requests]
    assert sizes == [8, 8, 8, 4, 4]
    assert set(client.service.stored) == keys_of(0)
    assert client.service.stored[record_key(5)][1] == POOL.metadata[5]


def test_a_put_with_a_rejected_record_has_failed() -> None:
    """Although its other vectors were written: no record of a load test should be rejected."""
    client = Client(poisoned=[record_key(3)])
    with pytest.raises(ServiceError, match="poisoned") as caught:
        client.send(put_of(0))
    assert caught.value.code == "ValidationException"
    assert set(client.service.stored) == keys_of(0) - {record_key(3)}


def test_a_permanent_failure_is_not_retried() -> None:
    """Only this request fails; the next one is sent normally."""
    other = modelled_error("NotFoundException")
    client = Client([DENIED, other])
    for failure in (DENIED, other):
        with pytest.raises(ServiceError) as caught:
            client.send(put_of(0))
        assert caught.value is failure
    assert len(client.service.requests) == 2
    assert client.send(put_of(0)).retried == 0


def test_a_request_in_flight_is_not_affected_by_one_that_fails() -> None:
    """Its answer arrives later, and it succeeds."""
    is_denied = Event()

    class Slow(ScriptedService):
        def send(self, operation: str, body: Body) -> bytes:
            if record_key(0).encode() in body.data:
                is_denied.wait(10)
                return super().send(operation, body)
            raise DENIED

    send = BatchClientSender(Slow(), BODIES, RequestRecorder(), CONFIG)
    progress = SendProgress()
    slow = gevent.spawn(send, put_of(0), progress)
    gevent.idle()
    with pytest.raises(ServiceError):
        send(put_of(100), SendProgress())
    is_denied.set()
    slow.get(timeout=10)
    assert progress.retried == 0


def test_a_request_without_an_answer_fails() -> None:
    """After the maximum number of attempts."""
    client = Client([ServiceFault.RESET] * 99)
    with pytest.raises(TransportError):
        client.send(put_of(0))
    assert (len(client.service.requests), client.progress.retried) == (4, 3)


def test_a_request_that_is_always_throttled_fails() -> None:
    """The dispatcher counts its last attempt; the earlier ones are counted here."""
    policy = RetryPolicy(base_s=0, deadline_s=0.5)
    config = BulkConfig(batch_vectors=8, vectors_per_s=4_000, requests_per_s=500, retry_for_s=0, retry=policy)
    service, recorder = ScriptedService([ServiceFault.THROTTLED] * 9_999), RequestRecorder()
    with pytest.raises(ServiceError) as caught:
        BatchClientSender(service, BODIES, recorder, config)(put_of(0), SendProgress())
    assert caught.value.is_throttling
    assert len(service.requests) > 1
    recorded = recorder.take_second(0).operations.get("PutVectors", OperationSecond())
    assert recorded.throttled == len(service.requests) - 1


def test_a_request_without_credentials_is_not_retried() -> None:
    """There is nothing to sign with."""
    client = Client([NoCredentials("none")])
    with pytest.raises(NoCredentials):
        client.send(put_of(0))


def test_other_operations_are_sent_once() -> None:
    """Without the retries of the batch client."""
    client = Client([ServiceFault.THROTTLED])
    with pytest.raises(ServiceError):
        client.send(PlannedRequest("DeleteVectors", BODIES.delete([1, 2]), 2))
    assert client.send(PlannedRequest("DeleteVectors", BODIES.delete([1, 2]), 2)) == SendProgress(2)
    assert len(client.service.requests) == 2
