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
from serving import Server, raw_request, read_answer

from vecgate.endpoint.connection import EXTENSION, close_after
from vecgate.endpoint.injection import (
    PRESETS,
    WAITS,
    Fault,
    Injector,
    Kind,
    Plan,
    plan_as_json,
    plan_of,
    read_plan,
)
from vecgate.endpoint.keeper import DoorSettings
from vecgate.errors import ConfigError

CREATE = raw_request("POST", "/CreateVectorBucket", b'{"vectorBucketName":"bucket"}')
RATES = st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans whose outcomes share out at most every request."""
    kinds = draw(st.lists(st.sampled_from(Kind), max_size=6))
    outcomes = [kind for kind in kinds if kind not in WAITS]
    faults = [
        Fault(
            kind,
            draw(RATES) / (1 if kind in WAITS else len(outcomes)),
            draw(st.sampled_from([(), ("PutVectors",), ("GetIndex", "PutVectors")])),
            draw(st.sampled_from([0.5, 2.0])),
            draw(st.none() | st.integers(1, 5)),
        )
        for kind in kinds
    ]
    return Plan(tuple(faults), draw(st.integers(0, 5)))


@given(plans(), st.integers(1, 10))
def test_a_seed_and_a_number_decide_alone(plan: Plan, number: int) -> None:
    """Whatever was asked before."""
    again = Plan(plan.faults, plan.seed)
    assert plan.faults_of("PutVectors", number) == again.faults_of("PutVectors", number)


@given(plans(), st.sampled_from(["PutVectors", "GetIndex", "ListIndexes"]), st.integers(1, 10))
def test_one_outcome_at_most_comes_last(plan: Plan, operation: str, number: int) -> None:
    """And only what concerns the operation and the number."""
    met = plan.faults_of(operation, number)
    assert all(fault.kind in WAITS for fault in met[:-1])
    for fault in met:
        assert fault.rate > 0
        assert not fault.operations or operation in fault.operations
        assert fault.first is None or number <= fault.first


@given(plans())
def test_a_plan_goes_out_and_in_as_json(plan: Plan) -> None:
    """Unchanged."""
    assert plan_of(orjson.loads(orjson.dumps(plan_as_json(plan))), "test") == plan


def test_faults_come_at_their_rates() -> None:
    """Within what chance allows, over 20,000 requests."""
    plan = Plan((
        Fault(Kind.THROTTLE, 0.2),
        Fault(Kind.LOST, 0.01),
        Fault(Kind.LATENCY, 0.5, seconds=1.0),
        Fault(Kind.RESET_BEFORE, 0.05),
    ))  # fmt: skip
    met = Counter(fault.kind for number in range(1, 20_001) for fault in plan.faults_of("PutVectors", number))
    assert met[Kind.THROTTLE] == pytest.approx(4000, rel=0.06)
    assert met[Kind.LOST] == pytest.approx(200, rel=0.3)
    assert met[Kind.RESET_BEFORE] == pytest.approx(1000, rel=0.12)
    assert met[Kind.LATENCY] == pytest.approx(10_000, rel=0.04)


def test_requests_are_numbered_within_their_operation() -> None:
    """What is asked in between shifts nothing; a new plan begins anew."""
    plan = Plan((Fault(Kind.THROTTLE, 0.5),), seed=3)
    alone, among, others = Injector(plan), Injector(plan), 0
    for _ in range(50):
        others += len(among.next_faults("ListIndexes"))
        assert alone.next_faults("PutVectors") == among.next_faults("PutVectors")
    assert others
    first = Injector(plan).next_faults("PutVectors")
    alone.adopt(plan)
    assert alone.next_faults("PutVectors") == first
    alone.adopt(Plan())
    assert alone.next_faults("PutVectors") == []


def test_a_fault_may_befall_the_first_requests_alone() -> None:
    """So a test can have the first two fail and the third succeed."""
    injector = Injector(Plan((Fault(Kind.THROTTLE, 1.0, first=2),)))
    assert [len(injector.next_faults("PutVectors")) for _ in range(4)] == [1, 1, 0, 0]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_plans_that_a_file_could_hold(name: str) -> None:
    """With rates that leave room."""
    assert plan_of(plan_as_json(PRESETS[name]), name) == PRESETS[name]


def test_the_soak_preset_has_the_rates_of_the_soak() -> None:
    """20 % 429, 5 % 5xx, 2 % resets, 1 % lost answers, on writes."""
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
    """A seed and a list of faults."""
    path = tmp_path / "faults.toml"
    path.write_text(
        'seed = 5\n[[fault]]\nkind = "throttle"\nrate = 0.2\noperations = ["PutVectors"]\n'
        '[[fault]]\nkind = "latency"\nrate = 1\nseconds = 0.5\nfirst = 3\n'
    )
    assert read_plan(path) == Plan(
        (Fault(Kind.THROTTLE, 0.2, ("PutVectors",)), Fault(Kind.LATENCY, 1.0, (), 0.5, 3)), 5
    )


def test_all_errors_of_a_plan_are_told_at_once() -> None:
    """In one line."""
    faults: list[dict[str, object]] = [
        {"kind": "boom", "rate": 2, "colour": 1},
        {"kind": "latency", "rate": 0.1},
        {"kind": "slow-body", "rate": 0.1, "seconds": 601},
        {"kind": "throttle", "rate": 0.8, "operations": ["Put"]},
        {"kind": "lost", "rate": 0.8},
        {"kind": "timeout", "rate": 0.3},
    ]
    with pytest.raises(ConfigError) as refused:
        plan_of({"fault": faults, "seeds": 1}, "plan.toml")
    for words in (
        "plan: unknown setting 'seeds'",
        "fault 1: kind: Invalid enum value 'boom'",
        "fault 1: rate: Expected `float` <= 1",
        "fault 1: unknown setting 'colour'",
        "latency needs seconds, up to 600",
        "fault 3: seconds: Expected `float` <= 600",
        "there is no operation 'Put'",
        "sum up to 1.1",
    ):
        assert words in str(refused.value)
    assert str(refused.value).count("sum up to") == 1


# --- what a client sees ---


@contextmanager
def serving(*faults: Fault) -> Iterator[Server]:
    with Server(DoorSettings(plan=Plan(faults))) as server:
        yield server


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (Kind.THROTTLE, 429, "TooManyRequestsException"),
        (Kind.INTERNAL_ERROR, 500, "InternalServerException"),
        (Kind.UNAVAILABLE, 503, "ServiceUnavailableException"),
        (Kind.TIMEOUT, 408, "RequestTimeoutException"),
    ],
)
def test_an_error_is_answered_and_nothing_applied(kind: Kind, status: int, code: str) -> None:
    """As the service answers it; the next request finds the connection as it was."""
    with serving(Fault(kind, 1.0, first=1)) as server, server.connection() as connection:
        connection.sendall(CREATE)
        got, headers, _ = read_answer(connection)
        assert (got, headers["x-amzn-errortype"]) == (status, code)
        assert headers["x-amzn-requestid"]
        assert not server.state.buckets
        connection.sendall(CREATE)
        assert read_answer(connection)[0] == 200


def everything(connection: socket.socket) -> bytes:
    got = b""
    while piece := connection.recv(65_536):
        got += piece
    return got


@pytest.mark.parametrize(("kind", "is_applied"), [(Kind.RESET_BEFORE, False), (Kind.RESET_AFTER, True)])
def test_a_reset_is_seen_as_one(kind: Kind, *, is_applied: bool) -> None:
    """By the client's system, before or after the request was applied."""
    with serving(Fault(kind, 1.0, first=1)) as server:
        with server.connection() as connection:
            connection.sendall(CREATE)
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        assert bool(server.state.buckets) == is_applied
        assert server.send(CREATE)[0] == (409 if is_applied else 200)


