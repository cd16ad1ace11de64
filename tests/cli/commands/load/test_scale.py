"""`vecgate scale` as a command: its table, its recommendation and its clean-up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from child_processes import WITHIN_S, child_process
from commands import Vecgate

from vecgate.cli.commands.load.scale import scale
from vecgate.cli.runs.load.scale_report import outcome_lines, verdict_line
from vecgate.endpoint.local import LocalEndpoint
from vecgate.errors import TransportError
from vecgate.exit_codes import ExitCode
from vecgate.load.experiments.scaling_experiment import ScalingOutcome
from vecgate.load.experiments.scaling_grid import CellRun, CellShape, ScalingGrid
from vecgate.load.experiments.scaling_measurement import GridRunner
from vecgate.resources.creation_log import creation_log_folder
from vecgate.results.load.load_records import Cell
from vecgate.results.result_stream import read_stream

SMALL = ("--dimension", "8", "--batches", "5,40", "--in-flight", "1,2", "--seconds", "0.1")


def buckets_of(endpoint: str) -> set[str]:
    """Return the buckets of vecgate."""
    client = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    try:
        return {
            each["vectorBucketName"] for each in client.list_vector_buckets(prefix="vg-")["vectorBuckets"]
        }
    finally:
        client.close()


def test_a_grid_ends_with_a_recommendation(vecgate: Vecgate, endpoint: str) -> None:
    """A row for each cell, the verdict last, each measurement on stderr, the stream on disk, no bucket left."""
    result = vecgate("scale", "--target", endpoint, *SMALL, "-o", "out/scale.jsonl")
    assert result.code == 0
    head, *rows = result.out.splitlines()[:5]
    assert head.split()[:6] == ["vectors/request", "in", "flight", "vectors/s", "requests/s", "p50"]
    assert [row.split()[:2] for row in rows] == [["5", "1"], ["5", "2"], ["40", "1"], ["40", "2"]]
    assert sum("← recommended" in row for row in rows) == 1
    assert result.out.splitlines()[-1].startswith("SCALE  use ")
    measurements = result.err.splitlines()
    assert len(measurements) == 8
    assert measurements[-1].lstrip().startswith("8 of 8 ")
    stream = read_stream(Path("out/scale.jsonl"))
    assert (stream.header.kind, stream.header.options["dimension"]) == ("scale", "8")
    cells = stream.of(Cell)
    assert [(cell.vectors_per_request, cell.in_flight) for cell in cells] == [
        (5, 1),
        (5, 2),
        (40, 1),
        (40, 2),
    ]
    assert all(cell.vectors_per_s > 0 and cell.p99_ms >= cell.p50_ms > 0 for cell in cells)
    assert [cell.efficiency for cell in cells if cell.in_flight == 1] == [1, 1]
    assert stream.footer is not None
    assert stream.footer.is_complete
    assert stream.footer.requests["PutVectors"] > 0
    assert buckets_of(endpoint) == set()
    assert list(creation_log_folder().glob("*")) == []


def test_json_has_the_same_cells(vecgate: Vecgate, endpoint: str) -> None:
    """With --json stdout is one object, and with --quiet stderr is empty."""
    result = vecgate("scale", "--target", endpoint, *SMALL, "--json", "-q", "--rate", "2000")
    result_json = json.loads(result.out)
    assert (result_json["exit_code"], result_json["is_complete"], len(result_json["cells"])) == (0, True, 4)
    assert result_json["recommended"] in result_json["cells"]
    assert result_json["line"].startswith("SCALE  ")
    assert result_json["usd"] > 0
    assert max(cell["vectors_per_s"] for cell in result_json["cells"]) < 2_600
    assert result.err == ""


def test_the_cost_limit_ends_the_grid(vecgate: Vecgate, endpoint: str) -> None:
    """An index that accepts more than the documented quotas costs more than planned."""
    words = ("--dimension", "8", "--batches", "500", "--in-flight", "2,4", "--seconds", "1")
    result = vecgate("scale", "--target", endpoint, *words, "--max-cost", "0.0004")
    assert result.code == 4
    assert result.out.splitlines()[-1].startswith("STOPPED  at a cost of $0.000")
    assert buckets_of(endpoint) == set()


def test_a_target_that_fails_leaves_the_cells_measured_so_far(
    vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the error and its exit code."""

    def run(self: GridRunner) -> Iterator[tuple[CellShape, CellRun]]:
        yield CellShape(5, 1), CellRun(100, 20, 1.0)
        raise TransportError("PutVectors", "connection reset")

    monkeypatch.setattr(GridRunner, "run", run)
    result = vecgate("scale", "--target", endpoint, *SMALL, "-o", "scale.jsonl")
    assert result.code == 3
    assert result.out.splitlines()[-1] == "STOPPED  1 of 4 cells measured"
    assert result.err.splitlines()[-1] == "error: PutVectors got no response: connection reset"
    assert len(read_stream(Path("scale.jsonl")).of(Cell)) == 1
    assert buckets_of(endpoint) == set()


