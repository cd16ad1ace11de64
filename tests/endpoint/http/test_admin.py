from __future__ import annotations

from typing import Any

import orjson
import pytest
from serving import ADMIN_HEADER, ADMIN_TOKEN, Server, raw_request

from vecgate.endpoint.faults.injection import PRESETS, plan_to_json
from vecgate.endpoint.faults.quotas import Quotas, Rate
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.http.admin import AdminAccess

INDEX = {"vectorBucketName": "bucket", "indexName": "index"}


def call(
    server: Server, method: str, name: str, content: object = None, headers: str = ADMIN_HEADER
) -> tuple[int, Any]:
    body = b"" if content is None else orjson.dumps(content)
    status, _, response = server.send(raw_request(method, f"/_vecgate/{name}", body, headers=headers))
    return status, orjson.loads(response)


def fill(client: Any) -> None:
    client.create_vector_bucket(vectorBucketName="bucket")
    client.create_index(**INDEX, dataType="float32", dimension=2, distanceMetric="cosine")
    client.put_vectors(**INDEX, vectors=[{"key": "k", "data": {"float32": [0.0, 1.0]}}])


def test_reset_removes_everything() -> None:
    """Quotas are refilled too, and a connected client continues with an empty service."""
    with Server(GatewaySettings(quotas=Quotas(Rate(0.001, 1)))) as server, server.client() as client:
        fill(client)
        assert call(server, "GET", "state") == (200, {"vector_buckets": 1, "indexes": 1, "vectors": 1})
        assert call(server, "POST", "reset") == (200, {"vector_buckets": 0, "indexes": 0, "vectors": 0})
        assert client.list_vector_buckets()["vectorBuckets"] == []
        fill(client)


def test_the_plan_can_be_read_replaced_and_cleared() -> None:
    """By the name of a preset, or as a whole plan."""
    fault = {"kind": "throttle", "rate": 1.0, "operations": ["ListVectorBuckets"], "seconds": 0.0, "first": 1}
    plan = {"seed": 3, "fault": [fault]}
    request = raw_request("POST", "/ListVectorBuckets", b"{}")
    with Server() as server:
        assert call(server, "GET", "injection") == (200, {"seed": 0, "fault": []})
        assert call(server, "PUT", "injection", plan) == (200, plan)
        assert [server.send(request)[0] for _ in range(2)] == [429, 200]
        assert call(server, "PUT", "injection", plan) == (200, plan)
        assert server.send(request)[0] == 429, "a new plan starts the numbers again"
        status, plan_set = call(server, "PUT", "injection", {"preset": "lossy"})
        assert (status, plan_set) == (200, orjson.loads(orjson.dumps(plan_to_json(PRESETS["lossy"]))))
        assert call(server, "GET", "injection") == (200, plan_set)
        assert call(server, "DELETE", "injection") == (200, {"seed": 0, "fault": []})
        assert all(server.send(request)[0] == 200 for _ in range(100))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"preset": "nope"}, "there is no preset 'nope'; the presets are off, flaky"),
        ({"preset": "lossy", "seed": 1}, "a preset has no other members; remove seed"),
        ({"preset": 1}, "there is no preset 1;"),
        ({"preset": ["lossy"]}, "there is no preset ['lossy'];"),
        ([], "injection: is [], allowed is a table"),
        ({"fault": [{"kind": "throttle"}]}, "fault[1].rate is missing"),
    ],
)
def test_an_invalid_plan_is_refused(content: object, words: str) -> None:
    """The current plan stays."""
    with Server(GatewaySettings(plan=PRESETS["soak"])) as server:
        status, response = call(server, "PUT", "injection", content)
        assert status == 400
        assert words in response["message"]
        assert server.send(raw_request("PUT", "/_vecgate/injection", b"{", headers=ADMIN_HEADER))[0] == 400
        assert server.app.gateway.injector.plan == PRESETS["soak"]


@pytest.mark.parametrize(
    ("method", "name", "status", "words"),
    [
        ("GET", "reset", 405, "accepts POST, not GET"),
        ("POST", "injection", 405, "accepts GET, PUT, DELETE, not POST"),
        (
            "GET",
            "",
            404,
            "/_vecgate/reset, /_vecgate/state, /_vecgate/metrics, /_vecgate/backup, /_vecgate/injection",
        ),
        ("GET", "nope", 404, "/_vecgate/reset"),
    ],
)
def test_the_error_for_a_wrong_call_lists_the_valid_ones(
    method: str, name: str, status: int, words: str
) -> None:
    """A 405 lists the methods, a 404 the paths."""
    with Server() as server:
        actual_status, response = call(server, method, name)
        assert actual_status == status
        assert words in response["message"]


BEARER = [(b"host", b"x"), (b"authorization", f"Bearer {ADMIN_TOKEN}".encode())]


