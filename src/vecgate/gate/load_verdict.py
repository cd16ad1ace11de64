"""The verdict on a load run: complete, not empty, limited by the target, and within its thresholds.

A run in which the generator was the limit is inconclusive, with one exception: errors of the target that
lateness cannot have caused. If they exceed the limit even if every request that was due and has no answer had
succeeded, the target has failed, whatever the generator missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from msgspec import structs

from vecgate.errors import UsageError
from vecgate.formatting import format_number, format_quantity, format_usd
from vecgate.gate.threshold_checks import least_errors, measure
from vecgate.gate.thresholds import Threshold, parse_threshold, parse_thresholds
from vecgate.gate.verdict import WORDS, Check, Grade, Verdict, pass_line
from vecgate.results.load.error_attribution import excused_codes
from vecgate.results.load.generator_health import describe_losses
from vecgate.results.load.load_records import Event, LoadPlan, Second, WorkerTotals
from vecgate.results.load.load_summary import LoadSummary, StageSummary, summarize
from vecgate.results.percentile_samples import format_percentile
from vecgate.results.records import Stream
from vecgate.results.spans import FLAT, Span

#: Thresholds of a plan that has none.
DEFAULT_THRESHOLDS = ("achieved >= 99%", "errors < 1%")
#: The names of checks that are not thresholds. Their measured text is a complete sentence.
WHOLE, SOMETHING, GENERATOR, STORED = "whole run", "something ran", "generator", "stored"
#: A rate counts as sustained if the target kept up with this share of the requests, and no backlog grew.
SUSTAINED_SHARE = 0.995
#: Fewer requests do not show that a rate is sustained.
SUSTAINED_REQUESTS_MIN = 10


def judge_load(
    stream: Stream, thresholds: Sequence[str] | None = None, *, summary: LoadSummary | None = None
) -> Verdict:
    """Return the verdict on the load run in *stream*.

    thresholds  used instead of those of the plan; raises UsageError if one is invalid
    summary     of *stream*, if the caller has it
    """
    plan = stream.first(LoadPlan)
    if plan is None:
        reason = "the plan is missing" if stream.of(Second) else "the run did not start: there is no plan"
        return Verdict((Check(WHOLE, reason, "inconclusive"),))
    totals = summary or summarize(stream)
    checks = [_completeness(stream, totals), _emptiness(totals)]
    judged = tuple(
        _planned_thresholds(plan, totals)
        if thresholds is None
        else _check_thresholds(parse_thresholds(thresholds, plan), totals)
    )
    has_failed = any(check.grade == "failed" for check in judged)
    checks.append(_storage(totals, has_failed=has_failed))
    workers = stream.of(WorkerTotals)
    generator = _generator(totals, workers, has_failed=has_failed)
    others = [check for check in (*checks, *judged) if check is not None]
    if generator is not None and all(check.grade != "inconclusive" for check in others):
        judged = tuple(_prove(check, totals, excused_codes(workers)) for check in judged)
    checks.append(generator)
    return Verdict((*(check for check in checks if check is not None), *judged))


def load_verdict_line(verdict: Verdict, summary: LoadSummary) -> str:
    """Return the verdict in one line, with the rate or the checks it rests on."""
    if verdict:
        return pass_line(_summarize(summary))
    reasons: list[str] = []
    for check in verdict.decisive:
        # The check of the whole run repeats the threshold that ended the run.
        if not any(f"{check.name}: " in each for each in reasons):
            reasons.append(describe_check(check))
    return f"{WORDS[verdict.grade]}  {'; '.join(reasons)}"


def describe_check(check: Check) -> str:
    """Return what *check* measured, with the threshold if it is one."""
    is_threshold = check.name not in {WHOLE, SOMETHING, GENERATOR, STORED}
    return f"{check.name}: {check.measured}" if is_threshold else check.measured


def sustained_stage(summary: LoadSummary) -> StageSummary | None:
    """Return the stage that a verdict line describes: the flat one with the highest rate, or None."""
    flat = [each for each in summary.stages if each.stage.kind in FLAT and not each.stage.warm_up]
    return max(flat, key=lambda each: (each.offered_per_s, each.duration_s), default=None)


def _summarize(summary: LoadSummary) -> str:
    flat = sustained_stage(summary)
    span: Span = flat or summary
    has_kept_up = flat is not None and not span.is_growing and span.achieved >= SUSTAINED_SHARE
    is_sustained = has_kept_up and span.requests >= SUSTAINED_REQUESTS_MIN
    per_s = span.offered_per_s if has_kept_up else span.achieved_per_s
    rate = f"{format_number(per_s)} {summary.unit}/s"
    if flat is None:
        rate += " on average"
    elif not has_kept_up:
        rate += f" of {format_number(span.offered_per_s)}"
    response = span.total.response
    p99 = format_percentile(99, response.percentile_ms(99), response.count)
    verb = "sustained for" if is_sustained else "over"
    where = f" on {summary.target}" if summary.target else ""
    return f"{rate} {verb} {span.duration_s:g} s{where}, {p99}, {format_usd(summary.usd)}"


def _completeness(stream: Stream, summary: LoadSummary) -> Check | None:
    planned_s, elapsed_s = summary.plan.duration_s, summary.end_s
    known = f"{elapsed_s:g} of {planned_s:g} s"
    for event in stream.of(Event):
        if event.kind == "aborted":
            is_threshold = event.text.startswith(tuple(text.strip() for text in summary.plan.thresholds))
            grade: Grade = "failed" if is_threshold else "inconclusive"
            return Check(WHOLE, f"the run was aborted after {known}: {event.text}", grade)
    if gap := _find_gap(stream, summary):
        return Check(WHOLE, f"the result stream is incomplete: {gap}", "inconclusive")
    if stream.footer is not None and stream.footer.is_complete and elapsed_s >= planned_s:
        return None
    return Check(WHOLE, f"the run did not end: the stream contains {known}", "inconclusive")


def _find_gap(stream: Stream, summary: LoadSummary) -> str:
    """Return what is missing or repeated in *stream*, or an empty string."""
    if stream.invalid_lines:
        more = f", and {stream.invalid_lines - 1:,} more" if stream.invalid_lines > 1 else ""
        return f"{stream.problems[0]}{more}"
    for expected, second in enumerate(summary.seconds):
        if second.at_s != expected:
            return f"second {second.at_s} follows where second {expected} is expected"
    return ""


def _emptiness(summary: LoadSummary) -> Check | None:
    if summary.requests:
        return None
    dropped = f" ({summary.dropped:,} were dropped)" if summary.dropped else ""
    return Check(SOMETHING, f"no request was answered{dropped}", "failed")


def _storage(summary: LoadSummary, *, has_failed: bool) -> Check | None:
    """Return a check if acknowledged writes were not done, which nothing excuses, or if that is unknown.

    The latter does not matter for a run that *has_failed* a threshold.
    """
    found = summary.read_back
    if found is None or not (found.failures or found.problem):
        return None
    if found.failures:
        return Check(STORED, "; ".join(found.failures), "failed", is_proven=True)
    if has_failed:
        return None
    return Check(STORED, f"the acknowledged writes could not be looked up: {found.problem}", "inconclusive")


def _generator(summary: LoadSummary, workers: Sequence[WorkerTotals], *, has_failed: bool) -> Check | None:
    """Return a check if the generator was the limit. The few requests of a worker that ended do not matter
    for a run that passes in spite of them, but the target is not to blame for one that fails.
    """
    reason = summary.limited_by_generator or (describe_losses(summary.seconds, workers) if has_failed else "")
    if not reason:
        return None
    return Check(GENERATOR, f"the load generator was the limit: {reason}", "inconclusive")


def _prove(check: Check, summary: LoadSummary, excused: AbstractSet[str]) -> Check:
    """Return *check*, as proven if the errors of the target alone exceed its limit."""
    if check.grade != "failed":
        return check
    threshold = parse_threshold(check.name)
    least = least_errors(threshold, summary, excused)
    is_upper_limit = threshold.comparator in {"<", "<=", "=="}
    if least is None or not is_upper_limit or least < threshold.limit or threshold.is_met_by(least):
        return check
    number = format_quantity(least / 100, "%") if threshold.unit == "%" else f"{least:,.0f}"
    measured = f"{check.measured}; {number} are the target's own, whatever the load generator missed"
    return structs.replace(check, measured=measured, is_proven=True)


def _planned_thresholds(plan: LoadPlan, summary: LoadSummary) -> Iterator[Check]:
    """Check the thresholds of the plan. An unknown one, of a later vecgate, is inconclusive."""
    for text in plan.thresholds or DEFAULT_THRESHOLDS:
        try:
            threshold = parse_threshold(text)
        except UsageError as error:
            yield Check(text, str(error), "inconclusive")
        else:
            yield from _check_thresholds([threshold], summary)


def _check_thresholds(thresholds: Iterable[Threshold], summary: LoadSummary) -> Iterator[Check]:
    for threshold in thresholds:
        measured = measure(threshold, summary)
        yield Check(threshold.text, str(measured), "passed" if measured.is_met else "failed")
