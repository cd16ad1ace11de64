from __future__ import annotations

from load_streams import cut_off, load_stream, scale_stream
from msgspec import structs
from pages import Page

from vecgate.reporting.html.index import Entry, render_index


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
