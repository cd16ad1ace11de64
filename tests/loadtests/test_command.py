"""`python -m loadtests.bench`, on a small repository with benchmarks that take almost no time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from benchmark_repository import (
    ADDED_BENCHMARK,
    ADDED_FUNCTION,
    BLOCKING_BENCHMARK,
    SLOW,
    Repository,
)
from benchmark_streams import bench as benchmark
from benchmark_streams import bench_stream
from child_processes import WITHIN_S, child_process, wait_until
from commands import Vecgate
from loadtests.bench import command, interleaved_runs
from loadtests.bench.interleaved_runs import InterleavedRuns, PairLimits
from loadtests.bench.suite import SuiteRun, Timing
from sample_streams import load_stream, write_stream

from vecgate.results.benchmark_records import Benchmark
from vecgate.results.result_stream import read_stream

ROOT = Path(__file__).parents[2]


@pytest.fixture
def options(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setenv("PYTHONPATH", str(repository.root / "src"))
    return ("--folder", str(repository.folder), "--seconds", "0.01")


def timing(name: str) -> Timing:
    return Timing(
        f"t.py::{name}", name, "sum", "CPU", is_baseline=False, vectors=1, iterations=1, times_s=(1.0,)
    )


def test_each_benchmark_is_shown_beside_its_peer(bench: Vecgate, options: tuple[str, ...]) -> None:
    """Table and verdict go to stdout, progress to stderr, the stream to the file of --results."""
    result = bench(*options, "-o", "run.jsonl", "--markdown", "summary.md")
    assert result.code == 0, result.err
    assert result.out.splitlines()[0].split()[:2] == ["group", "benchmark"]
    assert result.out.splitlines()[-1] == "PASS  2 benchmarks measured"
    assert [line.split(":")[0] for line in result.err.splitlines()] == [f"run {n} of 3" for n in (1, 2, 3)]
    stream = read_stream(Path("run.jsonl"))
    assert {each.name for each in stream.of(Benchmark)} == {"own", "peer"}
    assert stream.header.options["runs"] == "3"
    assert "| sum | own | wall |" in Path("summary.md").read_text()
    assert bench("--show", "run.jsonl").out == result.out


def test_json_has_every_kept_round(bench: Vecgate, options: tuple[str, ...]) -> None:
    """With --quiet nothing goes to stderr."""
    result = bench(*options, "--runs", "1", "-k", "peer", "--json", "--quiet")
    document = json.loads(result.out)
    assert (result.code, result.err, document["line"]) == (0, "", "PASS  1 benchmark measured")
    assert document["header"]["options"]["expression"] == "peer"
    assert len(document["benchmarks"][0]["times_s"]) >= 5


def test_a_failed_benchmark_makes_the_run_inconclusive(
    bench: Vecgate, options: tuple[str, ...], repository: Repository
) -> None:
    """The others are shown, and a note names it."""
    (repository.folder / "test_added.py").write_text(ADDED_BENCHMARK)
    result = bench(*options, "--runs", "1")
    assert result.code == 4
    assert (
        result.out.splitlines()[-1] == "INCONCLUSIVE  2 benchmarks measured, others failed or did not finish"
    )
    assert "note: ERROR test_added.py" in result.err


@pytest.mark.nightly
def test_a_regression_against_a_stored_run_fails(
    bench: Vecgate, options: tuple[str, ...], repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 if a benchmark is slower than allowed; -k compares a part of the stored run."""
    assert bench(*options, "-o", "before.jsonl").code == 0
    repository.write(SLOW)
    result = bench(*options, "--baseline", "before.jsonl", "--max-regression", "own=200%")
    assert result.code == 1, result.out
    assert result.out.splitlines()[-1].startswith("FAIL  1 of 1 ")
    assert "sum/own regressed by " in result.out.splitlines()[-1]
    assert bench("--show", "before.jsonl", "--markdown", "new/summary.md").code == 0
    assert "| sum | own | wall |" in Path("new/summary.md").read_text()
    monkeypatch.setattr(command, "run_suite", lambda *_: SuiteRun((timing("peer"),)))
    part = bench(*options, "-k", "peer", "--baseline", "before.jsonl", "--json")
    assert [each["name"] for each in json.loads(part.out)["figures"]] == ["sum/peer"]


