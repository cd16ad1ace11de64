"""The figures of a load run that are compared with those of another one."""

from __future__ import annotations

from load_builders import plan, second, stream
from msgspec.structs import replace

from vecgate.gate.compare.comparable_figures import load_figures
from vecgate.results.load.load_records import Second


def test_the_price_of_a_million_leaves_out_preloaded_vectors() -> None:
    """Otherwise runs of different lengths would differ in it."""
    seconds = [second(at_s, *[0.01] * 10) for at_s in range(60)]
    preloaded = [replace(each, usd=each.usd + 5.0) for each in seconds]
    found = [cost(seconds, 0.0), cost(preloaded, 5.0)]
    # A cent for a hundred vectors.
    assert found == [(100.0, 100.0, 100.0)] * 2


def cost(seconds: list[Second], preload_usd: float) -> tuple[float, float, float]:
    """Return the figure, and the lowest and highest value in resampled runs."""
    figure = load_figures(stream(*seconds, planned=plan(preload_usd=preload_usd)), seed=0)["cost"]
    assert figure.resampled is not None
    return (
        round(figure.value, 6),
        round(float(figure.resampled.min()), 6),
        round(float(figure.resampled.max()), 6),
    )
