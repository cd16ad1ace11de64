"""`vecgate compare` on result streams."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Vecgate
from msgspec.structs import replace
from sample_streams import capacity_stream, load_stream, truncated, write_stream

from vecgate.results.records import Stream

CALM, THROTTLED = load_stream(60), load_stream(60, throttled_from=20)


@pytest.fixture(autouse=True)
def files() -> None:
    for name, stream in (("calm", CALM), ("throttled", THROTTLED), ("capacity", capacity_stream())):
        write_stream(Path(f"{name}.jsonl"), stream)
    write_stream(Path("cut.jsonl"), truncated(CALM, 50))
    Path("none.jsonl").write_text("[1, 2]\n")


def test_a_regression_fails(vecgate: Vecgate) -> None:
    """With exit code 1 and the verdict as the last line."""
    result = vecgate("compare", "calm.jsonl", "throttled.jsonl")
    assert (result.code, result.err) == (1, "")
    assert result.out.splitlines()[-1].startswith(
        "FAIL  4 of 8 figures regressed beyond noise: achieved regressed by "
    )
    assert "p50(PutVectors)" not in result.out
    assert "p50(PutVectors)" in vecgate("compare", "calm.jsonl", "throttled.jsonl", "--all").out


def test_an_allowed_regression_passes(vecgate: Vecgate) -> None:
    """A limit applies to the figures that it names only."""
    words = ("compare", "calm.jsonl", "throttled.jsonl")
    limits = [f"--max-regression={name}=50%" for name in ("achieved", "errors", "throttled", "p50")]
    assert vecgate(*words, *limits).code == 0
    assert vecgate(*words, *limits, "--max-regression=achieved=1%").code == 1
    assert vecgate(*words, limits[-1]).code == 1
    assert vecgate("compare", "throttled.jsonl", "calm.jsonl").code == 0


def test_the_summary_file_is_checked_before_the_comparison(vecgate: Vecgate) -> None:
    """Its folder is created."""
    words = ("compare", "calm.jsonl", "calm.jsonl", "--markdown")
    assert vecgate(*words, "new/folder/summary.md").code == 0
    assert Path("new/folder/summary.md").read_text().startswith("## PASS")
    refused = vecgate(*words, "calm.jsonl/summary.md")
    assert (refused.code, refused.out) == (2, "")
    assert "calm.jsonl/summary.md cannot be written" in refused.err


def test_the_result_is_printed_before_the_summary_is_written(vecgate: Vecgate) -> None:
    """A full disk does not hide it."""
    result = vecgate("compare", "calm.jsonl", "calm.jsonl", "--markdown", "/dev/full")
    assert result.code == 2
    assert result.out.splitlines()[-1].startswith("PASS  nothing regressed more than allowed")
    assert "error: /dev/full cannot be written" in result.err


def test_json_and_markdown_agree(vecgate: Vecgate) -> None:
    """The summary is appended to the file."""
    Path("summary.md").write_text("# before\n")
    result = vecgate("compare", "calm.jsonl", "throttled.jsonl", "--json", "--markdown", "summary.md")
    plain = json.loads(result.out)
    assert (plain["schema"], plain["verdict"], plain["exit_code"]) == ("vecgate.compare/1", "failed", 1)
    assert Path("summary.md").read_text().startswith(f"# before\n## {plain['line']}")


def test_a_run_that_was_cut_off_is_inconclusive(vecgate: Vecgate) -> None:
    """With exit code 4, and a note that names the file."""
    result = vecgate("compare", "calm.jsonl", "cut.jsonl")
    assert result.code == 4
    assert "note: cut.jsonl was cut off" in result.err
    assert "the run in the head did not end" in result.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("calm.jsonl", "capacity.jsonl"), "kind load cannot be compared with one of kind capacity"),
        (("calm.jsonl", "missing.jsonl"), "missing.jsonl cannot be read"),
        (("calm.jsonl", "none.jsonl"), "none.jsonl is not a result stream: line 1 is not a record"),
        (("calm.jsonl",), "HEAD is missing"),
        (("calm.jsonl", "calm.jsonl", "--max-regression", "p99"), "'p99' is not a limit"),
        (("calm.jsonl", "calm.jsonl", "--max-regression", "p98=1%"), "no figure has 'p98' in its name"),
    ],
)
def test_runs_that_cannot_be_compared_are_a_usage_error(
    vecgate: Vecgate, words: tuple[str, ...], message: str
) -> None:
    """The message gives the reason."""
    result = vecgate("compare", *words)
    assert result.code == 2
    assert message in result.err


def test_runs_of_different_machines_are_compared_with_force_only(vecgate: Vecgate) -> None:
    """The differences are shown in both cases."""
    header = CALM.header
    moved = type(header)(run="r2", started_at=header.started_at, target="local", kind="load")
    write_stream(Path("moved.jsonl"), Stream(moved, CALM.records, CALM.footer))
    refused = vecgate("compare", "calm.jsonl", "moved.jsonl")
    assert refused.code == 2
    assert "machine: x86_64 and none" in refused.err
    forced = vecgate("compare", "calm.jsonl", "moved.jsonl", "--force")
    assert forced.code == 0
    assert "differs  machine: x86_64 and none" in forced.out


def test_a_file_with_invalid_lines_is_not_compared(vecgate: Vecgate, tmp_path: Path) -> None:
    """A missing record may be the one that regressed."""
    valid, damaged = tmp_path / "valid.jsonl", tmp_path / "damaged.jsonl"
    lines = ['{"record":"header","run":"a","started_at":"2026-01-01T00:00:00Z","target":"t"}']
    footer = '{"record":"footer","ended_at":"2026-01-01T00:01:00Z","duration_s":60}'
    valid.write_text("\n".join([*lines, footer, ""]))
    damaged.write_text("\n".join([*lines, "not a record", footer, ""]))
    result = vecgate("compare", damaged, valid)
    assert (result.code, result.out) == (2, "")
    assert "damaged.jsonl cannot be compared" in result.err


def test_several_runs_of_each_side_are_separated(vecgate: Vecgate) -> None:
    """By `--`; options may follow the files."""
    for side in "ab":
        for number in range(3):
            stream = load_stream(60)
            header = replace(stream.header, run=f"{side}{number}")
            write_stream(Path(f"{side}{number}.jsonl"), replace(stream, header=header))
    base, head = ([f"{side}{number}.jsonl" for number in range(3)] for side in "ab")
    result = vecgate("compare", *base, "--", *head, "--all", "--json")
    assert (result.code, json.loads(result.out)["runs"]) == (0, {"base": 3, "head": 3})
    for words in ([*base, *head], [*base, "--"], ["--", *head], base[:1], [*base, "--", *head, "--", *base]):
        refused = vecgate("compare", *words)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.count("\n") == 2
