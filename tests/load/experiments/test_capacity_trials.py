"""The trials of a capacity search: the scaled scenario, and the outcome of its result stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from load_builders import operation, plan, second, stage, steady, stream, unfinished
from result_builders import header

from vecgate.errors import ConfigError, UsageError, VecgateError
from vecgate.load.experiments import capacity_trials as trials
from vecgate.load.experiments.capacity_search import SearchGoal
from vecgate.load.experiments.capacity_trials import (
    ScaledScenario,
    TrialRunner,
    estimate_search,
    evaluate_trial,
    probed_rates,
)
from vecgate.load.load_runner import LoadTest
from vecgate.results.load.load_records import Event, ReadBack
from vecgate.results.records import Stream
from vecgate.targets.target import TargetChoice


def scaled(scenario: str, trial_s: float = 4.0, **more: object) -> ScaledScenario:
    test = LoadTest(scenario, TargetChoice("local"), Path("unused"), **more)  # type: ignore[arg-type] # any member
    return ScaledScenario.load(test, trial_s)


def test_a_scenario_is_scaled_so_that_its_highest_stage_has_the_rate() -> None:
    """And to the duration of a trial: the shape does not change."""
    at_300 = scaled("ramp-1000", trial_s=8).scenario_at(300.0)
    shape = [number for each in at_300.stages for number in (each.from_per_s, each.to_per_s, each.duration_s)]
    assert shape == pytest.approx([0, 300, 2, 300, 300, 6])
    assert at_300.schedule().total == pytest.approx((300 * 6 + 300 * 2 / 2) / 100, abs=1)


def test_every_trial_has_the_overrides_and_its_own_run_id(scenario: Callable[..., str]) -> None:
    """And the other settings of the load test."""
    found = scaled(scenario(rate=50, seconds=4), overrides={"vectors.dimension": "16"}, processes=2)
    one, two = found.trial_at(100.0, Path("one")), found.trial_at(200.0, Path("two"), max_usd=0.5)
    assert one.overrides == {
        "vectors.dimension": "16",
        "stages.rate": repr(100.0 / 50),
        "stages.duration": repr(1.0),
    }
    assert (one.processes, one.results, two.max_usd, one.run != two.run) == (2, Path("one"), 0.5, True)
    assert found.plan_at(100.0).dimension == 16


def test_thresholds_are_those_of_the_scenario_and_the_command(scenario: Callable[..., str]) -> None:
    """Checked before the first trial; without any, the default ones apply."""
    path = scenario(thresholds='{threshold = "dropped == 0"}')
    assert scaled(path, thresholds=("p(99) < 1s",)).plan_at(50).thresholds == ("dropped == 0", "p(99) < 1s")
    assert scaled(scenario()).plan_at(50).thresholds == ("achieved >= 99%", "errors < 1%")
    with pytest.raises(UsageError, match="p98!"):
        scaled(path, thresholds=("p98! < 1s",)).plan_at(50)


def test_a_scenario_without_a_rate_cannot_be_scaled(tmp_path: Path) -> None:
    """Nor one that does not exist."""
    path = tmp_path / "idle.toml"
    path.write_text('[[stages]]\nkind = "constant"\nrate = 0\nfor = "1s"\n')
    with pytest.raises(ConfigError):
        scaled(str(path))
    with pytest.raises(ConfigError, match="neither a scenario nor a file"):
        scaled("no-such")


def test_a_run_that_meets_its_thresholds_sustains_the_rate() -> None:
    """The latencies are those of the highest stage, and the achieved rate is that of the run."""
    planned = plan(
        stage("ramp", from_per_s=0, duration_s=2.0), stage(duration_s=8.0), thresholds=("p(99) < 50ms",)
    )
    seconds = [second(0, 0.4), second(1, 0.4), *steady(10)[2:]]
    outcome = evaluate_trial(stream(*seconds, planned=planned), 100.0)
    assert (outcome.held, outcome.achieved_per_s) == (False, 100.0)
    assert (outcome.p50_ms, outcome.p99_ms) == pytest.approx((40, 40), rel=0.01)
    assert outcome.reason.startswith("p(99) < 50ms: ")
    held = evaluate_trial(stream(*steady(), planned=plan(thresholds=("p(99) < 50ms",))), 100.0)
    assert (held.held, held.reason, held.is_inconclusive) == (True, "", False)


def test_a_rate_at_which_vectors_are_lost_does_not_hold() -> None:
    """Whatever the thresholds say. Sweeps use the same rule."""
    lost = ReadBack(acknowledged=1_000, looked_up=100, missing=1)
    outcome = evaluate_trial(stream(*steady(), lost), 100.0)
    assert (outcome.held, outcome.is_inconclusive) == (False, False)
    assert outcome.reason == "1 of 100 acknowledged vectors that were looked up are not stored"


def test_the_first_failed_threshold_is_named_and_the_others_are_counted() -> None:
    """Errors and throttled requests are those of the whole run."""
    errors = {"TooManyRequestsException": 3, "Transport": 1}
    puts = operation(*[0.02] * 10, errors=errors, throttled=3)
    seconds = [second(at, operations={"PutVectors": puts}, due=10, due_vectors=100) for at in range(10)]
    outcome = evaluate_trial(stream(*seconds, planned=plan(thresholds=("errors < 1%", "p(99) < 1ms"))), 100.0)
    assert (outcome.held, outcome.errors, outcome.throttled) == (False, 40, 30)
    assert outcome.achieved_per_s == pytest.approx(60)
    assert outcome.reason.startswith("errors < 1%: 40 %")
    assert outcome.reason.endswith(", and 1 more")


@pytest.mark.parametrize(
    ("first", "text"),
    [(6, "it throttled only after 6 s, so it allows bursts"), (0, ""), (1, "")],
)
def test_a_target_that_serves_a_burst_is_named(first: int, text: str) -> None:
    """A bucket of tokens lets a short trial pass at a rate that a longer one does not."""
    throttled = operation(*[0.02] * 10, errors={"TooManyRequestsException": 5}, throttled=5)
    seconds = [
        second(at, *[0.02] * 10, **({"operations": {"PutVectors": throttled}} if at >= first else {}))
        for at in range(10)
    ]
    outcome = evaluate_trial(stream(*seconds, planned=plan(thresholds=("errors < 1%",))), 100.0)
    assert outcome.reason.startswith("errors < 1%: ")
    assert outcome.reason.partition("; ")[2].startswith(text)
    assert bool(text) == ("bursts" in outcome.reason)


def test_a_starved_trial_whose_target_fails_has_failed() -> None:
    """The errors are those of the target, however late the requests were."""
    failed = operation(*[0.01] * 10, errors={"InternalServerException": 5})
    seconds = [
        second(at, *[0.01] * 10, operations={"PutVectors": failed}, late=10, busiest_cores=1.0)
        for at in range(10)
    ]
    outcome = evaluate_trial(stream(*seconds, planned=plan(thresholds=("errors < 1%", "p(99) < 1ms"))), 100.0)
    assert (outcome.held, outcome.is_inconclusive) == (False, False)
    assert outcome.reason.startswith("errors < 1%: 50 %")
    assert (outcome.requests, outcome.errors) == (100, 50)


def test_a_run_limited_by_the_generator_is_inconclusive() -> None:
    """The rate is neither sustained nor failed."""
    seconds = [second(at, *[0.01] * 10, late=10, busiest_cores=1.0, loop_lag_ms=300.0) for at in range(10)]
    outcome = evaluate_trial(stream(*seconds, planned=plan(thresholds=("p(99) < 1s",))), 100.0)
    assert (outcome.held, outcome.is_inconclusive) == (False, True)
    assert outcome.reason.startswith("the load generator was the limit")


@pytest.mark.parametrize(
    ("incomplete", "message"),
    [
        (unfinished(*steady(3)), "the run did not end"),
        (stream(*steady(3), Event(at_s=3.0, kind="aborted", text="the run has cost $1.00")), "has cost"),
        (Stream(header(), ()), "has no plan"),
    ],
)
def test_an_incomplete_run_ends_the_search(incomplete: Stream, message: str) -> None:
    """Its result says nothing about the target at that rate."""
    with pytest.raises(VecgateError, match=message):
        evaluate_trial(incomplete, 100.0)


def test_each_trial_may_cost_what_remains_of_the_limit(
    monkeypatch: pytest.MonkeyPatch, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """And has its own stream in the folder."""
    run: list[LoadTest] = []

    def run_scenario(test: LoadTest) -> Stream:
        run.append(test)
        return stream(*steady())

    monkeypatch.setattr(trials, "run_scenario", run_scenario)
    trial = TrialRunner(scaled(scenario()), tmp_path, max_usd=0.25)
    trial(50.0)
    trial(100.0)
    assert trial.usd == pytest.approx(0.2)
    assert [each.max_usd for each in run] == [pytest.approx(0.25), pytest.approx(0.15)]
    assert [each.results.name for each in run] == ["trial-01.jsonl", "trial-02.jsonl"]
    TrialRunner(scaled(scenario()), tmp_path)(50.0)
    assert run[-1].max_usd is None


def test_the_price_of_a_search_is_that_of_its_most_expensive_path() -> None:
    """Over targets of every capacity in the range."""
    goal = SearchGoal(100, 800, resolution=0.5, confirmations=1, max_failures=1)
    assert probed_rates(goal, 50) == [100]
    assert probed_rates(goal, 800) == [100, 200, 400, 800, 800]
    assert probed_rates(goal, 300) == [100, 200, 400, 283.0, 283.0]
    found = scaled("ramp-1000", trial_s=10)
    usd, number = estimate_search(goal, found)
    # The longest is that of a target which holds 566 and not 800.
    assert number == 6
    assert usd == pytest.approx(sum(map(found.usd_at, (100, 200, 400, 800, 566, 566))))


def test_every_trial_pays_for_its_preload() -> None:
    """10,000 vectors of 1,024 dimensions cost $0.0077, a second of queries almost nothing."""
    searches = scaled("query", trial_s=1)
    assert searches.usd_at(1.0) == pytest.approx(10_000 * 4_158 / 2**30 * 0.20, rel=0.01)
    usd, number = estimate_search(SearchGoal(1, 2, resolution=0.5, confirmations=1, max_failures=1), searches)
    assert usd == pytest.approx(number * 0.00774, rel=0.01)


def test_the_price_of_a_trial_is_that_of_its_scaled_scenario(scenario: Callable[..., str]) -> None:
    """50 requests/s for 4 s, each charged as at least 128 KiB."""
    assert scaled(scenario()).usd_at(50.0) == pytest.approx(200 * 131_072 / 2**30 * 0.20, rel=0.01)
