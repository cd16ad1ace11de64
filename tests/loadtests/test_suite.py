"""Runs of a suite and what is read of them, on benchmarks that take almost no time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from benchmark_repository import ADDED_BENCHMARK, Repository
from loadtests.bench import suite as suite_module
from loadtests.bench.command import MICRO_FOLDER
from loadtests.bench.suite import Suite, check_sources, run_suite

from vecgate.errors import UsageError, VecgateError

SECONDS = 0.01


@pytest.fixture
def suite(repository: Repository) -> Suite:
    return Suite(repository.folder, seconds=SECONDS)


def sources(repository: Repository) -> Path:
    return repository.root / "src"


def test_a_run_measures_every_benchmark(suite: Suite, repository: Repository) -> None:
    """Group, clock and vectors are what the benchmark declares."""
    run = run_suite(suite, sources(repository))
    assert run.failures == ()
    peer, own = sorted(run.timings, key=lambda timing: -timing.is_baseline)
    assert (own.name, own.group, own.clock, own.vectors) == ("own", "sum", "wall", 10)
    assert (peer.name, peer.is_baseline) == ("peer", True)
    assert own.node == "test_sum.py::test_own"
    assert len(own.times_s) >= 5
    assert all(0 < time < 1 for time in own.times_s)


def test_only_the_selected_benchmarks_run(suite: Suite, repository: Repository) -> None:
    """By expression or by node."""
    by_expression = run_suite(Suite(suite.folder, "peer", SECONDS), sources(repository))
    assert [timing.name for timing in by_expression.timings] == ["peer"]
    by_node = run_suite(suite, sources(repository), ["test_sum.py::test_own"])
    assert [timing.name for timing in by_node.timings] == ["own"]


def test_a_failed_benchmark_does_not_stop_the_others(suite: Suite, repository: Repository) -> None:
    """It is named in the failures."""
    (suite.folder / "test_added.py").write_text(ADDED_BENCHMARK)
    (suite.folder / "test_wrong.py").write_text(
        "def test_wrong(benchmark):\n    assert benchmark(int) == 1\n"
    )
    run = run_suite(suite, sources(repository))
    assert {"own", "peer"} <= {timing.name for timing in run.timings}
    assert {line.split(" - ")[0] for line in run.failures} == {
        "ERROR test_added.py",
        "FAILED test_wrong.py::test_wrong",
    }


@pytest.mark.parametrize(
    ("folder", "expression", "message"),
    [
        ("bench", "nothing", "matches 'nothing'"),
        ("src", "", "no benchmark in"),
        ("bench", "a b", "expression"),
    ],
)
def test_an_empty_selection_is_a_usage_error(
    repository: Repository, folder: str, expression: str, message: str
) -> None:
    """An expression that matches nothing, a folder without benchmarks, an invalid expression."""
    with pytest.raises(UsageError, match=message):
        run_suite(Suite(repository.root / folder, expression, SECONDS), sources(repository))


@pytest.mark.parametrize("settings", ["", "filterwarnings = error\n"])
def test_an_empty_selection_is_a_usage_error_if_warnings_are_errors(
    repository: Repository, settings: str
) -> None:
    """pytest-benchmark warns that nothing was measured, which makes pytest exit as if a test had failed."""
    with (repository.root / "pytest.ini").open("a") as file:
        file.write(settings)
    with pytest.raises(UsageError, match="matches 'nosuch'"):
        run_suite(Suite(repository.folder, "nosuch", SECONDS), sources(repository))


def test_a_broken_pytest_is_an_internal_error(suite: Suite) -> None:
    """Raised for an unknown exit code of pytest."""
    (suite.folder / "conftest.py").write_text("def pytest_sessionstart(): raise SystemExit(3)\n")
    with pytest.raises(VecgateError, match="could not run the benchmarks"):
        run_suite(suite, None)


def test_imports_from_other_sources_are_an_error(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an installed package would be measured."""
    check_sources(sources(repository))
    other = tmp_path / "other"
    (other / "toy").mkdir(parents=True)
    (other / "toy" / "__init__.py").touch()
    monkeypatch.setattr(suite_module, "_environment", lambda _: {**os.environ, "PYTHONPATH": str(other)})
    with pytest.raises(VecgateError, match=r"toy is imported from .*other"):
        check_sources(sources(repository))


def test_the_microbenchmarks_of_the_project_run() -> None:
    """With the settings in their own pytest.ini."""
    run = run_suite(Suite(MICRO_FOLDER, "key_of_the_day", SECONDS), None)
    assert [timing.name for timing in run.timings] == ["sign with the key of the day"]
    assert run.failures == ()
