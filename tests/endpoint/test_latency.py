from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from serving import Server, raw_request

from vecgate.endpoint.chance import uniform
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.latency import PRESETS, Latency, LatencyModel, read_latencies
from vecgate.errors import ConfigError
from vecgate.s3vectors.model import service_model


def waits(model: LatencyModel, operation: str, count: int = 4000) -> list[float]:
    return [model.wait_s(operation, number) for number in range(1, count + 1)]


def test_latencies_have_the_percentiles_that_were_asked_for() -> None:
    """Half below the median, one in a hundred above the 99th."""
    model = LatencyModel({"QueryVectors": Latency(0.1, 0.4)})
    p50, p99 = np.percentile(waits(model, "QueryVectors"), [50, 99])
    assert p50 == pytest.approx(0.1, rel=0.05)
    assert p99 == pytest.approx(0.4, rel=0.15)


def test_latencies_are_log_normal() -> None:
    """Their logarithms are normal: skew and excess near 0."""
    logs = np.log(waits(LatencyModel({"QueryVectors": Latency(0.1, 0.4)}), "QueryVectors"))
    standard = (logs - logs.mean()) / logs.std()
    assert abs(float((standard**3).mean())) < 0.15
    assert abs(float((standard**4).mean()) - 3) < 0.4


def test_a_seed_repeats_a_run() -> None:
    """And another one does not."""
    rates = {"others": Latency(0.1, 0.4)}
    assert waits(LatencyModel(rates, 1), "GetIndex", 50) == waits(LatencyModel(rates, 1), "GetIndex", 50)
    assert waits(LatencyModel(rates, 1), "GetIndex", 50) != waits(LatencyModel(rates, 2), "GetIndex", 50)
    assert waits(LatencyModel(rates, 1), "GetIndex", 50) != waits(LatencyModel(rates, 1), "PutVectors", 50)


def test_equal_percentiles_make_a_constant() -> None:
    """Log-normal without width."""
    assert set(waits(LatencyModel({"others": Latency(0.2, 0.2)}), "GetIndex", 20)) == {0.2}


def test_an_operation_that_is_not_named_takes_what_others_take() -> None:
    """Or no time where nothing is said."""
    assert LatencyModel({"others": Latency(0.2, 0.2)}).wait_s("unknown", 1) == 0.2
    assert LatencyModel({"GetIndex": Latency(0.2, 0.2)}).wait_s("PutVectors", 1) == 0.0


@pytest.mark.parametrize("name", ["warm", "cold"])
def test_a_preset_has_a_latency_for_every_operation(name: str) -> None:
    """Warm queries are near 100 ms and cold ones below a second, as the guide has it."""
    model = PRESETS[name]
    assert model
    assert all(model.wait_s(operation, 1) > 0 for operation in service_model().operation_names)
    assert model.latencies["QueryVectors"].p99_s < 1


def test_chance_is_even_and_between_zero_and_one() -> None:
    """Both exclusive."""
    numbers = [uniform("test", number) for number in range(2000)]
    assert all(0 < number < 1 for number in numbers)
    counts, _ = np.histogram(numbers, bins=10, range=(0, 1))
    assert counts.min() > 150


def test_a_file_gives_percentiles_by_operation(tmp_path: Path) -> None:
    """In milliseconds."""
    path = tmp_path / "latency.toml"
    path.write_text(
        "seed = 7\nQueryVectors = {p50_ms = 100, p99_ms = 400}\n[others]\np50_ms = 5\np99_ms = 9\n"
    )
    assert read_latencies(path) == LatencyModel(
        {"QueryVectors": Latency(0.1, 0.4), "others": Latency(0.005, 0.009)}, 7
    )


def test_all_errors_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    """In one line."""
    path = tmp_path / "latency.toml"
    path.write_text(
        'seed = "x"\nQuery = {p50_ms = 1}\nGetIndex = {p50_ms = 0}\nGetVectors = {p50_ms = 5, p99_ms = 2}\n'
    )
    with pytest.raises(ConfigError) as refused:
        read_latencies(path)
    for words in (
        "seed: expected a whole number",
        "there is no operation 'Query'",
        "GetIndex: p99_ms is missing",
        "GetIndex: p50_ms: Expected `float` > 0",
        "GetVectors: p99_ms is 2, less than p50_ms: 5",
    ):
        assert words in str(refused.value)


#: A list takes five minutes.
ENDLESS = LatencyModel({"ListVectorBuckets": Latency(300.0, 300.0)})


def test_a_request_that_waits_holds_up_nobody() -> None:
    """Another client is answered meanwhile."""
    with Server(DoorSettings(latency=ENDLESS)) as server, server.connection() as waiting:
        waiting.sendall(raw_request("POST", "/ListVectorBuckets", b"{}"))
        wait_until_one_waits(server)
        assert server.send(raw_request("POST", "/GetIndex", b"{}"))[0] == 400
        assert server.metrics.in_flight == 1


def test_what_waits_is_answered_at_once_when_the_server_stops() -> None:
    """A graceful stop need not wait for a latency that we made up."""
    with Server(DoorSettings(latency=ENDLESS)) as server, server.connection() as connection:
        connection.sendall(raw_request("POST", "/ListVectorBuckets", b"{}"))
        wait_until_one_waits(server)
        server.ask_to_stop()
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def wait_until_one_waits(server: Server) -> None:
    """The server has begun with a request."""
    deadline = time.monotonic() + 30
    while server.metrics.in_flight == 0:
        assert time.monotonic() < deadline
