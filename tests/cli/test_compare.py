"""`vecgate compare` on result streams."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Vecgate
from load_streams import capacity_stream, cut_off, load_stream, written

from vecgate.results.records import Stream

CALM, THROTTLED = load_stream(60), load_stream(60, throttled_from=20)


@pytest.fixture(autouse=True)
def files() -> None:
    for name, stream in (("calm", CALM), ("throttled", THROTTLED), ("capacity", capacity_stream())):
        written(Path(f"{name}.jsonl"), stream)
    written(Path("cut.jsonl"), cut_off(CALM, 50))
    Path("none.jsonl").write_text("[1, 2]\n")


def test_what_got_worse_fails(vecgate: Vecgate) -> None:
    """Exit code 1, the verdict last."""
    result = vecgate("compare", "calm.jsonl", "throttled.jsonl")
    assert (result.code, result.err) == (1, "")
    assert result.out.splitlines()[-1].startswith("FAIL  4 of 8 figures worse beyond noise, achieved is ")
    assert "p50(PutVectors)" not in result.out
    assert "p50(PutVectors)" in vecgate("compare", "calm.jsonl", "throttled.jsonl", "--all").out


def test_what_is_allowed_passes(vecgate: Vecgate) -> None:
    """A limit excuses what it names, and nothing else."""
    words = ("compare", "calm.jsonl", "throttled.jsonl")
    limits = [f"--max-regression={name}=50%" for name in ("achieved", "errors", "throttled", "p50")]
    assert vecgate(*words, *limits).code == 0
    assert vecgate(*words, *limits, "--max-regression=achieved=1%").code == 1
    assert vecgate(*words, limits[-1]).code == 1
    assert vecgate("compare", "throttled.jsonl", "calm.jsonl").code == 0


def test_a_summary_makes_its_folder_or_is_refused_at_once(vecgate: Vecgate) -> None:
    """What cannot be written is known before anything is compared."""
    words = ("compare", "calm.jsonl", "calm.jsonl", "--markdown")
    assert vecgate(*words, "new/folder/summary.md").code == 0
    assert Path("new/folder/summary.md").read_text().startswith("## PASS")
    refused = vecgate(*words, "calm.jsonl/summary.md")
    assert (refused.code, refused.out) == (2, "")
    assert "calm.jsonl/summary.md cannot be written" in refused.err


def test_a_summary_that_fails_when_it_is_written_hides_no_result(vecgate: Vecgate) -> None:
    """The result is printed first."""
    result = vecgate("compare", "calm.jsonl", "calm.jsonl", "--markdown", "/dev/full")
    assert result.code == 2
    assert result.out.splitlines()[-1].startswith("PASS  nothing is worse than allowed")
    assert "error: /dev/full cannot be written" in result.err


def test_json_and_markdown_tell_the_same(vecgate: Vecgate) -> None:
    """The summary is added to what is there."""
    Path("summary.md").write_text("# before\n")
    result = vecgate("compare", "calm.jsonl", "throttled.jsonl", "--json", "--markdown", "summary.md")
    told = json.loads(result.out)
    assert (told["schema"], told["verdict"], told["exit_code"]) == (1, "failed", 1)
    assert Path("summary.md").read_text().startswith(f"# before\n## {told['line']}")


def test_a_run_that_was_cut_off_is_not_judged(vecgate: Vecgate) -> None:
    """Exit code 4, and which it was."""
    result = vecgate("compare", "calm.jsonl", "cut.jsonl")
    assert result.code == 4
    assert "note: cut.jsonl was cut off" in result.err
    assert "the run in the head did not end" in result.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("calm.jsonl", "capacity.jsonl"), "kind load cannot be compared with one of kind capacity"),
        (("calm.jsonl", "gone.jsonl"), "gone.jsonl cannot be read"),
        (("calm.jsonl", "none.jsonl"), "none.jsonl is no result stream: line 1 is no record"),
        (("calm.jsonl",), "Missing argument 'HEAD'"),
        (("calm.jsonl", "calm.jsonl", "--max-regression", "p99"), "'p99' is no limit"),
        (("calm.jsonl", "calm.jsonl", "--max-regression", "p98=1%"), "no figure has 'p98' in its name"),
    ],
)
def test_what_cannot_be_compared_says_why(vecgate: Vecgate, words: tuple[str, ...], said: str) -> None:
    """As wrong usage."""
    result = vecgate("compare", *words)
    assert result.code == 2
    assert said in result.err


def test_other_conditions_are_refused_unless_told(vecgate: Vecgate) -> None:
    """What differs is named both times."""
    header = CALM.header
    moved = type(header)(run="r2", started_at=header.started_at, target="local", kind="load")
    written(Path("moved.jsonl"), Stream(moved, CALM.records, CALM.footer))
    refused = vecgate("compare", "calm.jsonl", "moved.jsonl")
    assert refused.code == 2
    assert "machine: x86_64 and none" in refused.err
    told = vecgate("compare", "calm.jsonl", "moved.jsonl", "--anyway")
    assert told.code == 0
    assert "differs  machine: x86_64 and none" in told.out


def test_a_file_with_lines_that_are_no_records_is_not_compared(vecgate: Vecgate, tmp_path: Path) -> None:
    """What is missing from it might be what got worse."""
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    lines = ['{"record":"header","run":"a","started_at":"2026-01-01T00:00:00Z","target":"t"}']
    footer = '{"record":"footer","ended_at":"2026-01-01T00:01:00Z","duration_s":60}'
    whole.write_text("\n".join([*lines, footer, ""]))
    broken.write_text("\n".join([*lines, "what is this", footer, ""]))
    result = vecgate("compare", broken, whole)
    assert (result.code, result.out) == (2, "")
    assert "broken.jsonl cannot be compared" in result.err
