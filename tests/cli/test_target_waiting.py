"""`--wait`: a target that is just starting is waited for, a dead one for a bounded time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from commands import Vecgate
from constant_server import constant_server
from serving import Server

from vecgate.cli import target_waiting
from vecgate.cli.target_waiting import POLL_EVERY_S, wait_for_target
from vecgate.errors import TargetUnreachable
from vecgate.targets.target import TargetChoice
from vecgate.testing.clock import FakeClock

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def wait(clock: FakeClock, url: str, wait_s: float = 10.0) -> None:
    """Wait for the server at *url* on *clock*."""
    wait_for_target(TargetChoice(url), wait_s, quiet=True, clock=clock.now_s, sleep=clock.wait)


def test_a_target_that_answers_is_not_waited_for(clock: FakeClock) -> None:
    """Be it that it refuses the credentials: it is there."""
    with Server() as server:
        wait(clock, server.url)
    denial = b'{"__type":"UnrecognizedClientException","message":"no"}'
    with constant_server(
        denial, status=403, headers={"x-amzn-errortype": "UnrecognizedClientException"}
    ) as url:
        wait(clock, url)
    assert clock.waits == []


@pytest.mark.parametrize("name", ["local", "moto"])
def test_a_server_that_the_command_starts_is_not_waited_for(clock: FakeClock, name: str) -> None:
    """It would be started twice."""
    wait(clock, name)
    assert clock.waits == []


def test_a_dead_target_is_waited_for_as_long_as_asked(clock: FakeClock) -> None:
    """Then the error names the target, the time and the last reason."""
    with pytest.raises(TargetUnreachable, match=r"127\.0\.0\.1:1 did not answer within 10\.0 s: .*onnect"):
        wait(clock, NOBODY)
    assert clock.now_s() == 10.0
    assert max(clock.waits) == POLL_EVERY_S


@pytest.mark.parametrize(("status", "body"), [(503, b"starting"), (200, b"<html>login</html>"), (502, b"{}")])
def test_what_is_no_answer_of_the_service_does_not_count(clock: FakeClock, status: int, body: bytes) -> None:
    """A proxy answers before the server behind it."""
    with (
        constant_server(body, status=status) as url,
        pytest.raises(TargetUnreachable, match="did not answer"),
    ):
        wait(clock, url, 1.0)


def test_the_wait_ends_when_the_target_answers(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next look."""
    reasons: Iterator[str] = iter(["refused", "refused", "503", ""])
    monkeypatch.setattr(target_waiting, "_reason_for_no_answer", lambda *_: next(reasons))
    wait(clock, NOBODY)
    assert clock.waits == [POLL_EVERY_S] * 3


def test_nothing_is_sent_without_the_option(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a look."""
    monkeypatch.setattr(target_waiting, "open_chosen_target", ExitStack)
    wait(clock, NOBODY, 0.0)


@pytest.mark.parametrize("command", [["conform"], ["ramp", "smoke"]])
def test_the_commands_wait(vecgate: Vecgate, command: list[str]) -> None:
    """Exit code 3 if the target does not answer, and what they wait for is printed."""
    result = vecgate(*command, "--target", NOBODY, "--wait", "1s")
    assert result.code == 3, result.err
    assert f"waiting up to 1.0 s for {NOBODY}" in result.err
    assert "did not answer within 1.0 s" in result.err


def test_the_wait_is_bounded(vecgate: Vecgate) -> None:
    """A job must not wait for a day."""
    result = vecgate("conform", "--target", NOBODY, "--wait", "2h")
    assert (result.code, "allowed is up to 1h" in result.err) == (2, True)
    assert vecgate("conform", "--target", NOBODY, "--wait", "soon").code == 2
