"""`vecgate report`, on streams that a run would have written."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Vecgate
from load_streams import OPERATIONS, load_stream, peers_stream, scale_stream, written
from pages import Page
from runs import footer, header, result
from slowness import slowness

from vecgate.cli.report import report
from vecgate.results.records import Stream

CONFORMANCE = Stream(header(target="one"), (result("a.b"),), footer())
PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text()


@pytest.fixture(autouse=True)
def streams(tmp_path: Path) -> None:
    """A folder with three good streams, and two files that are none."""
    (tmp_path / "runs").mkdir()
    written(tmp_path / "runs" / "scale.jsonl", scale_stream())
    written(tmp_path / "runs" / "one.jsonl", CONFORMANCE)
    written(tmp_path / "runs" / "peers.jsonl", peers_stream())
    (tmp_path / "notes.txt").write_text("not a stream\n")
    (tmp_path / "empty.jsonl").touch()


def test_a_run_becomes_a_page(vecgate: Vecgate) -> None:
    """What it found, then the page, on stdout; nothing on stderr."""
    done = vecgate("report", "runs/scale.jsonl", "-o", "new/out.html")
    assert (done.code, done.err) == (0, "")
    first, last = done.out.splitlines()
    assert first.split("   ") == [
        "runs/scale.jsonl",
        "Scaling on local",
        "RESULT",
        "100 vectors per request with 5 in flight: 8,929 vectors/s",
    ]
    size = Path("new/out.html").stat().st_size
    assert last == f"new/out.html: 1 run, {size / 1024:.1f} KiB"
    assert "h1 Scaling on local" in Page(Path("new/out.html").read_text(encoding="utf-8")).outline


def test_a_failed_run_is_no_failed_report(vecgate: Vecgate, tmp_path: Path) -> None:
    """The gate is another command's: a report is needed most when a run failed."""
    written(tmp_path / "bad.jsonl", Stream(header(), (result("a.b", "failed"),), footer()))
    done = vecgate("report", "bad.jsonl")
    assert done.code == 0
    assert "FAIL" in done.out
    assert Path("report.html").exists()


def test_what_cannot_be_read_is_named_and_the_rest_is_shown(vecgate: Vecgate) -> None:
    """Exit code 1: not all that was asked for is there."""
    done = vecgate("report", "runs/one.jsonl", "notes.txt", "none.jsonl")
    assert done.code == 1
    assert "warning: notes.txt is no result stream: line 1 is no record" in done.err
    assert "warning: none.jsonl cannot be read: No such file or directory" in done.err
    words = Page(Path("report.html").read_text(encoding="utf-8")).words
    assert "PASS 1 of 1 requirement passed" in words
    assert "none.jsonl cannot be read" in words


def test_a_stream_that_is_cut_off_or_broken_says_so(vecgate: Vecgate) -> None:
    """On stderr and in the page; what is there is there."""
    lines = Path("runs/one.jsonl").read_text().splitlines()
    Path("cut.jsonl").write_text("\n".join([lines[0], "garbage", lines[1]]) + "\n")
    done = vecgate("report", "cut.jsonl")
    assert done.code == 0
    assert "warning: cut.jsonl, line 2 is no record" in done.err
    assert "warning: cut.jsonl was cut off: what was written until then is shown" in done.err
    assert "NOT JUDGED" in done.out
    assert vecgate("report", "cut.jsonl", "--quiet").err == ""


def test_targets_are_set_side_by_side(vecgate: Vecgate) -> None:
    """From conformance runs only."""
    done = vecgate("report", "--matrix", "runs/one.jsonl", "-o", "matrix.html")
    assert (done.code, done.out.splitlines()[-1][:19]) == (0, "matrix.html: 1 run,")
    assert "h1 Compatibility" in Page(Path("matrix.html").read_text(encoding="utf-8")).outline


def test_a_folder_is_listed(vecgate: Vecgate) -> None:
    """A page beside a stream is linked, else the stream itself; by a path from the list."""
    Path("runs/scale.html").touch()
    assert vecgate("report", "--index", "runs").code == 0
    links = [each.get("href") for each in Page(Path("runs/index.html").read_text(encoding="utf-8")).all("a")]
    assert sorted(map(str, links)) == ["#main", "one.jsonl", "peers.jsonl", "scale.html"]
    done = vecgate("report", "runs/one.jsonl", "--index", "runs", "-o", "a page.html", "--json")
    told = json.loads(done.out)
    assert [page["page"] for page in told["pages"]] == ["a page.html", "runs/index.html"]
    done = vecgate("report", "--index", "runs", "-o", "list of runs/all.html")
    links = [each.get("href") for each in Page(Path("list of runs/all.html").read_text()).all("a")]
    assert "../runs/scale.html" in links


