"""A sweep as a whole, with result streams in place of load tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from load_builders import operation, plan, second, stage, steady, stream, unfinished
from result_builders import header

from vecgate.cli.runs.load.sweep_report import build_json, outcome_lines, point_line, verdict_line
from vecgate.errors import ConfigError
from vecgate.load.experiments import capacity_trials
from vecgate.load.experiments.sweep_experiment import SweepExperiment, SweepOutcome, build_point
from vecgate.load.experiments.sweep_points import SweepGoal
from vecgate.load.load_runner import LoadTest
from vecgate.results.load.load_records import LoadPlan, Recall
from vecgate.results.load.sweep_records import Knee, SweepPoint
from vecgate.results.records import Stream
from vecgate.results.result_stream import read_stream
from vecgate.results.verdict_records import VerdictRecord
from vecgate.targets.target import TargetChoice

UNDER_50MS = plan(thresholds=("p(99) < 50ms",))
FAST = stream(*steady(response_s=0.02), planned=UNDER_50MS)
SLOW = stream(*steady(response_s=0.2), planned=UNDER_50MS)
BROKEN = unfinished(*steady(3), planned=UNDER_50MS)
STRAINED = stream(
    *(second(at, *[0.2] * 10, late=10, busiest_cores=1.0, loop_lag_ms=900.0) for at in range(10)),
    planned=UNDER_50MS,
)


@pytest.fixture
def sweep(
    scenario: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., SweepOutcome]:
    """Run a sweep over 100, 200 and 400 requests/s whose load tests give *streams*."""

    def run(
        streams: Sequence[Stream], *, max_usd: float | None = None, must_hold: float = 0.0
    ) -> SweepOutcome:
        given = list(streams)
        monkeypatch.setattr(capacity_trials, "run_scenario", lambda _: given.pop(0))
        test = LoadTest(scenario(rate=50, seconds=4), TargetChoice("local"), Path("unused"))
        goal = SweepGoal((100, 200, 400), must_hold=must_hold)
        return SweepExperiment.prepare(test, goal, trial_s=2.0, operation="").run(
            header(kind="sweep"),
            results=tmp_path / "sweep.jsonl",
            folder=None,
            max_usd=max_usd,
            on_point=lambda point: shown.append(point_line(point, "requests")),
            is_interrupted=lambda: False,
        )

    shown: list[str] = []
    return run


def test_a_sweep_records_its_plan_points_knee_and_verdict(
    sweep: Callable[..., SweepOutcome], tmp_path: Path
) -> None:
    """A rate that does not hold above the gate is what a sweep looks for."""
    outcome = sweep([FAST, FAST, SLOW])
    found = read_stream(tmp_path / "sweep.jsonl")
    assert found.of(SweepPoint) == tuple(outcome.points)
    assert [(each.rate_per_s, each.held) for each in outcome.points] == [
        (100, True),
        (200, True),
        (400, False),
    ]
    assert found.first(Knee) == outcome.knee
    assert outcome.knee is not None
    assert found.first(LoadPlan) is not None
    assert found.of(VerdictRecord)[-1].grade == "passed"
    assert (found.footer is not None and found.footer.is_complete, int(outcome.exit_code)) == (True, 0)
    assert verdict_line(outcome).startswith("SWEEP  3 rates measured, held up to 200 requests/s; knee at")


@pytest.mark.parametrize(
    ("streams", "must_hold", "word", "code"),
    [
        ([SLOW, SLOW], 0.0, "FAIL  100 requests/s did not hold: p(99) < 50ms", 1),
        ([FAST, SLOW, FAST], 200.0, "FAIL  200 requests/s did not hold: p(99) < 50ms", 1),
        ([FAST, STRAINED, STRAINED], 200.0, "INCONCLUSIVE  200 requests/s was not measured: the load generator", 4),
        ([FAST, STRAINED, STRAINED], 0.0, "SWEEP  1 rate measured, held up to 100 requests/s", 0),
        ([STRAINED, FAST, FAST, FAST], 400.0, "SWEEP  3 rates measured, held up to 400 requests/s", 0),
        ([FAST, BROKEN], 0.0, "STOPPED  after 1 step", 4),
    ],
)  # fmt: skip
def test_the_verdict_rests_on_the_rates_that_must_hold(
    sweep: Callable[..., SweepOutcome],
    tmp_path: Path,
    *,
    streams: list[Stream],
    must_hold: float,
    word: str,
    code: int,
) -> None:
    """A fault of the generator is never a failure of the target, and never a rate that held."""
    outcome = sweep(streams, must_hold=must_hold)
    assert verdict_line(outcome).startswith(word)
    assert int(outcome.exit_code) == code
    (verdict,) = read_stream(tmp_path / "sweep.jsonl").of(VerdictRecord)
    assert (verdict.grade == "passed") == (code == 0)
    assert build_json(outcome, header())["exit_code"] == code
    assert outcome_lines(outcome)[-1] == verdict_line(outcome)


def test_an_inconclusive_point_is_shown_and_not_drawn(sweep: Callable[..., SweepOutcome]) -> None:
    """The table names it, the curve leaves it out."""
    text = "\n".join(outcome_lines(sweep([FAST, STRAINED, FAST, FAST])))
    table, _, curve = text.partition("\n\n")
    assert table.count("INCONCLUSIVE") == 1
    assert "INCONCLUSIVE" not in curve
    assert curve.count("█") > 0


def test_a_sweep_ends_before_the_rate_that_it_cannot_pay(sweep: Callable[..., SweepOutcome]) -> None:
    """What was measured is kept."""
    outcome = sweep([FAST], max_usd=0.1001)
    assert (outcome.ending, len(outcome.points), int(outcome.exit_code)) == ("too-expensive", 1, 0)
    gated = sweep([FAST], max_usd=0.1001, must_hold=200)
    assert (
        verdict_line(gated) == "INCONCLUSIVE  200 requests/s was not measured: it would exceed the cost limit"
    )
    assert int(gated.exit_code) == 4


def test_a_point_of_one_operation_has_its_rate_and_latencies() -> None:
    """The others keep theirs beside it. Recall and price per hour are those of the load test."""
    mixed = [
        second(
            at,
            due=30,
            started=30,
            operations={
                "PutVectors": operation(*[0.2] * 10),
                "QueryVectors": operation(*[0.01] * 20, vectors=0),
            },
        )
        for at in range(10)
    ]
    planned = plan(
        stage(per_s=30),
        unit="requests",
        operations={"PutVectors": 1 / 3, "QueryVectors": 2 / 3},
        scheduled=300,
    )
    recall = Recall(k=10, queries=5, mean=0.97, lowest=0.9)
    point = build_point(stream(*mixed, recall, planned=planned), 1, 20.0, "QueryVectors")
    assert (point.achieved_per_s, point.requests, round(point.p99_ms)) == (20.0, 200, 10)
    assert (point.recall, point.k, point.held) == (0.97, 10, True)
    assert point.operations["PutVectors"].achieved_per_s == 10.0
    assert round(point.operations["PutVectors"].p99_ms) == 200
    assert round(point.usd_per_hour, 6) == 36.0
    # The noise is that of the swept operation alone; 200 requests are too few for that of a p99.
    assert point.noise.keys() == {"p50", "achieved", "errors"}
    assert set(point.noise["achieved"]) == {1.0}
    assert point.noise["p50"][50] == pytest.approx(10, rel=0.01)


def test_the_noise_of_a_point_leaves_out_the_ramp_before_its_stage() -> None:
    """A bootstrap over both would take the slope for noise."""
    planned = plan(stage("ramp", from_per_s=0, duration_s=4.0), stage(duration_s=10.0))
    seconds = [*(second(at, 5.0) for at in range(4)), *(second(at, *[0.01] * 10) for at in range(4, 14))]
    point = build_point(stream(*seconds, planned=planned), 1, 100.0, "")
    assert max(point.noise["p50"]) == pytest.approx(10, rel=0.01)
    assert set(point.noise["achieved"]) == {1.0}


def test_only_the_rate_of_the_operation_is_raised() -> None:
    """The writes of `slo-ingest` stay at 20 requests/s, whatever the searches are."""
    test = LoadTest("slo-ingest", TargetChoice("local"), Path("unused"))
    experiment = SweepExperiment.prepare(test, SweepGoal((25, 400)), trial_s=30, operation="QueryVectors")
    for rate in experiment.goal.rates:
        scenario = experiment.scenario.scenario_at(rate)
        peak = scenario.stages[-1].to_per_s
        rates = {name: share * peak for name, share in scenario.operations.items()}
        assert rates == pytest.approx({"PutVectors": 20, "QueryVectors": rate})
    assert experiment.plan.sweep_operation == "QueryVectors"
    assert experiment.usd_max > experiment.usd_min > 0


def test_an_operation_that_the_scenario_lacks_is_refused(scenario: Callable[..., str]) -> None:
    """With those that it has."""
    test = LoadTest(scenario(), TargetChoice("local"), Path("unused"))
    with pytest.raises(ConfigError, match="has no QueryVectors, it has PutVectors"):
        SweepExperiment.prepare(test, SweepGoal((1,)), trial_s=2.0, operation="QueryVectors")


def test_the_rate_of_an_operation_needs_the_unit_requests() -> None:
    """A rate of vectors counts those of all operations."""
    test = LoadTest("ramp-1000", TargetChoice("local"), Path("unused"))
    with pytest.raises(ConfigError, match="unit = requests"):
        SweepExperiment.prepare(test, SweepGoal((100,)), trial_s=2.0, operation="PutVectors")
