"""What a run leaves for CI: annotations, outputs of a step, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from load_streams import cut_off, load_stream
from runs import footer, header, result, run

from vecgate.gate.load import judge_load
from vecgate.gate.verdict import Check, Verdict, judge
from vecgate.reporting.annotations import annotation_lines, complaints
from vecgate.reporting.outputs import OutputFiles, line_for, markdown_of, step_outputs, write_outputs
from vecgate.results.records import Run, Stream

DEVIATIONS = """
[[deviation]]
requirements = [
    "get-index.d",
]
"""


def stream_of(found: Run) -> Stream:
    return Stream(found.header, found.results, found.footer)


def test_a_complaint_points_to_the_line_that_says_what_must_hold(
    mixed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deviation that is no longer true stands in the list of deviations."""
    monkeypatch.chdir(tmp_path)
    Path("deviations.toml").write_text(DEVIATIONS)
    lines = annotation_lines(stream_of(mixed), judge(mixed), Path("deviations.toml"))
    assert lines == [
        "::error title=put-vectors.b[x|y]::assert 1 == 2%0Ahttps://a.example/",
        (
            "::error file=deviations.toml,line=4,title=get-index.d::"
            "passes, although it is listed: x%0Ahttps://a.example/"
        ),
        "::error title=deviations::gone.x: no requirement has this id",
    ]


def test_a_complaint_points_to_its_test_where_that_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a checkout of the suite."""
    monkeypatch.chdir(tmp_path)
    Path("test_a.py").write_text("import x\n\n\ndef test_other(): ...\n\nasync def test_a(n): ...\n")
    found = run(result("a.b", "failed", test="test_a.py::test_a[1]", reason="r"))
    assert annotation_lines(stream_of(found), judge(found)) == [
        "::error file=test_a.py,line=6,title=a.b::r%0Ahttps://a.example/"
    ]


def test_a_threshold_points_to_its_scenario(tmp_path: Path) -> None:
    """And says what was measured."""
    path = tmp_path / "ramp.toml"
    path.write_text('[scenario]\nthresholds = [\n  "dropped == 0",\n  "achieved >= 99%",\n]\n')
    slow = load_stream(30, throttled_from=20)
    (line,) = annotation_lines(slow, judge_load(slow), path)
    assert line.startswith(f"::error file={path},line=4,title=achieved >= 99%25::")


def test_ten_are_shown_and_the_others_counted() -> None:
    """GitHub would drop them in silence."""
    found = run(*(result(f"a.b{number}", "failed") for number in range(12)))
    lines = annotation_lines(stream_of(found), judge(found))
    assert len(lines) == 11
    assert lines[-1] == "::notice title=vecgate::and 2 more, in the job's summary"


def test_what_a_target_says_begins_no_command() -> None:
    """Line breaks, commas and colons are data."""
    found = run(result("a,b:c", "failed", reason="50%\r\n::set-output name=x::y", source=""))
    (line,) = annotation_lines(stream_of(found), judge(found))
    assert line == "::error title=a%2Cb%3Ac::50%25%0D%0A::set-output name=x::y"


def test_a_check_without_anybody_to_blame_complains_itself() -> None:
    """And whoever is blamed twice is told of once."""
    empty = run()
    assert [each.title for each in complaints(stream_of(empty), judge(empty))] == ["something ran"]
    twice = Verdict((Check("must", "m", "failed", ("a.b",)), Check("baseline", "m", "failed", ("a.b",))))
    assert len(list(complaints(stream_of(run(result("a.b", "failed"))), twice))) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_places_nothing(content: bytes | None, tmp_path: Path) -> None:
    """The complaint is made all the same."""
    if content:
        (tmp_path / "x.toml").write_bytes(content)
    found = run(result("a.b", "failed"))
    (line,) = annotation_lines(stream_of(found), judge(found), tmp_path / "x.toml")
    assert line.startswith("::error title=a.b::")


def test_all_files_are_written_for_either_kind(mixed: Run, tmp_path: Path) -> None:
    """What is there is added to where several steps write."""
    calm = load_stream(30)
    for name, stream, verdict in (
        ("conform", stream_of(mixed), judge(mixed)),
        ("ramp", calm, judge_load(calm)),
    ):
        at = tmp_path / name
        at.mkdir()
        paths = [at / each for each in ("junit.xml", "summary.md", "ctrf.json", "badge.svg")]
        junit, markdown, ctrf, badge = paths
        files = OutputFiles(junit, markdown, ctrf, badge, annotations=True)
        (at / "summary.md").write_text("# before\n")
        lines = write_outputs(
            stream, verdict, files, environ={"GITHUB_OUTPUT": str(at / "outputs")}, report=Path("r.jsonl")
        )
        assert "<testsuites>" in (at / "junit.xml").read_text()
        word = "FAIL" if name == "conform" else "PASS"
        assert (at / "summary.md").read_text().startswith(f"# before\n## {word}")
        extra = json.loads((at / "ctrf.json").read_text())["results"]["extra"]
        assert extra["vecgate.verdict"] == verdict.grade
        assert (at / "badge.svg").read_text().startswith("<svg")
        told = dict(line.split("=") for line in (at / "outputs").read_text().splitlines())
        assert told.pop("p99_ms", "none") == ("none" if name == "conform" else told_p99(calm))
        assert told == {"verdict": verdict.grade, "report": "r.jsonl"}
        assert bool(lines) is (name == "conform")


def told_p99(stream: Stream) -> str:
    # The latencies of the run are drawn around 10 ms: what p99 it came to is `test_summary`'s to say.
    return step_outputs(stream, judge_load(stream), None)["p99_ms"]


def test_p99_is_a_number_of_milliseconds() -> None:
    """As a later step can compare it."""
    told = step_outputs(load_stream(30), Verdict(()), None)
    assert 10 < float(told["p99_ms"]) < 40
    assert "p99_ms" not in step_outputs(cut_off(load_stream(30), 1), Verdict(()), None)
    assert "p99_ms" not in step_outputs(cut_off(load_stream(30), 0), Verdict(()), None)


def test_nothing_is_written_that_is_not_asked_for(mixed: Run, tmp_path: Path) -> None:
    """Not even to a file that GitHub names."""
    environ = {"GITHUB_OUTPUT": str(tmp_path / "outputs")}
    assert write_outputs(stream_of(mixed), judge(mixed), OutputFiles(), environ=environ) == []
    assert list(tmp_path.iterdir()) == []
    assert write_outputs(stream_of(mixed), judge(mixed), OutputFiles(annotations=True), environ={})


def test_a_path_begins_no_output_of_its_own() -> None:
    """Whatever it is called."""
    told = step_outputs(stream_of(run()), Verdict(()), Path("a\nverdict=passed"))
    assert told["report"] == "a verdict=passed"


def test_a_load_run_that_never_began_has_a_line() -> None:
    """For badge, summary and CTRF alike."""
    nothing = Stream(header(kind="load"), (), footer())
    verdict = judge_load(nothing)
    assert line_for(nothing, verdict) == "NOT JUDGED  the run did not begin: it has no plan"
    assert markdown_of(nothing, verdict) == "## NOT JUDGED  the run did not begin: it has no plan\n"
