"""The outcome of a sweep as text and as JSON. The last line of the text is the verdict."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vecgate.formatting import (
    format_count,
    format_duration,
    format_exact,
    format_milliseconds,
    format_number,
    format_usd,
)
from vecgate.gate.verdict import WORDS, cleanup_line, pass_line
from vecgate.load.experiments.sweep_experiment import SweepExperiment, SweepOutcome
from vecgate.load.experiments.sweep_points import curve_points
from vecgate.reporting.text.terminal_tables import table_lines
from vecgate.results.load.sweep_records import Knee, SweepPoint
from vecgate.results.percentile_samples import few_samples_notes, format_percentile, mark_percentile
from vecgate.results.records import SCHEMA_VERSION, Header
from vecgate.s3vectors.pricing import PRICES_READ
from vecgate.targets.target import Target

#: The characters of a bar in the curve, and its width.
BAR, WIDTH = "▏▎▍▌▋▊▉█", 24


def plan_lines(experiment: SweepExperiment, target: Target) -> list[str]:
    """Describe the sweep and its price on AWS."""
    goal, plan = experiment.goal, experiment.plan
    rates = " ".join(map(format_exact, goal.rates))
    what = (
        f"{plan.sweep_operation} at {rates} requests/s" if plan.sweep_operation else f"{rates} {plan.unit}/s"
    )
    fixed = [f"{name} at {format_number(rate)}/s" for name, rate in experiment.scenario.fixed.items()]
    beside = f", beside {', '.join(fixed)}" if fixed else ""
    return [
        f"plan      {plan.scenario} on {target}: {what}{beside}, {format_duration(plan.duration_s)} each",
        f"price     up to about {format_usd(experiment.usd_max)} at the prices of {PRICES_READ} in us-east-1",
    ]


def point_line(point: SweepPoint, outcome_unit: str) -> str:
    """Describe one point when it was measured."""
    details = [
        f"{format_number(point.achieved_per_s)}/s achieved",
        f"p50 {format_milliseconds(point.p50_ms)}",
        format_percentile(99, point.p99_ms, point.requests),
        *([f"{point.errors:,} errors"] if point.errors else []),
        *([point.reason] if point.reason else []),
    ]
    rate = f"{format_exact(point.rate_per_s)} {outcome_unit}/s"
    return f"step {point.number:>2}  {rate:>18}  {_grade(point):<12}  {', '.join(details)}"


def outcome_lines(outcome: SweepOutcome) -> list[str]:
    """Return the table and the curve, the resources that remain, and the verdict."""
    return [
        *point_table(outcome.points, outcome.knee, outcome.unit),
        "",
        *curve_lines(outcome.points, outcome.knee),
        "",
        *filter(None, (verdict_line(outcome), cleanup_line(outcome.orphaned))),
    ]


def point_table(points: Sequence[SweepPoint], knee: Knee | None, unit: str) -> list[str]:
    """Return a row for each point, also for those at which the generator was the limit."""
    has_recall = any(point.recall is not None for point in points)
    others = sorted({name for point in points for name in point.operations})
    shown = others if len(others) > 1 else []
    headings = [
        *(f"offered {unit}/s", "achieved", "p50", "p99", "errors"),
        *(f"{name}/s" for name in shown),
        *(["recall"] if has_recall else []),
        *("per hour", "", ""),
    ]
    rows = [_row(point, knee, shown, has_recall=has_recall) for point in points]
    table = table_lines([headings, *rows], right=range(len(headings) - 2)) if rows else []
    return [*table, *few_samples_notes(point.requests for point in points)]


def curve_lines(points: Sequence[SweepPoint], knee: Knee | None) -> list[str]:
    """Return the curve, a bar of the p99 for each achieved rate. Inconclusive points are not part of it."""
    curve = curve_points(points)
    longest = max((point.p99_ms for point in curve), default=0.0)
    if not longest:
        return []
    rows = [
        [
            f"{format_number(point.achieved_per_s)}/s",
            _bar(point.p99_ms / longest),
            format_milliseconds(point.p99_ms),
            _mark(point, knee),
        ]
        for point in curve
    ]
    return table_lines([["achieved", "p99", "", ""], *rows], right=(0, 2))


def verdict_line(outcome: SweepOutcome) -> str:
    """Return the verdict."""
    if outcome.ending is None:
        word = "INTERRUPTED" if outcome.is_interrupted else "STOPPED"
        return f"{word}  after {format_count(len(outcome.points), 'step')}"
    if outcome.grade == "passed":
        return pass_line(f"{_summary(outcome)}; {_knee_text(outcome)}{_ending(outcome)}", word="SWEEP")
    return f"{WORDS[outcome.grade]}  {outcome.gate_text}"


def build_json(outcome: SweepOutcome, header: Header) -> dict[str, object]:
    """Return the outcome as a JSON object."""
    return {
        "schema": SCHEMA_VERSION,
        "line": verdict_line(outcome),
        "target": header.target,
        "verdict": outcome.grade if outcome.ending else None,
        "ending": outcome.ending,
        "unit": outcome.unit,
        "operation": outcome.operation,
        "must_hold_per_s": outcome.goal.must_hold or outcome.goal.rates[0],
        "thresholds": list(outcome.thresholds),
        "points": [msgspec.to_builtins(point) for point in outcome.points],
        "knee": msgspec.to_builtins(outcome.knee) if outcome.knee else None,
        "usd": outcome.usd,
        "orphaned": outcome.orphaned,
        "exit_code": int(outcome.exit_code),
    }


def _row(point: SweepPoint, knee: Knee | None, others: Sequence[str], *, has_recall: bool) -> list[str]:
    recall = [f"{point.recall:.4f}" if point.recall is not None else "-"] if has_recall else []
    return [
        format_exact(point.rate_per_s),
        format_number(point.achieved_per_s),
        format_milliseconds(point.p50_ms),
        mark_percentile(99, point.p99_ms, point.requests),
        f"{point.errors:,}",
        *(
            format_number(point.operations[name].achieved_per_s) if name in point.operations else "-"
            for name in others
        ),
        *recall,
        format_usd(point.usd_per_hour),
        _mark(point, knee) or "held",
        point.reason,
    ]


def _grade(point: SweepPoint) -> str:
    return "INCONCLUSIVE" if point.is_inconclusive else "held" if point.held else "not held"


def _mark(point: SweepPoint, knee: Knee | None) -> str:
    if point.is_inconclusive or not point.held:
        return _grade(point)
    return "knee" if knee is not None and point.number == knee.number else ""


def _bar(share: float) -> str:
    eighths = max(1, round(share * WIDTH * len(BAR)))
    whole, rest = divmod(eighths, len(BAR))
    return BAR[-1] * whole + (BAR[rest - 1] if rest else "")


def _summary(outcome: SweepOutcome) -> str:
    curve = curve_points(outcome.points)
    held = [point.rate_per_s for point in curve if point.held]
    # Only rates below the first failure count: a higher one that held may be luck.
    failed = min((point.rate_per_s for point in curve if not point.held), default=None)
    below = [rate for rate in held if failed is None or rate < failed]
    measured = format_count(len(curve), "rate")
    if not below:
        return f"{measured} measured, none held"
    highest = f"{format_exact(below[-1])} {outcome.unit}/s"
    return f"{measured} measured, held up to {highest}"


def _knee_text(outcome: SweepOutcome) -> str:
    knee = outcome.knee
    if knee is None:
        return "no knee was seen"
    return f"knee at {format_number(knee.achieved_per_s)}/s with p99 {format_milliseconds(knee.p99_ms)}"


def _ending(outcome: SweepOutcome) -> str:
    match outcome.ending:
        case "past-limit":
            return (
                f"; ended after {format_count(outcome.goal.max_failures, 'rate')} in a row that did not hold"
            )
        case "inconclusive":
            return "; ended because the load generator was the limit"
        case "too-expensive":
            return "; ended because the next rate would exceed the cost limit"
        case _:
            return ""
