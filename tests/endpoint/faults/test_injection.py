from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import Server, raw_request, read_response

from vecgate.endpoint.faults.injection import (
    DELAYS,
    PRESETS,
    Fault,
    FaultInjector,
    FaultKind,
    FaultPlan,
    parse_plan,
    plan_to_json,
    read_plan,
)
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.http.connection import EXTENSION, close_after
from vecgate.errors import ConfigError

CREATE = raw_request("POST", "/CreateVectorBucket", b'{"vectorBucketName":"bucket"}')
RATES = st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])


@st.composite
def plans(draw: st.DrawFn) -> FaultPlan:
    """Plans in which the rates of final faults add up to at most 1."""
    kinds = draw(st.lists(st.sampled_from(FaultKind), max_size=6))
    outcomes = [kind for kind in kinds if kind not in DELAYS]
    faults = [
        Fault(
            kind,
            draw(RATES) / (1 if kind in DELAYS else len(outcomes)),
            draw(st.sampled_from([(), ("PutVectors",), ("GetIndex", "PutVectors")])),
            draw(st.sampled_from([0.5, 2.0])),
            draw(st.none() | st.integers(1, 5)),
        )
        for kind in kinds
    ]
    return FaultPlan(tuple(faults), draw(st.integers(0, 5)))


@given(plans(), st.integers(1, 10))
def test_only_the_seed_and_the_number_select_faults(plan: FaultPlan, number: int) -> None:
    """Earlier requests have no effect."""
    copy = FaultPlan(plan.faults, plan.seed)
    assert plan.select_faults("PutVectors", number) == copy.select_faults("PutVectors", number)


@given(plans(), st.sampled_from(["PutVectors", "GetIndex", "ListIndexes"]), st.integers(1, 10))
def test_at_most_one_final_fault_is_selected_and_comes_last(
    plan: FaultPlan, operation: str, number: int
) -> None:
    """Only faults that apply to the operation and the number are selected."""
    selected = plan.select_faults(operation, number)
    assert all(fault.kind in DELAYS for fault in selected[:-1])
    for fault in selected:
        assert fault.rate > 0
        assert not fault.operations or operation in fault.operations
        assert fault.first is None or number <= fault.first


@given(plans())
def test_a_plan_round_trips_through_json(plan: FaultPlan) -> None:
    assert parse_plan(orjson.loads(orjson.dumps(plan_to_json(plan))), "test") == plan


def test_faults_occur_at_their_rates() -> None:
    """Within the statistical error of 20,000 requests."""
    plan = FaultPlan((
        Fault(FaultKind.THROTTLE, 0.2),
        Fault(FaultKind.LOST, 0.01),
        Fault(FaultKind.LATENCY, 0.5, seconds=1.0),
        Fault(FaultKind.RESET_BEFORE, 0.05),
    ))  # fmt: skip
    counts = Counter(
        fault.kind for number in range(1, 20_001) for fault in plan.select_faults("PutVectors", number)
    )
    assert counts[FaultKind.THROTTLE] == pytest.approx(4000, rel=0.06)
    assert counts[FaultKind.LOST] == pytest.approx(200, rel=0.3)
    assert counts[FaultKind.RESET_BEFORE] == pytest.approx(1000, rel=0.12)
    assert counts[FaultKind.LATENCY] == pytest.approx(10_000, rel=0.04)


def test_requests_are_numbered_within_their_operation() -> None:
    """Requests of other operations shift nothing, and a new plan starts the numbers again."""
    plan = FaultPlan((Fault(FaultKind.THROTTLE, 0.5),), seed=3)
    alone, among, others = FaultInjector(plan), FaultInjector(plan), 0
    for _ in range(50):
        others += len(among.next_faults("ListIndexes"))
        assert alone.next_faults("PutVectors") == among.next_faults("PutVectors")
    assert others
    first = FaultInjector(plan).next_faults("PutVectors")
    alone.replace_plan(plan)
    assert alone.next_faults("PutVectors") == first
    alone.replace_plan(FaultPlan())
    assert alone.next_faults("PutVectors") == []


