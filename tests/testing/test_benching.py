"""Visits, what is read of them, and the sources that they import; on benchmarks that take no time."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from benches import QUICK, SLOW, USES_NEWER, Repository

from vecgate.errors import UsageError, VecgateError
from vecgate.testing import benching
from vecgate.testing.benching import Suite, benchmarks_folder, check_sources, visit
from vecgate.testing.revisions import commit_of, repository_of, sources_of
from vecgate.testing.timings import Timing, Visit
from vecgate.testing.visits import KEPT, by_name, header_of, medians, records_of

SECONDS = 0.01


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def suite(repository: Repository) -> Suite:
    return Suite(repository.folder, seconds=SECONDS)


def sources(repository: Repository) -> Path:
    return repository.root / "src"


def test_a_visit_measures_every_benchmark(suite: Suite, repository: Repository) -> None:
    """With what they say of themselves."""
    found = visit(suite, sources(repository))
    assert found.failed == ()
    peer, ours = sorted(found.timings, key=lambda each: -each.is_baseline)
    assert (ours.name, ours.group, ours.clock, ours.vectors) == ("ours", "sum", "wall", 10)
    assert (peer.name, peer.is_baseline) == ("the peer", True)
    assert ours.node == "test_sum.py::test_ours"
    assert len(ours.times_s) >= 5
    assert all(0 < time < 1 for time in ours.times_s)


def test_only_what_is_asked_for_is_measured(suite: Suite, repository: Repository) -> None:
    """By expression, or by node."""
    peer = Suite(suite.folder, "peer", SECONDS)
    assert [each.name for each in visit(peer, sources(repository)).timings] == ["the peer"]
    ours = visit(peer, sources(repository), ["test_sum.py::test_ours"])
    assert [each.name for each in ours.timings] == ["ours"]


def test_what_cannot_be_measured_stops_no_other(suite: Suite, repository: Repository) -> None:
    """It is named."""
    (suite.folder / "test_newer.py").write_text(USES_NEWER)
    (suite.folder / "test_wrong.py").write_text(
        "def test_wrong(benchmark):\n    assert benchmark(int) == 1\n"
    )
    found = visit(suite, sources(repository))
    assert {"ours", "the peer"} <= {each.name for each in found.timings}
    assert {line.split(" - ")[0] for line in found.failed} == {
        "ERROR test_newer.py",
        "FAILED test_wrong.py::test_wrong",
    }


@pytest.mark.parametrize(
    ("folder", "expression", "said"),
    [
        ("bench", "nothing", "matches 'nothing'"),
        ("src", "", "no benchmark in"),
        ("bench", "a b", "expression"),
    ],
)
def test_nothing_to_measure_is_said(repository: Repository, folder: str, expression: str, said: str) -> None:
    """An expression that matches nothing, a folder without a benchmark, an expression that is none."""
    with pytest.raises(UsageError, match=said):
        visit(Suite(repository.root / folder, expression, SECONDS), sources(repository))


@pytest.mark.parametrize("settings", ["", "filterwarnings = error\n"])
def test_nothing_that_matches_is_told_where_warnings_are_errors_too(
    repository: Repository, settings: str
) -> None:
    """pytest-benchmark warns that it has nothing to keep, and pytest ends as if a benchmark had failed."""
    with (repository.root / "pytest.ini").open("a") as file:
        file.write(settings)
    with pytest.raises(UsageError, match="matches 'nosuch'"):
        visit(Suite(repository.folder, "nosuch", SECONDS), sources(repository))


def test_benchmarks_that_break_pytest_are_our_fault(suite: Suite) -> None:
    """Nobody's result."""
    (suite.folder / "conftest.py").write_text("def pytest_sessionstart(): raise SystemExit(3)\n")
    with pytest.raises(VecgateError, match="did not run"):
        visit(suite, None)