def test_a_baseline_of_another_machine_is_refused_before_measuring(
    bench: Vecgate, options: tuple[str, ...]
) -> None:
    """With --force it is compared all the same."""
    write_stream(Path("other.jsonl"), bench_stream(benchmark("own", 1, group="sum")))
    result = bench(*options, "--baseline", "other.jsonl")
    assert result.code == 2
    assert "processor: Example CPU and " in result.err
    assert "run 1 of 3" not in result.err
    forced = bench(*options, "--runs", "1", "--baseline", "other.jsonl", "--force")
    assert "processor: Example CPU and " in forced.out


@pytest.mark.nightly
def test_a_revision_is_measured_alternately(
    bench: Vecgate, options: tuple[str, ...], repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same benchmarks run on both sides; one that the revision cannot run is new."""
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setattr(interleaved_runs, "RUNS_FOR_DIFFERENCE", PairLimits().min_pairs)
    repository.commit("fast")
    repository.write(SLOW + ADDED_FUNCTION)
    (repository.folder / "test_added.py").write_text(ADDED_BENCHMARK)
    limits = ("--max-regression", "own=300%")
    result = bench(*options, "--against", "main", *limits, "-o", "head.jsonl", "--markdown", "summary.md")
    assert result.code == 1, result.out + result.err
    lines = [line for line in result.out.splitlines() if line.startswith("sum/")]
    rows = {line.split("   ")[0]: line.split()[-1] for line in lines}
    assert (rows["sum/own"], rows["sum/more"]) == ("regressed", "new")
    assert "pair 5: " in result.err
    assert result.err.count("note: ERROR test_added.py") == 1
    assert len(read_stream(Path("head.jsonl")).of(Benchmark)) == 3
    assert "sum/own" in Path("summary.md").read_text()
    assert repository.git("worktree", "list").count("\n") == 1


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (("-k", "nosuch"), "matches 'nosuch'"),
        (("-k", "peer"), "no benchmark depends on the revision"),
        (("--max-regression", "ownn=5%"), "'ownn'"),
    ],
    ids=["no-benchmark", "only-peers", "no-figure"],
)
def test_a_mistake_is_reported_in_the_first_pair(
    bench: Vecgate,
    options: tuple[str, ...],
    repository: Repository,
    selection: tuple[str, ...],
    message: str,
) -> None:
    """No further pair runs."""
    repository.commit("fast")
    result = bench(*options, "--against", "main", *selection)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "pair" not in result.err


@pytest.mark.parametrize(
    ("arguments", "message", "runs"),
    [
        (("--baseline", "before.jsonl", "--max-regression", "ownn=5%"), "sum/own, sum/peer", 0),
        (("--baseline", "before.jsonl", "-k", "peer", "--max-regression", "own=5%"), "'own'", 1),
        (("--baseline", "load.jsonl"), "kind load", 0),
        (("--markdown", "before.jsonl/summary.md"), "summary.md cannot be written", 0),
        (("-o", "before.jsonl/run.jsonl"), "run.jsonl cannot be written", 0),
    ],
    ids=["no-figure", "no-figure-of-this-part", "another-kind", "summary", "results"],
)
def test_a_mistake_about_a_stored_run_is_reported_early(
    bench: Vecgate,
    options: tuple[str, ...],
    arguments: tuple[str, ...],
    message: str,
    runs: int,
) -> None:
    """Before measuring, or after the first run."""
    stored = bench_stream(benchmark("own", 1, group="sum"), benchmark("peer", 1, group="sum"))
    write_stream(Path("before.jsonl"), stored)
    write_stream(Path("load.jsonl"), load_stream(10))
    calls: list[int] = []

    def run_suite(*_: object) -> SuiteRun:
        calls.append(1)
        return SuiteRun((timing("peer"),) if "peer" in arguments else (timing("peer"), timing("own")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "run_suite", run_suite)
        result = bench(*options, "--force", *arguments)
    assert (result.code, result.out, len(calls)) == (2, "", runs)
    assert message in result.err


@pytest.mark.nightly
@pytest.mark.parametrize("base", [("--against", "main"), ("--baseline", "before.jsonl", "--force")])
def test_if_every_benchmark_fails_the_failures_are_reported(
    bench: Vecgate, options: tuple[str, ...], repository: Repository, base: tuple[str, ...]
) -> None:
    """And not that --max-regression names an unknown benchmark."""
    repository.commit("fast")
    write_stream(Path("before.jsonl"), bench_stream(benchmark("own", 1, group="sum")))
    (repository.folder / "test_sum.py").write_text("import no_such_module\n")
    result = bench(*options, *base, "--max-regression", "own=5%")
    assert result.code == 4, result.out + result.err
    assert "note: ERROR test_sum.py" in result.err


def test_too_few_pairs_are_refused(bench: Vecgate, options: tuple[str, ...]) -> None:
    """A difference counts after eight pairs."""
    result = bench(*options, "--against", "main", "--max-pairs", "7")
    assert (result.code, "7 is not in the range x>=8" in result.err) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_leaves_no_process_and_no_folder(
    options: tuple[str, ...], repository: Repository, tmp_path: Path, number: signal.Signals
) -> None:
    """The child process is stopped, and the sources of the revision are removed."""
    repository.commit("fast")
    (repository.folder / "test_blocking.py").write_text(BLOCKING_BENCHMARK)
    pid_file, folder = tmp_path / "pid", tmp_path / "temporary"
    folder.mkdir()
    environment = {**os.environ, "PID_FILE": str(pid_file), "TMPDIR": str(folder)}
    arguments = [sys.executable, "-m", "loadtests.bench", *options, "--against", "main", "-k", "blocking"]
    with child_process(arguments, env=environment, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        wait_until(lambda: pid_file.exists() and pid_file.read_text(), process)
        assert [path.name for path in folder.glob("vecgate-*/*")] == ["src"]
        process.send_signal(number)
        _, stderr = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, stderr.strip()) == (130, "error: interrupted")
    assert list(folder.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


@pytest.mark.nightly
def test_a_benchmark_that_fails_in_a_later_pair_is_inconclusive(
    bench: Vecgate, options: tuple[str, ...], repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if nothing has regressed."""
    repository.commit("fast")
    good, bad = SuiteRun((timing("a"),)), SuiteRun((timing("a"),), ("FAILED t.py::b - no",))
    runs = InterleavedRuns([good] * 5, [*[good] * 4, bad])
    monkeypatch.setattr(command, "run_interleaved", lambda *_, **__: runs)
    result = bench(*options, "--against", "HEAD")
    assert result.code == 4
    assert result.out.splitlines()[-1] == "INCONCLUSIVE  1 benchmark failed: FAILED t.py::b - no"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--baseline", "a.jsonl", "--against", "main"), "exclude each other"),
        (("--max-regression", "10%"), "needs something to compare with"),
        (("--max-regression", "ten", "--against", "main"), "'ten'"),
        (("--against", "no-such"), "'no-such' is not a revision"),
        (("--baseline", "none.jsonl"), "none.jsonl cannot be read"),
        (("-k", "nothing"), "no benchmark in "),
        (("--folder", "/nowhere"), "does not exist"),
    ],
)
def test_wrong_usage_is_explained(
    bench: Vecgate, options: tuple[str, ...], arguments: tuple[str, ...], message: str
) -> None:
    """With exit code 2."""
    result = bench(*options, *arguments)
    assert result.code == 2
    assert message in result.err


def test_only_runs_of_benchmarks_are_shown(bench: Vecgate) -> None:
    """Other kinds have their own reports."""
    write_stream(Path("load.jsonl"), load_stream(10))
    result = bench("--show", "load.jsonl")
    assert (result.code, "a run of kind load" in result.err) == (2, True)