def test_a_fault_can_be_limited_to_the_first_requests() -> None:
    """So a test can make the first two fail and the third succeed."""
    injector = FaultInjector(FaultPlan((Fault(FaultKind.THROTTLE, 1.0, first=2),)))
    assert [len(injector.next_faults("PutVectors")) for _ in range(4)] == [1, 1, 0, 0]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_plans(name: str) -> None:
    """A file could contain the same plan."""
    assert parse_plan(plan_to_json(PRESETS[name]), name) == PRESETS[name]


def test_the_soak_preset_has_the_documented_rates() -> None:
    """On writes: 20 % 429, 5 % 5xx, 2 % resets, 1 % lost responses."""
    soak = PRESETS["soak"]
    rates: Counter[str] = Counter()
    for fault in soak.faults:
        rates[fault.kind] += fault.rate  # type: ignore[assignment]  # a Counter adds up fractions too
        assert fault.operations == ("PutVectors", "DeleteVectors")
    assert rates["throttle"] == 0.2
    assert rates["internal-error"] + rates["unavailable"] == pytest.approx(0.05)
    assert rates["reset-before"] + rates["reset-after"] == pytest.approx(0.02)
    assert rates["lost"] == 0.01


def test_a_file_is_a_plan(tmp_path: Path) -> None:
    """It contains a seed and a list of faults."""
    path = tmp_path / "faults.toml"
    path.write_text(
        'seed = 5\n[[fault]]\nkind = "throttle"\nrate = 0.2\noperations = ["PutVectors"]\n'
        '[[fault]]\nkind = "latency"\nrate = 1\nseconds = 0.5\nfirst = 3\n'
    )
    assert read_plan(path) == FaultPlan(
        (Fault(FaultKind.THROTTLE, 0.2, ("PutVectors",)), Fault(FaultKind.LATENCY, 1.0, (), 0.5, 3)), 5
    )


def test_all_problems_of_a_plan_are_reported_together() -> None:
    """One line for each."""
    faults: list[dict[str, object]] = [
        {"kind": "boom", "rate": 2, "colour": 1},
        {"kind": "latency", "rate": 0.1},
        {"kind": "slow-body", "rate": 0.1, "seconds": 601},
        {"kind": "throttle", "rate": 0.8, "operations": ["Put"]},
        {"kind": "lost", "rate": 0.8},
        {"kind": "timeout", "rate": 0.3},
    ]
    with pytest.raises(ConfigError) as refused:
        parse_plan({"fault": faults, "seeds": 1}, "plan.toml")
    for words in (
        "seeds is not a known key, the nearest is seed",
        'fault[1].kind is "boom", allowed is ',
        "fault[1].rate is 2, allowed is a number from 0 to 1",
        "fault[1].colour is not a known key",
        "fault[2].seconds is 0, but latency needs a time of up to 600",
        "fault[3].seconds is 601, allowed is a number from 0 to 600",
        "fault[4].operations has no operation 'Put'",
        "add up to 1.2, allowed is at most 1",
    ):
        assert words in str(refused.value)
    assert str(refused.value).count("add up to") == 1


# --- observed by a client ---


@contextmanager
def serving(*faults: Fault) -> Iterator[Server]:
    with Server(GatewaySettings(plan=FaultPlan(faults))) as server:
        yield server


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FaultKind.THROTTLE, 429, "TooManyRequestsException"),
        (FaultKind.INTERNAL_ERROR, 500, "InternalServerException"),
        (FaultKind.UNAVAILABLE, 503, "ServiceUnavailableException"),
        (FaultKind.TIMEOUT, 408, "RequestTimeoutException"),
    ],
)
def test_an_injected_error_applies_nothing(kind: FaultKind, status: int, code: str) -> None:
    """It has the form of the service's error, and the next request on the connection succeeds."""
    with serving(Fault(kind, 1.0, first=1)) as server, server.connection() as connection:
        connection.sendall(CREATE)
        got, headers, _ = read_response(connection)
        assert (got, headers["x-amzn-errortype"]) == (status, code)
        assert headers["x-amzn-requestid"]
        assert not server.state.buckets
        connection.sendall(CREATE)
        assert read_response(connection)[0] == 200


