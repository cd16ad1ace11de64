"""The figures of a load run that are held against those of another."""

from __future__ import annotations

from loads import plan, second, stream
from msgspec.structs import replace

from vecgate.gate.load_figures import figures_of
from vecgate.results.load import Second


def test_the_price_of_a_million_is_that_of_the_schedule() -> None:
    """However much was put before it: runs of different lengths would differ in that alone."""
    seconds = [second(at_s, *[0.01] * 10) for at_s in range(60)]
    dearer = [replace(each, usd=each.usd + 5.0) for each in seconds]
    found = [cost(seconds, 0.0), cost(dearer, 5.0)]
    # A cent for a hundred vectors.
    assert found == [(100.0, 100.0, 100.0)] * 2


def cost(seconds: list[Second], usd_before: float) -> tuple[float, float, float]:
    """The figure, and the lowest and the highest that it could have been by chance."""
    figure = figures_of(stream(*seconds, planned=plan(usd_before=usd_before)), seed=0)["cost"]
    assert figure.drawn is not None
    return (round(figure.value, 6), round(float(figure.drawn.min()), 6), round(float(figure.drawn.max()), 6))
