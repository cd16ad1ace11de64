from __future__ import annotations

from html_page import Page
from msgspec import structs
from result_builders import footer, header
from sample_streams import load_stream, scale_stream, truncated

from vecgate.reporting.html.components import TableCell
from vecgate.reporting.html.index_page import IndexEntry, render_index
from vecgate.results.records import Stream


def test_runs_are_listed_with_the_newest_first() -> None:
    """With their verdicts, and a link to the report of each."""
    old, new = scale_stream(), truncated(load_stream(4), 2)
    new = structs.replace(new, header=structs.replace(new.header, started_at="2026-11-25T00:00:00+00:00"))
    entries = [IndexEntry(old, "old.jsonl", "old.html"), IndexEntry(new, "new.jsonl", "a/new.html")]
    page = Page(render_index(entries, ["x.jsonl cannot be read"]))
    assert [each.get("href") for each in page.all("a")] == ["#main", "a/new.html", "old.html"]
    assert "ramp-1000 on local load INCONCLUSIVE" in page.words
    assert "Scaling on local scale RESULT" in page.words
    assert "3 min 20 s" in page.words
    assert "incomplete" in page.words
    assert "x.jsonl cannot be read" in page.words


def test_an_empty_folder_has_no_table() -> None:
    """The page says that there are no runs."""
    page = Page(render_index([]))
    assert "no runs" in page.words
    assert not page.all("table")


def test_pages_about_several_runs_are_linked() -> None:
    """They have no stream with the same name."""
    page = Page(render_index([], (), [TableCell("Compatibility", href="a/compatibility.html")]))
    assert [each.get("href") for each in page.all("a")] == ["#main", "a/compatibility.html"]
    assert len([line for line in page.outline if line.startswith("h2")]) == 1
    assert [line for line in Page(render_index([])).outline if line.startswith("h2")] == []


def test_the_version_of_a_target_is_shown() -> None:
    """If the target is a package."""
    moto = Stream(header(target="moto", versions={"moto": "5.2.2", "vecgate": "0.1.0"}), (), footer())
    words = Page(render_index([IndexEntry(moto, "m.jsonl", "m.html")])).words
    assert "moto 5.2.2, vecgate 0.1.0" in words


def test_a_failed_clean_up_is_shown() -> None:
    """Beside the verdict, which does not change."""
    stream = structs.replace(scale_stream(), footer=footer(orphaned=("bucket vg-1",)))
    words = Page(render_index([IndexEntry(stream, "s.jsonl", "s.html")])).words
    assert "RESULT" in words
    assert "CLEANUP FAILED" in words
