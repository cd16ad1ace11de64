"""A capacity search as a whole, with result streams in place of load tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from load_builders import plan, steady, stream, unfinished
from result_builders import footer, header

from vecgate.cli.runs.load.capacity_report import outcome_lines
from vecgate.errors import ConfigError
from vecgate.load.experiments import capacity_trials
from vecgate.load.experiments.capacity_experiment import CapacityExperiment, CapacityOutcome
from vecgate.load.experiments.capacity_search import SearchGoal
from vecgate.load.load_runner import LoadTest
from vecgate.results.load.load_records import Capacity, LoadPlan, Trial
from vecgate.results.records import Stream
from vecgate.results.result_stream import read_stream
from vecgate.targets.target import TargetChoice

GOAL = SearchGoal(100, 200, resolution=0.5, confirmations=1, max_failures=1)
UNDER_50MS = plan(thresholds=("p(99) < 50ms",))
FAST = stream(*steady(response_s=0.02), planned=UNDER_50MS, foot=footer(orphaned=("bucket vg-1: no",)))
SLOW = stream(*steady(response_s=0.2), planned=UNDER_50MS)


@pytest.fixture
def experiment(scenario: Callable[..., str]) -> CapacityExperiment:
    test = LoadTest(scenario(rate=50, seconds=4), TargetChoice("local"), Path("unused"))
    return CapacityExperiment.prepare(test, GOAL, trial_s=2.0)


def run(
    experiment: CapacityExperiment, folder: Path, *, is_interrupted: bool = False, keep: Path | None = None
) -> tuple[CapacityOutcome, list[Trial]]:
    trials: list[Trial] = []
    outcome = experiment.run(
        header(kind="capacity"),
        results=folder / "capacity.jsonl",
        folder=keep,
        max_usd=None,
        on_trial=trials.append,
        is_interrupted=lambda: is_interrupted,
    )
    return outcome, trials


def give(monkeypatch: pytest.MonkeyPatch, of_test: Callable[[LoadTest], Stream]) -> list[LoadTest]:
    """Replace Locust by *of_test*, and return the list of the load tests."""
    tests: list[LoadTest] = []

    def run_scenario(test: LoadTest) -> Stream:
        tests.append(test)
        return of_test(test)

    monkeypatch.setattr(capacity_trials, "run_scenario", run_scenario)
    return tests


def test_a_search_records_its_plan_its_trials_and_the_capacity(
    experiment: CapacityExperiment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The outcome has the price and the resources that remain, and so do stream and exit code."""
    tests = give(monkeypatch, lambda _: FAST)
    outcome, trials = run(experiment, tmp_path, keep=tmp_path / "kept")
    assert [test.results.name for test in tests] == ["trial-01.jsonl", "trial-02.jsonl", "trial-03.jsonl"]
    assert {test.results.parent for test in tests} == {tmp_path / "kept"}
    assert outcome.trials == trials
    assert outcome.usd == pytest.approx(0.3)
    assert outcome.orphaned == ["bucket vg-1: no"] * 3
    assert (outcome.result is not None, int(outcome.exit_code)) == (True, 3)
    found = read_stream(tmp_path / "capacity.jsonl")
    assert found.of(LoadPlan) == (experiment.plan,)
    assert found.of(Trial) == tuple(trials)
    assert found.first(Capacity) == Capacity(rate_per_s=200, unit="requests", confirmations=1)
    assert found.footer is not None
    assert (found.footer.is_complete, len(found.footer.orphaned)) == (True, 3)


@pytest.mark.parametrize(
    ("streamed", "is_interrupted", "code"),
    [(SLOW, False, 1), (unfinished(*steady(3), planned=UNDER_50MS), False, 4),
     (unfinished(*steady(3), planned=UNDER_50MS), True, 130)],
)  # fmt: skip
def test_a_search_without_a_capacity_has_the_exit_code_of_its_end(
    experiment: CapacityExperiment,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    streamed: Stream,
    is_interrupted: bool,
    code: int,
) -> None:
    """The lowest rate failed, a trial was incomplete, or a signal made it incomplete."""
    give(monkeypatch, lambda _: streamed)
    outcome, _ = run(experiment, tmp_path, is_interrupted=is_interrupted)
    assert int(outcome.exit_code) == code
    assert outcome.is_interrupted == is_interrupted
    assert (outcome.failure is not None) == (code == 4)
    assert read_stream(tmp_path / "capacity.jsonl").first(Capacity) is None


def test_an_interrupt_ends_the_search_and_completes_the_stream(
    experiment: CapacityExperiment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The trials so far are kept."""

    def interrupt(test: LoadTest) -> Stream:
        if test.results.name == "trial-02.jsonl":
            raise KeyboardInterrupt
        return FAST

    give(monkeypatch, interrupt)
    outcome, trials = run(experiment, tmp_path)
    assert (len(trials), outcome.is_interrupted, int(outcome.exit_code)) == (1, True, 130)
    found = read_stream(tmp_path / "capacity.jsonl")
    assert found.footer is not None
    assert (len(found.of(Trial)), found.footer.is_complete) == (1, False)


def test_the_plan_is_that_of_the_highest_rate(experiment: CapacityExperiment) -> None:
    """Its thresholds are checked before the first trial, and the price has bounds."""
    assert experiment.plan.scheduled == 200 * 2
    assert 0 < experiment.usd_min < experiment.usd_max
    # At a capacity of 150 the search tries 100, 200 and 141, and confirms 141.
    assert experiment.trials_max == 4
    test = replace(experiment.scenario.test, overrides={"vectors.dimension": "0"})
    with pytest.raises(ConfigError, match="dimension"):
        CapacityExperiment.prepare(test, GOAL, trial_s=2.0)


def test_the_table_says_rather_why_the_target_failed_than_why_a_trial_said_nothing() -> None:
    """Both happened at the same rate."""
    outcome = CapacityOutcome(SearchGoal(low=50, high=100), "requests", ("errors < 1%",))
    for number, reason in enumerate(("the load generator was the limit", "errors < 1%: 5 %"), start=1):
        is_inconclusive = number == 1
        outcome.trials.append(
            Trial(
                number=number,
                phase="bracket",
                rate_per_s=50,
                held=False,
                reason=reason,
                is_inconclusive=is_inconclusive,
            )
        )
    (row,) = [line for line in outcome_lines(outcome) if line.lstrip().startswith("50 ")]
    assert row.endswith("errors < 1%: 5 %")
