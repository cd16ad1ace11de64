"""Acknowledged means stored, whatever a server or a proxy before it answers."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from vecgate.bulk.accelerate import accelerate
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.transport.response_limits import ResponseLimits
from vecgate.bulk.transport.sender import Boto3Sender, DirectSender, Sender
from vecgate.bulk.transport.service_response import (
    ServiceResponse,
    acknowledged_body,
    check_acknowledged,
)
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import ServiceError, TransportError, UnexpectedResponse
from vecgate.s3vectors.model import service_model

PAGE = b"<html><title>Your session has expired, log in again</title></html>"
ADDRESS = {"vectorBucketName": "media", "indexName": "films"}
#: The requests of a test are answered in milliseconds; only a dripping server reaches the deadline.
LIMITS = ResponseLimits(bytes_max=200_000, deadline_s=0.5)
CONFIG = BulkConfig(
    batch_vectors=2,
    in_flight=2,
    vectors_per_s=1e9,
    requests_per_s=1e9,
    retry=RetryPolicy(attempts_max=100, base_s=0.0),
)
RECORDS = [{"key": f"k{number}", "vector": [1.0, float(number)]} for number in range(14)]


def answer(status: int = 200, body: bytes = b"{}", length: int | None = None, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{lines}\r\n".encode() + body


#: What a proxy may send instead of passing on a request; the connection is closed after those of `CLOSING`.
#: None of them is retried for ever, and none acknowledges anything.
MISBEHAVIOURS: dict[str, bytes] = {
    "a login page": answer(body=PAGE, Content_Type="text/html"),
    "a login page called JSON": answer(body=PAGE, Content_Type="application/json"),
    "a long page": answer(body=PAGE * 200, Content_Type="text/html"),
    "a page without length": b"HTTP/1.1 200 OK\r\n\r\n" + PAGE,
    "202": answer(202),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "204 with a body": b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}",
    "206": answer(206),
    "206 with a range": answer(206, Content_Range="bytes 0-1/2"),
    "103 as the only response": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "broken JSON": answer(body=b'{"vectors":[{"key":'),
    "broken JSON that looks whole": answer(body=b'{"a":' + b"x" * 5_000 + b"}"),
    "an array": answer(body=b"[]"),
    "a string": answer(body=b'"stored"'),
    "null": answer(body=b"null"),
    "an error in the body": answer(body=b'{"message":"no","__type":"InternalServerException"}'),
    "an error in a long body": answer(
        body=json.dumps({"vectors": ["x" * 5_000], "__type": "InternalServerException"}).encode()
    ),
    "an error twice in the body": answer(body=b'{"__type":"InternalServerException","__type":null}'),
    "an error of a gateway": answer(body=b'{"message":"Forbidden"}'),
    "an error of another API": answer(body=b'{"data":null,"errors":[{"detail":"log in"}]}'),
    "a failure": answer(body=b'{"success":false}'),
    "a promise": answer(body=b'{"status":"queued"}', X_Amzn_RequestId="1"),
    "vectors that are left": answer(body=b'{"unprocessedVectors":[{"key":"k1"}]}', X_Amzn_RequestId="1"),
    "the request": answer(body=json.dumps({**ADDRESS, "vectors": RECORDS}).encode()),
    "an empty page": answer(body=b"", Content_Type="text/html"),
    "a number that is none": answer(body=b'{"a":NaN}'),
    "two objects": answer(body=b"{}{}"),
    "an error in a header": answer(X_Amzn_ErrorType="InternalServerException"),
    "more bytes than announced": answer(length=1),
    "an answer to the next request too": answer(500, b"") + answer(),
    "nothing, of unknown length": b"HTTP/1.1 200 OK\r\n\r\n",
    "nothing over HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n",
    "half an object over HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n{",
    "fewer bytes than announced": answer(length=1_000),
    "fewer bytes than announced, none": answer(body=b"", length=2),
    "a chunk cut off": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{}\r\n",
    "compressed": answer(body=gzip.compress(b"{}"), Content_Encoding="gzip"),
    "called compressed": answer(Content_Encoding="gzip"),
    "called brotli": answer(Content_Encoding="br"),
    "a body beyond the limit": answer(body=b"{" + b" " * 300_000 + b"}"),
    "a body of 10**30 bytes": answer(length=10**30),
    "a chunk of 10**15 bytes": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n38D7EA4C68000\r\n{}\r\n",
    "deep JSON": answer(body=b"[" * 100_000),
    "interim responses without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000,
    "a header of 1 MB": b"HTTP/1.1 200 OK\r\na: " + b"b" * 1_000_000,
    "garbage": b"\x00\xff" * 1_000,
    "nothing": b"",
    "a page with 500": answer(500, PAGE, Content_Type="text/html"),
    "a redirect": answer(302, b"", Location="http://127.0.0.1:9/"),
    "a redirect to itself": answer(307, b"", Location="/PutVectors"),
}
CLOSING = {
    "a page without length",
    "nothing, of unknown length",
    "nothing over HTTP/1.0",
    "half an object over HTTP/1.0",
    "103 as the only response",
    "fewer bytes than announced",
    "fewer bytes than announced, none",
    "a chunk cut off",
    "a body of 10**30 bytes",
    "a chunk of 10**15 bytes",
    "interim responses without end",
    "headers without end",
    "a header of 1 MB",
    "garbage",
    "nothing",
}
#: Retrying does not help against these: the run stops, for --resume.
ENDING = {"a redirect", "a redirect to itself"}
SLOW = ["a byte now and then", "a header now and then"]


class Index:
    """A service that stores vectors; each third PutVectors meets *misbehaviour* and is not stored."""

    def __init__(self, misbehaviour: str) -> None:
        self.misbehaviour, self.stored, self.puts = misbehaviour, dict[str, Any](), 0
        self.is_over = threading.Event()
        self._lock = threading.Lock()

    def serve(self, listener: socket.socket) -> None:
        """Answer connections until *listener* is closed."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=[connection], daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError), closing(connection), connection.makefile("rb") as stream:
            while line := stream.readline():
                operation, length = line.split()[1].decode().strip("/"), 0
                while header := stream.readline().strip():
                    name, _, value = header.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                members = json.loads(stream.read(length))
                if not self._answer(connection, operation, members):
                    return

    def _answer(self, connection: socket.socket, operation: str, members: Any) -> bool:
        if operation == "GetIndex":
            index = {"dimension": 2, "distanceMetric": "cosine", "creationTime": 1, **ADDRESS}
            connection.sendall(answer(body=json.dumps({"index": index}).encode()))
            return True
        with self._lock:
            self.puts += 1
            misbehaves = self.puts % 3 == 0
            if not misbehaves:
                self.stored |= {vector["key"]: vector["data"]["float32"] for vector in members["vectors"]}
        if not misbehaves:
            connection.sendall(answer())
            return True
        if self.misbehaviour in SLOW:
            self._drip(connection)
            return False
        if self.misbehaviour == "a reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        connection.sendall(MISBEHAVIOURS[self.misbehaviour])
        return self.misbehaviour not in CLOSING

    def _drip(self, connection: socket.socket) -> None:
        head = answer(length=100_000, body=b"") if self.misbehaviour == SLOW[0] else b"HTTP/1.1 200 OK\r\na: "
        connection.sendall(head)
        while not self.is_over.wait(0.02):
            connection.sendall(b" ")


