"""`vecgate scale`: the table, the recommendation, and nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from commands import Vecgate

from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.scale import scale
from vecgate.cli.scale_report import Outcome, line_of, report
from vecgate.endpoint.local import LocalEndpoint
from vecgate.errors import TransportError
from vecgate.load.scale import Grid, Shape, Slice
from vecgate.load.scale_run import Meter
from vecgate.results.load import Cell
from vecgate.results.stream import read_stream
from vecgate.targets.leftovers import records_folder

SMALL = ("--dimension", "8", "--batches", "5,40", "--in-flight", "1,2", "--seconds", "0.1")


def buckets_of(endpoint: str) -> set[str]:
    """Buckets of ours that are there."""
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
    """A row for each cell, the verdict last, each turn on stderr, the stream on disk, and no bucket left."""
    result = vecgate("scale", "--target", endpoint, *SMALL, "-o", "out/scale.jsonl")
    assert result.code == 0
    head, *rows = result.out.splitlines()[:5]
    assert head.split()[:6] == ["vectors/request", "in", "flight", "vectors/s", "requests/s", "p50"]
    assert [row.split()[:2] for row in rows] == [["5", "1"], ["5", "2"], ["40", "1"], ["40", "2"]]
    assert sum("← recommended" in row for row in rows) == 1
    assert result.out.splitlines()[-1].startswith("SCALE  send ")
    turns = result.err.splitlines()
    assert len(turns) == 8
    assert turns[-1].lstrip().startswith("8 of 8 ")
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
    assert list(records_folder().glob("*")) == []


def test_json_has_the_same_cells(vecgate: Vecgate, endpoint: str) -> None:
    """With --json stdout is one object, and with --quiet stderr is empty."""
    result = vecgate("scale", "--target", endpoint, *SMALL, "--json", "-q", "--rate", "2000")
    told = json.loads(result.out)
    assert (told["exit_code"], told["is_complete"], len(told["cells"])) == (0, True, 4)
    assert told["recommended"] in told["cells"]
    assert told["line"].startswith("SCALE  ")
    assert told["usd"] > 0
    assert max(cell["vectors_per_s"] for cell in told["cells"]) < 2_600
    assert result.err == ""


def test_what_may_be_spent_ends_the_grid(vecgate: Vecgate, endpoint: str) -> None:
    """An index that takes more than is documented costs more than was planned."""
    words = ("--dimension", "8", "--batches", "500", "--in-flight", "2,4", "--seconds", "1")
    result = vecgate("scale", "--target", endpoint, *words, "--max-cost", "0.0004")
    assert result.code == 4
    assert result.out.splitlines()[-1].startswith("STOPPED  $0.000")
    assert buckets_of(endpoint) == set()


def test_a_target_that_fails_midway_leaves_what_was_measured(
    vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cells so far, what stopped it, and the exit code of that."""

    def walk(self: Meter) -> Iterator[tuple[Shape, Slice]]:
        yield Shape(5, 1), Slice(100, 20, 1.0)
        raise TransportError("PutVectors", "connection reset")

    monkeypatch.setattr(Meter, "walk", walk)
    result = vecgate("scale", "--target", endpoint, *SMALL, "-o", "scale.jsonl")
    assert result.code == 3
    assert result.out.splitlines()[-1] == "STOPPED  1 of 4 cells measured"
    assert result.err.splitlines()[-1] == "error: PutVectors got no answer: connection reset"
    assert len(read_stream(Path("scale.jsonl")).of(Cell)) == 1
    assert buckets_of(endpoint) == set()


def test_a_target_that_allows_nothing_is_said_to(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is made."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    with LocalEndpoint(auth=True) as closed:
        result = vecgate("scale", "--target", closed.url, *SMALL)
    assert result.code == 3
    assert "does not allow it" in result.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "no target is named"),
        (("--target", "http://127.0.0.1:9"), 3, "does not answer"),
        (("--target", "local", "--batches", "1,x"), 2, "'1,x' is no list of whole numbers"),
        (
            ("--target", "local", "--batches", "501", "--in-flight", "0"),
            2,
            "requests in flight is 0, allowed",
        ),
        (("--target", "local", "--max-cost", "0.001"), 2, "it costs about $0.44, and $0.001 is allowed"),
        (("--target", "local", "--seed", "-1"), 2, "seed is -1, allowed is 0 to 4,294,967,295"),
        (("--target", "local", "--max-cost", "nan"), 2, "nan is no number of US dollars"),
    ],
)
def test_what_cannot_be_measured_says_why(
    vecgate: Vecgate, words: tuple[str, ...], code: int, said: str
) -> None:
    """Before anything is made."""
    result = vecgate("scale", *words)
    assert result.code == code
    assert said in result.err
    assert result.out == ""


