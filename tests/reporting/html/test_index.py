from __future__ import annotations

from load_streams import cut_off, load_stream, scale_stream
from msgspec import structs
from pages import Page
from runs import footer, header

from vecgate.reporting.html.index import Entry, render_index
from vecgate.reporting.html.views import Cell
from vecgate.results.records import Stream


def test_runs_are_listed_the_newest_first() -> None:
    """With their verdicts, and a link to the page of each."""
    old, new = scale_stream(), cut_off(load_stream(4), 2)
    new = structs.replace(new, header=structs.replace(new.header, started_at="2026-11-25T00:00:00+00:00"))
    entries = [Entry(old, "old.jsonl", "old.html"), Entry(new, "new.jsonl", "a/new.html")]
    page = Page(render_index(entries, ["x.jsonl cannot be read"]))
    assert [each.get("href") for each in page.all("a")] == ["#main", "a/new.html", "old.html"]
    assert "ramp-1000 on local load NOT JUDGED" in page.words
    assert "Scaling on local scale RESULT" in page.words
    assert "3 min 20 s" in page.words
    assert "cut off" in page.words
    assert "x.jsonl cannot be read" in page.words


def test_an_empty_folder_is_said_to_be_empty() -> None:
    """No table of nothing."""
    assert "There is no run here." in Page(render_index([])).words


def test_pages_of_several_runs_are_linked() -> None:
    """They have no stream beside them."""
    page = Page(render_index([], (), [Cell("Compatibility", href="a/compatibility.html")]))
    assert "h2 Pages of several runs" in page.outline
    assert [each.get("href") for each in page.all("a")] == ["#main", "a/compatibility.html"]
    assert "Pages of several runs" not in Page(render_index([])).words


def test_a_target_says_which_version_it_was() -> None:
    """Where it is a package."""
    moto = Stream(header(target="moto", versions={"moto": "5.2.2", "vecgate": "0.1.0"}), (), footer())
    assert "moto 5.2.2, vecgate 0.1.0" in Page(render_index([Entry(moto, "m.jsonl", "m.html")])).words
