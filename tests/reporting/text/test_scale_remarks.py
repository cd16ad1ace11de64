from __future__ import annotations

from html_page import Page
from sample_streams import scale_stream

from vecgate.reporting.html.report_page import render_report
from vecgate.reporting.text.scale_remarks import scale_remarks
from vecgate.results.load.load_records import Cell


def cell(rate: float, **more: float) -> Cell:
    return Cell(vectors_per_request=100, in_flight=2, vectors_per_s=rate, **more)  # type: ignore[arg-type]  # numbers


def test_a_recommendation_is_explained() -> None:
    """The fastest cell is not always the recommended one."""
    remarks = dict(scale_remarks([cell(1_000.0), cell(980.0, is_recommended=True)]))
    assert list(remarks) == ["fastest", "choice"]
    assert "1,000 vectors/s" in remarks["fastest"]
    assert "5%" in remarks["choice"]
    assert "cheapest" in remarks["choice"]


def test_the_limit_is_named() -> None:
    """The target throttled, or the client used a whole core. An empty grid has no remarks."""
    remarks = dict(scale_remarks([cell(1_000.0, cpu_s_per_1000=0.95), cell(900.0, throttled=3)]))
    assert "throttled 1 of 2 cells" in remarks["limit"]
    assert "0.9 cores" in remarks["client"]
    assert "choice" not in remarks
    assert list(scale_remarks([])) == []


def test_the_page_shows_the_remarks() -> None:
    """Below the heat map."""
    stream = scale_stream()
    words = Page(render_report([stream])).words
    remarks = list(scale_remarks(stream.of(Cell)))
    assert remarks
    assert all(f"{topic} {text}" in words for topic, text in remarks)