def test_pages_of_several_runs_are_listed(vecgate: Vecgate) -> None:
    """Those that vecgate has made, by their titles; not the list itself, and no page of another program."""
    Path("runs/other.html").write_text("<title>Other – vecgate</title>")
    vecgate("report", "--matrix", "runs/one.jsonl", "-o", "runs/compatibility.html")
    for _ in range(2):
        assert vecgate("report", "--index", "runs").code == 0
    page = Page(Path("runs/index.html").read_text(encoding="utf-8"))
    links = [each.get("href") for each in page.all("a")]
    assert sorted(map(str, links)) == [
        "#main", "compatibility.html", "one.jsonl", "peers.jsonl", "scale.jsonl",
    ]  # fmt: skip
    assert "Pages of several runs Compatibility" in page.words


def test_targets_side_by_side_lead_to_their_own_pages(vecgate: Vecgate) -> None:
    """Where these are beside their streams."""
    vecgate("report", "--matrix", "runs/one.jsonl", "-o", "runs/before.html")
    vecgate("report", "runs/one.jsonl", "-o", "runs/one.html")
    vecgate("report", "--matrix", "runs/one.jsonl", "-o", "after.html")
    before, after = (
        [each.get("href") for each in Page(Path(name).read_text(encoding="utf-8")).all("a")]
        for name in ("runs/before.html", "after.html")
    )
    assert before == ["#main"]
    assert after == ["#main", "runs/one.html", "runs/one.html#run1-1"]


@pytest.mark.parametrize(
    "words",
    [
        ("runs/one.jsonl", "-o", "runs/one.jsonl"),
        ("runs/one.jsonl", "-o", "link.html"),
        ("runs/one.jsonl", "runs/peers.jsonl", "-o", "runs/../runs/peers.jsonl"),
        ("--matrix", "runs/one.jsonl", "-o", "runs/one.jsonl"),
        ("--index", "runs", "-o", "runs/scale.jsonl"),
        ("runs/one.jsonl", "--index", "runs", "-o", "runs/scale.jsonl"),
        ("runs/one.jsonl", "--index", "runs", "-o", "runs/index.html"),
    ],
)
def test_no_page_takes_the_place_of_what_it_is_made_of(vecgate: Vecgate, words: tuple[str, ...]) -> None:
    """By whatever path: the stream is all that there is of a run."""
    Path("link.html").symlink_to("runs/one.jsonl")
    before = {path: path.read_bytes() for path in Path("runs").iterdir()}
    done = vecgate("report", *words)
    assert (done.code, done.out) == (2, "")
    assert "Name another file with -o." in done.err
    assert {path: path.read_bytes() for path in Path("runs").iterdir()} == before


def test_what_a_server_said_does_nothing_to_a_terminal(vecgate: Vecgate, tmp_path: Path) -> None:
    """Its escapes are seen, and an id of 5,000 characters makes no row as long."""
    title = "\x1b]0;owned\x07\u202e"
    hostile = Stream(header(target=title), (result("a." + "x" * 5_000, "failed"),), footer())
    written(tmp_path / "bad.jsonl", hostile)
    out = vecgate("report", "bad.jsonl", "runs/one.jsonl").out
    assert not set("\x1b\x07\u202e") & set(out)
    assert "\\u001b]0;owned" in out
    assert max(map(len, out.splitlines())) < 500


def test_the_result_is_json_where_asked(vecgate: Vecgate) -> None:
    """What is in each page, and what could not be read."""
    done = vecgate("report", "runs/one.jsonl", "empty.jsonl", "--json")
    told = json.loads(done.out)
    assert (told["schema"], told["exit_code"], done.code) == (1, 1, 1)
    (page,) = told["pages"]
    assert page["unreadable"] == ["empty.jsonl is no result stream: it has no header"]
    assert page["bytes"] == Path("report.html").stat().st_size
    assert page["runs"] == [
        {
            "file": "runs/one.jsonl",
            "run": "r1",
            "kind": "conformance",
            "target": "one",
            "verdict": "passed",
            "line": "1 of 1 requirement passed",
            "problems": [],
        }
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no result stream is named"),
        (("--matrix",), "no result stream is named"),
        (("--matrix", "--index", "runs"), "no result stream is named"),
        (("notes.txt",), "notes.txt is no result stream: line 1 is no record"),
        (("empty.jsonl",), "empty.jsonl is no result stream: it has no header"),
        (("runs",), "is a directory"),
        (("--index", "nowhere"), "does not exist"),
        (("--matrix", "runs/scale.jsonl"), "a scale run is none"),
        (("runs/one.jsonl", "-o", "notes.txt/a.html"), "notes.txt/a.html cannot be written"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(vecgate: Vecgate, words: tuple[str, ...], said: str) -> None:
    """And nothing is written."""
    done = vecgate("report", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not Path("report.html").exists()


def test_a_run_of_ten_minutes_takes_less_than_three_seconds(tmp_path: Path) -> None:
    """Of a processor, so that others on this machine do not count; and the page is below 500 KB."""
    stream = written(tmp_path / "long.jsonl", load_stream(600, OPERATIONS, stall_at=300, throttled_from=500))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "vecgate", "report", stream], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3 * slowness()
    assert Path("report.html").stat().st_size < 500_000


@pytest.mark.parametrize("option", sorted(max(each.opts, key=len) for each in report.params))
def test_every_option_is_explained(option: str) -> None:
    """In `docs/report.md`."""
    assert (option if option.startswith("-") else option.upper()[:-1]) in PAGE
