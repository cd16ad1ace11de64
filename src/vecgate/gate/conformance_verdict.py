"""The verdict on a conformance run: it is complete, it tested something, and rules and baseline are met.

Whatever the rules are, a target fails that lacks the core of the API or a capability that the run requires. A
baseline without rules gates alone: then only what is worse than in the baseline counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from vecgate.formatting import format_count
from vecgate.gate.baseline import baseline_check, passed_ids, results_by_id
from vecgate.gate.requirement_outcomes import merge_cases
from vecgate.gate.requirement_rules import (
    BLOCKED_BY,
    DEFAULT_RULES,
    JUDGED_OUTCOMES,
    LEVELS,
    Rule,
    is_blocked,
)
from vecgate.gate.verdict import Check, Verdict, verdict_line
from vecgate.results.records import ConformanceRun, Result, Stream
from vecgate.results.verdict_records import VerdictRecord

#: The basic path of a client. A target on which one of these fails is not an S3 Vectors server. No list of
#: deviations excuses one that does not store vectors.
STORAGE_REQUIREMENT = "first-steps.put-and-get"
CORE_REQUIREMENTS = (STORAGE_REQUIREMENT, "first-steps.query")

#: Name of the check of failures that a baseline does not count.
KNOWN_FAILURES = "known failures"


def judge_conformance(
    run: ConformanceRun, rules: Sequence[Rule] = DEFAULT_RULES, baseline: ConformanceRun | None = None
) -> Verdict:
    """Return the verdict on *run*: complete, not empty, and without a regression against *baseline*."""
    checks = [_completeness(run), _emptiness(run), *(_rule(rule, run.results) for rule in rules)]
    is_relative = baseline is not None and not rules
    checks += _core(run, baseline if is_relative else None)
    checks += [_required(run), _blocked(run), _deviations(run)]
    if baseline is not None:
        checks.append(baseline_check(baseline, run))
        checks += [_beyond_baseline(baseline, run), _known_failures(baseline, run)] if is_relative else []
    return Verdict(tuple(check for check in checks if check is not None))


def recorded_verdict(stream: Stream) -> Verdict:
    """Return the verdict in *stream*, or the one by default rules if it contains none."""
    record = stream.first(VerdictRecord)
    return judge_conformance(stream.run) if record is None else Verdict(record.checks)


def conformance_verdict_line(verdict: Verdict, run: ConformanceRun) -> str:
    """Return the verdict in one line, with the results it rests on.

    It says if only the baseline lets a target pass, if signatures were not tested, and how many requests were
    refused for their rate.
    """
    parts = [verdict_line(verdict, _summarize(run))]
    parts += [check.measured for check in verdict.checks if verdict and check.name == KNOWN_FAILURES]
    parts += [_describe_throttling(run), _describe_auth(run)]
    return "; ".join(filter(None, parts))


def count_outcomes(results: Sequence[Result]) -> Counter[str]:
    """Return the number of *results* with each outcome."""
    return Counter(result.outcome for result in results)


def _summarize(run: ConformanceRun) -> str:
    merged = merge_cases(run.results)
    counts = count_outcomes(merged)
    judged = sum(counts[outcome] for outcome in JUDGED_OUTCOMES)
    parts = [f"{counts['passed']:,} of {format_count(judged, 'requirement')} passed"]
    failed = Counter(result.level for result in merged if result.outcome == "failed")
    parts += [f"{failed[level]:,} of level {level} failed" for level in LEVELS if failed[level]]
    parts += [format_count(counts["deviation"], "known deviation")] if counts["deviation"] else []
    parts += [f"{counts['unsupported']:,} unsupported by the target"] if counts["unsupported"] else []
    parts += [f"{counts['skipped']:,} skipped"] if counts["skipped"] else []
    return ", ".join(parts)


def _describe_throttling(run: ConformanceRun) -> str:
    throttled = run.footer.throttled if run.footer else 0
    return f"{format_count(throttled, 'throttled request')} sent again" if throttled else ""


def _describe_auth(run: ConformanceRun) -> str:
    reason = run.header.unsupported.get("auth", "")
    return f"signatures are not tested: {reason}" if reason else ""


def _completeness(run: ConformanceRun) -> Check | None:
    if run.footer is not None and run.footer.is_complete:
        return None
    results = format_count(len(run.results), "result")
    return Check("whole run", f"the run did not end: it has {results}", "inconclusive")


def _emptiness(run: ConformanceRun) -> Check | None:
    counts = count_outcomes(run.results)
    if counts["deviation"] and not counts["passed"] + counts["failed"] + counts["unexpected-pass"]:
        known = format_count(counts["deviation"], "known deviation")
        return Check("something passed", f"no requirement passed: the run has only {known}", "failed")
    if any(result.outcome in JUDGED_OUTCOMES for result in run.results):
        return None
    skipped = f" ({len(run.results):,} were skipped)" if run.results else ""
    return Check("something ran", f"no requirement was tested{skipped}", "failed")


def _rule(rule: Rule, results: Sequence[Result]) -> Check:
    judged = rule.select(merge_cases(results))
    cases = rule.select(results)
    counts = count_outcomes(judged)
    measured = f"{counts['passed']:,} of {len(judged):,} {rule.level} requirements passed"
    if counts["deviation"]:
        measured += f", {format_count(counts['deviation'], 'known deviation')}"
    is_met = rule.is_met(results)
    failed = tuple(result.id for result in cases if result.outcome != "passed") if not is_met else ()
    if rule.minimum is None:
        failed = tuple(result.id for result in cases if result.outcome == "failed")
    return Check(str(rule), measured, "passed" if is_met else "failed", failed)


def _core(run: ConformanceRun, baseline: ConformanceRun | None) -> Iterator[Check]:
    """Yield the failed checks of the core of the API, except for what *baseline* did not have either."""
    known = frozenset(baseline.header.unsupported) if baseline else frozenset()
    if missing := [name for name in run.header.missing_core if name not in known]:
        reasons = [f"{name} ({run.header.unsupported.get(name, '')})" for name in missing]
        measured = f"the target does not support {', '.join(reasons)}, and no deviation lists that"
        yield Check("core", measured, "failed")
    passed = passed_ids(baseline) if baseline else frozenset(CORE_REQUIREMENTS)
    failed = [
        each.id
        for each in run.results
        if (each.outcome == "failed" and each.id in CORE_REQUIREMENTS)
        or (each.outcome == "deviation" and each.id == STORAGE_REQUIREMENT)
    ]
    if failed := [id_ for id_ in failed if id_ in passed]:
        yield Check("basic path", "the basic path of a client does not work", "failed", tuple(failed))


def _beyond_baseline(baseline: ConformanceRun, run: ConformanceRun) -> Check | None:
    """Check that no requirement fails about which a baseline that gates alone says nothing.

    The baseline may be of a part of the suite or of an earlier version, or lines of it may be missing.
    """
    known = results_by_id(baseline)
    levels = {rule.level for rule in DEFAULT_RULES}
    failed = tuple(
        each.id
        for each in run.results
        if each.outcome == "failed" and each.level in levels and each.id not in known
    )
    if not failed:
        return None
    cases = format_count(len(failed), "test case")
    measured = f"{cases} that the baseline did not run failed; make a new one"
    return Check("not in the baseline", measured, "failed", failed)


def _known_failures(baseline: ConformanceRun, run: ConformanceRun) -> Check | None:
    """Say that a target passes although requirements fail that every server must meet."""
    now, before = (
        sum(each.outcome == "failed" and each.level == "must" for each in merge_cases(results.results))
        for results in (run, baseline)
    )
    if not now:
        return None
    verb = "fails" if now == 1 else "fail"
    measured = f"compared with the baseline alone: {now:,} of level must {verb}, {before:,} in the baseline"
    return Check(KNOWN_FAILURES, measured, "passed")


def _required(run: ConformanceRun) -> Check | None:
    """Check the capabilities that the run requires: supported, and none of their requirements skipped."""
    if not run.header.required:
        return None
    reasons = dict(run.header.unsupported)
    for result in run.results:
        if result.outcome in {"skipped", "unsupported"}:
            name, _, reason = result.reason.partition(": ")
            reasons.setdefault(name, reason)
    if missing := [name for name in run.header.required if name in reasons]:
        described = ", ".join(f"{name} ({reasons[name]})" for name in missing)
        return Check("capabilities", f"required, but not supported or not tested: {described}", "failed")
    return Check("capabilities", f"{', '.join(run.header.required)} supported, as required", "passed")


def _blocked(run: ConformanceRun) -> Check | None:
    """Check that each requirement that blocked others is itself known not to pass: a skip hides nothing."""
    outcomes = {result.id: result.outcome for result in run.results}
    blockers = {
        result.reason.removeprefix(BLOCKED_BY).partition(":")[0]: result.reason
        for result in run.results
        if is_blocked(result)
    }
    hidden = tuple(id_ for id_ in blockers if outcomes.get(id_) not in {"failed", "deviation"})
    if not hidden:
        return None
    is_run = any(id_ in outcomes for id_ in hidden)
    why = "did not fail" if is_run else "was not run: select it, too"
    measured = f"requirements were not tested because of {' and '.join(hidden)}, which {why}"
    return Check("blocked", measured, "failed", hidden)


def _deviations(run: ConformanceRun) -> Check | None:
    unexpected = tuple(result.id for result in run.results if result.outcome == "unexpected-pass")
    stale = run.footer.stale_deviations if run.footer else ()
    known = count_outcomes(run.results)["deviation"]
    if not unexpected and not stale:
        return Check("deviations", format_count(known, "known deviation"), "passed") if known else None
    wrong = (*(f"{id_}: passes" for id_ in unexpected), *stale)
    verb = "is" if len(wrong) == 1 else "are"
    measured = f"{format_count(len(wrong), 'listed deviation')} {verb} stale"
    return Check("deviations", measured, "failed", wrong)
