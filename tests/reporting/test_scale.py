"""A scaling grid in sentences."""

from __future__ import annotations

from load_streams import scale_stream
from pages import Page

from vecgate.reporting.html.page import render
from vecgate.reporting.scale import remarks_of
from vecgate.results.load import Cell


def cell(rate: float, **more: float) -> Cell:
    return Cell(vectors_per_request=100, in_flight=2, vectors_per_s=rate, **more)  # type: ignore[arg-type]  # numbers


def test_a_recommendation_says_how_it_came_about() -> None:
    """The fastest is not always the one to send like."""
    found = dict(remarks_of([cell(1_000.0), cell(980.0, is_recommended=True)]))
    assert found == {
        "fastest": "100 vectors a request, 2 in flight: 1,000 vectors/s",
        "choice": "of the cells that reach 95% of it the cheapest, then the one with the fewest in flight",
    }


def test_the_limit_is_named() -> None:
    """A target that throttles, a client that uses all of a core; of nothing there is nothing to say."""
    found = dict(remarks_of([cell(1_000.0, cpu_s_per_1000=0.95), cell(900.0, throttled=3)]))
    assert found["limit"] == "the target throttled 1 of 2 cells: what they reach is what it allows"
    assert found["client"] == "it used up to 0.9 cores: near 1, it is the limit and not the target"
    assert "choice" not in found
    assert list(remarks_of([])) == []


def test_the_page_says_it_too() -> None:
    """Below the map."""
    assert "choice of the cells that reach 95% of it the cheapest" in Page(render([scale_stream()])).words