@contextmanager
def served(misbehaviour: str) -> Iterator[tuple[Index, str]]:
    index = Index(misbehaviour)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=index.serve, args=[listener], daemon=True)
        thread.start()
        yield index, f"http://127.0.0.1:{listener.getsockname()[1]}"
        index.is_over.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def boto3_client(url: str) -> Any:
    return boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
    )


def boto3_sender(url: str) -> Sender:
    return Boto3Sender(boto3_client(url), limits=LIMITS)


def direct_sender(url: str) -> Sender:
    credentials = Credentials("AKIDEXAMPLE", "secret")
    return DirectSender(credentials, region="us-east-1", endpoint_url=url, read_timeout_s=20, limits=LIMITS)


EVERY = [*MISBEHAVIOURS, *SLOW, "a reset"]


@pytest.mark.parametrize("open_sender", [boto3_sender, direct_sender])
@pytest.mark.parametrize("misbehaviour", EVERY)
def test_a_put_that_passes_has_stored_every_record(open_sender: Any, misbehaviour: str) -> None:
    """Each misbehaviour is a failed attempt; the run retries it, or stops with the records pending."""
    with served(misbehaviour) as (index, url), closing(open_sender(url)) as sender:
        outcome = BulkWriter(sender, bucket="media", index="films", config=CONFIG).put(RECORDS)
    assert outcome.is_complete is (misbehaviour not in ENDING), outcome.stopped_by
    assert outcome.acknowledged + outcome.pending == len(RECORDS)
    assert not outcome.rejected
    assert len(index.stored) >= outcome.acknowledged
    if outcome.is_complete:
        assert index.stored == {record["key"]: record["vector"] for record in RECORDS}