def receive_all(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received


@pytest.mark.parametrize(
    ("kind", "is_applied"), [(FaultKind.RESET_BEFORE, False), (FaultKind.RESET_AFTER, True)]
)
def test_the_client_observes_a_reset(kind: FaultKind, *, is_applied: bool) -> None:
    """Before or after the request was applied."""
    with serving(Fault(kind, 1.0, first=1)) as server:
        with server.connection() as connection:
            connection.sendall(CREATE)
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        assert bool(server.state.buckets) == is_applied
        assert server.send(CREATE)[0] == (409 if is_applied else 200)


def test_a_lost_response_closes_the_connection_without_a_byte() -> None:
    """The connection closes normally, and the request is applied."""
    with serving(Fault(FaultKind.LOST, 1.0, first=1)) as server:
        with server.connection() as connection:
            connection.sendall(CREATE)
            assert receive_all(connection) == b""
        assert list(server.state.buckets) == ["bucket"]


def test_a_truncated_response_ends_in_the_middle_of_its_body() -> None:
    """Its headers announce the full length; the request is applied."""
    with serving(Fault(FaultKind.TRUNCATED, 1.0, first=1)) as server:
        with server.connection() as connection:
            connection.sendall(CREATE)
            head, _, body = receive_all(connection).partition(b"\r\n\r\n")
        assert list(server.state.buckets) == ["bucket"]
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert len(body) == length // 2


@pytest.mark.parametrize(
    "kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER, FaultKind.LOST, FaultKind.TRUNCATED]
)
def test_pipelined_requests_on_a_broken_connection_are_not_applied(
    kind: FaultKind, capfd: pytest.CaptureFixture[str]
) -> None:
    """The server continues to serve other connections."""
    other = raw_request("POST", "/CreateVectorBucket", b'{"vectorBucketName":"other"}')
    with serving(Fault(kind, 1.0, first=1)) as server:
        with server.connection() as connection, suppress(ConnectionResetError):
            connection.sendall(CREATE + other)
            receive_all(connection)
        assert "other" not in server.state.buckets
        assert server.send(other)[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_slow_body_takes_its_time_and_is_complete() -> None:
    with serving(Fault(FaultKind.SLOW_BODY, 1.0, seconds=0.5)) as server:
        began = time.monotonic()
        status, _, body = server.send(CREATE)
        assert time.monotonic() - began >= 0.5
    assert status == 200
    assert orjson.loads(body)["vectorBucketArn"].endswith("bucket/bucket")


def test_injected_latencies_add_up() -> None:
    delays = (Fault(FaultKind.LATENCY, 1.0, seconds=0.2), Fault(FaultKind.LATENCY, 1.0, seconds=0.1))
    with serving(*delays) as server:
        began = time.monotonic()
        assert server.send(CREATE)[0] == 200
        assert time.monotonic() - began >= 0.3


def test_a_stall_delays_all_requests() -> None:
    """Requests without a fault wait too; `/health` is answered at once."""
    stall = Fault(FaultKind.STALL, 1.0, ("CreateVectorBucket",), seconds=1.0)
    with serving(stall) as server, server.connection() as first, server.connection() as second:
        began = time.monotonic()
        first.sendall(CREATE)
        wait_until(lambda: server.app._stalled_until_s > 0)
        second.sendall(raw_request("POST", "/ListVectorBuckets", b"{}"))
        assert server.send(raw_request("GET", "/health"))[0] == 200
        assert read_response(second)[0] == 200
        assert time.monotonic() - began >= 1.0
        assert read_response(first)[0] == 200


def test_a_stop_ends_a_stall() -> None:
    """Requests in flight are answered."""
    with serving(Fault(FaultKind.STALL, 1.0, seconds=600.0)) as server, server.connection() as connection:
        connection.sendall(CREATE)
        wait_until(lambda: server.app._stalled_until_s > 0)
        server.request_stop()
        assert read_response(connection)[0] == 200


def test_messages_before_the_disconnect_are_ignored() -> None:
    """A client may still send while its connection closes."""
    types = iter(["http.request", "http.request", "http.disconnect"])

    async def receive() -> dict[str, str]:
        return {"type": next(types)}

    class Transport:
        def close(self) -> None:
            """It is already closed."""

    asyncio.run(close_after({"extensions": {EXTENSION: Transport()}}, receive))
    assert next(types, None) is None


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < deadline
