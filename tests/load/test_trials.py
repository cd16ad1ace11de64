"""The trials of a capacity search: which scenario is run at a rate, and what its stream comes to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from loads import cut, operation, plan, second, stage, steady, stream
from runs import header

from vecgate.errors import ConfigError, UsageError, VecgateError
from vecgate.load import trials
from vecgate.load.capacity import Goal
from vecgate.load.runner import Test as LoadTest
from vecgate.load.trials import Course, Trials, outcome_of, rates_of, usd_at_most
from vecgate.results.load import Event
from vecgate.results.records import Stream
from vecgate.targets.target import TargetChoice


def course(scenario: str, trial_s: float = 4.0, **more: object) -> Course:
    test = LoadTest(scenario, TargetChoice("local"), Path("unused"), **more)  # type: ignore[arg-type] # any member
    return Course.of(test, trial_s)


def test_a_scenario_is_scaled_so_that_its_highest_stage_has_the_rate() -> None:
    """And to the length of a trial: the shape stays."""
    at_300 = course("ramp-1000", trial_s=8).scenario_at(300.0)
    shape = [number for each in at_300.stages for number in (each.from_per_s, each.to_per_s, each.duration_s)]
    assert shape == pytest.approx([0, 300, 2, 300, 300, 6])
    assert at_300.schedule().total == pytest.approx((300 * 6 + 300 * 2 / 2) / 100, abs=1)


def test_what_is_set_beside_the_scenario_stays_set(scenario: Callable[..., str]) -> None:
    """In every trial, with a run of its own for each."""
    made = course(scenario(rate=50, seconds=4), overrides={"vectors.dimension": "16"}, processes=2)
    one, two = made.at(100.0, Path("one")), made.at(200.0, Path("two"), max_usd=0.5)
    assert one.overrides == {
        "vectors.dimension": "16",
        "stages.rate": repr(100.0 / 50),
        "stages.duration": repr(1.0),
    }
    assert (one.processes, one.results, two.max_usd, one.run != two.run) == (2, Path("one"), 0.5, True)
    assert made.plan_at(100.0).dimension == 16


def test_thresholds_are_those_of_the_scenario_and_those_given_beside(scenario: Callable[..., str]) -> None:
    """Read before the first trial; where there are none, the usual ones."""
    path = scenario(thresholds='{threshold = "dropped == 0"}')
    assert course(path, thresholds=("p(99) < 1s",)).plan_at(50).thresholds == ("dropped == 0", "p(99) < 1s")
    assert course(scenario()).plan_at(50).thresholds == ("achieved >= 99%", "errors < 1%")
    with pytest.raises(UsageError, match="p98!"):
        course(path, thresholds=("p98! < 1s",)).plan_at(50)


def test_a_scenario_without_a_rate_cannot_be_scaled(tmp_path: Path) -> None:
    """Nor one that is no scenario."""
    path = tmp_path / "idle.toml"
    path.write_text('[[stages]]\nkind = "constant"\nrate = 0\nfor = "1s"\n')
    with pytest.raises(ConfigError):
        course(str(path))
    with pytest.raises(ConfigError, match="neither a scenario nor a file"):
        course("no-such")


def test_a_run_that_holds_its_thresholds_holds_the_rate() -> None:
    """With the figures of its highest stage, and its rate as the share that was done."""
    planned = plan(
        stage("ramp", from_per_s=0, duration_s=2.0), stage(duration_s=8.0), thresholds=("p(99) < 50ms",)
    )
    seconds = [second(0, 0.4), second(1, 0.4), *steady(10)[2:]]
    outcome = outcome_of(stream(*seconds, planned=planned), 100.0)
    assert (outcome.held, outcome.achieved_per_s) == (False, 100.0)
    assert (outcome.p50_ms, outcome.p99_ms) == pytest.approx((40, 40), rel=0.01)
    assert outcome.reason.startswith("p(99) < 50ms: ")
    held = outcome_of(stream(*steady(), planned=plan(thresholds=("p(99) < 50ms",))), 100.0)
    assert (held.held, held.reason, held.is_invalid) == (True, "", False)


def test_the_first_thing_that_did_not_hold_is_told_and_the_others_are_counted() -> None:
    """Errors and throttles are of the whole run."""
    errors = {"TooManyRequestsException": 3, "Transport": 1}
    puts = operation(*[0.02] * 10, errors=errors, throttled=3)
    seconds = [second(at, operations={"PutVectors": puts}, due=10, due_vectors=100) for at in range(10)]
    outcome = outcome_of(stream(*seconds, planned=plan(thresholds=("errors < 1%", "p(99) < 1ms"))), 100.0)
    assert (outcome.held, outcome.errors, outcome.throttled) == (False, 40, 30)
    assert outcome.achieved_per_s == pytest.approx(60)
    assert outcome.reason.startswith("errors < 1%: 40 %")
    assert outcome.reason.endswith(", and 1 more")


def test_a_run_that_the_generator_could_not_do_is_no_answer() -> None:
    """It neither holds nor fails."""
    seconds = [second(at, *[0.01] * 10, late=10, busiest_cores=1.0, loop_lag_ms=300.0) for at in range(10)]
    outcome = outcome_of(stream(*seconds, planned=plan(thresholds=("p(99) < 1s",))), 100.0)
    assert (outcome.held, outcome.is_invalid) == (False, True)
    assert outcome.reason.startswith("the generator was the limit")


@pytest.mark.parametrize(
    ("streamed", "said"),
    [
        (cut(*steady(3)), "did not come to its end"),
        (stream(*steady(3), Event(at_s=3.0, kind="aborted", text="the run has cost $1.00")), "has cost"),
        (Stream(header(), ()), "has no plan"),
    ],
)
def test_a_run_that_did_not_come_to_its_end_ends_the_search(streamed: Stream, said: str) -> None:
    """Nobody can say what the target does at that rate."""
    with pytest.raises(VecgateError, match=said):
        outcome_of(streamed, 100.0)


def test_each_trial_may_cost_what_the_others_have_left(
    monkeypatch: pytest.MonkeyPatch, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """And has a stream of its own in the folder."""
    run: list[LoadTest] = []

    def run_scenario(test: LoadTest) -> Stream:
        run.append(test)
        return stream(*steady())

    monkeypatch.setattr(trials, "run_scenario", run_scenario)
    trial = Trials(course(scenario()), tmp_path, max_usd=0.25)
    trial(50.0)
    trial(100.0)
    assert trial.usd == pytest.approx(0.2)
    assert [each.max_usd for each in run] == [pytest.approx(0.25), pytest.approx(0.15)]
    assert [each.results.name for each in run] == ["trial-01.jsonl", "trial-02.jsonl"]
    Trials(course(scenario()), tmp_path)(50.0)
    assert run[-1].max_usd is None


def test_the_price_of_a_search_is_that_of_its_longest_way() -> None:
    """Over targets from one that holds nothing to one that holds it all."""
    goal = Goal(100, 800, resolution=0.5, confirmations=1, chances=1)
    assert rates_of(goal, 50) == [100]
    assert rates_of(goal, 800) == [100, 200, 400, 800, 800]
    assert rates_of(goal, 300) == [100, 200, 400, 283.0, 283.0]
    found = course("ramp-1000", trial_s=10)
    usd, number = usd_at_most(goal, found)
    # The longest is that of a target which holds 566 and not 800.
    assert number == 6
    assert usd == pytest.approx(sum(map(found.usd_at, (100, 200, 400, 800, 566, 566))))


def test_every_trial_pays_for_what_is_put_before_it() -> None:
    """However short it is: 10,000 of 1,024 dimensions are $0.0077, a second of queries next to nothing."""
    searches = course("query", trial_s=1)
    assert searches.usd_at(1.0) == pytest.approx(10_000 * 4_158 / 2**30 * 0.20, rel=0.01)
    usd, number = usd_at_most(Goal(1, 2, resolution=0.5, confirmations=1, chances=1), searches)
    assert usd == pytest.approx(number * 0.00774, rel=0.01)


def test_a_trial_is_priced_as_it_is_run(scenario: Callable[..., str]) -> None:
    """50 requests/s for 4 s, each of 128 KiB at least."""
    assert course(scenario()).usd_at(50.0) == pytest.approx(200 * 131_072 / 2**30 * 0.20, rel=0.01)