@pytest.mark.parametrize("misbehaviour", EVERY)
def test_an_accelerated_call_that_returns_has_stored_its_vectors(misbehaviour: str) -> None:
    """Each misbehaviour raises an exception of botocore's."""
    with served(misbehaviour) as (index, url), closing(boto3_client(url)) as client:
        accelerate(client, limits=LIMITS)
        for record in RECORDS[:6]:
            with suppress(BotoCoreError, ClientError):
                client.put_vectors(
                    **ADDRESS, vectors=[{"key": record["key"], "data": {"float32": record["vector"]}}]
                )
                assert record["key"] in index.stored
    assert sorted(index.stored) == ["k0", "k1", "k3", "k4"]


@pytest.mark.parametrize("open_sender", [boto3_sender, direct_sender])
def test_a_service_that_never_answers_as_one_ends_the_run(open_sender: Any) -> None:
    """After the attempts of the policy the run stops; nothing is acknowledged or rejected."""

    class Portal(Index):
        def _answer(self, connection: socket.socket, operation: str, members: Any) -> bool:
            if operation == "PutVectors":
                connection.sendall(MISBEHAVIOURS["a login page"])
                return True
            return super()._answer(connection, operation, members)

    config = BulkConfig(in_flight=1, retry_for_s=0.0, retry=RetryPolicy(attempts_max=3, base_s=0.0))
    portal = Portal("")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=portal.serve, args=[listener], daemon=True).start()
        with closing(open_sender(f"http://127.0.0.1:{listener.getsockname()[1]}")) as sender:
            outcome = BulkWriter(sender, bucket="media", index="films", config=config).put(RECORDS)
        listener.shutdown(socket.SHUT_RDWR)
    assert (outcome.acknowledged, outcome.rejected, outcome.pending) == (0, 0, len(RECORDS))
    assert isinstance(outcome.stopped_by, UnexpectedResponse)
    assert str(outcome.stopped_by) == (
        "PutVectors got no S3 Vectors response: status 200 with text/html that starts with "
        "'<html><title>Your session has expired, l…'"
    )
    assert "login page" in outcome.stopped_by.hint
    assert outcome.failed_attempts == {"not an S3 Vectors response": 3}


