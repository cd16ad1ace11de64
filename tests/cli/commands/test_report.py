"""`vecgate report` with streams like those of real runs."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Vecgate
from html_page import Page
from result_builders import footer, header, result
from sample_streams import OPERATIONS, load_stream, peers_stream, scale_stream, write_stream
from slowness import slowness

from vecgate.cli.commands.report import report
from vecgate.results.records import Stream

CONFORMANCE = Stream(header(target="one"), (result("a.b"),), footer())
PAGE = (Path(__file__).parents[3] / "docs" / "report.md").read_text()


@pytest.fixture(autouse=True)
def streams(tmp_path: Path) -> None:
    """A folder with three streams, and two files that are not streams."""
    (tmp_path / "runs").mkdir()
    write_stream(tmp_path / "runs" / "scale.jsonl", scale_stream())
    write_stream(tmp_path / "runs" / "one.jsonl", CONFORMANCE)
    write_stream(tmp_path / "runs" / "peers.jsonl", peers_stream())
    (tmp_path / "notes.txt").write_text("not a stream\n")
    (tmp_path / "empty.jsonl").touch()


def test_a_run_becomes_a_page(vecgate: Vecgate) -> None:
    """The verdict of the run and the path of the page are on stdout, and nothing on stderr."""
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


def test_the_report_of_a_failed_run_succeeds(vecgate: Vecgate, tmp_path: Path) -> None:
    """Its exit code is 0: only the command that ran has a gate."""
    write_stream(tmp_path / "bad.jsonl", Stream(header(), (result("a.b", "failed"),), footer()))
    done = vecgate("report", "bad.jsonl")
    assert done.code == 0
    assert "FAIL" in done.out
    assert Path("report.html").exists()


def test_unreadable_files_are_named_and_the_others_shown(vecgate: Vecgate) -> None:
    """The exit code is 1, because the page is incomplete."""
    done = vecgate("report", "runs/one.jsonl", "notes.txt", "none.jsonl")
    assert done.code == 1
    assert "warning: notes.txt is not a result stream: line 1 is not a record" in done.err
    assert "warning: none.jsonl cannot be read: No such file or directory" in done.err
    words = Page(Path("report.html").read_text(encoding="utf-8")).words
    assert "PASS 1 of 1 requirement passed" in words
    assert "none.jsonl cannot be read" in words


def test_a_damaged_or_incomplete_stream_has_warnings(vecgate: Vecgate) -> None:
    """On stderr. Its other lines are shown."""
    lines = Path("runs/one.jsonl").read_text().splitlines()
    Path("cut.jsonl").write_text("\n".join([lines[0], "garbage", lines[1]]) + "\n")
    done = vecgate("report", "cut.jsonl")
    assert done.code == 0
    assert "warning: cut.jsonl, line 2 is not a record" in done.err
    assert "warning: cut.jsonl was cut off: the records written before are shown" in done.err
    assert "INCONCLUSIVE" in done.out
    assert vecgate("report", "cut.jsonl", "--quiet").err == ""


def test_the_matrix_compares_targets(vecgate: Vecgate) -> None:
    """It needs conformance runs."""
    done = vecgate("report", "--matrix", "runs/one.jsonl", "-o", "matrix.html")
    assert (done.code, done.out.splitlines()[-1][:19]) == (0, "matrix.html: 1 run,")
    assert "h1 Compatibility" in Page(Path("matrix.html").read_text(encoding="utf-8")).outline


def test_the_index_lists_the_runs_of_a_folder(vecgate: Vecgate) -> None:
    """It links the report beside a stream, or the stream itself, with a relative path."""
    Path("runs/scale.html").touch()
    assert vecgate("report", "--index", "runs").code == 0
    links = [each.get("href") for each in Page(Path("runs/index.html").read_text(encoding="utf-8")).all("a")]
    assert sorted(map(str, links)) == ["#main", "one.jsonl", "peers.jsonl", "scale.html"]
    done = vecgate("report", "runs/one.jsonl", "--index", "runs", "-o", "a page.html", "--json")
    result_json = json.loads(done.out)
    assert [page["page"] for page in result_json["pages"]] == ["a page.html", "runs/index.html"]
    done = vecgate("report", "--index", "runs", "-o", "list of runs/all.html")
    links = [each.get("href") for each in Page(Path("list of runs/all.html").read_text()).all("a")]
    assert "../runs/scale.html" in links


def test_the_index_links_pages_about_several_runs(vecgate: Vecgate) -> None:
    """By their titles. It links neither itself nor pages of other programs."""
    Path("runs/other.html").write_text("<title>Other – vecgate</title>")
    vecgate("report", "--matrix", "runs/one.jsonl", "-o", "runs/compatibility.html")
    for _ in range(2):
        assert vecgate("report", "--index", "runs").code == 0
    page = Page(Path("runs/index.html").read_text(encoding="utf-8"))
    links = [each.get("href") for each in page.all("a")]
    assert sorted(map(str, links)) == [
        "#main", "compatibility.html", "one.jsonl", "peers.jsonl", "scale.jsonl",
    ]  # fmt: skip
    assert "Pages about several runs Compatibility" in page.words


def test_the_matrix_links_the_report_of_each_target(vecgate: Vecgate) -> None:
    """If it is beside the stream."""
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
def test_a_page_never_overwrites_an_input(vecgate: Vecgate, words: tuple[str, ...]) -> None:
    """Nor another output, by any path to the same file."""
    Path("link.html").symlink_to("runs/one.jsonl")
    before = {path: path.read_bytes() for path in Path("runs").iterdir()}
    done = vecgate("report", *words)
    assert (done.code, done.out) == (2, "")
    assert "Name another file." in done.err
    assert {path: path.read_bytes() for path in Path("runs").iterdir()} == before


def test_text_from_a_server_is_escaped_on_the_terminal(vecgate: Vecgate, tmp_path: Path) -> None:
    """And a row has a limited length."""
    title = "\x1b]0;owned\x07\u202e"
    hostile = Stream(header(target=title), (result("a." + "x" * 5_000, "failed"),), footer())
    write_stream(tmp_path / "bad.jsonl", hostile)
    out = vecgate("report", "bad.jsonl", "runs/one.jsonl").out
    assert not set("\x1b\x07\u202e") & set(out)
    assert "\\u001b]0;owned" in out
    assert max(map(len, out.splitlines())) < 500


def test_the_result_is_printed_as_json_on_request(vecgate: Vecgate) -> None:
    """With the runs of each page, and the files that could not be read."""
    done = vecgate("report", "runs/one.jsonl", "empty.jsonl", "--json")
    result_json = json.loads(done.out)
    assert (result_json["schema"], result_json["exit_code"], done.code) == ("vecgate.report/1", 1, 1)
    (page,) = result_json["pages"]
    assert page["unreadable"] == ["empty.jsonl is not a result stream: it has no header"]
    assert page["bytes"] == Path("report.html").stat().st_size
    assert page["runs"] == [
        {
            "file": "runs/one.jsonl",
            "run": "r1",
            "kind": "conformance",
            "target": "one",
            "verdict": "passed",
            "line": "1 of 1 requirement passed",
            "orphaned": [],
            "problems": [],
        }
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no result stream is given"),
        (("--matrix",), "no result stream is given"),
        (("--matrix", "--index", "runs"), "no result stream is given"),
        (("notes.txt",), "notes.txt is not a result stream: line 1 is not a record"),
        (("empty.jsonl",), "empty.jsonl is not a result stream: it has no header"),
        (("runs",), "is a directory"),
        (("--index", "nowhere"), "does not exist"),
        (("--matrix", "runs/scale.jsonl"), "a scale run"),
        (("runs/one.jsonl", "-o", "notes.txt/a.html"), "notes.txt/a.html cannot be written"),
    ],
)
def test_wrong_usage_is_reported_in_a_line(vecgate: Vecgate, words: tuple[str, ...], message: str) -> None:
    """Nothing is written."""
    done = vecgate("report", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not Path("report.html").exists()


@pytest.mark.serial
def test_a_run_of_ten_minutes_takes_less_than_three_seconds_of_cpu_time(tmp_path: Path) -> None:
    """The page is below 500 KB."""
    stream = write_stream(
        tmp_path / "long.jsonl", load_stream(600, OPERATIONS, stall_at=300, throttled_from=500)
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "vecgate", "report", stream], check=True, timeout=60, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3 * slowness()
    assert Path("report.html").stat().st_size < 500_000


@pytest.mark.parametrize("option", sorted(max(each.opts, key=len) for each in report.params))
def test_every_option_is_documented(option: str) -> None:
    """In `docs/report.md`."""
    assert (option if option.startswith("-") else option.upper()[:-1]) in PAGE


def test_two_runs_are_compared_on_a_page(vecgate: Vecgate) -> None:
    """The last line is that of `vecgate compare`; the exit code is not, because that command is the gate."""
    write_stream(Path("before.jsonl"), load_stream(20))
    write_stream(Path("after.jsonl"), load_stream(20, stall_at=10, header={"run": "5eed0002"}))
    gate = vecgate("compare", "before.jsonl", "after.jsonl", "--max-regression", "dropped=1%")
    limits = ("--max-regression", "dropped=1%")
    done = vecgate("report", "--compare", "before.jsonl", "after.jsonl", *limits, "-o", "c.html")
    assert (done.code, done.out.splitlines()[-1]) == (0, gate.out.splitlines()[-1])
    assert done.out.splitlines()[-2].startswith("c.html: 2 runs, ")
    page = Page(Path("c.html").read_text(encoding="utf-8"))
    assert page.outline[0] == "h1 Comparison of load runs"
    found = json.loads(vecgate("report", "--compare", "before.jsonl", "after.jsonl", *limits, "--json").out)
    assert " ".join(found["comparison"]["line"].split()) == " ".join(gate.out.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--compare", "runs/scale.jsonl"), "HEAD is missing"),
        (("--compare", "runs/scale.jsonl", "runs/one.jsonl"), "cannot be compared"),
        (("--compare", "runs/one.jsonl", "runs/one.jsonl", "--matrix"), "leave out --index and --matrix"),
        (("--compare", "runs/one.jsonl", "runs/one.jsonl", "-o", "runs/one.jsonl"), "would overwrite it"),
        (("runs/one.jsonl", "--force"), "need --compare"),
    ],
)
def test_a_comparison_that_is_impossible_is_a_usage_error(
    vecgate: Vecgate, words: tuple[str, ...], problem: str
) -> None:
    """No page is written."""
    done = vecgate("report", *words)
    assert (done.code, problem in done.err) == (2, True)
    assert not Path("report.html").exists()


def test_a_double_dash_separates_sides_only_with_compare(vecgate: Vecgate) -> None:
    """Elsewhere it ends the options, as in every command."""
    assert vecgate("report", "-o", "a.html", "--", "runs/one.jsonl").code == 0
    assert vecgate("report", "--compare", "runs/one.jsonl", "--", "runs/one.jsonl").code == 0
