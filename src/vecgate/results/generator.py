"""Whether it was the load generator, and not the target, that was the limit of a run."""

from __future__ import annotations

from collections.abc import Sequence

from vecgate.results.load import Plan, Second

#: A worker is one thread: at so much of a core it has no time left.
BUSY_CORES = 0.95
#: An event loop that comes back so late makes latencies of its own.
LAG_MS = 50.0
#: A run is strained when so many of its seconds are, and not fewer than these: one hiccup is none.
STRAINED_SHARE, STRAINED_SECONDS = 0.2, 3
#: In a run of fewer seconds each must be, and a lag then takes that share of the second: one hiccup is none.
SHORT_LAG_MS = STRAINED_SHARE * 1_000
#: Requests late or dropped below this share of those due do not matter.
MISSED_SHARE = 0.01
#: With fewer than this share of the bound in flight, there was room to start more.
ROOM_SHARE = 0.5


def limited_by_generator(seconds: Sequence[Second], plan: Plan) -> str:
    """Why the generator was the limit, a sentence with figures; empty where it was not.

    Requests that start late are no proof: a target that stalls holds them up as well. They count where the
    generator had no time in the same second, or where it dropped requests with room for more in flight.
    """
    return _strained(seconds) or _idle(seconds, plan)


def _strained(seconds: Sequence[Second]) -> str:
    lag_ms = LAG_MS if len(seconds) >= STRAINED_SECONDS else SHORT_LAG_MS
    strained = [each for each in seconds if each.busiest_cores >= BUSY_CORES or each.loop_lag_ms >= lag_ms]
    missed = sum(each.late + each.dropped for each in strained)
    is_long = len(strained) >= max(STRAINED_SHARE * len(seconds), min(STRAINED_SECONDS, len(seconds)))
    if not strained or not is_long or missed < MISSED_SHARE * sum(each.due for each in seconds):
        return ""
    cores = max(each.busiest_cores for each in strained)
    behind_ms = max(each.loop_lag_ms for each in strained)
    return (
        f"in {len(strained):,} of {len(seconds):,} seconds the busiest worker had no time "
        f"(up to {cores:.2f} of a core, {behind_ms:,.0f} ms behind), {_missed(strained)} then"
    )


def _missed(seconds: Sequence[Second]) -> str:
    due = max(sum(each.due for each in seconds), 1)
    late, dropped = sum(each.late for each in seconds), sum(each.dropped for each in seconds)
    told = [f"{100 * late / due:.3g} % of requests started late"] if late else []
    return " and ".join(told + ([f"{100 * dropped / due:.3g} % were dropped"] if dropped else []))


def _idle(seconds: Sequence[Second], plan: Plan) -> str:
    # What waits for a whole second before it is dropped has seen one end. Below that nobody knows.
    if plan.start_within_s < 1:
        return ""
    room = ROOM_SHARE * plan.in_flight_max
    pairs = zip([None, *seconds], seconds, strict=False)
    idle = [now for before, now in pairs if max(now.in_flight, before.in_flight if before else 0) < room]
    dropped = sum(each.dropped for each in idle)
    if not dropped or dropped < MISSED_SHARE * sum(each.due for each in seconds):
        return ""
    most = max(each.in_flight for each in idle if each.dropped)
    of = f"with {most:,} of at most {plan.in_flight_max:,} in flight"
    return f"requests were dropped that had room to start: {dropped:,}, {of}"
