from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from vecgate.testing.exchanges import KEPT, Exchange, ExchangeLog, evidence_of, snippet_of

KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "opens-nothing"}


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        return [self._content]


def answering(status: int, body: bytes, headers: dict[str, str]) -> Any:
    """A client whose requests are answered so, without a socket."""
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    client: Any = boto3.client("s3vectors", region_name="us-east-1", config=config, **KEYS)

    def answer(request: Any, **_: object) -> AWSResponse:
        return AWSResponse(request.url, status, headers, Body(body))

    client.meta.events.register("before-send.s3vectors", answer)
    return client


def test_what_is_sent_and_got_is_kept() -> None:
    """Operation, members, status, body and request id; requests are counted by operation."""
    log = ExchangeLog()
    client = answering(200, b'{"index": {}}', {"x-amzn-requestid": "id-1"})
    log.watch(client)
    client.get_index(vectorBucketName="b", indexName="i")
    (kept,) = log
    assert (kept.operation, kept.members) == ("GetIndex", {"vectorBucketName": "b", "indexName": "i"})
    assert (kept.status, kept.answer, kept.request_id) == (200, '{"index": {}}', "id-1")
    assert log.requests == {"GetIndex": 1}
    log.clear()
    assert (log.last, log.requests) == (None, {"GetIndex": 1})
    client.close()


def test_a_refusal_is_kept_too() -> None:
    """With the header that names its code."""
    log = ExchangeLog()
    client = answering(404, b'{"message": "m"}', {"x-amzn-ErrorType": "NotFoundException"})
    log.watch(client)
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_index()
    assert log.last is not None
    assert "answer      404 x-amzn-errortype: NotFoundException" in evidence_of(log.last)
    client.close()


def test_no_answer_is_kept_as_such() -> None:
    """With the reason, where nobody listens."""
    log = ExchangeLog()
    config = Config(retries={"total_max_attempts": 1})
    client: Any = boto3.client(
        "s3vectors", region_name="us-east-1", endpoint_url="http://127.0.0.1:9", config=config, **KEYS
    )
    log.watch(client)
    with pytest.raises(Exception, match="Could not connect"):
        client.list_vector_buckets()
    assert log.last is not None
    assert log.last.answer.startswith("no answer: Could not connect")
    assert "answer      none" in evidence_of(log.last)
    client.close()


def test_only_the_last_are_kept() -> None:
    """A test of laws makes thousands."""
    log = ExchangeLog()
    for number in range(KEPT + 5):
        log.add(Exchange("raw", request=str(number)))
    assert [each.request for each in log] == [str(number) for number in range(5, KEPT + 5)]
    assert log.requests == {"raw": KEPT + 5}


def test_evidence_is_shortened() -> None:
    """A body of 20 MiB is no help to anybody."""
    text = evidence_of(Exchange("PutVectors", {"x": "y" * 5_000}, status=200, answer="z" * 5_000))
    assert len(text) < 4_000
    assert text.count("characters more") == 2


def test_a_snippet_makes_the_same_calls() -> None:
    """It can be run as it is: buckets of earlier tests are made first."""
    calls = [
        Exchange("CreateIndex", {"vectorBucketName": "old", "indexName": "i"}, status=200),
        Exchange("raw", request="bytes"),
        Exchange("GetIndex", {"vectorBucketName": "old", "indexName": "i"}, status=404),
        Exchange("CreateVectorBucket", {"vectorBucketName": "new"}, status=200),
        Exchange("CreateIndex", {"vectorBucketName": "new", "indexName": "i"}, status=200),
    ]
    text = snippet_of(calls, url="http://h:1", region="r-1")
    made: list[tuple[str, dict[str, Any]]] = []

    class Client:
        def __getattr__(self, name: str) -> Any:
            return lambda **members: made.append((name, members))

    class Boto3:
        @staticmethod
        def client(*names: str, **settings: Any) -> Client:
            assert (names, settings["endpoint_url"], settings["region_name"]) == (
                ("s3vectors",),
                "http://h:1",
                "r-1",
            )
            return Client()

    exec(text.replace("import boto3\n", ""), {"boto3": Boto3, "print": lambda _: None})  # noqa: S102 - it is what is tested
    assert made == [
        ("create_vector_bucket", {"vectorBucketName": "old"}),
        ("create_index", {"vectorBucketName": "old", "indexName": "i"}),
        ("get_index", {"vectorBucketName": "old", "indexName": "i"}),
        ("create_vector_bucket", {"vectorBucketName": "new"}),
        ("create_index", {"vectorBucketName": "new", "indexName": "i"}),
    ]
    assert "print(client.get_index(" in text
    assert "endpoint_url" not in snippet_of(calls, url=None, region="r-1")


@pytest.mark.parametrize(
    "calls", [[], [Exchange("raw", request="x")], [Exchange("PutVectors", {"x": "y" * 9_000})]]
)
def test_there_is_no_snippet_where_it_would_not_help(calls: list[Exchange]) -> None:
    """Nothing to repeat, or too long to copy."""
    assert snippet_of(calls, url="http://h:1", region="r-1") == ""
