"""The price of a scenario, compared with sums computed by hand."""

from __future__ import annotations

import pytest

from vecgate.load.scenario.scenario_price import estimate_price, preload_usd, stored_vector_bytes
from vecgate.load.scenario.scenario_spec import Scenario, VectorsSpec
from vecgate.results.load.load_records import Stage

SECOND = Stage(kind="constant", from_per_s=10, to_per_s=10, duration_s=1)
QUERIES = {"QueryVectors": 1.0}


def scenario(**more: object) -> Scenario:
    values = {"unit": "requests", "stages": (SECOND,), "vectors": VectorsSpec(metadata="none"), **more}
    return Scenario(**values)  # type: ignore[arg-type]  # any member


@pytest.mark.parametrize(
    ("metadata", "size"),
    # A key of 11 bytes and 1,024 float32; plus group, year and row; plus a text; or the filterable maximum.
    [("none", 4_107), ("small", 4_158), ("full", 5_520), ("file", 4_107 + 2_048)],
)
def test_the_size_of_a_vector_depends_on_its_metadata_profile(metadata: str, size: int) -> None:
    """Values, key and metadata."""
    assert stored_vector_bytes(scenario(vectors=VectorsSpec(metadata=metadata))) == size  # type: ignore[arg-type]


def test_preloaded_vectors_are_charged_per_batch() -> None:
    """Ten of 500 x 4,107 bytes; one of at least 128 KiB; nothing without a preload."""
    assert preload_usd(scenario(preload=5_000)) == pytest.approx(10 * 500 * 4_107 / 2**30 * 0.20)
    assert preload_usd(scenario(preload=3)) == pytest.approx(128 * 1024 / 2**30 * 0.20)
    assert preload_usd(scenario()) == 0


def test_the_price_includes_the_preload_and_the_hourly_price_does_not() -> None:
    """Ten queries in 5,000 vectors: $2.50 per million, and the data that they process."""
    found = estimate_price(scenario(preload=5_000, operations=QUERIES))
    queries = 10 * 2.50e-6 + 10 * 5_000 * 4_107 / 2**40 * 0.004
    assert found.requests == {"QueryVectors": 10}
    assert found.usd == pytest.approx(queries + preload_usd(scenario(preload=5_000)))
    assert found.usd_per_hour == pytest.approx(3_600 * queries)