def test_a_target_that_denies_access_is_reported(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is created."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    with LocalEndpoint(auth=True) as closed:
        result = vecgate("scale", "--target", closed.url, *SMALL)
    assert result.code == 3
    assert "denies access" in result.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "no target is named"),
        (("--target", "http://127.0.0.1:9"), 3, "does not answer"),
        (("--target", "local", "--batches", "1,x"), 2, "--batches: '1,x' is not a list of whole numbers"),
        (
            ("--target", "local", "--batches", "501", "--in-flight", "0"),
            2,
            "requests in flight is 0, allowed",
        ),
        (
            ("--target", "local", "--max-cost", "0.001"),
            2,
            "the run costs about $0.44, and the limit is $0.001",
        ),
        (("--target", "local", "--seed", "-1"), 2, "seed is -1, allowed is 0 to 4,294,967,295"),
        (("--target", "local", "--max-cost", "nan"), 2, "--max-cost: nan is not a price"),
    ],
)
def test_invalid_options_are_reported(
    vecgate: Vecgate, words: tuple[str, ...], code: int, message: str
) -> None:
    """Before anything is created."""
    result = vecgate("scale", *words)
    assert result.code == code
    assert message in result.err
    assert result.out == ""


def test_aws_is_not_used_without_consent(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan, the price and the cost limit are printed, and nothing is run."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    result = vecgate("scale", "--target", "aws", "--region", "us-east-1")
    assert result.code == 2
    assert "plan      20 cells of 1,024 dimensions on aws (us-east-1, from --region)" in result.err
    assert "price     about $0.44 if the index accepts 2,500 vectors/s" in result.err
    assert "limit     stops at $1.00" in result.err
    assert "--yes" in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_grid_prints_its_cells_and_removes_its_bucket(
    endpoint: str, number: signal.Signals
) -> None:
    """Exit code 130."""
    words = ("scale", "--target", endpoint, "--dimension", "8", "--batches", "5", "--in-flight", "1,2")
    command = [sys.executable, "-m", "vecgate", *words, "--seconds", "4", "-o", "scale.jsonl"]
    with child_process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().lstrip().startswith("1 of 4 ")
        assert buckets_of(endpoint)
        process.send_signal(number)
        out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, err
    assert out.splitlines()[-1] == "INTERRUPTED  1 of 2 cells measured"
    assert buckets_of(endpoint) == set()
    stream = read_stream(Path("scale.jsonl"))
    assert len(stream.of(Cell)) == 1
    assert not stream.of(Cell)[0].is_recommended
    assert stream.footer is not None
    assert not stream.footer.is_complete


GRID = ScalingGrid(batches=(10,), in_flight=(1, 2))
RECOMMENDED = "SCALE  use 10 vectors per request, 1 in flight: 1,000 vectors/s, $2.44 per million"
DONE = [CellRun(1_000, 100, 1.0, 0.95), CellRun(1_000, 100, 1.0, 0.95)]


@pytest.mark.parametrize(
    ("outcome", "line", "code"),
    [
        (
            ScalingOutcome(GRID, {CellShape(10, 1): DONE, CellShape(10, 2): DONE}),
            RECOMMENDED,
            0,
        ),
        (
            ScalingOutcome(
                GRID, {CellShape(10, 1): DONE, CellShape(10, 2): DONE}, orphaned=["bucket vg-1: no"]
            ),
            RECOMMENDED,
            3,
        ),
        (
            ScalingOutcome(GRID, {CellShape(10, 1): DONE}, is_interrupted=True),
            "INTERRUPTED  1 of 2 cells measured",
            130,
        ),
        (
            ScalingOutcome(GRID, {}, failure=TransportError("PutVectors", "reset")),
            "STOPPED  0 of 2 cells measured",
            3,
        ),
        (
            ScalingOutcome(GRID, {CellShape(10, 1): DONE}, usd=0.5, is_over_budget=True),
            "STOPPED  at a cost of $0.50; 1 of 2 cells measured",
            4,
        ),
        (
            ScalingOutcome(GRID, {CellShape(10, n): [CellRun(0, 0, 1.0)] for n in (1, 2)}),
            "FAIL  no vector was written",
            1,
        ),
    ],
)
def test_each_ending_has_its_verdict_and_exit_code(outcome: ScalingOutcome, line: str, code: int) -> None:
    """An incomplete grid has no recommendation."""
    assert (verdict_line(outcome), int(outcome.exit_code)) == (line, code)


def test_the_limit_and_orphaned_resources_are_printed() -> None:
    """The client or the target was the limit; resources that remain follow the verdict."""
    throttled = [CellRun(1_000, 100, 1.0, throttled=3)]
    lines = outcome_lines(
        ScalingOutcome(
            GRID, {CellShape(10, 1): DONE, CellShape(10, 2): throttled}, orphaned=["bucket vg-1: no"]
        )
    )
    assert "limit     the target throttled 1 of 2 cells, so their rates show its limit" in lines
    assert "client    used up to 0.9 cores; near 1 core, the client is the limit, not the target" in lines
    cleanup = "CLEANUP FAILED  1 resource could not be removed: bucket vg-1: no. Run `vecgate clean`."
    assert lines[-1] == cleanup


PAGE = (Path(__file__).parents[4] / "docs" / "scale.md").read_text()
#: Explained on another page, for all commands.
COMMON = {"--target", "--region", "--profile", "--ca-bundle", "--no-verify", "--quiet"}


@pytest.mark.parametrize(
    "option",
    sorted({max(each.opts, key=len) for each in scale.params if each.opts[0].startswith("-")} - COMMON),
)
def test_every_option_is_documented(option: str) -> None:
    """In `docs/scale.md`."""
    assert f"`{option}`" in PAGE


def test_every_exit_code_is_documented() -> None:
    """With its number."""
    assert all(f"| {int(code)} |" in PAGE for code in ExitCode)
