from __future__ import annotations

from html_page import Page
from msgspec import structs
from result_builders import footer, header, result
from sample_streams import capacity_stream, load_stream, scale_stream, sweep_stream, truncated

from vecgate.reporting.html.components import TableCell
from vecgate.reporting.html.index_page import IndexEntry, render_index
from vecgate.reporting.html.key_figures import KeyFigures, key_figures
from vecgate.results.records import Stream

CONFORMANCE = Stream(header(), (result("a.b"),), footer())


def test_runs_are_listed_with_the_newest_first() -> None:
    """With their verdicts, and a link to the report of each."""
    old, new = scale_stream(), truncated(load_stream(4), 2)
    new = structs.replace(new, header=structs.replace(new.header, started_at="2026-11-25T00:00:00+00:00"))
    entries = [IndexEntry(old, "old.jsonl", "old.html"), IndexEntry(new, "new.jsonl", "a/new.html")]
    page = Page(render_index(entries, ["x.jsonl cannot be read"]))
    assert [each.get("href") for each in page.all("a")] == ["#main", "a/new.html", "old.html"]
    assert "ramp-1000 on local INCONCLUSIVE" in page.words
    assert "Scaling on local RESULT" in page.words
    assert "3 min 20 s" in page.words
    assert "incomplete" in page.words
    assert "x.jsonl cannot be read" in page.words


def test_runs_are_grouped_by_kind_with_rate_p99_and_price() -> None:
    """The newest of each kind first. A column without any value is left out."""
    runs = [load_stream(120), scale_stream(), sweep_stream(), capacity_stream(), CONFORMANCE]
    page = Page(render_index([IndexEntry(each, "a.jsonl", "a.html") for each in runs]))
    assert page.outline[1:] == [
        "table: Load runs (1)",
        "table: Sweeps (1)",
        "table: Capacity searches (1)",
        "table: Scaling grids (1)",
        "table: Conformance runs (1)",
    ]
    assert "400 vectors/s" not in page.words
    for text in ("1,000 vectors/s", "398 requests/s", "$4.00 per hour", "2,380 vectors/s 67.6"):
        assert text in page.words
    assert page.words.count("p99 ms") == 4
    only = Page(render_index([IndexEntry(CONFORMANCE, "a.jsonl", "a.html")]))
    assert "p99 ms" not in only.words


def test_an_inconclusive_run_has_no_figures() -> None:
    """They say nothing about the target."""
    bound = load_stream(120, generator_bound_from=10)
    words = Page(render_index([IndexEntry(bound, "a.jsonl", "a.html")])).words
    assert "INCONCLUSIVE" in words
    assert "p99 ms" not in words


def test_a_p99_of_few_requests_is_not_listed() -> None:
    """It is decided by chance."""
    figures = key_figures(load_stream(10))
    assert figures.p99_ms is None
    assert figures.rate_per_s == 1_000
    assert key_figures(load_stream(120)).p99_ms is not None
    assert key_figures(truncated(load_stream(10), 0)) == KeyFigures()


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
