"""The heat map of latencies, compared with the requests that it was made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vecgate.reporting.html.charts.density import COLUMNS_MAX, density_blocks
from vecgate.results.histograms import Histogram


def encoded(*times_ms: float) -> str:
    histogram = Histogram()
    for each in times_ms:
        histogram.record(each / 1e3)
    return histogram.encode()


@given(seconds=st.lists(st.lists(st.floats(0.01, 60_000), max_size=5), min_size=1, max_size=300))
def test_every_request_is_in_a_block(seconds: list[list[float]]) -> None:
    """At its second and its latency; there is no block without a request."""
    blocks, y = density_blocks(range(len(seconds)), [encoded(*each) for each in seconds])
    assert all(1 <= block.heat <= 6 for block in blocks)
    requests = [(at, time_ms) for at, each in enumerate(seconds) for time_ms in each]
    for at, time_ms in requests:
        assert y.low * 0.99 <= time_ms <= y.high * 1.01
        assert any(
            block.left <= at < block.right and block.low * 0.99 <= time_ms <= block.high * 1.01
            for block in blocks
        )
    for block in blocks:
        assert any(
            block.left <= at < block.right and block.low * 0.99 <= time_ms <= block.high * 1.01
            for at, time_ms in requests
        )
    assert len({block.left for block in blocks}) <= COLUMNS_MAX


def test_more_requests_are_darker() -> None:
    """On a logarithmic scale: rare slow requests stay visible beside thousands of others."""
    blocks, _ = density_blocks([0], [encoded(*[1.5] * 1_000, *[15.0] * 30, 150.0)])
    assert [block.heat for block in blocks] == [6, 3, 1]


def test_a_run_without_requests_has_no_blocks() -> None:
    """Its histograms are empty."""
    assert density_blocks([0, 1], ["", ""])[0] == ()
    assert density_blocks([], [])[0] == ()
