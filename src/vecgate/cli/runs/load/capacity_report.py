"""The outcome of a capacity search as text and as JSON. The last line of the text is the verdict."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vecgate.formatting import (
    format_count,
    format_duration,
    format_exact,
    format_milliseconds,
    format_times,
    format_usd,
)
from vecgate.gate.verdict import cleanup_line, pass_line
from vecgate.load.experiments.capacity_experiment import CapacityExperiment, CapacityOutcome
from vecgate.load.experiments.capacity_search import SearchResult
from vecgate.reporting.text.terminal_tables import table_lines
from vecgate.results.load.load_records import Trial, Unit
from vecgate.results.percentile_samples import few_samples_notes, format_percentile, mark_percentile
from vecgate.results.records import SCHEMA_VERSION, Header
from vecgate.s3vectors.pricing import PRICES_READ
from vecgate.targets.target import Target

HEADINGS = ("trials", "passed", "achieved", "p50", "p99", "errors", "")
#: More thresholds than this are counted instead of listed.
THRESHOLDS_LISTED_MAX = 2


def plan_lines(experiment: CapacityExperiment, target: Target) -> list[str]:
    """Describe the search and its price on AWS."""
    goal, plan = experiment.goal, experiment.plan
    rates = f"{format_exact(goal.low)} to {format_exact(goal.high)} {plan.unit}/s"
    trials = f"up to about {experiment.trials_max} trials of {format_duration(plan.duration_s)}"
    return [
        f"plan      {plan.scenario} on {target} at {rates}, {trials}",
        f"price     up to about {format_usd(experiment.usd_max)} at the prices of {PRICES_READ} in us-east-1",
    ]


def trial_line(trial: Trial, unit: Unit) -> str:
    """Describe one trial."""
    grade = "inconclusive" if trial.is_inconclusive else "passed" if trial.held else "failed"
    details = [
        f"{trial.achieved_per_s:,.0f}/s achieved",
        f"p50 {format_milliseconds(trial.p50_ms)}",
        format_percentile(99, trial.p99_ms, trial.requests),
        *([f"{trial.errors:,} errors"] if trial.errors else []),
        *([f"{trial.throttled:,} throttled"] if trial.throttled else []),
        *([trial.reason] if trial.reason else []),
    ]
    rate = f"{format_exact(trial.rate_per_s)} {unit}/s"
    return f"trial {trial.number:>2}  {trial.phase:<8} {rate:>18}  {grade:<6}  {', '.join(details)}"


def outcome_lines(outcome: CapacityOutcome) -> list[str]:
    """Return a table of all rates, the resources that remain, and the verdict."""
    rows = [
        _summarize_rate(rate, [trial for trial in outcome.trials if trial.rate_per_s == rate])
        for rate in sorted({trial.rate_per_s for trial in outcome.trials})
    ]
    headings = [f"{outcome.unit}/s", *HEADINGS]
    table = table_lines([headings, *rows], right=range(len(HEADINGS))) if rows else []
    notes = few_samples_notes(trial.requests for trial in outcome.trials)
    return [*table, *notes, "", *filter(None, (verdict_line(outcome), cleanup_line(outcome.orphaned)))]


def verdict_line(outcome: CapacityOutcome) -> str:
    """Return the verdict."""
    result, unit = outcome.result, outcome.unit
    if result is None:
        word = "INTERRUPTED" if outcome.is_interrupted else "STOPPED"
        held = max((trial.rate_per_s for trial in outcome.trials if trial.held), default=None)
        found = "no rate is" if held is None else f"{format_exact(held)} {unit}/s passed, not"
        return f"{word}  after {format_count(len(outcome.trials), 'trial')}; {found} confirmed"
    highest = f"{format_exact(result.held_per_s)} {unit}/s passed" if result.held_per_s else "no rate passed"
    match result.ending:
        case "found":
            confirmed = f"confirmed {format_times(outcome.goal.confirmations)}"
            text = f"{highest} {_list_thresholds(outcome)}, {confirmed}; {_describe_next_rate(result)}"
            return pass_line(text, word="CAPACITY")
        case "too-low":
            lowest = f"{format_exact(outcome.goal.low)} {unit}/s"
            return f"FAIL  {lowest}, the lowest rate to try, failed: {result.reason}"
        case "inconclusive":
            rate = outcome.trials[-1].rate_per_s
            return f"INCONCLUSIVE  at {format_exact(rate)} {unit}/s {result.reason}; {highest}, unconfirmed"
        case "exhausted":
            return f"INCONCLUSIVE  {result.reason}; {highest}, unconfirmed"


def build_json(outcome: CapacityOutcome, header: Header) -> dict[str, object]:
    """Return the outcome as a JSON object."""
    result = outcome.result
    return {
        "schema": SCHEMA_VERSION,
        "line": verdict_line(outcome),
        "target": header.target,
        "ending": result.ending if result else None,
        "rate_per_s": result.rate_per_s if result else None,
        "failed_per_s": result.failed_per_s if result else None,
        "unit": outcome.unit,
        "confirmations": outcome.goal.confirmations if result and result.rate_per_s else 0,
        "thresholds": list(outcome.thresholds),
        "trials": [msgspec.to_builtins(trial) for trial in outcome.trials],
        "usd": outcome.usd,
        "orphaned": outcome.orphaned,
        "exit_code": int(outcome.exit_code),
    }


def _summarize_rate(rate_per_s: float, trials: Sequence[Trial]) -> Sequence[str]:
    """Return the row of all trials at one rate: the worst of each value, and why the rate failed."""
    return (
        format_exact(rate_per_s),
        f"{len(trials)}",
        f"{sum(trial.held for trial in trials)}",
        f"{min(trial.achieved_per_s for trial in trials):,.0f}",
        format_milliseconds(max(trial.p50_ms for trial in trials)),
        mark_percentile(99, *max((trial.p99_ms, trial.requests) for trial in trials)),
        f"{max(trial.errors for trial in trials):,}",
        # Rather why the target failed than why a trial said nothing.
        next(
            (each.reason for each in sorted(trials, key=lambda each: each.is_inconclusive) if each.reason), ""
        ),
    )


def _list_thresholds(outcome: CapacityOutcome) -> str:
    texts = outcome.thresholds
    return " and ".join(texts) if len(texts) <= THRESHOLDS_LISTED_MAX else f"all {len(texts)} thresholds"


def _describe_next_rate(result: SearchResult) -> str:
    if result.failed_per_s is None:
        return "that is the highest rate to try"
    return f"{format_exact(result.failed_per_s)} failed: {result.reason}"
