from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from serving import Server, raw_request

from vecgate.endpoint.faults.deterministic_random import uniform
from vecgate.endpoint.faults.latency import PRESETS, Latency, LatencyModel, read_latencies
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.errors import ConfigError
from vecgate.s3vectors.model import service_model


def sample(model: LatencyModel, operation: str, count: int = 4000) -> list[float]:
    return [model.latency_s(operation, number) for number in range(1, count + 1)]


def test_latencies_have_the_given_percentiles() -> None:
    """Half are below the median, one in a hundred is above the 99th percentile."""
    model = LatencyModel({"QueryVectors": Latency(0.1, 0.4)})
    p50, p99 = np.percentile(sample(model, "QueryVectors"), [50, 99])
    assert p50 == pytest.approx(0.1, rel=0.05)
    assert p99 == pytest.approx(0.4, rel=0.15)


def test_latencies_are_log_normal() -> None:
    """Their logarithms are normal: skewness and excess kurtosis are near 0."""
    logs = np.log(sample(LatencyModel({"QueryVectors": Latency(0.1, 0.4)}), "QueryVectors"))
    standard = (logs - logs.mean()) / logs.std()
    assert abs(float((standard**3).mean())) < 0.15
    assert abs(float((standard**4).mean()) - 3) < 0.4


def test_a_seed_repeats_a_run() -> None:
    """Another seed or another operation gives other latencies."""
    rates = {"others": Latency(0.1, 0.4)}
    assert sample(LatencyModel(rates, 1), "GetIndex", 50) == sample(LatencyModel(rates, 1), "GetIndex", 50)
    assert sample(LatencyModel(rates, 1), "GetIndex", 50) != sample(LatencyModel(rates, 2), "GetIndex", 50)
    assert sample(LatencyModel(rates, 1), "GetIndex", 50) != sample(LatencyModel(rates, 1), "PutVectors", 50)


def test_equal_percentiles_make_a_constant() -> None:
    assert set(sample(LatencyModel({"others": Latency(0.2, 0.2)}), "GetIndex", 20)) == {0.2}


def test_an_operation_that_is_not_named_uses_others() -> None:
    """Without `others` it takes no time."""
    assert LatencyModel({"others": Latency(0.2, 0.2)}).latency_s("unknown", 1) == 0.2
    assert LatencyModel({"GetIndex": Latency(0.2, 0.2)}).latency_s("PutVectors", 1) == 0.0


@pytest.mark.parametrize("name", ["warm", "cold"])
def test_a_preset_has_a_latency_for_every_operation(name: str) -> None:
    """As in the guide, warm queries take about 100 ms and cold ones less than a second."""
    model = PRESETS[name]
    assert model
    assert all(model.latency_s(operation, 1) > 0 for operation in service_model().operation_names)
    assert model.latencies["QueryVectors"].p99_s < 1


def test_random_numbers_are_uniform_between_zero_and_one() -> None:
    """Both bounds are exclusive."""
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


def test_all_problems_of_a_file_are_reported_together(tmp_path: Path) -> None:
    """One line for each."""
    path = tmp_path / "latency.toml"
    path.write_text(
        'seed = "x"\nQuery = {p50_ms = 1}\nGetIndex = {p50_ms = 0}\nGetVectors = {p50_ms = 5, p99_ms = 2}\n'
    )
    with pytest.raises(ConfigError) as refused:
        read_latencies(path)
    for words in (
        'seed is "x", allowed is a whole number',
        "Query is not a known key",
        "GetIndex.p99_ms is missing, allowed is a number above 0",
        "GetIndex.p50_ms is 0, allowed is a number above 0",
        "GetVectors.p99_ms is 2, allowed is at least p50_ms, 5",
    ):
        assert words in str(refused.value)


#: ListVectorBuckets takes five minutes.
ENDLESS = LatencyModel({"ListVectorBuckets": Latency(300.0, 300.0)})


def test_a_waiting_request_does_not_block_others() -> None:
    """Another client is answered in the meantime."""
    with Server(GatewaySettings(latency=ENDLESS)) as server, server.connection() as waiting:
        waiting.sendall(raw_request("POST", "/ListVectorBuckets", b"{}"))
        wait_until_in_flight(server)
        assert server.send(raw_request("POST", "/GetIndex", b"{}"))[0] == 400
        assert server.metrics.in_flight == 1


def test_a_stop_answers_waiting_requests_at_once() -> None:
    """A graceful stop does not wait for simulated latency."""
    with Server(GatewaySettings(latency=ENDLESS)) as server, server.connection() as connection:
        connection.sendall(raw_request("POST", "/ListVectorBuckets", b"{}"))
        wait_until_in_flight(server)
        server.request_stop()
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def wait_until_in_flight(server: Server) -> None:
    """Wait until the server has started a request."""
    deadline = time.monotonic() + 30
    while server.metrics.in_flight == 0:
        assert time.monotonic() < deadline
