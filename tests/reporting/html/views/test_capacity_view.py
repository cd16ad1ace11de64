"""The page of a capacity search."""

from __future__ import annotations

from html_page import Page
from msgspec import structs
from sample_streams import capacity_stream, load_stream

from vecgate.reporting.html.report_page import render_report
from vecgate.reporting.html.views.capacity_view import TRIALS_NOTE
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.records import Stream


def search_page(**plan: object) -> Page:
    """Return the page of a search with the plan of a load run, in which *plan* is changed."""
    stream, first = capacity_stream(), load_stream(6).first(LoadPlan)
    assert first is not None
    return Page(
        render_report(
            [Stream(stream.header, (structs.replace(first, **plan), *stream.records), stream.footer)]
        )
    )


def test_the_table_says_what_its_percentiles_cover() -> None:
    """Thresholds cover the whole trial, the percentiles only a part of it."""
    words = search_page().words
    assert "p99 ms" in words
    assert TRIALS_NOTE in words


def test_the_number_of_planned_requests_is_not_shown() -> None:
    """The plan is for the highest rate, which may never have been tried."""
    page = search_page(scheduled=44_572)
    assert "trial duration 6.0 s" in page.words
    assert "44,572" not in page.words


def test_the_cost_of_the_rate_is_shown() -> None:
    """2,380 vectors per second of 1,024 dimensions in batches of 50, for an hour, without metadata.

    171,360 requests of 50 vectors, each 4,096 bytes and a key of 36: 35,402,976,000 bytes at 0.20 USD a GiB.
    """
    assert "cost $6.59 per hour at the highest rate, without metadata" in search_page().words
    assert "cost $" not in search_page(operations={"PutVectors": 0.5, "QueryVectors": 0.5}).words