def rejection(
    peer: tuple[str, int] | None, headers: list[tuple[bytes, bytes]], *, name: str = "reset", **options: Any
) -> int:
    """Return the status of a refusal; 0 if the request is accepted."""
    access = AdminAccess(ADMIN_TOKEN, **options)
    response = access.reject("GET" if name == "metrics" else "POST", f"/_vecgate/{name}", peer, headers)
    return response.status if response else 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_requests_from_this_machine_with_the_token_are_accepted(host: str) -> None:
    """From every loopback address."""
    assert rejection((host, 1), BEARER) == 0


@pytest.mark.parametrize(
    "peer", [("10.0.0.1", 1), ("::ffff:10.0.0.1", 1), ("2001:db8::1", 1), ("x", 1), None]
)
def test_requests_from_other_hosts_are_refused(peer: tuple[str, int] | None) -> None:
    """403, before the body is read, also with the token."""
    assert rejection(peer, BEARER) == 403


@pytest.mark.parametrize(
    "authorization", [None, b"", b"Bearer", b"Bearer ", b"Bearer guess", b"Basic " + ADMIN_TOKEN.encode()]
)
def test_requests_without_the_token_are_refused(authorization: bytes | None) -> None:
    """401, also from this machine: other users of it could otherwise delete everything."""
    headers = [] if authorization is None else [(b"authorization", authorization)]
    assert rejection(("127.0.0.1", 1), headers) == 401
    assert AdminAccess().reject("POST", "/_vecgate/reset", ("127.0.0.1", 1), headers)


def test_a_token_is_random_and_not_shown() -> None:
    """Not even in a traceback."""
    assert AdminAccess().token != AdminAccess().token
    assert len(AdminAccess().token) >= 32
    assert ADMIN_TOKEN not in repr(AdminAccess(ADMIN_TOKEN))


def test_open_metrics_are_shown_to_everybody() -> None:
    """Nothing else is."""
    assert rejection(("10.0.0.1", 1), [], name="metrics", open_metrics=True) == 0
    assert rejection(("127.0.0.1", 1), [], name="metrics") == 401
    assert rejection(("127.0.0.1", 1), [], name="reset", open_metrics=True) == 401
    with Server(admin=AdminAccess(open_metrics=True)) as server:
        assert server.send(raw_request("GET", "/_vecgate/metrics"))[0] == 200
        assert call(server, "GET", "state", headers="")[0] == 401


def test_remote_metrics_need_the_token_and_nothing_else_is_remote() -> None:
    """Another machine or a proxy may scrape them; without the switch it is refused whatever it sends."""
    token = [(b"authorization", f"Bearer {ADMIN_TOKEN}".encode())]
    proxy = [*token, (b"x-forwarded-for", b"10.0.0.1")]
    elsewhere = ("10.0.0.1", 1)
    assert rejection(elsewhere, token, name="metrics") == 403
    assert rejection(elsewhere, token, name="metrics", remote_metrics=True) == 0
    assert rejection(("127.0.0.1", 1), proxy, name="metrics", remote_metrics=True) == 0
    assert rejection(elsewhere, [], name="metrics", remote_metrics=True) == 401
    assert (
        rejection(elsewhere, [(b"authorization", b"Bearer guess")], name="metrics", remote_metrics=True)
        == 401
    )
    for name in ("reset", "state", "injection", "backup"):
        assert rejection(elsewhere, token, name=name, remote_metrics=True) == 403


@pytest.mark.parametrize(
    "header", ["Origin: http://evil", "X-Forwarded-For: 10.0.0.1", "Via: 1.1 x", "Forwarded: x"]
)
def test_requests_of_web_pages_and_proxies_are_refused(header: str) -> None:
    """A browser on this machine may act for any web page, a proxy for any client."""
    with Server() as server, server.client() as client:
        fill(client)
        assert call(server, "POST", "reset", headers=f"{ADMIN_HEADER}{header}\r\n")[0] == 403
        assert list(server.state.buckets) == ["bucket"]


def test_an_incomplete_or_too_large_body_does_not_affect_others(capfd: pytest.CaptureFixture[str]) -> None:
    """The server continues to serve and logs nothing."""
    head = f"PUT /_vecgate/injection HTTP/1.1\r\nHost: x\r\n{ADMIN_HEADER}" + "Content-Length: {}\r\n\r\n"
    with Server() as server:
        assert server.send(head.format(20_971_521).encode())[0] == 400
        with server.connection() as connection:
            connection.sendall(head.format(2).encode() + b"{")
        assert call(server, "GET", "state")[0] == 200
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("content", [[], {}, {"file": "relative"}, {"file": 1}, {"file": "/x", "more": 1}])
def test_a_backup_needs_an_absolute_path(content: object) -> None:
    """The endpoint does not share the caller's working directory."""
    with Server() as server:
        status, response = call(server, "POST", "backup", content)
        assert (status, response["message"]) == (
            400,
            'the body must be {"file": PATH} with an absolute path',
        )
        assert server.send(raw_request("POST", "/_vecgate/backup", b"{", headers=ADMIN_HEADER))[0] == 400
