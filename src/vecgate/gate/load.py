"""The verdict on a load run: it ended, something was measured, the target was the limit, thresholds hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from vecgate.errors import UsageError
from vecgate.gate.measures import figure, measure, measured_in, told
from vecgate.gate.thresholds import Threshold, parse_threshold, parse_thresholds
from vecgate.gate.verdict import Check, Grade, Verdict, passed_line
from vecgate.results.load import Event, Plan, Second
from vecgate.results.records import Stream
from vecgate.results.spans import Span, Tally, by_stage, stages_of
from vecgate.results.summary import StageSummary, Summary, summary_of

#: What holds where a plan names no thresholds.
DEFAULT_THRESHOLDS = ("achieved >= 99%", "errors < 1%")
#: Checks that are no thresholds: what they measured says it all.
WHOLE, SOMETHING, GENERATOR = "whole run", "something ran", "generator"
#: A rate is held where so much of it was done.
HELD = 0.995
FLAT = frozenset({"constant", "poisson"})
#: Known at the end only.
AT_THE_END = frozenset({"recall", "count"})


class Condition(Protocol):
    """A threshold of a scenario: its words, whether it ends the run, and not before when."""

    @property
    def expression(self) -> str:
        """The threshold."""

    @property
    def abort_on_fail(self) -> bool:
        """A run ends that does not hold it."""

    @property
    def grace_s(self) -> float:
        """So long it is not looked at, from the beginning of the schedule or of its stage."""


def judge_load(
    stream: Stream, thresholds: Sequence[str] | None = None, *, summary: Summary | None = None
) -> Verdict:
    """The verdict on the load run in *stream*.

    thresholds  instead of those of the plan; raises UsageError where one is none
    summary     of *stream*, where it is there already
    """
    plan = stream.first(Plan)
    if plan is None:
        told = "its plan is missing" if stream.of(Second) else "the run did not begin: it has no plan"
        return Verdict((Check(WHOLE, told, "unjudged"),))
    found = summary or summary_of(stream)
    checks = [_ended(stream, found), _something(found), _generator(found)]
    judged = _planned(plan, found) if thresholds is None else _held(parse_thresholds(thresholds, plan), found)
    return Verdict((*(check for check in checks if check is not None), *judged))


def load_line_of(verdict: Verdict, summary: Summary) -> str:
    """The last line: the verdict and what it rests on."""
    if verdict:
        return passed_line(_told_of(summary), summary.leaks)
    word = "FAIL" if verdict.grade == "failed" else "NOT JUDGED"
    told: list[str] = []
    for check in verdict.checks:
        # What has ended a run is told once.
        if check.grade == verdict.grade and not any(f"{check.name}: " in each for each in told):
            told.append(blame_of(check))
    return f"{word}  {'; '.join(told)}"


def blame_of(check: Check) -> str:
    """What *check* has found, in words that stand alone."""
    is_threshold = check.name not in {WHOLE, SOMETHING, GENERATOR}
    return f"{check.name}: {check.measured}" if is_threshold else check.measured


class LiveGate:
    """Watches a run of *plan*, and says when it is to end: a condition does not hold, or it costs too much.

    Raises UsageError where a condition is none, or says of something that is known at the end only.
    """

    def __init__(self, conditions: Iterable[Condition], plan: Plan, *, max_usd: float | None = None) -> None:
        self._plan, self._max_usd, self._usd, self._has_told = plan, max_usd, plan.usd_before, False
        ending = [condition for condition in conditions if condition.abort_on_fail]
        parsed = parse_thresholds([condition.expression for condition in ending], plan)
        if late := [threshold.text for threshold in parsed if threshold.metric in AT_THE_END]:
            raise UsageError(f"{', '.join(late)} is known at the end only: it cannot abort a run")
        self._watched = [
            (threshold, condition.grace_s) for threshold, condition in zip(parsed, ending, strict=True)
        ]
        self._stages = {name: (start_s, end_s) for name, start_s, end_s in stages_of(plan)}
        self._stages[""] = (0.0, plan.duration_s)
        self._tallies = {threshold.stage: Tally() for threshold in parsed}

    def add(self, second: Second) -> str:
        """Why the run is to end after *second*; empty where it may go on, or was told to end before."""
        if self._has_told:
            return ""
        for stage, part in [("", second), *by_stage(second, self._plan)]:
            if stage in self._tallies:
                self._tallies[stage].add(part)
        reason = self._too_dear(second) or next(self._failing(second.at_s + 1.0, second.usd), "")
        self._has_told = bool(reason)
        return reason

    def _failing(self, over_s: float, usd: float) -> Iterator[str]:
        for threshold, grace_s in self._watched:
            start_s, end_s = self._stages[threshold.stage]
            if start_s + max(grace_s, 1.0) <= over_s:
                span = self._tallies[threshold.stage].span(self._plan.unit, start_s, min(over_s, end_s))
                measured = measured_in(span, threshold, usd=usd, is_running=True)
                if measured.value is not None and not measured.holds:
                    yield f"{threshold.text}: {measured}"

    def _too_dear(self, second: Second) -> str:
        # What this second cost the one that is running costs too, and the one in which the run ends.
        step, self._usd = second.usd - self._usd, second.usd
        if self._max_usd is None or second.usd + 2 * step <= self._max_usd:
            return ""
        return f"the run has cost {told(second.usd, 'usd')} of at most {told(self._max_usd, 'usd')}"


def _ended(stream: Stream, summary: Summary) -> Check | None:
    planned_s, elapsed_s = summary.plan.duration_s, summary.duration_s
    known = f"{elapsed_s:g} of {planned_s:g} s"
    for event in stream.of(Event):
        if event.kind == "aborted":
            is_threshold = event.text.startswith(tuple(text.strip() for text in summary.plan.thresholds))
            grade: Grade = "failed" if is_threshold else "unjudged"
            return Check(WHOLE, f"the run was ended after {known}: {event.text}", grade)
    if holes := _holes(stream, summary):
        return Check(WHOLE, holes, "unjudged")
    if stream.footer is not None and stream.footer.is_complete and elapsed_s >= planned_s:
        return None
    return Check(WHOLE, f"the run did not come to its end: {known} of it are known", "unjudged")


def _holes(stream: Stream, summary: Summary) -> str:
    """What of the run is not in *stream*, or stands there twice; empty where all is there once."""
    if stream.broken:
        more = f", and {stream.broken - 1:,} more" if stream.broken > 1 else ""
        return f"the result stream is not whole: {stream.problems[0]}{more}"
    for expected, second in enumerate(summary.seconds):
        if second.at_s != expected:
            return f"the result stream is not whole: where second {expected} belongs is second {second.at_s}"
    return ""


def _something(summary: Summary) -> Check | None:
    if summary.requests:
        return None
    dropped = f" ({summary.dropped:,} were dropped)" if summary.dropped else ""
    return Check(SOMETHING, f"nothing ran: no request was answered{dropped}", "failed")


def _generator(summary: Summary) -> Check | None:
    if not summary.limited_by_generator:
        return None
    return Check(GENERATOR, f"the generator was the limit: {summary.limited_by_generator}", "unjudged")


def _planned(plan: Plan, summary: Summary) -> Iterator[Check]:
    """Those of the plan. A later vecgate may know more than we do: what we cannot read we cannot judge."""
    for text in plan.thresholds or DEFAULT_THRESHOLDS:
        try:
            threshold = parse_threshold(text)
        except UsageError as error:
            yield Check(text, str(error), "unjudged")
        else:
            yield from _held([threshold], summary)


def _held(thresholds: Iterable[Threshold], summary: Summary) -> Iterator[Check]:
    for threshold in thresholds:
        measured = measure(threshold, summary)
        yield Check(threshold.text, str(measured), "passed" if measured.holds else "failed")


def held_stage(summary: Summary) -> StageSummary | None:
    """The stage that the line of a run that passed tells of: the flat one with the most; None without one."""
    flat = [stage for stage in summary.stages if stage.stage.kind in FLAT]
    return max(flat, key=lambda each: (each.offered_per_s, each.duration_s), default=None)


def _told_of(summary: Summary) -> str:
    flat = held_stage(summary)
    span: Span = flat or summary
    rate = f"{figure(span.achieved_per_s)} {summary.unit}/s"
    if not flat:
        rate += " on average"
    elif span.achieved_per_s < HELD * span.offered_per_s:
        rate += f" of {figure(span.offered_per_s)}"
    p99_ms = span.whole.response.percentile_ms(99)
    held = "held for" if flat and span.achieved_per_s >= HELD * span.offered_per_s else "over"
    return f"{rate} {held} {span.duration_s:g} s, p99 {told(p99_ms, 'ms')}, {told(summary.usd, 'usd')}"
