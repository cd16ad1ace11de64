from __future__ import annotations

import pytest

from vecgate.results.percentile_samples import few_samples_text, has_few_samples, samples_needed


@pytest.mark.parametrize(("percentile", "number"), [(50, 20), (95, 200), (99, 1_000), (99.9, 10_000)])
def test_a_percentile_needs_ten_requests_above_it(percentile: float, number: int) -> None:
    """One less is too few; none at all has no percentile."""
    assert samples_needed(percentile) == number
    assert has_few_samples(percentile, number - 1)
    assert not has_few_samples(percentile, number)
    assert not has_few_samples(percentile, 0)


def test_what_has_too_few_is_named() -> None:
    """With its number."""
    counts = [("PutVectors", 700), ("QueryVectors", 5_000)]
    assert few_samples_text(counts) == "a p99 needs 1,000 requests: PutVectors has 700"
    assert few_samples_text(counts[1:]) == ""
