from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.reader import BulkReader
from vecgate.errors import ConfigError, ProtocolError, ServiceError, TransportError, UsageError
from vecgate.testing.scripted_service import ScriptedService

ARN = "arn:aws:s3vectors:us-east-1:123456789012:bucket/movies/index/plots"
WITHOUT_WAITS = RetryPolicy(attempts_max=3, base_s=0.0)


#: No thread takes this long to end.
DEADLINE_S = 10.0


class Index:
    """A sender that answers from a dictionary and keeps the requests."""

    def __init__(self, keys: Any, page: int = 3, failures: list[Exception] | None = None) -> None:
        self.stored = {key: [float(number), 0.5] for number, key in enumerate(keys)}
        self.page = page
        self.failures = failures or []
        self.requests: list[dict[str, Any]] = []

    def send(self, operation: str, body: Body) -> bytes:
        members = json.loads(body.data)
        self.requests.append(members)
        if self.failures:
            raise self.failures.pop(0)
        answers: dict[str, Callable[[Any], Any]] = {
            "GetVectors": self._get, "ListVectors": self._list, "QueryVectors": self._query
        }  # fmt: skip
        return json.dumps(answers[operation](members)).encode()

    def close(self) -> None:
        raise AssertionError("the sender is not the reader's")

    def _record(self, key: str, members: Any) -> dict[str, Any]:
        record: dict[str, Any] = {"key": key}
        if members["returnData"]:
            record["data"] = {"float32": self.stored[key]}
        if members["returnMetadata"]:
            record["metadata"] = {"of": key}
        return record

    def _get(self, members: Any) -> Any:
        assert 1 <= len(members["keys"]) <= 100
        found = sorted(set(members["keys"]) & self.stored.keys(), reverse=True)
        return {"vectors": [self._record(key, members) for key in found]}

    def _list(self, members: Any) -> Any:
        segment = list(self.stored)[members["segmentIndex"] :: members["segmentCount"]]
        start = int(members.get("nextToken", 0))
        answer: dict[str, Any] = {
            "vectors": [self._record(key, members) for key in segment[start : start + self.page]]
        }
        if start + self.page < len(segment):
            answer["nextToken"] = str(start + self.page)
        return answer

    def _query(self, members: Any) -> Any:
        start, keys = int(members.get("nextToken", 0)), list(self.stored)[: members["topK"]]
        hits = [{"key": key} for key in keys[start : start + self.page]]
        for rank, hit in enumerate(hits, start):
            hit.update({"distance": rank / 4} if members["returnDistance"] else {})
            hit.update({"metadata": {"of": hit["key"]}} if members["returnMetadata"] else {})
        answer: dict[str, Any] = {"vectors": hits, "distanceMetric": "cosine"}
        if start + self.page < len(keys):
            answer["nextToken"] = str(start + self.page)
        return answer


def reader(index: Index, **settings: Any) -> BulkReader:
    return BulkReader(index, bucket="movies", index="plots", **{"retry": WITHOUT_WAITS, **settings})


@given(stored=st.integers(0, 250), numbers=st.lists(st.integers(0, 300), max_size=260))
def test_get_keeps_the_order_and_lists_absent_keys(stored: int, numbers: list[int]) -> None:
    """Any number of keys, also repeated ones: rows come in the order of the keys, other keys are absent."""
    index = Index([str(key) for key in range(stored)])
    found = reader(index).get([str(key) for key in numbers])
    assert found.keys == [str(key) for key in numbers if key < stored]
    assert sorted(found.absent) == sorted({str(key) for key in numbers if key >= stored})
    assert found.metadata == [{"of": key} for key in found.keys]
    if found.keys:
        assert found.vectors is not None
        assert found.vectors.tolist() == [[key, 0.5] for key in numbers if key < stored]


