"""Detects runs in which the load generator, not the target, was the limit."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from vecgate.formatting import format_count, format_percentage
from vecgate.results.load.error_attribution import EXPIRED_CODES, describe_refusals, refused_workers
from vecgate.results.load.load_records import NO_CREDENTIALS, LoadPlan, Second, WorkerTotals

#: A worker has one thread: when it uses this much of a core, it has no time left.
BUSY_CORES = 0.95
#: An event loop that is this late adds to the measured latencies.
LAG_MS = 50.0
#: A run is strained if this share of its seconds is, and at least this many: one hiccup does not count.
STRAINED_SHARE, STRAINED_SECONDS = 0.2, 3
#: In a shorter run every second must be strained, and a lag must take this share of the second.
SHORT_LAG_MS = STRAINED_SHARE * 1_000
#: Fewer late or dropped requests than this share of the due ones do not matter.
MISSED_SHARE = 0.01
#: With fewer than this share of the allowed requests in flight, more could have been started.
ROOM_SHARE = 0.5
#: With more than this share, requests are late because the target has not answered those before them.
FULL_SHARE = 0.9
#: Unless the worker visibly stood still: it then read the answers late. Milliseconds, and seconds of a second
#: in which it had no processor.
FULL_LAG_MS, WAITED_S = 500.0, 0.5


def limited_by_generator(
    seconds: Sequence[Second], plan: LoadPlan, workers: Sequence[WorkerTotals] = ()
) -> str:
    """Return why the generator was the limit, with figures; an empty string if it was not.

    Late requests alone prove nothing, because a target that stalls delays them as well. They count if the
    generator had no processor time left in the same second, or if it dropped requests although more could
    have been in flight. When as many were in flight as may be, the target delayed them. Requests of workers
    that ended, and those without valid credentials count as well.
    """
    return _find_losses(seconds, workers) or _find_strain(seconds, plan) or _find_idle_drops(seconds, plan)


def describe_losses(seconds: Sequence[Second], workers: Sequence[WorkerTotals] = ()) -> str:
    """Return how many requests were lost with workers, or by those that were not accepted; empty for none."""
    lost, unknown = sum(each.lost for each in seconds), sum(each.unknown for each in seconds)
    parts = [f"{format_count(lost, 'request')} not sent"] if lost else []
    parts += [f"{format_count(unknown, 'request')} with an unknown result"] if unknown else []
    reasons = [f"{' and '.join(parts)}, because the master lost {_lost(workers)}"] if parts else []
    if unsigned := _count_errors(seconds, {NO_CREDENTIALS}):
        reasons.append(f"{unsigned:,} requests could not be signed, because a worker had no credentials")
    if expired := _expired(seconds, workers):
        reasons.append(f"the credentials had expired in {format_count(expired, 'request')}")
    if refusals := describe_refusals(workers):
        reasons.append(refusals)
    return "; ".join(reasons)


def describe_late_starts(seconds: Sequence[Second], plan: LoadPlan) -> str:
    """Return how many requests started late although more could have been in flight; empty for few."""
    pairs = zip([None, *seconds], seconds, strict=False)
    late = sum(now.late for before, now in pairs if not _is_full(before, now, plan))
    due = sum(each.due for each in seconds)
    if late < MISSED_SHARE * due or not late:
        return ""
    return f"{format_percentage(late, due)} of requests started late although slots were free"


def _lost(workers: Sequence[WorkerTotals]) -> str:
    """Return the names of the workers that ended early or fell silent."""
    return " and ".join(sorted(each.worker for each in workers if each.lost_at_s is not None)) or "a worker"


def _expired(seconds: Sequence[Second], workers: Sequence[WorkerTotals]) -> int:
    """Return how many requests had expired credentials, unless only some workers had those."""
    return 0 if refused_workers(workers) else _count_errors(seconds, EXPIRED_CODES)


def _count_errors(seconds: Sequence[Second], codes: AbstractSet[str]) -> int:
    counts = (counts for second in seconds for counts in second.operations.values())
    return sum(each.errors.get(code, 0) for each in counts for code in codes)


def _find_losses(seconds: Sequence[Second], workers: Sequence[WorkerTotals]) -> str:
    missed = sum(each.lost + each.unknown for each in seconds)
    missed += _count_errors(seconds, {NO_CREDENTIALS}) + _expired(seconds, workers)
    missed += sum(codes.total() for codes in refused_workers(workers).values())
    is_large = missed > MISSED_SHARE * sum(each.due for each in seconds)
    return describe_losses(seconds, workers) if is_large else ""


def _is_full(before: Second | None, now: Second, plan: LoadPlan) -> bool:
    """Return True if as many requests were in flight as may be, at an end of the second *now*."""
    return max(now.in_flight, before.in_flight if before else 0) >= FULL_SHARE * plan.in_flight_max


def _find_strain(seconds: Sequence[Second], plan: LoadPlan) -> str:
    lag_ms = LAG_MS if len(seconds) >= STRAINED_SECONDS else SHORT_LAG_MS
    strained = [
        now
        for before, now in zip([None, *seconds], seconds, strict=False)
        if now.busiest_cores >= BUSY_CORES
        or now.waited_s >= WAITED_S
        or now.loop_lag_ms >= (max(lag_ms, FULL_LAG_MS) if _is_full(before, now, plan) else lag_ms)
    ]
    missed = sum(each.late + each.dropped for each in strained)
    is_long = len(strained) >= max(STRAINED_SHARE * len(seconds), min(STRAINED_SECONDS, len(seconds)))
    if not strained or not is_long or missed < MISSED_SHARE * sum(each.due for each in seconds):
        return ""
    cores = max(each.busiest_cores for each in strained)
    worst_ms = max(each.loop_lag_ms for each in strained)
    waited_s = max(each.waited_s for each in strained)
    waited = f", {waited_s:.1f} s without a processor" if waited_s >= WAITED_S else ""
    return (
        f"in {len(strained):,} of {len(seconds):,} seconds the busiest worker had no time left "
        f"(up to {cores:.2f} of a core, {worst_ms:,.0f} ms late{waited}), and {_describe_missed(strained)}"
    )


def _describe_missed(seconds: Sequence[Second]) -> str:
    due = max(sum(each.due for each in seconds), 1)
    late, dropped = sum(each.late for each in seconds), sum(each.dropped for each in seconds)
    parts = [f"{format_percentage(late, due)} of requests started late"] if late else []
    return " and ".join(parts + ([f"{format_percentage(dropped, due)} were dropped"] if dropped else []))


def _find_idle_drops(seconds: Sequence[Second], plan: LoadPlan) -> str:
    # A request that waits for at least a second before it is dropped sees the end of one record. With a
    # shorter deadline the numbers in flight at the ends of seconds say nothing.
    if plan.start_deadline_s < 1:
        return ""
    room = ROOM_SHARE * plan.in_flight_max
    pairs = zip([None, *seconds], seconds, strict=False)
    idle = [now for before, now in pairs if max(now.in_flight, before.in_flight if before else 0) < room]
    dropped = sum(each.dropped for each in idle)
    if not dropped or dropped < MISSED_SHARE * sum(each.due for each in seconds):
        return ""
    most = max(each.in_flight for each in idle if each.dropped)
    return (
        f"{dropped:,} requests were dropped although they could have started: "
        f"at most {most:,} of {plan.in_flight_max:,} were in flight"
    )
