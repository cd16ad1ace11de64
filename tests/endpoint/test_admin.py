from __future__ import annotations

from typing import Any

import orjson
import pytest
from serving import Server, raw_request

from vecgate.endpoint.admin import refuse_remote
from vecgate.endpoint.injection import PRESETS, plan_as_json
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.quotas import Quotas, Rate

INDEX = {"vectorBucketName": "bucket", "indexName": "index"}


def call(
    server: Server, method: str, name: str, content: object = None, headers: str = ""
) -> tuple[int, Any]:
    body = b"" if content is None else orjson.dumps(content)
    status, _, answer = server.send(raw_request(method, f"/_vecgate/{name}", body, headers=headers))
    return status, orjson.loads(answer)


def fill(client: Any) -> None:
    client.create_vector_bucket(vectorBucketName="bucket")
    client.create_index(**INDEX, dataType="float32", dimension=2, distanceMetric="cosine")
    client.put_vectors(**INDEX, vectors=[{"key": "k", "data": {"float32": [0.0, 1.0]}}])


def test_reset_drops_everything() -> None:
    """Quotas too; the same client goes on with an empty service."""
    with Server(DoorSettings(quotas=Quotas(Rate(0.001, 1)))) as server, server.client() as client:
        fill(client)
        assert call(server, "GET", "state") == (200, {"vector_buckets": 1, "indexes": 1, "vectors": 1})
        assert call(server, "POST", "reset") == (200, {"vector_buckets": 0, "indexes": 0, "vectors": 0})
        assert client.list_vector_buckets()["vectorBuckets"] == []
        fill(client)


def test_faults_are_set_told_and_cleared_while_it_runs() -> None:
    """By the name of a preset, or in full."""
    fault = {"kind": "throttle", "rate": 1.0, "operations": ["ListVectorBuckets"], "seconds": 0.0, "first": 1}
    plan = {"seed": 3, "fault": [fault]}
    asked = raw_request("POST", "/ListVectorBuckets", b"{}")
    with Server() as server:
        assert call(server, "GET", "injection") == (200, {"seed": 0, "fault": []})
        assert call(server, "PUT", "injection", plan) == (200, plan)
        assert [server.send(asked)[0] for _ in range(2)] == [429, 200]
        assert call(server, "PUT", "injection", plan) == (200, plan)
        assert server.send(asked)[0] == 429, "a plan begins anew each time it is set"
        status, told = call(server, "PUT", "injection", {"preset": "lossy"})
        assert (status, told) == (200, orjson.loads(orjson.dumps(plan_as_json(PRESETS["lossy"]))))
        assert call(server, "GET", "injection") == (200, told)
        assert call(server, "DELETE", "injection") == (200, {"seed": 0, "fault": []})
        assert all(server.send(asked)[0] == 200 for _ in range(100))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"preset": "nope"}, "there is no preset 'nope' alone; there are off, flaky"),
        ({"preset": "lossy", "seed": 1}, "there is no preset 'lossy' alone"),
        ({"preset": 1}, "there is no preset 1 alone"),
        ([], "plan: expected a table"),
        ({"fault": [{"kind": "throttle"}]}, "fault 1: rate is missing"),
    ],
)
def test_a_plan_that_is_none_is_refused(content: object, words: str) -> None:
    """And the plan stays as it was."""
    with Server(DoorSettings(plan=PRESETS["soak"])) as server:
        status, answer = call(server, "PUT", "injection", content)
        assert status == 400
        assert words in answer["message"]
        assert server.send(raw_request("PUT", "/_vecgate/injection", b"{"))[0] == 400
        assert server.door.keeper.injector.plan == PRESETS["soak"]


@pytest.mark.parametrize(
    ("method", "name", "status", "words"),
    [
        ("GET", "reset", 405, "takes POST"),
        ("POST", "injection", 405, "takes GET, PUT, DELETE"),
        ("GET", "", 404, "/_vecgate/reset, /_vecgate/state, /_vecgate/metrics, /_vecgate/injection"),
        ("GET", "nope", 404, "/_vecgate/reset"),
    ],
)
def test_a_wrong_call_is_told_the_right_ones(method: str, name: str, status: int, words: str) -> None:
    """As 405 or 404."""
    with Server() as server:
        got, answer = call(server, method, name)
        assert got == status
        assert words in answer["message"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_ask(host: str) -> None:
    """By whatever address of its own."""
    assert refuse_remote((host, 1), [(b"host", b"x")]) is None


@pytest.mark.parametrize(
    "peer", [("10.0.0.1", 1), ("::ffff:10.0.0.1", 1), ("2001:db8::1", 1), ("x", 1), None]
)
def test_nobody_else_may_ask(peer: tuple[str, int] | None) -> None:
    """403, before the body is read."""
    refused = refuse_remote(peer, [])
    assert refused
    assert refused.status == 403
    assert b"for this machine alone" in refused.body


@pytest.mark.parametrize(
    "header", ["Origin: http://evil", "X-Forwarded-For: 10.0.0.1", "Via: 1.1 x", "Forwarded: x"]
)
def test_nor_may_a_web_page_or_a_proxy(header: str) -> None:
    """A browser on this machine asks in the name of a page, a proxy in the name of anyone."""
    with Server() as server, server.client() as client:
        fill(client)
        assert call(server, "POST", "reset", headers=f"{header}\r\n")[0] == 403
        assert list(server.state.buckets) == ["bucket"]


def test_a_body_that_is_cut_off_or_too_large_harms_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    """The server goes on, and has nothing to complain of."""
    head = "PUT /_vecgate/injection HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n"
    with Server() as server:
        assert server.send(head.format(20_971_521).encode())[0] == 400
        with server.connection() as connection:
            connection.sendall(head.format(2).encode() + b"{")
        assert call(server, "GET", "state")[0] == 200
    assert capfd.readouterr().err == ""
