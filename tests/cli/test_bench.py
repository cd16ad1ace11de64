"""`vecgate bench`, on a repository of its own, with benchmarks that take no time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benches import NEWER, SLOW, USES_NEWER, WAITS, Repository
from commands import Vecgate
from comparisons import bench as benchmark
from comparisons import bench_stream
from load_streams import load_stream, written

from vecgate.cli import bench_run, bench_visits
from vecgate.results.benchmarks import Benchmark
from vecgate.results.stream import read_stream
from vecgate.testing.interleaving import Turns
from vecgate.testing.timings import Timing, Visit

ROOT = Path(__file__).parents[2]
MICRO = ROOT / "loadtests" / "micro"
DEADLINE_S = 60.0


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path / "repository")
    monkeypatch.setenv("PYTHONPATH", str(made.root / "src"))
    return made


@pytest.fixture
def words(repository: Repository) -> tuple[str, ...]:
    return ("bench", "--folder", str(repository.folder), "--seconds", "0.01")


def test_each_benchmark_is_shown_beside_its_peer(vecgate: Vecgate, words: tuple[str, ...]) -> None:
    """The table and the verdict on stdout, the visits on stderr, the stream where it is asked for."""
    result = vecgate(*words, "-o", "run.jsonl", "--markdown", "summary.md")
    assert result.code == 0, result.err
    assert result.out.splitlines()[0].split()[:2] == ["group", "benchmark"]
    assert result.out.splitlines()[-1] == "PASS  2 benchmarks measured"
    assert [line.split(":")[0] for line in result.err.splitlines()] == [f"visit {n} of 3" for n in (1, 2, 3)]
    stream = read_stream(Path("run.jsonl"))
    assert {each.name for each in stream.of(Benchmark)} == {"ours", "the peer"}
    assert stream.header.options["visits"] == "3"
    assert "| sum | ours | wall |" in Path("summary.md").read_text()
    shown = vecgate("bench", "--show", "run.jsonl")
    assert shown.out == result.out


def test_json_has_every_round_that_was_kept(vecgate: Vecgate, words: tuple[str, ...]) -> None:
    """For programs, in silence."""
    result = vecgate(*words, "--visits", "1", "-k", "peer", "--json", "--quiet")
    told = json.loads(result.out)
    assert (result.code, result.err, told["line"]) == (0, "", "PASS  1 benchmark measured")
    assert told["header"]["options"]["expression"] == "peer"
    assert len(told["benchmarks"][0]["times_s"]) >= 5


def test_a_benchmark_that_fails_is_no_result(
    vecgate: Vecgate, words: tuple[str, ...], repository: Repository
) -> None:
    """The others are shown, and it is said which did not run."""
    (repository.folder / "test_newer.py").write_text(USES_NEWER)
    result = vecgate(*words, "--visits", "1")
    assert result.code == 4
    assert result.out.splitlines()[-1] == "NOT JUDGED  2 benchmarks measured, others failed or were cut off"
    assert "note: ERROR test_newer.py" in result.err


def test_a_stored_run_is_a_baseline(vecgate: Vecgate, words: tuple[str, ...], repository: Repository) -> None:
    """Exit code 1 where something is worse than allowed."""
    assert vecgate(*words, "-o", "before.jsonl").code == 0
    repository.write(SLOW)
    result = vecgate(*words, "--baseline", "before.jsonl", "--max-regression", "ours=200%")
    assert result.code == 1, result.out
    assert "1 of 1 figure worse than allowed, sum/ours is " in result.out.splitlines()[-1]
    assert vecgate("bench", "--show", "before.jsonl", "--markdown", "new/summary.md").code == 0
    assert "| sum | ours | wall |" in Path("new/summary.md").read_text()
    told = vecgate(*words, "-k", "peer", "--baseline", "before.jsonl", "--json", "--max-regression", "900%")
    assert [each["name"] for each in json.loads(told.out)["figures"]] == ["sum/the peer"]
    assert told.code == 0


def test_a_baseline_of_another_machine_is_refused_before_anything_is_measured(
    vecgate: Vecgate, words: tuple[str, ...]
) -> None:
    """Unless told otherwise."""
    written(Path("other.jsonl"), bench_stream(benchmark("ours", 1, group="sum")))
    result = vecgate(*words, "--baseline", "other.jsonl")
    assert result.code == 2
    assert "they differ in processor: Example CPU and " in result.err
    assert "visit" not in result.err
    told = vecgate(*words, "--visits", "1", "--baseline", "other.jsonl", "--anyway")
    assert "differs  processor: Example CPU and " in told.out


def test_a_revision_is_measured_in_turn(
    vecgate: Vecgate, words: tuple[str, ...], repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same benchmarks on both; what the revision cannot do is new."""
    monkeypatch.delenv("PYTHONPATH")
    repository.commit("quick")
    repository.write(SLOW + NEWER)
    (repository.folder / "test_newer.py").write_text(USES_NEWER)
    limits = ("--max-regression", "ours=300%", "--pairs-max", "8")
    result = vecgate(*words, "--against", "main", *limits, "-o", "head.jsonl", "--markdown", "summary.md")
    assert result.code == 1, result.out + result.err
    lines = [line for line in result.out.splitlines() if line.startswith("sum/")]
    rows = {line.split("   ")[0]: line.split()[-1] for line in lines}
    assert (rows["sum/ours"], rows["sum/more"]) == ("worse", "new")
    assert "pair 8: " in result.err
    assert result.err.count("note: ERROR test_newer.py") == 1
    assert len(read_stream(Path("head.jsonl")).of(Benchmark)) == 3
    assert "sum/ours" in Path("summary.md").read_text()
    assert repository.git("worktree", "list").count("\n") == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("-k", "nosuch"), "matches 'nosuch'"),
        (("-k", "peer"), "nothing was measured that depends on the revision"),
        (("--max-regression", "ourz=5%"), "no figure has 'ourz' in its name"),
    ],
    ids=["no-benchmark", "peers-alone", "no-figure"],
)
def test_a_mistake_is_found_in_the_first_pair(
    vecgate: Vecgate, words: tuple[str, ...], repository: Repository, more: tuple[str, ...], said: str
) -> None:
    """The others would be measured in vain."""
    repository.commit("quick")
    result = vecgate(*words, "--against", "main", *more)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert "pair" not in result.err


