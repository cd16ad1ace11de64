"""Files, annotations and step outputs for CI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from result_builders import footer, header, result, run
from sample_streams import load_stream, truncated

from vecgate.gate.conformance_verdict import judge_conformance
from vecgate.gate.load_verdict import judge_load
from vecgate.gate.verdict import Check, Verdict
from vecgate.reporting.ci.annotations import annotation_lines, find_annotations
from vecgate.reporting.ci.ci_outputs import (
    CiOutputs,
    run_markdown,
    run_verdict_line,
    step_outputs,
    write_ci_outputs,
)
from vecgate.results.records import ConformanceRun, Stream

DEVIATIONS = """
[[deviation]]
requirements = [
    "get-index.d",
]
"""


def stream_of(run: ConformanceRun) -> Stream:
    return Stream(run.header, run.results, run.footer)


def test_an_annotation_points_to_the_line_of_the_deviation(
    mixed_stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line in the deviations file that names a requirement which passes now."""
    monkeypatch.chdir(tmp_path)
    Path("deviations.toml").write_text(DEVIATIONS)
    lines = annotation_lines(mixed_stream, judge_conformance(mixed_stream.run), Path("deviations.toml"))
    assert lines == [
        "::error title=put-vectors.b[x|y]::assert 1 == 2%0Ahttps://a.example/",
        (
            "::error file=deviations.toml,line=4,title=get-index.d::"
            "passed, but a deviation is listed: x%0Ahttps://a.example/"
        ),
        "::error title=deviations::stale.x: no requirement has this id",
    ]


def test_an_annotation_points_to_its_test_if_the_file_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout of the suite has the file."""
    monkeypatch.chdir(tmp_path)
    Path("test_a.py").write_text("import x\n\n\ndef test_other(): ...\n\nasync def test_a(n): ...\n")
    found = run(result("a.b", "failed", test="test_a.py::test_a[1]", reason="r"))
    assert annotation_lines(stream_of(found), judge_conformance(found)) == [
        "::error file=test_a.py,line=6,title=a.b::r%0Ahttps://a.example/"
    ]


def test_an_annotation_points_to_the_threshold_in_the_scenario(tmp_path: Path) -> None:
    """The threshold that failed."""
    path = tmp_path / "ramp.toml"
    path.write_text('[scenario]\nthresholds = [\n  "dropped == 0",\n  "achieved >= 99%",\n]\n')
    slow = load_stream(30, throttled_from=20)
    (line,) = annotation_lines(slow, judge_load(slow), path)
    assert line.startswith(f"::error file={path},line=4,title=achieved >= 99%25::")


def test_ten_annotations_are_printed_and_the_others_counted() -> None:
    """GitHub silently drops more than ten."""
    found = run(*(result(f"a.b{number}", "failed") for number in range(12)))
    lines = annotation_lines(stream_of(found), judge_conformance(found))
    assert len(lines) == 11
    assert lines[-1].startswith("::notice title=vecgate::and 2 more")


def test_text_from_a_target_starts_no_workflow_command() -> None:
    """Line breaks, commas and colons are escaped."""
    found = run(result("a,b:c", "failed", reason="50%\r\n::set-output name=x::y", source=""))
    (line,) = annotation_lines(stream_of(found), judge_conformance(found))
    assert line == "::error title=a%2Cb%3Ac::50%25%0A\\u003a:set-output name=x::y"


def test_a_check_without_requirements_has_an_annotation() -> None:
    """A requirement that several checks name has only one."""
    empty = run()
    (only,) = find_annotations(stream_of(empty), judge_conformance(empty))
    assert only.title == judge_conformance(empty).checks[0].name
    twice = Verdict((Check("must", "m", "failed", ("a.b",)), Check("baseline", "m", "failed", ("a.b",))))
    assert len(list(find_annotations(stream_of(run(result("a.b", "failed"))), twice))) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_an_unreadable_file_leaves_an_annotation_without_a_line(
    content: bytes | None, tmp_path: Path
) -> None:
    """The problem is still reported."""
    if content:
        (tmp_path / "x.toml").write_bytes(content)
    found = run(result("a.b", "failed"))
    (line,) = annotation_lines(stream_of(found), judge_conformance(found), tmp_path / "x.toml")
    assert line.startswith("::error title=a.b::")


def test_all_files_are_written_for_both_kinds_of_runs(mixed_stream: Stream, tmp_path: Path) -> None:
    """The job summary is appended to, because several steps write to it."""
    passed = load_stream(30)
    for name, stream, verdict in (
        ("conform", mixed_stream, judge_conformance(mixed_stream.run)),
        ("ramp", passed, judge_load(passed)),
    ):
        folder = tmp_path / name
        folder.mkdir()
        junit, markdown, ctrf, badge = (
            folder / each for each in ("junit.xml", "summary.md", "ctrf.json", "badge.svg")
        )
        files = CiOutputs(junit, markdown, ctrf, badge, annotations=True)
        markdown.write_text("# before\n")
        environ = {"GITHUB_OUTPUT": str(folder / "outputs")}
        lines = write_ci_outputs(stream, verdict, files, environ=environ, report=Path("r.jsonl"))
        assert "<testsuites>" in junit.read_text()
        word = "FAIL" if name == "conform" else "PASS"
        assert markdown.read_text().startswith(f"# before\n## {word}")
        extra = json.loads(ctrf.read_text())["results"]["extra"]
        assert extra["vecgate.verdict"] == verdict.grade
        assert badge.read_text().startswith("<svg")
        outputs = dict(line.split("=") for line in (folder / "outputs").read_text().splitlines())
        assert outputs == step_outputs(stream, verdict, Path("r.jsonl"))
        assert outputs["report"] == "r.jsonl"
        assert bool(lines) is (name == "conform")


def test_p99_is_a_number_of_milliseconds() -> None:
    """A later step can compare it. A run without requests has none."""
    outputs = step_outputs(load_stream(30), Verdict(()), None)
    assert 10 < float(outputs["p99_ms"]) < 40
    assert "p99_ms" not in step_outputs(truncated(load_stream(30), 1), Verdict(()), None)
    assert "p99_ms" not in step_outputs(truncated(load_stream(30), 0), Verdict(()), None)


def test_only_requested_files_are_written(mixed_stream: Stream, tmp_path: Path) -> None:
    """The file of step outputs is written with --annotations only."""
    verdict = judge_conformance(mixed_stream.run)
    environ = {"GITHUB_OUTPUT": str(tmp_path / "outputs")}
    assert write_ci_outputs(mixed_stream, verdict, CiOutputs(), environ=environ) == []
    assert list(tmp_path.iterdir()) == []
    assert write_ci_outputs(mixed_stream, verdict, CiOutputs(annotations=True), environ={})


def test_a_line_break_in_a_path_starts_no_other_output() -> None:
    """File names may contain any character."""
    outputs = step_outputs(stream_of(run()), Verdict(()), Path("a\nverdict=passed"))
    assert outputs["report"] == "a verdict=passed"


def test_a_load_run_without_a_plan_has_a_verdict_line() -> None:
    """The badge, the summary and CTRF need it."""
    empty = Stream(header(kind="load"), (), footer())
    verdict = judge_load(empty)
    line = run_verdict_line(empty, verdict)
    assert line == f"INCONCLUSIVE  {verdict.checks[0].measured}"
    assert run_markdown(empty, verdict) == f"## {line}\n"
