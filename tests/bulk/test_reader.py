from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.encoding import Body
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.retry import RetryPolicy
from vecgate.errors import ConfigError, ProtocolError, ServiceError, TransportError, UsageError

ARN = "arn:aws:s3vectors:us-east-1:123456789012:bucket/movies/index/plots"
AT_ONCE = RetryPolicy(attempts_max=3, base_s=0.0)


class Index:
    """A sender that answers from a dictionary; what is asked for is kept."""

    def __init__(self, keys: Any, page: int = 3, failures: list[Exception] | None = None) -> None:
        self.stored = {key: [float(number), 0.5] for number, key in enumerate(keys)}
        self.page = page
        self.failures = failures or []
        self.asked: list[dict[str, Any]] = []

    def send(self, operation: str, body: Body) -> bytes:
        asked = json.loads(body.data)
        self.asked.append(asked)
        if self.failures:
            raise self.failures.pop(0)
        answers: dict[str, Callable[[Any], Any]] = {
            "GetVectors": self._get, "ListVectors": self._list, "QueryVectors": self._query
        }  # fmt: skip
        return json.dumps(answers[operation](asked)).encode()

    def close(self) -> None:
        raise AssertionError("the sender is not the reader's")

    def _record(self, key: str, asked: Any) -> dict[str, Any]:
        record: dict[str, Any] = {"key": key}
        if asked["returnData"]:
            record["data"] = {"float32": self.stored[key]}
        if asked["returnMetadata"]:
            record["metadata"] = {"of": key}
        return record

    def _get(self, asked: Any) -> Any:
        assert 1 <= len(asked["keys"]) <= 100
        found = sorted(set(asked["keys"]) & self.stored.keys(), reverse=True)
        return {"vectors": [self._record(key, asked) for key in found]}

    def _list(self, asked: Any) -> Any:
        mine = list(self.stored)[asked["segmentIndex"] :: asked["segmentCount"]]
        start = int(asked.get("nextToken", 0))
        answer: dict[str, Any] = {
            "vectors": [self._record(key, asked) for key in mine[start : start + self.page]]
        }
        if start + self.page < len(mine):
            answer["nextToken"] = str(start + self.page)
        return answer

    def _query(self, asked: Any) -> Any:
        start, keys = int(asked.get("nextToken", 0)), list(self.stored)[: asked["topK"]]
        hits = [{"key": key} for key in keys[start : start + self.page]]
        for rank, hit in enumerate(hits, start):
            hit.update({"distance": rank / 4} if asked["returnDistance"] else {})
            hit.update({"metadata": {"of": hit["key"]}} if asked["returnMetadata"] else {})
        answer: dict[str, Any] = {"vectors": hits, "distanceMetric": "cosine"}
        if start + self.page < len(keys):
            answer["nextToken"] = str(start + self.page)
        return answer


def reader(index: Index, **settings: Any) -> BulkReader:
    return BulkReader(index, bucket="movies", index="plots", **{"retry": AT_ONCE, **settings})


@given(stored=st.integers(0, 250), wanted=st.lists(st.integers(0, 300), max_size=260))
def test_getting_keeps_the_order_and_tells_what_is_absent(stored: int, wanted: list[int]) -> None:
    """Any number of keys, repeated ones too: rows in the order asked for, the rest is absent."""
    index = Index([str(key) for key in range(stored)])
    found = reader(index).get([str(key) for key in wanted])
    assert found.keys == [str(key) for key in wanted if key < stored]
    assert sorted(found.absent) == sorted({str(key) for key in wanted if key >= stored})
    assert found.metadata == [{"of": key} for key in found.keys]
    if found.keys:
        assert found.vectors is not None
        assert found.vectors.tolist() == [[key, 0.5] for key in wanted if key < stored]


def test_keys_alone_are_got_without_data() -> None:
    """What is not asked for does not come."""
    found = reader(Index("ab")).get(["b", "c"], data=False, metadata=False)
    assert (found.keys, found.vectors, found.metadata, found.absent) == (["b"], None, [None], ["c"])


@given(stored=st.integers(0, 60), segments=st.integers(1, 16))
def test_a_scan_gives_every_vector_once(stored: int, segments: int) -> None:
    """However many segments there are, and whether or not each has something in it."""
    keys = [str(key) for key in range(stored)]
    found = list(reader(Index(keys)).scan(segments))
    assert sorted(key for page in found for key in page.keys) == sorted(keys)
    rows = {
        key: row
        for page in found
        if page.vectors is not None
        for key, row in zip(page.keys, page.vectors.tolist(), strict=True)
    }
    assert rows == {key: [float(key), 0.5] for key in keys}


def test_a_scan_asks_for_what_is_wanted() -> None:
    """Keys alone, full pages, an ARN as the address."""
    index = Index("a")
    list(BulkReader(index, index=ARN).scan(1, data=False, metadata=False))
    assert index.asked == [
        {
            "indexArn": ARN,
            "maxResults": 1000,
            "returnData": False,
            "returnMetadata": False,
            "segmentCount": 1,
            "segmentIndex": 0,
        }
    ]