@pytest.mark.parametrize(
    ("more", "said", "visits"),
    [
        (
            ("--baseline", "before.jsonl", "--max-regression", "ourz=5%"),
            "There are sum/ours, sum/the peer.",
            0,
        ),
        (
            ("--baseline", "before.jsonl", "-k", "peer", "--max-regression", "ours=5%"),
            "no figure has 'ours'",
            1,
        ),
        (("--baseline", "load.jsonl"), "kind load cannot be compared with one of kind benchmarks", 0),
        (("--markdown", "before.jsonl/summary.md"), "summary.md cannot be written", 0),
        (("-o", "before.jsonl/run.jsonl"), "run.jsonl cannot be written", 0),
    ],
    ids=["no-figure", "no-figure-of-this-part", "another-kind", "summary", "results"],
)
def test_a_mistake_beside_a_stored_run_is_found_as_soon_as_can_be(
    vecgate: Vecgate, words: tuple[str, ...], more: tuple[str, ...], said: str, visits: int
) -> None:
    """Before anything is measured, or in the first visit."""
    stored = bench_stream(benchmark("ours", 1, group="sum"), benchmark("the peer", 1, group="sum"))
    written(Path("before.jsonl"), stored)
    written(Path("load.jsonl"), load_stream(10))
    measured: list[int] = []

    def visit(*_: object) -> Visit:
        measured.append(1)
        return Visit((timing("the peer"),) if "peer" in more else (timing("the peer"), timing("ours")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_visits, "visit", visit)
        result = vecgate(*words, "--anyway", *more)
    assert (result.code, result.out, len(measured)) == (2, "", visits)
    assert said in result.err


def timing(name: str) -> Timing:
    return Timing(
        f"t.py::{name}", name, "sum", "CPU", is_baseline=False, vectors=1, iterations=1, times_s=(1.0,)
    )


@pytest.mark.parametrize("way", [("--against", "main"), ("--baseline", "before.jsonl", "--anyway")])
def test_where_all_fails_that_is_told_and_not_judged(
    vecgate: Vecgate, words: tuple[str, ...], repository: Repository, way: tuple[str, ...]
) -> None:
    """A limit that then names nothing is no mistake."""
    repository.commit("quick")
    written(Path("before.jsonl"), bench_stream(benchmark("ours", 1, group="sum")))
    (repository.folder / "test_sum.py").write_text("import no_such_module\n")
    result = vecgate(*words, *way, "--max-regression", "ours=5%")
    assert result.code == 4, result.out + result.err
    assert "note: ERROR test_sum.py" in result.err


def test_fewer_pairs_than_a_difference_takes_are_refused(vecgate: Vecgate, words: tuple[str, ...]) -> None:
    """It would fail the gate before it is believed."""
    result = vecgate(*words, "--against", "main", "--pairs-max", "7")
    assert (result.code, "7 is not in the range x>=8" in result.err) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_leaves_neither_a_process_nor_a_folder(
    words: tuple[str, ...], repository: Repository, tmp_path: Path, number: signal.Signals
) -> None:
    """Whether by a terminal or by CI: the child is stopped, and the sources of the revision are removed."""
    repository.commit("quick")
    (repository.folder / "test_waits.py").write_text(WAITS)
    waiting, folder = tmp_path / "waiting", tmp_path / "temporary"
    folder.mkdir()
    environ = {**os.environ, "WAITING": str(waiting), "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "vecgate", *words, "--against", "main", "-k", "waits"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        until_s = time.monotonic() + DEADLINE_S
        while not (waiting.exists() and waiting.read_text()):
            assert time.monotonic() < until_s
            assert process.poll() is None
            time.sleep(0.01)
        assert [each.name for each in folder.glob("vecgate-*/*")] == ["src"]
        process.send_signal(number)
        _, said = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, said.strip()) == (130, "error: interrupted")
    assert list(folder.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(waiting.read_text()), 0)


def test_a_benchmark_that_fails_now_is_not_judged(
    vecgate: Vecgate, words: tuple[str, ...], repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing is worse."""
    repository.commit("quick")
    good, bad = Visit((timing("a"),)), Visit((timing("a"),), ("FAILED t.py::b - no",))
    turns = Turns([good] * 5, [*[good] * 4, bad])
    monkeypatch.setattr(bench_run, "take_turns", lambda *_, **__: turns)
    result = vecgate(*words, "--against", "HEAD")
    assert result.code == 4
    assert result.out.splitlines()[-1] == "NOT JUDGED  1 benchmark failed, FAILED t.py::b - no"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--baseline", "a.jsonl", "--against", "main"), "two ways to compare"),
        (("--max-regression", "10%"), "needs something to compare with"),
        (("--max-regression", "ten", "--against", "main"), "'ten' is no limit"),
        (("--against", "no-such"), "'no-such' is no revision"),
        (("--baseline", "none.jsonl"), "none.jsonl cannot be read"),
        (("-k", "nothing"), "matches 'nothing'"),
        (("--folder", "/nowhere"), "does not exist"),
    ],
)
def test_what_cannot_be_measured_says_why(
    vecgate: Vecgate, words: tuple[str, ...], more: tuple[str, ...], said: str
) -> None:
    """As wrong usage."""
    result = vecgate(*words, *more)
    assert result.code == 2
    assert said in result.err


def test_only_runs_of_benchmarks_are_shown(vecgate: Vecgate) -> None:
    """Others have reports of their own."""
    written(Path("load.jsonl"), load_stream(10))
    result = vecgate("bench", "--show", "load.jsonl")
    assert (result.code, "a run of kind load" in result.err) == (2, True)


def test_the_readme_shows_the_stored_result(vecgate: Vecgate) -> None:
    """Every figure in the table is one of the stream's."""
    result = vecgate("bench", "--show", MICRO / "results" / "micro.jsonl", "--markdown", "table.md")
    assert result.code == 0
    assert Path("table.md").read_text().strip() in (MICRO / "README.md").read_text()


def test_nothing_measured_is_not_a_pass(vecgate: Vecgate, words: tuple[str, ...]) -> None:
    """An expression that matches nothing is a mistake."""
    result = vecgate(*words, "-k", "nothing_of_that_name")
    assert result.code == 2
    assert "no benchmark" in result.err
