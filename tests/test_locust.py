"""`vecgate.locust` in processes of their own, because importing Locust patches the standard library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from vecgate.testing.scripted_service import modelled_error

TOGETHER = 20
#: Time for a whole program on a busy machine.
WITHIN_S = 90.0
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}

PROGRAM = """
import json, sys
import gevent
from locust import HttpUser, task
from locust.env import Environment
from vecgate.locust import RequestFailed, S3VectorsUser

class Base(S3VectorsUser):
    abstract, host = True, sys.argv[1]
    vector_bucket, vector_index = "bkt", "idx"

class Together(Base):
    @task
    def put(self):
        self.s3vectors.put([{"key": "a", "data": {"float32": [1.0, 2.0]}}], name="barrier")
        gevent.sleep(60)

class Each(Base):
    @task
    def each(self):
        api = self.s3vectors
        api.put([{"key": "a", "data": {"float32": [1.0, 2.0]}, "metadata": {"n": 1}}])
        got = api.get(["a", "b"])
        found = api.query([1.0, 2.0], 3, filter={"n": 1}, name="near")
        page, token = api.list(10)
        api.delete(["a"])
        print(json.dumps([got.keys, got.absent, found.keys, page.keys, token]), flush=True)
        gevent.sleep(60)

class Wrong(Base):
    @task
    def wrong(self):
        for name, call in {
            "html": lambda api: api.put([{"key": "html", "data": {"float32": [1.0]}}], name="html"),
            "throttled": lambda api: api.query([1.0], 2, index="throttled", name="throttled"),
            "other": lambda api: api.get(["other"], name="other"),
            "many": lambda api: api.query([1.0], 1, name="many"),
        }.items():
            try:
                call(self.s3vectors)
            except RequestFailed as failed:
                print(json.dumps([name, type(failed.error).__name__]), flush=True)
        self.s3vectors.get(["other"], name="uncaught")
        print("a failed request did not end its task", flush=True)

class Page(HttpUser):
    host = sys.argv[1]
    @task
    def page(self):
        self.client.get("/page")
        gevent.sleep(60)

classes = {each.__name__: each for each in (Together, Each, Wrong, Page)}
users, number = [classes[name] for name in sys.argv[2].split(",")], int(sys.argv[3])
environment = Environment(user_classes=users)
environment.events.user_error.add_listener(lambda exception, **_: print("error", repr(exception), flush=True))
runner = environment.create_local_runner()
runner.start(number, spawn_rate=number)
with gevent.Timeout(60):
    while environment.stats.total.num_requests < int(sys.argv[4]):
        gevent.sleep(0.01)
runner.quit()
environment.events.quitting.fire(environment=environment)
print(json.dumps({
    name: [type_, entry.num_requests, entry.num_failures, entry.total_content_length]
    for (name, type_), entry in environment.stats.entries.items()
}))
"""

Answer = Callable[[str, dict[str, Any]], tuple[int, bytes, str]]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, data, code = answer(self.path.strip("/"), json.loads(body or b"{}"))
            self.send_response_only(status)
            self.send_header("content-length", str(len(data)))
            if code:
                self.send_header("x-amzn-errortype", code)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815 - named by http.server

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads, request_queue_size = True, 2 * TOGETHER

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(WITHIN_S)
        server.server_close()


def run_program(url: str, users: str, *, number: int = 1, requests: int) -> tuple[list[str], dict[str, Any]]:
    """Run PROGRAM until Locust has counted *requests*; return what it printed, and Locust's statistics."""
    environment = {**os.environ, **CREDENTIALS, "AWS_EC2_METADATA_DISABLED": "true"}
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, users, str(number), str(requests)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    *lines, statistics = finished.stdout.splitlines()
    return lines, json.loads(statistics)


def test_users_wait_for_their_answers_together() -> None:
    """The server answers only once the requests of all twenty users have arrived."""
    barrier = threading.Barrier(TOGETHER, timeout=60)

    def answer(_: str, __: dict[str, Any]) -> tuple[int, bytes, str]:
        barrier.wait()
        return 200, b"{}", ""

    with answering(answer) as url:
        lines, statistics = run_program(url, "Together", number=TOGETHER, requests=TOGETHER)
    assert lines == []
    assert statistics == {"barrier": ["S3Vectors", TOGETHER, 0, 2 * TOGETHER]}


ANSWERS = {
    "PutVectors": b"{}",
    "DeleteVectors": b"{}",
    "GetVectors": b'{"vectors":[{"key":"a","data":{"float32":[1,2]},"metadata":{"n":1}}]}',
    "QueryVectors": b'{"vectors":[{"key":"a","distance":0.5}],"distanceMetric":"cosine"}',
    "ListVectors": b'{"vectors":[{"key":"a"}],"nextToken":"t"}',
    "page": b"hello",
}