def test_a_scan_that_is_left_early_stops_its_threads() -> None:
    """Closing the iterator ends every thread, with most of the index unread."""
    index = Index([str(key) for key in range(3000)])
    before = threading.active_count()
    pages = reader(index).scan(4)
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert len(index.asked) < 100


def test_memory_is_bounded_while_nobody_reads() -> None:
    """Two pages for each segment at most are asked for ahead."""
    index = Index([str(key) for key in range(300)], page=1)
    pages = reader(index).scan(2)
    next(pages)
    ahead = len(index.asked)
    rest = sum(len(page) for page in pages)
    assert ahead <= 2 + 2 * 2
    assert rest == 299


@pytest.mark.parametrize(
    "failure", [ServiceError("ListVectors", "AccessDeniedException", 403, "no"), ValueError("bug")]
)
def test_the_failure_of_a_segment_ends_the_scan(failure: Exception) -> None:
    """What goes wrong in a thread is raised where the pages are read, and the threads end."""
    before = threading.active_count()
    with pytest.raises(type(failure)):
        list(reader(Index("abc", failures=[failure])).scan(4))
    assert threading.active_count() == before


def test_a_malformed_page_ends_the_scan() -> None:
    """As does an answer that no service gives."""

    class Proxy(Index):
        def send(self, operation: str, body: Body) -> bytes:
            return b"<html>"

    with pytest.raises(ProtocolError):
        list(reader(Proxy("")).scan(2))


@pytest.mark.parametrize("segments", [0, 17])
def test_the_number_of_segments_is_bounded(segments: int) -> None:
    """The service takes 1 to 16; the refusal does not wait for the first page."""
    with pytest.raises(ConfigError, match="1 to 16"):
        reader(Index("")).scan(segments)


@given(stored=st.integers(0, 12), top_k=st.integers(1, 15))
def test_a_query_gives_all_pages_in_order(stored: int, top_k: int) -> None:
    """As many hits as there are, nearest first, from as many pages as that takes."""
    keys = [str(key) for key in range(stored)]
    found = reader(Index(keys)).query([1.0, 0.0], top_k, metadata=True)
    assert found.keys == keys[:top_k]
    assert found.metadata == [{"of": key} for key in found.keys]
    assert found.metric == "cosine"
    distances = [] if found.distances is None else found.distances.tolist()
    assert distances == [rank / 4 for rank in range(len(found))]


def test_every_page_of_a_query_is_asked_for_alike() -> None:
    """The service wants the same vector, topK and filter with each token."""
    index = Index("abcdef", page=3)
    found = reader(index).query(np.array([0.1, 2], np.float64), 6, filter={"year": 1999}, distance=False)
    first, second = index.asked
    assert second == {**first, "nextToken": "3"}
    assert first["filter"] == {"year": 1999}
    assert first["queryVector"] == {"float32": [0.1, 2.0]}
    assert (found.distances, found.metadata) == (None, [None] * 6)


@pytest.mark.parametrize("vector", [[np.nan], [1e39], [[1.0]]])
def test_a_query_vector_that_is_none_is_refused(vector: Any) -> None:
    """One row of finite float32 numbers."""
    with pytest.raises(ConfigError):
        reader(Index("")).query(vector, 1)


def test_a_filter_that_is_no_json_is_refused() -> None:
    """One line, not a traceback from the encoder."""
    with pytest.raises(ConfigError, match="JSON"):
        reader(Index("")).query([1.0], 1, filter={"a": object()})


THROTTLED = ServiceError(
    "x", "TooManyRequestsException", 429, "m", is_retryable=True, is_throttling=True, retry_after_s=7.0
)
BUSY = ServiceError("x", "ServiceUnavailableException", 503, "m", is_retryable=True)
CUT = TransportError("x", "cut off")


@pytest.mark.parametrize("failures", [[THROTTLED], [BUSY, BUSY], [CUT, BUSY], [THROTTLED] * 5])
def test_what_may_succeed_later_is_asked_again(failures: list[Exception]) -> None:
    """Throttling does not count as an attempt; the service's Retry-After is waited for."""
    waits: list[float] = []
    found = reader(Index("a", failures=list(failures)), pause=waits.append).get(["a"])
    assert found.keys == ["a"]
    assert waits == [7.0 if failure is THROTTLED else 0.0 for failure in failures]


@pytest.mark.parametrize(
    "failures", [[BUSY] * 3, [CUT] * 3, [ServiceError("x", "NotFoundException", 404, "gone")]]
)
def test_insisting_ends(failures: list[Exception]) -> None:
    """After the attempts that the policy allows, or at once where trying again is of no use."""
    index = Index("a", failures=list(failures))
    with pytest.raises(type(failures[0])):
        reader(index, pause=lambda _: None).get(["a"])
    assert len(index.asked) == len(failures)


def test_a_stopped_scan_does_not_wait_for_its_retries() -> None:
    """A thread that waits to try again ends with the scan."""
    index = Index([str(key) for key in range(9)], failures=[THROTTLED])
    pages = reader(index).scan(2)
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    assert len(index.asked) < 10


def test_a_boto3_client_may_be_given() -> None:
    """It is read through as it is, by name or by ARN."""

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
    """A name alone is no address."""
    with pytest.raises(UsageError):
        BulkReader(Index(""), index="plots")
