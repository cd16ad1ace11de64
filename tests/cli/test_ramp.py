"""`vecgate ramp`, as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Vecgate

from vecgate.results.stream import read_stream

SHORT = ("--set", "stages.duration=0.2", "--set", "vectors.dimension=8")


def test_a_ramp_ends_with_its_verdict_and_leaves_what_ci_asks_for(
    vecgate: Vecgate, endpoint: str, tmp_path: Path
) -> None:
    """Text on stdout, progress on stderr; the stream, JUnit, Markdown and metrics in files."""
    files = {name: tmp_path / f"out.{name}" for name in ("jsonl", "xml", "md", "prom", "svg")}
    result = vecgate(
        "ramp", "smoke", "--target", endpoint, *SHORT, "-o", files["jsonl"], "--junit", files["xml"],
        "--markdown", files["md"], "--openmetrics", files["prom"], "--badge", files["svg"],
    )  # fmt: skip
    assert result.code == 0, result.out + result.err
    assert result.out.splitlines()[-1].startswith("PASS  20 requests/s held for 2 s")
    assert "smoke: 40 requests in 2 s" in result.err
    assert read_stream(files["jsonl"]).header.kind == "load"
    assert files["xml"].read_text().startswith("<?xml")
    assert "PASS" in files["md"].read_text()
    assert files["prom"].read_text().endswith("# EOF\n")
    assert "<svg" in files["svg"].read_text()


def test_a_threshold_that_does_not_hold_fails_the_run(vecgate: Vecgate, endpoint: str) -> None:
    """One of the command line counts like those of the file; JSON says what was measured."""
    result = vecgate(
        "ramp", "smoke", "--target", endpoint, *SHORT, "--threshold", "p(50) < 1us", "--json", "--quiet"
    )
    found = json.loads(result.out)
    assert result.code == 1
    assert result.err == ""
    assert found["verdict"] == "failed"
    assert [check["name"] for check in found["checks"] if check["verdict"] == "failed"] == ["p(50) < 1us"]
    assert found["operations"]["PutVectors"]["response_ms"]["p99"] > 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "no scenario is named"),
        (("nothing",), 2, "'nothing' is neither a scenario nor a file"),
        (("smoke", "--set", "vectors.dimension"), 2, "'vectors.dimension' sets nothing"),
        (("smoke", "--set", "vectors.dimension=0"), 2, "allowed is a whole number from 1 to 4,096"),
        (("smoke", "--threshold", "p(99) < 5"), 2, "p needs a unit"),
        (("smoke", "--target", "http://127.0.0.1:9"), 3, "does not answer"),
        (("smoke", "--target", "aws"), 3, "there are no AWS credentials"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(
    vecgate: Vecgate, words: tuple[str, ...], code: int, told: str
) -> None:
    """Nothing is started for it."""
    given = words if "--target" in words else (*words, "--target", "local")
    result = vecgate("ramp", *given, "--region", "us-east-1")
    assert (result.code, result.out) == (code, "")
    assert told in result.err.replace("\n", " ")


def test_the_scenarios_are_listed(vecgate: Vecgate) -> None:
    """With how long each takes and what it costs on Amazon."""
    lines = vecgate("ramp", "--list").out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "mixed", "query", "quota-2500", "ramp-1000", "smoke", "soak", "spike", "stream-1000",
    ]  # fmt: skip
    assert all("$" in line for line in lines)
