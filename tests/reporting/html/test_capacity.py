"""The page of a capacity search."""

from __future__ import annotations

from load_streams import capacity_stream, load_stream
from msgspec import structs
from pages import Page

from vecgate.reporting.html.page import render
from vecgate.results.load import Plan
from vecgate.results.records import Stream


def searched(**plan: object) -> Page:
    """The page of a search whose plan is that of a load run, with *plan* changed in it."""
    stream, first = capacity_stream(), load_stream(6).first(Plan)
    assert first is not None
    return Page(
        render([Stream(stream.header, (structs.replace(first, **plan), *stream.records), stream.footer)])
    )


def test_percentiles_say_what_they_are_of() -> None:
    """Those that a threshold names are of the whole trial."""
    words = searched().words
    assert "p99 ms at the rate" in words
    assert "what thresholds say, of the whole trial with its ramp" in words


def test_what_was_planned_is_not_shown_as_done() -> None:
    """The plan is that of the highest rate: nobody may ever have sent so much."""
    page = searched(scheduled=44_572)
    assert "h3 Scenario, scaled to each rate" in page.outline
    assert "each trial 6.0 s" in page.words
    assert "44,572" not in page.words


def test_the_rate_has_a_price() -> None:
    """2,380 vectors a second of 1,024 dimensions in batches of 50, an hour of it, without metadata.

    171,360 requests of 50 vectors, each 4,096 bytes and a key of 36: 35,402,976,000 bytes at 0.20 USD a GiB.
    """
    assert "price $6.59 an hour at that rate, without metadata" in searched().words
    assert "price" not in searched(operations={"PutVectors": 0.5, "QueryVectors": 0.5}).words