def test_parsers_are_kept_for_the_next_response(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is used by one response at a time, and not kept after a long one, which would keep its memory."""
    made: list[object] = []

    def new_parser() -> None:
        made.append(None)

    monkeypatch.setattr("vecgate.bulk.reader.new_parser", new_parser)
    found = reader(Index(["1", "2"]))
    for _ in range(3):
        found.get(["1"])
        assert len(list(found.scan(1))) == 1
    assert len(made) == 1
    monkeypatch.setattr("vecgate.bulk.reader.PARSER_BYTES_MAX", 10)
    for _ in range(3):
        found.get(["1"])
    # The one that was idle is dropped after its first long response.
    assert len(made) == 3


def test_keys_can_be_read_without_data() -> None:
    """Only requested members are returned."""
    found = reader(Index("ab")).get(["b", "c"], data=False, metadata=False)
    assert (found.keys, found.vectors, found.metadata, found.absent) == (["b"], None, [None], ["c"])


@given(stored=st.integers(0, 60), segments=st.integers(1, 16))
def test_a_scan_returns_every_vector_once(stored: int, segments: int) -> None:
    """For any number of segments, with or without vectors in each."""
    keys = [str(key) for key in range(stored)]
    found = list(reader(Index(keys)).scan(segments))
    assert all(page.vectors is not None for page in found)
    assert sorted(key for page in found for key in page.keys) == sorted(keys)
    rows = {
        key: row
        for page in found
        if page.vectors is not None
        for key, row in zip(page.keys, page.vectors.tolist(), strict=True)
    }
    assert rows == {key: [float(key), 0.5] for key in keys}


def test_a_scan_requests_the_chosen_members() -> None:
    """Keys alone, full pages, an ARN as the address."""
    index = Index("a")
    list(BulkReader(index, index=ARN).scan(1, data=False, metadata=False))
    assert index.requests == [
        {
            "indexArn": ARN,
            "maxResults": 1000,
            "returnData": False,
            "returnMetadata": False,
            "segmentCount": 1,
            "segmentIndex": 0,
        }
    ]


def wait_for_threads(number: int) -> None:
    """Wait until only *number* threads are left."""
    deadline_s = time.monotonic() + DEADLINE_S
    while threading.active_count() > number and time.monotonic() < deadline_s:
        time.sleep(0.001)
    assert threading.active_count() <= number


def test_a_scan_that_is_closed_early_stops_its_threads() -> None:
    """Every thread ends, with most of the index unread."""
    index = Index([str(key) for key in range(3000)])
    before = threading.active_count()
    pages = reader(index).scan(4)
    next(pages)
    pages.close()
    wait_for_threads(before)
    assert len(index.requests) < 100


def test_memory_is_bounded_while_no_page_is_read() -> None:
    """At most two pages per segment are requested ahead."""
    index = Index([str(key) for key in range(300)], page=1)
    pages = reader(index).scan(2)
    next(pages)
    ahead = len(index.requests)
    remaining = sum(len(page) for page in pages)
    assert ahead <= 2 + 2 * 2
    assert remaining == 299


@pytest.mark.parametrize(
    "failure", [ServiceError("ListVectors", "AccessDeniedException", 403, "no"), ValueError("bug")]
)
def test_the_failure_of_a_segment_ends_the_scan(failure: Exception) -> None:
    """An error in a thread is raised to the reader of the pages, and the threads end."""
    before = threading.active_count()
    with pytest.raises(type(failure)):
        list(reader(Index("abc", failures=[failure])).scan(4))
    wait_for_threads(before)


def test_a_malformed_page_ends_the_scan() -> None:
    """So does a response that no service gives."""

    class Proxy(Index):
        def send(self, operation: str, body: Body) -> bytes:
            return b"<html>"

    with pytest.raises(ProtocolError):
        list(reader(Proxy("")).scan(2))


class Answers:
    """A sender that returns one of *answers* to each request, the last one to all further requests."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def send(self, operation: str, body: Body) -> bytes:
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return json.dumps(found).encode()

    def close(self) -> None:
        """Nothing to close."""


def hit(key: str, *values: float) -> dict[str, Any]:
    return {"key": key, "distance": 0.5, "data": {"float32": values or [1.0]}}


def page(*hits: dict[str, Any], token: str = "") -> dict[str, Any]:
    return {"vectors": hits, "distanceMetric": "cosine", **({"nextToken": token} if token else {})}


@pytest.mark.parametrize("cycle", [1, 2, 3, 7])
@pytest.mark.parametrize("begin", [0, 1, 5])
def test_pages_that_never_end_are_an_error(begin: int, cycle: int) -> None:
    """A token that comes again ends a scan and a query, wherever the cycle begins and however long it is."""

    class Cycle(Answers):
        def send(self, operation: str, body: Body) -> bytes:
            at = int(json.loads(body.data).get("nextToken", 0))
            following = at + 1 if at + 1 < begin + cycle else begin
            return json.dumps(page(token=str(following or begin + cycle))).encode()

    for read in (lambda r: list(r.scan(2)), lambda r: r.query([1.0], 5)):
        with pytest.raises(ProtocolError, match="returned the same nextToken twice: its pages never end"):
            read(BulkReader(Cycle(), bucket="movies", index="plots"))


def test_empty_pages_that_never_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with a token of its own. Some may come between others."""
    monkeypatch.setattr("vecgate.bulk.reader.EMPTY_PAGES_MAX", 10)

    class Empty(Answers):
        def __init__(self, every: int) -> None:
            self.every = every

        def send(self, operation: str, body: Body) -> bytes:
            at = int(json.loads(body.data).get("nextToken", 0))
            hits = () if at % self.every else (hit(f"k{at}"),)
            return json.dumps(page(*hits, token="" if at == 29 else str(at + 1))).encode()

    for read in (lambda r: list(r.scan(1)), lambda r: r.query([1.0], 10_000)):
        read(BulkReader(Empty(10), bucket="movies", index="plots"))
        with pytest.raises(ProtocolError, match="returned 10 pages without a vector: its pages never end"):
            read(BulkReader(Empty(11), bucket="movies", index="plots"))


WRONG_READS = {
    "GetVectors returned the key 'c', which was not requested": page(hit("a"), hit("c")),
    "GetVectors returned a key twice": page(hit("a"), hit("a")),
    "the response has keys without the vectors that were requested": page({"key": "a"}),
}
WRONG_QUERIES = {
    "QueryVectors returned 3 vectors for a topK of 2": page(hit("a"), hit("b"), hit("c")),
    "QueryVectors returned a key twice": page(hit("a"), hit("a")),
    "QueryVectors returned vectors without the distances that were requested": page({"key": "a"}),
}


@pytest.mark.parametrize("problem", WRONG_READS)
def test_a_read_of_other_keys_than_requested_is_an_error(problem: str) -> None:
    """It would give a result that looks complete."""
    with pytest.raises(ProtocolError, match=problem) as raised:
        BulkReader(Answers(WRONG_READS[problem]), bucket="movies", index="plots").get(["a", "b"])
    assert "no proxy" in raised.value.hint


@pytest.mark.parametrize("problem", WRONG_QUERIES)
def test_a_query_result_that_was_not_requested_is_an_error(problem: str) -> None:
    """More vectors than topK, a key twice, or no distances; also on a later page."""
    wrong = WRONG_QUERIES[problem]
    for answers in ([wrong], [page(token="t"), wrong]):
        with pytest.raises(ProtocolError, match=problem):
            BulkReader(Answers(*answers), bucket="movies", index="plots").query([1.0], 2)


def test_pages_of_different_dimensions_are_an_error() -> None:
    """All vectors of an index have one dimension: in a scan, and in the requests of one read."""
    pages = [page(hit("a", 1.0), token="t"), page(hit("b", 1.0, 2.0))]
    with pytest.raises(ProtocolError, match="vectors of one index have 1 and 2 values"):
        list(BulkReader(Answers(*pages), bucket="movies", index="plots").scan(1))
    keys = [f"k{number}" for number in range(101)]
    pages = [page(hit("k0", 1.0)), page(hit("k100", 1.0, 2.0))]
    with pytest.raises(ProtocolError, match="vectors of one index have 1 and 2 values"):
        BulkReader(Answers(*pages), bucket="movies", index="plots", parallel=1).get(keys)


def test_a_page_that_comes_twice_ends_the_scan() -> None:
    """Under another token: it may stand for one that is left out, which no count would show."""
    pages = [page(hit("a"), hit("b"), token="t"), page(hit("a"), hit("b"), token="u"), page(hit("e"))]
    with pytest.raises(ProtocolError, match="two pages that begin with the key 'a'"):
        list(BulkReader(Answers(*pages), bucket="movies", index="plots").scan(1))


def test_a_key_that_comes_twice_in_a_page_ends_the_scan() -> None:
    """An index has each key once."""
    with pytest.raises(ProtocolError, match="a page with a key twice"):
        list(BulkReader(Answers(page(hit("a"), hit("b"), hit("a"))), bucket="movies", index="plots").scan(1))


def test_a_full_page_with_an_empty_token_may_not_be_the_last_one() -> None:
    """The model has no empty token. After a page that is not full it does no harm."""
    full = {**page(*(hit(str(number)) for number in range(1_000))), "nextToken": ""}
    with pytest.raises(ProtocolError, match="a full page has an empty nextToken"):
        list(BulkReader(Answers(full), bucket="movies", index="plots").scan(1))
    last = {**page(hit("a")), "nextToken": ""}
    assert len(list(BulkReader(Answers(last), bucket="movies", index="plots").scan(1))) == 1


def test_a_thread_that_ends_is_no_segment_that_ends() -> None:
    """Whatever ended it."""

    class Ending(Index):
        def send(self, operation: str, body: Body) -> bytes:
            if json.loads(body.data)["segmentIndex"]:
                raise SystemExit
            return super().send(operation, body)

    with pytest.raises(SystemExit):
        list(BulkReader(Ending("a"), bucket="movies", index="plots").scan(2))


@pytest.mark.parametrize("segments", [0, 17])
def test_the_number_of_segments_is_bounded(segments: int) -> None:
    """The service allows 1 to 16; the error does not wait for the first page."""
    with pytest.raises(ConfigError, match="1 to 16"):
        reader(Index("")).scan(segments)


@given(stored=st.integers(0, 12), top_k=st.integers(1, 15))
def test_a_query_returns_all_pages_in_order(stored: int, top_k: int) -> None:
    """All results come nearest first, from any number of pages."""
    keys = [str(key) for key in range(stored)]
    found = reader(Index(keys)).query([1.0, 0.0], top_k, metadata=True)
    assert found.keys == keys[:top_k]
    assert found.metadata == [{"of": key} for key in found.keys]
    assert found.metric == "cosine"
    distances = [] if found.distances is None else found.distances.tolist()
    assert distances == [rank / 4 for rank in range(len(found))]


def test_every_page_of_a_query_is_requested_with_the_same_members() -> None:
    """The service needs the same vector, topK and filter with each token."""
    index = Index("abcdef", page=3)
    found = reader(index).query(np.array([0.1, 2], np.float64), 6, filter={"year": 1999}, distance=False)
    first, second = index.requests
    assert second == {**first, "nextToken": "3"}
    assert first["filter"] == {"year": 1999}
    assert first["queryVector"] == {"float32": [0.1, 2.0]}
    assert (found.distances, found.metadata) == (None, [None] * 6)


@pytest.mark.parametrize("vector", [[np.nan], [1e39], [[1.0]]])
def test_an_invalid_query_vector_is_rejected(vector: Any) -> None:
    """It must be a list of finite float32 numbers."""
    with pytest.raises(ConfigError):
        reader(Index("")).query(vector, 1)


def test_a_filter_that_is_not_json_is_rejected() -> None:
    """The error is one line, not a traceback of the encoder."""
    with pytest.raises(ConfigError, match="JSON"):
        reader(Index("")).query([1.0], 1, filter={"a": object()})


THROTTLED = ServiceError(
    "x", "TooManyRequestsException", 429, "m", is_retryable=True, is_throttling=True, retry_after_s=7.0
)
BUSY = ServiceError("x", "ServiceUnavailableException", 503, "m", is_retryable=True)
CUT_OFF = TransportError("x", "cut off")


@pytest.mark.parametrize("failures", [[THROTTLED], [BUSY, BUSY], [CUT_OFF, BUSY], [THROTTLED] * 5])
def test_a_request_that_may_succeed_later_is_retried(failures: list[Exception]) -> None:
    """Throttled attempts are not counted, and the service's Retry-After is respected."""
    waits: list[float] = []
    found = reader(Index("a", failures=list(failures)), pause=waits.append).get(["a"])
    assert found.keys == ["a"]
    assert waits == [7.0 if failure is THROTTLED else 0.0 for failure in failures]


@pytest.mark.parametrize(
    "failures", [[BUSY] * 3, [CUT_OFF] * 3, [ServiceError("x", "NotFoundException", 404, "gone")]]
)
def test_retries_end(failures: list[Exception]) -> None:
    """They end after the attempts that the policy allows, or at once if another attempt would not help."""
    index = Index("a", failures=list(failures))
    with pytest.raises(type(failures[0])):
        reader(index, pause=lambda _: None).get(["a"])
    assert len(index.requests) == len(failures)


def test_a_stopped_scan_does_not_wait_for_its_retries() -> None:
    """A thread that waits to retry ends with the scan."""
    index = Index([str(key) for key in range(9)], failures=[THROTTLED])
    pages = reader(index).scan(2)
    next(pages)
    pages.close()
    assert len(index.requests) < 10


def test_a_boto3_client_can_be_used() -> None:
    """It reads by name or by ARN, and is not changed."""

    class Stream:
        def stream(self) -> list[bytes]:
            return [b'{"vectors": [{"key": "a", "data": {"float32": [1, 0.5]}}]}']

    client = boto3.client(
        "s3vectors", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.meta.events.register(
        "before-send.s3vectors", lambda request, **_: AWSResponse(request.url, 200, {}, Stream())
    )
    found = BulkReader(client, bucket="movies", index="plots").get(["a"])
    assert found.vectors is not None
    assert found.vectors.tolist() == [[1.0, 0.5]]


def test_an_index_needs_its_bucket() -> None:
    """The name of the index alone is not an address."""
    with pytest.raises(UsageError):
        BulkReader(Index(""), index="plots")


def test_a_text_is_no_list_of_keys() -> None:
    """Its characters would be looked up, and none be found."""
    with pytest.raises(ConfigError, match="keys must be a list of keys, but is the text 'doc-1'"):
        BulkReader(ScriptedService(), bucket="media", index="films").get("doc-1")
