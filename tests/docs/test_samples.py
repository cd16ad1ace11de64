"""What is published in reports/ is what its results say, to the byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from documents import ROOT
from renderings import Run

from vecgate.reporting.html.headline import headline_of
from vecgate.reporting.html.page import report_of
from vecgate.results.records import Stream
from vecgate.results.stream import read_stream

REPORTS = ROOT / "reports"
STREAMS = sorted(REPORTS.glob("*.jsonl"))
#: Pages of several results.
OF_SEVERAL = ("index.html", "compatibility.html")
#: A clone of the project is to stay small.
BYTES_MAX = 3_000_000

pytestmark = pytest.mark.skipif(not STREAMS, reason="reports/ is empty: make samples")


def stream_at(path: Path) -> Stream:
    """What is wrong with it would be told by its name alone."""
    return read_stream(path.relative_to(REPORTS))


@pytest.fixture(autouse=True)
def in_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the pages are made."""
    monkeypatch.chdir(REPORTS)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_a_page_is_what_its_result_says(path: Path) -> None:
    """Byte for byte: nobody has touched it, and the renderer has not changed since."""
    assert path.with_suffix(".html").read_bytes() == report_of([stream_at(path)]).html.encode()


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_a_result_says_something(path: Path) -> None:
    """It came to its end, was judged, and tells of its machine and day."""
    stream = stream_at(path)
    assert stream.problems == ()
    assert headline_of(stream).tone != "unjudged"
    assert stream.header.environment.keys() >= {"processor", "cores", "system"}
    assert stream.header.started_at[:2] == "20"
    assert path.stat().st_size < BYTES_MAX


def test_pages_of_several_results_are_what_they_say(tmp_path: Path, vecgate: Run) -> None:
    """The list of all, and all targets side by side."""
    for path in [*STREAMS, *REPORTS.glob("*.html")]:
        shutil.copyfile(path, tmp_path / path.name)
    targets = [path.name for path in STREAMS if path.name.startswith("conformance-")]
    vecgate(["report", *targets, "--matrix", "-o", "compatibility.html"], tmp_path)
    vecgate(["report", "--index", "."], tmp_path)
    for name in OF_SEVERAL:
        assert (REPORTS / name).read_bytes() == (tmp_path / name).read_bytes()


def test_no_page_is_left_of_a_result_that_is_gone() -> None:
    """Each page has its result."""
    pages = {path.stem for path in REPORTS.glob("*.html") if path.name not in OF_SEVERAL}
    assert pages == {path.stem for path in STREAMS}
