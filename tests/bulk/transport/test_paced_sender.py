from __future__ import annotations

import pytest

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.transport.paced_sender import PacedSender
from vecgate.errors import ConfigError
from vecgate.testing.clock import FakeClock


class Recorder:
    """A sender that records when it sent what."""

    endpoint_url = "http://127.0.0.1:9"

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.sent = clock, list[tuple[str, float]]()

    def send(self, operation: str, body: Body) -> bytes:
        self.sent.append((operation, self.clock.now_s()))
        return body.data

    def close(self) -> None:
        raise AssertionError("the sender belongs to the caller")


def test_reads_keep_the_rate_and_idle_time_earns_no_burst() -> None:
    """Writes and descriptions do not wait: the run paces its writes."""
    clock = FakeClock()
    recorder = Recorder(clock)
    paced = PacedSender(recorder, 4.0, now_s=clock.now_s, sleep=clock.wait)
    for operation in ("ListVectors", "GetVectors", "PutVectors", "GetIndex", "QueryVectors"):
        assert paced.send(operation, Body.of(b"x")) == b"x"
    clock.wait(10)
    for _ in range(2):
        paced.send("ListVectors", Body.of(b"x"))
    paced.close()
    assert [round(at_s, 6) for _, at_s in recorder.sent] == [0, 0.25, 0.25, 0.25, 0.5, 10.5, 10.75]
    assert paced.endpoint_url == recorder.endpoint_url


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_rate_must_be_a_number_above_0(rate: float) -> None:
    """No limit is no PacedSender."""
    with pytest.raises(ConfigError, match="requests_per_s is"):
        PacedSender(Recorder(FakeClock()), rate)
