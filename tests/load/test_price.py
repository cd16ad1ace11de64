"""The price of a scenario, against sums done by hand."""

from __future__ import annotations

import pytest

from vecgate.load.price import priced, usd_before, vector_bytes_of
from vecgate.load.specs import Scenario, VectorsSpec
from vecgate.results.load import Stage

SECOND = Stage(kind="constant", from_per_s=10, to_per_s=10, duration_s=1)
QUERIES = {"QueryVectors": 1.0}


def scenario(**more: object) -> Scenario:
    told = {"unit": "requests", "stages": (SECOND,), "vectors": VectorsSpec(metadata="none"), **more}
    return Scenario(**told)  # type: ignore[arg-type]  # any member


@pytest.mark.parametrize(
    ("metadata", "size"),
    # A key of 11 bytes and 1,024 float32; group, year and row; a text; as much as may be filtered on.
    [("none", 4_107), ("small", 4_158), ("full", 5_520), ("file", 4_107 + 2_048)],
)
def test_a_vector_is_as_large_as_its_profile(metadata: str, size: int) -> None:
    """Values, key and metadata."""
    assert vector_bytes_of(scenario(vectors=VectorsSpec(metadata=metadata))) == size  # type: ignore[arg-type]


def test_what_is_put_beforehand_is_paid_by_the_batch() -> None:
    """Ten of 500 x 4,107 bytes; one of 128 KiB where less is put; nothing for nothing."""
    assert usd_before(scenario(preload=5_000)) == pytest.approx(10 * 500 * 4_107 / 2**30 * 0.20)
    assert usd_before(scenario(preload=3)) == pytest.approx(128 * 1024 / 2**30 * 0.20)
    assert usd_before(scenario()) == 0


def test_a_run_pays_for_both_and_an_hour_for_its_schedule() -> None:
    """Ten queries in 5,000 vectors: $2.50 a million, and the data that they process."""
    found = priced(scenario(preload=5_000, operations=QUERIES))
    queries = 10 * 2.50e-6 + 10 * 5_000 * 4_107 / 2**40 * 0.004
    assert found.requests == {"QueryVectors": 10}
    assert found.usd == pytest.approx(queries + usd_before(scenario(preload=5_000)))
    assert found.usd_per_hour == pytest.approx(3_600 * queries)
