"""The reports in reports/: every result is complete and has a page that states its verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_pages import ROOT

from vecgate.reporting.html.headline import build_headline
from vecgate.reporting.html.report_page import build_report
from vecgate.results.result_stream import read_stream

REPORTS = ROOT / "reports"
STREAMS = sorted(REPORTS.glob("*.jsonl"))
#: Pages about several results.
OVERVIEWS = ("index.html", "compatibility.html")
#: Keeps a clone of the project small.
BYTES_MAX = 5_000_000

pytestmark = pytest.mark.skipif(not STREAMS, reason="reports/ is empty: run make samples")


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_a_result_is_complete_and_conclusive(path: Path) -> None:
    """It names its machine and its day, and is small enough to commit."""
    stream = read_stream(path)
    assert stream.problems == ()
    assert build_headline(stream).tone != "inconclusive"
    assert stream.header.environment.keys() >= {"processor", "cores", "system"}
    assert stream.header.started_at[:2] == "20"
    assert path.stat().st_size < BYTES_MAX


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_a_result_has_a_page_with_its_verdict(path: Path) -> None:
    """The committed page, and the one that the current templates make of it."""
    stream = read_stream(path)
    verdict = build_headline(stream).word
    assert verdict in path.with_suffix(".html").read_text(encoding="utf-8")
    assert verdict in build_report([stream]).html


def test_every_page_has_its_result() -> None:
    """Only the overviews are made of several."""
    pages = {path.name for path in REPORTS.glob("*.html")}
    assert pages == {*OVERVIEWS, *(f"{path.stem}.html" for path in STREAMS)}