@pytest.mark.parametrize("open_sender", [boto3_sender, direct_sender])
@pytest.mark.parametrize("misbehaviour", SLOW)
def test_a_response_has_a_deadline_beside_the_timeout_of_the_socket(
    open_sender: Any, misbehaviour: str
) -> None:
    """A server that sends a byte now and then does not hold a request for longer."""
    with served(misbehaviour) as (index, url), closing(open_sender(url)) as sender:
        index.puts, begun_s = 2, time.monotonic()
        with pytest.raises(TransportError, match=r"was not complete after 0\.5 s"):
            sender.send("PutVectors", Body.of(b"{}"))
        assert time.monotonic() - begun_s < 10


# The rule itself, for any operation.

OPERATIONS = list(service_model().operation_names)
READS: dict[str, dict[str, Any]] = {
    "GetIndex": {"index": {}},
    "GetVectorBucket": {"vectorBucket": {}},
    "GetVectors": {"vectors": []},
    "ListIndexes": {"indexes": []},
    "ListTagsForResource": {"tags": {}},
    "ListVectorBuckets": {"vectorBuckets": []},
    "ListVectors": {"vectors": []},
    "QueryVectors": {"vectors": [], "distanceMetric": "cosine"},
}
WITHOUT_OUTPUT = [
    name
    for name in OPERATIONS
    if not getattr(service_model().operation_model(name).output_shape, "members", 0)
]


def response(body: bytes, status: int = 200, **headers: str) -> ServiceResponse:
    return ServiceResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_object_with_the_members_of_the_model_acknowledges(operation: str) -> None:
    """With additional members too, for a service may be newer than the model."""
    body = json.dumps({**READS.get(operation, {}), "future": 1}).encode()
    found = response(body, Content_Length=str(len(body)), X_Amzn_RequestId="1")
    assert acknowledged_body(operation, found, now_s=0.0) == body


@pytest.mark.parametrize(
    "members",
    [
        {"success": False}, {"status": "QUEUED"}, {"unprocessedVectors": [{}]}, {"errorVectorKeys": ["a"]},
        {"failedCount": 1}, {"state": "Accepted"}, {"isPending": True},
    ],
)  # fmt: skip
def test_an_unknown_member_that_says_that_a_write_was_not_done_acknowledges_none(members: Any) -> None:
    """Even if the answer has a request id. Without one, no unknown member is accepted."""
    body = json.dumps(members).encode()
    with pytest.raises(UnexpectedResponse, match="status 200 with the member '"):
        acknowledged_body("PutVectors", response(body, x_amzn_requestid="1"), now_s=0.0)
    with pytest.raises(UnexpectedResponse, match="'future', and without a request id"):
        acknowledged_body("PutVectors", response(b'{"future": 1}'), now_s=0.0)


@pytest.mark.parametrize(
    ("operation", "body", "headers"),
    [
        ("CreateIndex", b'{"indexArn":"arn:aws:s3vectors:us-east-1:1:bucket/b/index/i"}', {}),
        ("PutVectors", b"", {"Content-Length": "0"}),
        ("DeleteVectors", b'{"deletedVectorKeys":["a"],"errorVectorKeys":["b"]}', {"x-amz-request-id": "1"}),
        ("PutVectors", b'{"unprocessedVectors":[],"success":true}', {"x-amzn-requestid": "1"}),
    ],
)
def test_answers_of_known_servers_acknowledge(operation: str, body: bytes, headers: dict[str, str]) -> None:
    """Those of S3Mock 5.2.0 and local-s3 2.4, which lists the keys to delete that were not stored."""
    assert acknowledged_body(operation, ServiceResponse(200, headers, body), now_s=0.0) == body