def test_amazon_is_planned_first_and_not_used_unasked(
    vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What will be done, what it costs, where it stops, and that nothing was done."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    result = vecgate("scale", "--target", "aws", "--region", "us-east-1")
    assert result.code == 2
    assert "plan      20 cells of 1,024 dimensions on aws (us-east-1, from --region)" in result.err
    assert "price     about $0.44 if the index takes 2,500 vectors/s" in result.err
    assert "limit     stops at $1.00" in result.err
    assert "--yes" in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_grid_tells_what_it_has_and_removes_what_it_made(
    endpoint: str, number: signal.Signals
) -> None:
    """Exit code 130, with the bucket gone."""
    words = ("scale", "--target", endpoint, "--dimension", "8", "--batches", "5", "--in-flight", "1,2")
    with subprocess.Popen(
        [sys.executable, "-m", "vecgate", *words, "--seconds", "4", "-o", "scale.jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().lstrip().startswith("1 of 4 ")
        assert buckets_of(endpoint)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert out.splitlines()[-1] == "INTERRUPTED  1 of 2 cells measured"
    assert buckets_of(endpoint) == set()
    stream = read_stream(Path("scale.jsonl"))
    assert len(stream.of(Cell)) == 1
    assert not stream.of(Cell)[0].is_recommended
    assert stream.footer is not None
    assert not stream.footer.is_complete


GRID = Grid(batches=(10,), in_flight=(1, 2))
DONE = [Slice(1_000, 100, 1.0, 0.95), Slice(1_000, 100, 1.0, 0.95)]


@pytest.mark.parametrize(
    ("outcome", "line", "code"),
    [
        (
            Outcome(GRID, {Shape(10, 1): DONE, Shape(10, 2): DONE}),
            "SCALE  send 10 vectors a request, 1 in flight: 1,000 vectors/s, $2.44 a million",
            0,
        ),
        (
            Outcome(GRID, {Shape(10, 1): DONE, Shape(10, 2): DONE}, leaks=["bucket vg-1: no"]),
            (
                "NOT CLEAN  1 resource is left behind, `vecgate clean` finds it; "
                "send 10 vectors a request, 1 in flight: 1,000 vectors/s, $2.44 a million"
            ),
            3,
        ),
        (Outcome(GRID, {Shape(10, 1): DONE}, is_cut=True), "INTERRUPTED  1 of 2 cells measured", 130),
        (
            Outcome(GRID, {}, failure=TransportError("PutVectors", "reset")),
            "STOPPED  0 of 2 cells measured",
            3,
        ),
        (
            Outcome(GRID, {Shape(10, 1): DONE}, usd=0.5, is_broke=True),
            "STOPPED  $0.50 is spent; 1 of 2 cells measured",
            4,
        ),
        (
            Outcome(GRID, {Shape(10, n): [Slice(0, 0, 1.0)] for n in (1, 2)}),
            "FAIL  nothing was written",
            1,
        ),
    ],
)
def test_each_way_to_end_has_its_words_and_its_code(outcome: Outcome, line: str, code: int) -> None:
    """A grid that is not whole recommends nothing."""
    assert (line_of(outcome), int(outcome.code)) == (line, code)


def test_what_was_the_limit_is_said() -> None:
    """Client or target; and what could not be removed is told before the verdict."""
    throttled = [Slice(1_000, 100, 1.0, throttled=3)]
    told = report(Outcome(GRID, {Shape(10, 1): DONE, Shape(10, 2): throttled}, leaks=["bucket vg-1: no"]))
    assert "limit     the target throttled 1 of 2 cells: what they reach is what it allows" in told
    assert "client    it used up to 0.9 cores: near 1, it is the limit and not the target" in told
    assert told[-2] == "left behind: bucket vg-1: no; `vecgate clean` finds it"


PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
#: Explained with every command, not here.
COMMON = {"--target", "--region", "--profile", "--ca-bundle", "--no-verify", "--quiet"}


@pytest.mark.parametrize(
    "option",
    sorted({max(each.opts, key=len) for each in scale.params if each.opts[0].startswith("-")} - COMMON),
)
def test_every_option_is_explained(option: str) -> None:
    """In `docs/scale.md`."""
    assert f"`{option}`" in PAGE


def test_every_exit_code_is_explained() -> None:
    """With its number."""
    assert all(f"| {int(code)} |" in PAGE for code in ExitCode)
