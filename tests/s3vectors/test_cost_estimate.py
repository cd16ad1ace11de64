"""Prices by the method of Amazon's price page, compared with manual calculations."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.s3vectors.cost_estimate import charged_bytes, estimate_cost, vector_bytes
from vecgate.s3vectors.pricing import processed_usd, requests_usd

HOUR_S = 3_600


@pytest.mark.parametrize(
    ("vectors_per_request", "usd"),
    [
        # 3,600,000 requests of 131,072 bytes are 439.453125 GB at $0.20.
        (1, 87.890625),
        # 360,000 requests, still at the minimum.
        (10, 8.7890625),
        # 120,000 requests of 31 x 4,096 bytes would be less than the minimum: 14.6484375 GB.
        (30, 2.9296875),
        # 7,200 requests of 500 x 4,096 bytes: 13.732910 GB. The minimum no longer matters.
        (500, 2.746582),
    ],
)
def test_an_hour_of_a_thousand_vectors_per_second(vectors_per_request: int, usd: float) -> None:
    """Of 1,024 dimensions: $88 one by one, $2.9 from 30 per request."""
    found = estimate_cost(
        1_000 * HOUR_S // vectors_per_request,
        {"PutVectors": 1.0},
        dimension=1_024,
        vectors_per_request=vectors_per_request,
        duration_s=HOUR_S,
        key_bytes=0,
    )
    assert found.usd == pytest.approx(usd)
    assert found.usd_per_hour == pytest.approx(usd)


def test_a_mix_is_priced_by_operation() -> None:
    """Half an hour of 10 requests/s: 9,000 puts, 7,200 queries, 1,800 gets."""
    found = estimate_cost(
        18_000,
        {"PutVectors": 0.5, "QueryVectors": 0.4, "GetVectors": 0.1},
        dimension=256,
        vectors_per_request=100,
        duration_s=1_800,
        metadata_bytes=940,
        key_bytes=36,
    )
    assert found.requests == {"PutVectors": 9_000, "QueryVectors": 7_200, "GetVectors": 1_800}
    # 100 x (1,024 + 36 + 940) bytes exceed the minimum.
    assert found.put_bytes == 9_000 * 200_000
    # 900,000 vectors at the end: 100,000 at $0.004 and 800,000 at $0.002 for 2,000 bytes each.
    puts, queries, gets = 0.33527613, 0.018, 0.099
    processed = 7_200 * 2_000 * (100_000 * 0.004 + 800_000 * 0.002) / 2**40
    assert found.usd == pytest.approx(puts + queries + gets + processed, rel=1e-6)
    assert found.usd_per_hour == pytest.approx(2 * found.usd)


def test_an_empty_run_costs_nothing() -> None:
    """A duration of zero gives no hourly price."""
    found = estimate_cost(0, {"PutVectors": 1.0}, dimension=3, vectors_per_request=1, duration_s=0)
    assert (found.put_bytes, found.usd, found.usd_per_hour) == (0, 0.0, 0.0)


def test_the_size_of_a_vector_is_logical() -> None:
    """Four bytes per value, for any number of digits, plus the key and the metadata."""
    assert vector_bytes(1_024, metadata_bytes=100, key_bytes=9) == 4_205


def test_a_put_is_charged_for_at_least_128_kib() -> None:
    """One byte less makes no difference, one more does."""
    assert [charged_bytes(each) for each in (0, 131_071, 131_072, 131_073)] == [
        131_072,
        131_072,
        131_072,
        131_073,
    ]


def test_queries_are_charged_as_on_the_price_page() -> None:
    """Its example: a million queries of indexes of 250,000 vectors of 5.17 KB cost $5.87."""
    queries = requests_usd({"QueryVectors": 1_000_000})
    processed = processed_usd(1_000_000, vectors=250_000, vector_bytes=5.17 * 1_024)
    assert round(queries + processed, 2) == 5.87


def test_the_third_tier_begins_at_ten_million() -> None:
    """A vector in it costs a fifth of the one before it."""
    usd = [processed_usd(10**12, vectors=each, vector_bytes=1_000) for each in (9_999_999, 10**7, 10**7 + 1)]
    assert (usd[2] - usd[1]) / (usd[1] - usd[0]) == pytest.approx(0.2, rel=1e-3)


@given(st.integers(0, 10**6), st.integers(1, 500), st.integers(1, 4_096), st.integers(0, 40_960))
def test_larger_requests_never_cost_more(puts: int, per_request: int, dimension: int, metadata: int) -> None:
    """The same vectors in half as many requests cost as much or less."""
    sizes = {"dimension": dimension, "duration_s": 60.0, "metadata_bytes": metadata}
    few = estimate_cost(puts, {"PutVectors": 1.0}, vectors_per_request=2 * per_request, **sizes)  # type: ignore[arg-type]
    many = estimate_cost(2 * puts, {"PutVectors": 1.0}, vectors_per_request=per_request, **sizes)  # type: ignore[arg-type]
    assert few.usd <= many.usd + 1e-9


PAGE = (Path(__file__).parents[2] / "docs" / "aws.md").read_text()


@pytest.mark.parametrize("vectors_per_request", [1, 10, 30, 100, 500])
def test_the_prices_of_puts_in_the_docs_are_correct(vectors_per_request: int) -> None:
    """In `docs/aws.md`, with keys of 36 bytes."""
    puts = 3_600_000 // vectors_per_request
    found = estimate_cost(
        puts,
        {"PutVectors": 1.0},
        dimension=1_024,
        vectors_per_request=vectors_per_request,
        duration_s=HOUR_S,
    )
    assert f"| {vectors_per_request} | {found.usd:.2f} |" in PAGE


@pytest.mark.parametrize("held", [100_000, 1_000_000, 10_000_000])
def test_the_prices_of_queries_in_the_docs_are_correct(held: int) -> None:
    """In `docs/aws.md`, with 1,024 dimensions."""
    found = estimate_cost(
        360_000,
        {"QueryVectors": 1.0},
        dimension=1_024,
        vectors_per_request=1,
        duration_s=HOUR_S,
        index_vectors=held,
    )
    assert f"| {held:,} | {found.usd:.2f} |" in PAGE
