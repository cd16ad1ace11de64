from __future__ import annotations

import pytest

from vecgate.reporting.units import figure


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (None, "ms", ""),
        (0.9995, "%", "99.95 %"),
        (0.0, "%", "0 %"),
        (0.88, "$", "$0.880"),
        (88.0, "$", "$88.0"),
        (0.0000123, "s", "12.3 µs"),
        (212.4, "ms", "212 ms"),
        (2380.0, "vectors/s", "2,380 vectors/s"),
    ],
)
def test_figures_are_told_by_their_unit(value: float | None, unit: str, told: str) -> None:
    """Shares are parts of 1."""
    assert figure(value, unit) == told