def test_a_lost_answer_closes_the_connection_without_a_byte() -> None:
    """In order, and the request is applied."""
    with serving(Fault(Kind.LOST, 1.0, first=1)) as server:
        with server.connection() as connection:
            connection.sendall(CREATE)
            assert everything(connection) == b""
        assert list(server.state.buckets) == ["bucket"]


def test_a_truncated_answer_ends_in_the_middle_of_its_body() -> None:
    """After headers that promise all of it; the request is applied."""
    with serving(Fault(Kind.TRUNCATED, 1.0, first=1)) as server:
        with server.connection() as connection:
            connection.sendall(CREATE)
            head, _, body = everything(connection).partition(b"\r\n\r\n")
        assert list(server.state.buckets) == ["bucket"]
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert len(body) == length // 2


@pytest.mark.parametrize("kind", [Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.LOST, Kind.TRUNCATED])
def test_a_connection_that_ends_takes_its_pipelined_requests_along(
    kind: Kind, capfd: pytest.CaptureFixture[str]
) -> None:
    """They are not applied, and the server goes on."""
    other = raw_request("POST", "/CreateVectorBucket", b'{"vectorBucketName":"other"}')
    with serving(Fault(kind, 1.0, first=1)) as server:
        with server.connection() as connection, suppress(ConnectionResetError):
            connection.sendall(CREATE + other)
            everything(connection)
        assert "other" not in server.state.buckets
        assert server.send(other)[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_slow_body_takes_its_time_and_is_whole() -> None:
    """Piece by piece."""
    with serving(Fault(Kind.SLOW_BODY, 1.0, seconds=0.5)) as server:
        began = time.monotonic()
        status, _, body = server.send(CREATE)
        assert time.monotonic() - began >= 0.5
    assert status == 200
    assert orjson.loads(body)["vectorBucketArn"].endswith("bucket/bucket")


def test_added_latency_comes_before_the_request_is_applied() -> None:
    """Two of them add up."""
    waits = (Fault(Kind.LATENCY, 1.0, seconds=0.2), Fault(Kind.LATENCY, 1.0, seconds=0.1))
    with serving(*waits) as server:
        began = time.monotonic()
        assert server.send(CREATE)[0] == 200
        assert time.monotonic() - began >= 0.3


def test_in_a_stall_everything_waits() -> None:
    """Also requests that met no fault; health is answered all the same."""
    stall = Fault(Kind.STALL, 1.0, ("CreateVectorBucket",), seconds=1.0)
    with serving(stall) as server, server.connection() as first, server.connection() as second:
        began = time.monotonic()
        first.sendall(CREATE)
        until(lambda: server.door._stalled_until_s > 0)
        second.sendall(raw_request("POST", "/ListVectorBuckets", b"{}"))
        assert server.send(raw_request("GET", "/health"))[0] == 200
        assert read_answer(second)[0] == 200
        assert time.monotonic() - began >= 1.0
        assert read_answer(first)[0] == 200


def test_a_stop_ends_a_stall() -> None:
    """What is in flight is answered."""
    with serving(Fault(Kind.STALL, 1.0, seconds=600.0)) as server, server.connection() as connection:
        connection.sendall(CREATE)
        until(lambda: server.door._stalled_until_s > 0)
        server.ask_to_stop()
        assert read_answer(connection)[0] == 200


def test_what_a_client_still_sends_is_passed_over() -> None:
    """Until the server knows that the connection is gone."""
    told = iter(["http.request", "http.request", "http.disconnect"])

    async def receive() -> dict[str, str]:
        return {"type": next(told)}

    class Transport:
        def close(self) -> None:
            """Closed already."""

    asyncio.run(close_after({"extensions": {EXTENSION: Transport()}}, receive))
    assert next(told, None) is None


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