def test_each_operation_is_an_event_beside_an_http_user() -> None:
    """With its name and the size of its answer; HttpUsers of the same test keep their own."""
    sent: dict[str, dict[str, Any]] = {}

    def answer(operation: str, members: dict[str, Any]) -> tuple[int, bytes, str]:
        sent[operation] = members
        return 200, ANSWERS[operation], ""

    with answering(answer) as url:
        lines, statistics = run_program(url, "Each,Page", number=2, requests=6)
    assert [json.loads(line) for line in lines] == [[["a"], ["b"], ["a"], ["a"], "t"]]
    names = {"QueryVectors": "near", "page": "/page"}
    assert statistics == {
        names.get(operation, operation): ["GET" if operation == "page" else "S3Vectors", 1, 0, len(body)]
        for operation, body in ANSWERS.items()
    }
    address = {"vectorBucketName": "bkt", "indexName": "idx"}
    assert sent["DeleteVectors"] == {**address, "keys": ["a"]}
    assert sent["PutVectors"]["vectors"] == [
        {"key": "a", "data": {"float32": [1.0, 2.0]}, "metadata": {"n": 1}}
    ]
    assert {name: sent["QueryVectors"][name] for name in ("topK", "filter", "indexName")} == {
        "topK": 3,
        "filter": {"n": 1},
        "indexName": "idx",
    }


def test_rejected_and_untrue_answers_are_failures() -> None:
    """Once each, without a retry, and the rest of the task is left out without a traceback."""
    calls: list[str] = []

    def answer(operation: str, members: dict[str, Any]) -> tuple[int, bytes, str]:
        calls.append(operation)
        if members["indexName"] == "throttled":
            error = modelled_error("TooManyRequestsException")
            return error.status, b'{"message":"slow down"}', error.code
        return {
            "PutVectors": (200, b"<html>sign in</html>", ""),
            "GetVectors": (200, ANSWERS["GetVectors"], ""),
            "QueryVectors": (
                200,
                ANSWERS["QueryVectors"].replace(b"[{", b'[{"key":"b","distance":0.1},{'),
                "",
            ),
        }[operation]

    with answering(answer) as url:
        lines, statistics = run_program(url, "Wrong", requests=5)
    assert [json.loads(line) for line in lines[:4]] == [
        ["html", "UnexpectedResponse"],
        ["throttled", "ServiceError"],
        ["other", "ProtocolError"],
        ["many", "ProtocolError"],
    ]
    assert not [line for line in lines if "error" in line.lower() and not line.startswith("[")]
    assert not [line for line in lines if "did not end" in line]
    assert {entry[2] for entry in statistics.values()} == {entry[1] for entry in statistics.values()}
    assert set(statistics) == {"html", "throttled", "other", "many", "uncaught"}
    # Locust may end while the next request is in flight.
    assert len(calls) - sum(entry[1] for entry in statistics.values()) in {0, 1}


@pytest.mark.parametrize(
    ("statement", "printed"),
    [
        ("print('S3VectorsUser' in dir(v), hasattr(v, 'nothing'))", "True False"),
        ("print(v.VectorsUser.__name__, v.ScheduleShape.__name__)", "VectorsUser ScheduleShape"),
    ],
)
def test_importing_connects_nothing(statement: str, printed: str) -> None:
    """Only the names of the open loop register listeners of vecgate."""
    before = "from locust import events; n = len(events.init._handlers); import vecgate.locust as v; "
    check = f"assert len(events.init._handlers) == n; {statement}"
    finished = subprocess.run(
        [sys.executable, "-c", before + check], capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert finished.stdout.strip() == printed, finished.stderr


BESIDE = """
from locust import User
from vecgate.errors import UsageError
from vecgate.load.runtime.locust_setup import count_other_users
from vecgate.locust import VectorsUser

class Own(VectorsUser):
    pass

class Fixed(User):
    fixed_count = 3

class Any(User):
    pass

print(count_other_users([VectorsUser, Own]), count_other_users([Own, Fixed]))
try:
    count_other_users([Own, Fixed, Any])
except UsageError as error:
    print(error)
"""


def test_users_beside_the_open_loop_take_no_slots() -> None:
    """Those of a fixed number run beside them; any others are refused."""
    finished = subprocess.run(
        [sys.executable, "-c", BESIDE], capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert finished.stdout.splitlines() == [
        "0 3",
        "Any would take slots of the schedule from VectorsUser",
    ], finished.stderr
