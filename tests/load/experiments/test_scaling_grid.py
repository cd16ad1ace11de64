"""The scaling grid: its order, its cells and the recommendation."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.errors import ConfigError
from vecgate.load.experiments.scaling_grid import (
    CellRun,
    CellShape,
    ScalingGrid,
    recommend_cell,
    summarize_cells,
    usd_at_quota,
    usd_per_million,
)
from vecgate.results.load.load_records import Cell


def cell(rate: float, usd: float = 1.0, in_flight: int = 1, batch: int = 100) -> Cell:
    return Cell(vectors_per_request=batch, in_flight=in_flight, vectors_per_s=rate, usd_per_million=usd)


def cells() -> st.SearchStrategy[list[Cell]]:
    rates = st.sampled_from([0.0, 90.0, 94.9, 95.0, 97.0, 100.0])
    prices, in_flight = st.sampled_from([0.76, 2.4, 24.0]), st.integers(1, 8)
    return st.lists(st.builds(cell, rates, prices, in_flight), max_size=8)


@given(cells=cells())
def test_no_cell_near_the_best_is_cheaper_or_equally_cheap_with_fewer_in_flight(
    cells: list[Cell],
) -> None:
    """Near means within 5 %; nothing is recommended if nothing was written."""
    chosen = recommend_cell(cells)
    best = max((each.vectors_per_s for each in cells), default=0.0)
    if best == 0:
        assert chosen is None
        return
    assert chosen is not None
    assert chosen.vectors_per_s >= 0.95 * best
    rivals = [each for each in cells if each.vectors_per_s >= 0.95 * best]
    assert all(chosen.usd_per_million <= each.usd_per_million for each in rivals)
    as_cheap = [each for each in rivals if each.usd_per_million == chosen.usd_per_million]
    assert all(chosen.in_flight <= each.in_flight for each in as_cheap)


def test_a_lower_price_is_worth_a_little_throughput_but_not_a_lot() -> None:
    """Three cells, with the choice that a person would make."""
    fast, cheap, slow = cell(1_000, 24.0, 8, 1), cell(960, 0.76, 8), cell(900, 0.5, 1)
    assert recommend_cell([fast, cheap, slow]) is cheap


@given(
    batches=st.lists(st.integers(1, 500), min_size=1, max_size=5, unique=True),
    in_flight=st.lists(st.integers(1, 64), min_size=1, max_size=5, unique=True),
    seed=st.integers(0, 1_000),
)
def test_every_cell_is_measured_in_both_directions(
    batches: list[int], in_flight: list[int], seed: int
) -> None:
    """Its two measurements are equally far from the middle, so that a steady drift cancels out."""
    order = ScalingGrid(batches=tuple(batches), in_flight=tuple(in_flight), seed=seed).order
    assert Counter(order) == Counter({CellShape(b, n): 2 for b in batches for n in in_flight})
    for shape in set(order):
        indexes = [index for index, each in enumerate(order) if each == shape]
        assert sum(indexes) == len(order) - 1


def test_the_seed_determines_the_order() -> None:
    """The same for the same seed, and not row by row."""
    one = ScalingGrid(seed=3).order
    assert one == ScalingGrid(seed=3).order
    assert one != ScalingGrid(seed=4).order
    assert one[: len(one) // 2] != ScalingGrid(seed=3).shapes


def grid_of(*shapes: CellShape) -> ScalingGrid:
    """Build a grid of one row with *shapes*."""
    (batch,) = {shape.vectors_per_request for shape in shapes}
    return ScalingGrid(batches=(batch,), in_flight=tuple(shape.in_flight for shape in shapes))


def test_an_incomplete_grid_has_no_recommendation() -> None:
    """The missing cell may be better."""
    one, two = CellShape(10, 1), CellShape(10, 2)
    measured = {one: [CellRun(100, 10, 1.0)]}
    assert [each.is_recommended for each in summarize_cells(grid_of(one, two), measured)] == [False]
    assert [each.is_recommended for each in summarize_cells(grid_of(one), measured)] == [True]


def test_a_cell_combines_its_two_measurements() -> None:
    """Rates over both durations, latencies of all requests, processor time per thousand vectors."""
    one, two = CellShape(100, 1), CellShape(100, 4)
    found = summarize_cells(
        grid_of(one, two),
        {
            two: [
                CellRun(1_500, 15, 1.0, 0.5, (0.3,) * 15, 2, 1),
                CellRun(4_500, 45, 3.0, 1.0, (0.1,) * 45, 1),
            ],
            one: [CellRun(1_000, 10, 2.0, 0.25, (0.2,) * 10)],
        },
    )
    assert [(each.vectors_per_request, each.in_flight) for each in found] == [(100, 1), (100, 4)]
    first, second = found
    assert (first.vectors_per_s, first.requests_per_s, first.efficiency) == (500, 5, 1)
    assert (second.vectors_per_s, second.requests_per_s, second.efficiency) == (1_500, 15, 0.75)
    assert (second.p50_ms, second.p99_ms) == (100, 300)
    assert (second.cpu_s_per_1000, second.throttled, second.errors) == (0.25, 3, 1)
    assert second.client_cores == 0.375
    assert [each.is_recommended for each in found] == [False, True]


def test_efficiency_is_relative_to_the_fewest_requests_in_flight() -> None:
    """Each of which is assumed to contribute equally."""
    runs = {CellShape(10, 2): [CellRun(100, 10, 1.0)], CellShape(10, 8): [CellRun(200, 20, 1.0)]}
    assert [each.efficiency for each in summarize_cells(grid_of(*runs), runs)] == [1.0, 0.5]


def test_a_cell_in_which_nothing_was_written_has_no_rate() -> None:
    """And divides by nothing."""
    (only,) = summarize_cells(grid_of(CellShape(10, 1)), {CellShape(10, 1): [CellRun(0, 0, 0.0)]})
    assert (only.vectors_per_s, only.p99_ms, only.cpu_s_per_1000, only.efficiency) == (0, 0, 0, 0)
    assert not only.is_recommended


@pytest.mark.parametrize(
    ("batch", "usd"),
    [
        (1, 24.41),  # a million requests of 128 KiB at least
        (10, 2.44),
        (31, 0.79),  # the last that is below 128 KiB
        (32, 0.76),  # 4,096 bytes and a key of ten each
        (500, 0.76),
    ],
)
def test_a_million_vectors_cost_at_least_128_kib_a_request(batch: int, usd: float) -> None:
    """$0.20 per GiB of logical bytes."""
    assert usd_per_million(CellShape(batch, 1), 1_024) == pytest.approx(usd, abs=0.005)


def test_the_price_of_a_grid_is_that_of_an_index_with_the_documented_quotas() -> None:
    """1,000 requests/s and 2,500 vectors/s, or the rate limit of the grid."""
    one_by_one = ScalingGrid(batches=(1,), in_flight=(1,), seconds=10.0)
    assert usd_at_quota(one_by_one) == pytest.approx(1_000 * 10 * 24.414 / 1e6, rel=1e-3)
    in_batches = ScalingGrid(batches=(100,), in_flight=(1,), seconds=10.0)
    assert usd_at_quota(in_batches) == pytest.approx(2_500 * 10 * 0.7648 / 1e6, rel=1e-3)
    assert usd_at_quota(in_batches, extra_s=5) == pytest.approx(1.5 * usd_at_quota(in_batches))
    slow = ScalingGrid(batches=(100,), in_flight=(1,), seconds=10.0, vectors_per_s=250)
    assert usd_at_quota(slow) == pytest.approx(usd_at_quota(in_batches) / 10)


def test_a_grid_out_of_range_is_rejected_with_every_problem() -> None:
    """And with the allowed values."""
    with pytest.raises(ConfigError) as caught:
        ScalingGrid(batches=(0, 501), in_flight=(), dimension=4_097, seconds=0, vectors_per_s=float("inf"))
    assert str(caught.value).split("; ") == [
        "vectors per request is 0, allowed is 1 to 500",
        "vectors per request is 501, allowed is 1 to 500",
        "requests in flight: no value, allowed is 1 to 256",
        "dimension is 4,097, allowed is 1 to 4,096",
        "seconds is 0, allowed is a number above 0 up to 600",
        "vectors_per_s is inf, allowed is a number above 0",
    ]
    with pytest.raises(ConfigError, match="the grid has 121 cells, allowed are up to 100"):
        ScalingGrid(batches=tuple(range(1, 12)), in_flight=tuple(range(1, 12)))