@pytest.mark.parametrize("missing", ["pytest", "pytest_benchmark"])
def test_what_is_not_installed_is_named(missing: str, suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to install it."""
    found = importlib.util.find_spec
    monkeypatch.setattr(benching, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(UsageError, match=f"{missing} must be installed"):
        visit(suite, None)


def test_the_sources_of_a_visit_are_those_it_is_told(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is imported from elsewhere is no measure of them."""
    check_sources(sources(repository))
    other = tmp_path / "other"
    (other / "toy").mkdir(parents=True)
    (other / "toy" / "__init__.py").touch()
    monkeypatch.setattr(benching, "_with", lambda _: {**os.environ, "PYTHONPATH": str(other)})
    with pytest.raises(VecgateError, match=r"toy is imported from .*other"):
        check_sources(sources(repository))


def test_our_benchmarks_are_found_in_a_checkout_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is installed does not have them."""
    assert benchmarks_folder() == Path(__file__).parents[2] / "loadtests" / "micro"
    monkeypatch.setattr(benching, "__file__", str(tmp_path / "a" / "b" / "c" / "d.py"))
    with pytest.raises(UsageError, match="in a checkout") as caught:
        benchmarks_folder()
    assert "--folder" in caught.value.hint


def test_a_revision_is_read_out_and_the_repository_stays_as_it_is(repository: Repository) -> None:
    """Work tree, index and branches; the folder is gone at the end."""
    first = repository.commit("quick")
    repository.write(SLOW)
    repository.commit("slow")
    repository.write("broken")
    before = repository.git("status", "--porcelain"), repository.git("worktree", "list")
    for revision in (first, "HEAD~1", "main~1"):
        with sources_of(repository_of(repository.folder), revision) as found:
            assert (found / "toy" / "__init__.py").read_text() == QUICK
        assert not found.exists()
    assert (repository.git("status", "--porcelain"), repository.git("worktree", "list")) == before
    assert commit_of(repository.root).endswith("-dirty")


@pytest.mark.parametrize("revision", ["no-such", "--help", "-h", ""])
def test_what_is_no_revision_is_refused(revision: str, repository: Repository) -> None:
    """Whatever it looks like."""
    repository.commit("quick")
    with (
        pytest.raises(UsageError, match="is no revision of") as caught,
        sources_of(repository.root, revision),
    ):
        pass
    assert "fetch-depth: 0" in caught.value.hint


def test_a_folder_outside_of_a_repository_has_no_revisions(tmp_path: Path) -> None:
    """And no commit."""
    with pytest.raises(UsageError, match="not a git repository"):
        repository_of(tmp_path)
    assert commit_of(tmp_path) == ""


def test_without_git_there_are_no_revisions(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="git is not installed"):
        repository_of(repository.root)


def timing(name: str, *times_s: float) -> Timing:
    return Timing(
        f"test_a.py::test_{name}",
        name,
        "g",
        "CPU",
        is_baseline=False,
        vectors=5,
        iterations=2,
        times_s=times_s,
    )


def test_visits_become_records() -> None:
    """Median of all rounds, from the lowest to the highest of the middle halves."""
    first = Visit((timing("a", 1.0, 2.0, 3.0, 4.0, 5.0), timing("b", 1.0)))
    second = Visit((timing("a", 11.0, 12.0, 13.0, 14.0, 15.0),))
    a, b = records_of([first, second])
    assert (a.name, a.group, a.clock, a.vectors, a.iterations) == ("a", "g", "CPU", 5, 2)
    assert (a.median_s, a.low_s, a.high_s, a.rounds) == (8.0, 2.0, 14.0, 10)
    assert a.times_s == (1.0, 2.0, 3.0, 4.0, 5.0, 11.0, 12.0, 13.0, 14.0, 15.0)
    assert (b.median_s, b.low_s, b.high_s) == (1.0, 1.0, 1.0)
    assert medians(by_name([first, second])) == {"g/a": [3.0, 13.0], "g/b": [1.0]}


def test_of_many_rounds_some_are_kept() -> None:
    """Evenly over the visit; all of them are counted."""
    (record,) = records_of([Visit((timing("a", *(number / 1e3 for number in range(1, 601))),))])
    assert record.rounds == 600
    assert len(record.times_s) == KEPT
    assert record.times_s[:3] == (0.001, 0.011, 0.021)


def test_the_header_says_where_and_how(suite: Suite) -> None:
    """The machine, how busy it was, what was asked for."""
    header = header_of(Suite(suite.folder, "put", 0.5), visits=3, commit="abc")
    assert (header.kind, dict(header.options)) == (
        "benchmarks",
        {"visits": "3", "seconds": "0.5", "expression": "put", "commit": "abc"},
    )
    assert float(header.environment["load"]) >= 0
    assert header.versions["python"]
