"""Two load runs of one scenario: latencies from the intended send, what was achieved, errors, the price."""

from __future__ import annotations

import numpy as np

from vecgate.gate.changes import Change, Interval, grade_of
from vecgate.gate.load_figures import Figure, figures_of
from vecgate.gate.noise import Floats, middle_of
from vecgate.gate.verdict import Check
from vecgate.results.records import Stream
from vecgate.results.summary import summary_of

#: Runs of the same on one machine differ by as much as this: a part of the figure, or of the whole.
TOLD_FROM, SHARE_TOLD_FROM = 0.05, 0.001


def load_changes(base: Stream, head: Stream) -> tuple[Change, ...]:
    """Each figure of either run. Raises SourceError where one of them is none."""
    before, now = figures_of(base, seed=0), figures_of(head, seed=1)
    return tuple(change_of(name, before.get(name), now.get(name)) for name in {**before, **now})


def generator_check(base: Stream, head: Stream) -> Check | None:
    """Where the generator was the limit of a run, nothing is known of the target."""
    limited = {name: summary_of(run).limited_by_generator for name, run in (("base", base), ("head", head))}
    told = [f"in the {name} {reason}" for name, reason in limited.items() if reason]
    if not told:
        return None
    return Check("generator", f"the load generator was the limit: {'; '.join(told)}", "unjudged")


def change_of(name: str, base: Figure | None, head: Figure | None) -> Change:
    """What became of the figure *name*, of which one run may have none."""
    if base is None or head is None:
        return _only(name, base, head)
    is_share = head.unit == "%"
    if not is_share and not base.value:
        return Change(name, head.unit, base.value, head.value, grade="changed", reason="it was nothing")
    worse_by = head.sign * (head.value - base.value) / (1 if is_share else base.value)
    between = _between(base, head, is_share=is_share)
    reason = "" if between else base.reason or head.reason or "it was mostly nothing"
    grade = grade_of(worse_by, between, told_from=SHARE_TOLD_FROM if is_share else TOLD_FROM)
    return Change(name, head.unit, base.value, head.value, worse_by, between, grade, reason)


def _only(name: str, base: Figure | None, head: Figure | None) -> Change:
    if base is not None:
        return Change(name, base.unit, base.value, None, grade="gone")
    assert head is not None
    return Change(name, head.unit, None, head.value, grade="new")


def _between(base: Figure, head: Figure, *, is_share: bool) -> Interval | None:
    if base.drawn is None or head.drawn is None:
        return None
    # A run put together of seconds without a request has no latency, and no price.
    known = np.ones_like(base.drawn, bool) if is_share else base.drawn > 0
    if not known.any():
        return None
    before, now = base.drawn[known], head.drawn[known]
    changes: Floats = now - before if is_share else now / before - 1
    return middle_of(head.sign * changes)