@pytest.mark.parametrize("body", [b"", b" \n"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_an_operation_without_output_may_be_answered_with_nothing(operation: str, body: bytes) -> None:
    """By the service model: PutVectors and DeleteVectors, but no read."""
    if operation in WITHOUT_OUTPUT:
        complete = response(body, Content_Length=str(len(body)))
        assert acknowledged_body(operation, complete, now_s=0.0) == body
        assert acknowledged_body(operation, response(body, Transfer_Encoding="chunked"), now_s=0.0) == body
        with pytest.raises(UnexpectedResponse, match="with an empty body of unknown length"):
            acknowledged_body(operation, response(body), now_s=0.0)
    else:
        with pytest.raises(UnexpectedResponse, match="status 200 with an empty body"):
            acknowledged_body(operation, response(body), now_s=0.0)


@pytest.mark.parametrize("member", ["message", "Error", "errorCode", "errors"])
def test_a_member_of_errors_is_none_of_a_write(member: str) -> None:
    """A gateway may answer so with 200. An answer with the members of a read may have others too."""
    body = json.dumps({member: None}).encode()
    for operation in WITHOUT_OUTPUT:
        with pytest.raises(UnexpectedResponse, match=f"status 200 with the member '{member}'"):
            acknowledged_body(operation, response(body), now_s=0.0)
    read = json.dumps({"vectors": [], member: None}).encode()
    assert acknowledged_body("GetVectors", response(read), now_s=0.0) == read


@pytest.mark.parametrize("encoding", ["gzip", "BR", "identity, deflate"])
def test_an_encoded_body_acknowledges_nothing(encoding: str) -> None:
    """No client here asks for one, so it has not been decoded."""
    with pytest.raises(UnexpectedResponse, match="status 200 in the encoding '"):
        acknowledged_body("PutVectors", response(b"{}", Content_Encoding=encoding), now_s=0.0)
    assert acknowledged_body("PutVectors", response(b"{}", Content_Encoding="Identity"), now_s=0.0)


@pytest.mark.parametrize(
    ("operation", "member"),
    [(operation, member) for operation, members in READS.items() for member in members],
)
@pytest.mark.parametrize("padding", ["", "x" * 5_000])
@pytest.mark.parametrize("value", [None, 7])
def test_a_read_needs_its_required_members(operation: str, member: str, padding: str, value: object) -> None:
    """Without them it is an error, not an empty result; a large body too, once it is parsed."""
    members: dict[str, object] = {**READS[operation], member: value, "padding": padding}
    for body in (members, {name: found for name, found in members.items() if name != member}):
        with pytest.raises(UnexpectedResponse, match=f"status 200 without {member}"):
            check_acknowledged(operation, response(json.dumps(body).encode()), parse=True)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"\x1b[31m\xe2\x80\xaered\n::error::x", "'\\\\u001b\\[31m\\\\u202ered ::error::x'"),
        (b"\xff\x00", "'�\\\\u0000'"),
        (b"x" * 10_000_000, f"'{'x' * 40}…'"),
    ],
)
def test_a_foreign_body_is_quoted_briefly_and_printable(body: bytes, problem: str) -> None:
    """No escape sequence of a server reaches a terminal."""
    with pytest.raises(UnexpectedResponse, match=f"starts with {problem}$") as raised:
        acknowledged_body("PutVectors", response(body, Content_Type="text/\x1b[2J"), now_s=0.0)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("status", [300, 400, 429, 500, 599])
def test_a_complete_error_keeps_its_code(status: int) -> None:
    """A truncated one may lack it, so that it is a failed attempt."""
    error = response(b'{"__type": "X", "message": "m"}', status)
    with pytest.raises(ServiceError, match=f"{status} X: m"):
        acknowledged_body("PutVectors", error, now_s=0.0)
    cut = response(b'{"__type": "Valid', status, Content_Length="100", x_amzn_errortype="ValidationException")
    with pytest.raises(UnexpectedResponse, match="cut off after 17 of 100 bytes"):
        acknowledged_body("PutVectors", cut, now_s=0.0)


@pytest.mark.parametrize("length", ["-2", "2, 2", "1", "²", "two"])
def test_a_length_that_is_not_that_of_the_body_acknowledges_nothing(length: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(UnexpectedResponse, match="2 bytes with the Content-Length"):
        acknowledged_body("PutVectors", response(b"{}", Content_Length=length), now_s=0.0)
