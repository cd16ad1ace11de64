"""Watches a load run, and says when it must end: a threshold has failed, or the run costs too much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from vecgate.errors import UsageError
from vecgate.formatting import format_usd
from vecgate.gate.threshold_checks import measure_span
from vecgate.gate.thresholds import parse_thresholds
from vecgate.results.load.backlog import ROUNDING_S
from vecgate.results.load.load_records import LoadPlan, Second
from vecgate.results.spans import SpanAccumulator, split_by_stage, stage_intervals, warm_up_end_s

#: Metrics that are known at the end only.
AT_THE_END = frozenset({"recall", "count", "cost_per_hour"})


class ThresholdCondition(Protocol):
    """A threshold of a scenario, and whether it ends the run."""

    @property
    def expression(self) -> str:
        """The threshold."""

    @property
    def abort_on_fail(self) -> bool:
        """The run ends if the threshold fails."""

    @property
    def grace_s(self) -> float:
        """Seconds from the start of the schedule or the stage in which the run cannot end."""


class AbortMonitor:
    """Watches a run of *plan*, which may cost at most *max_usd*.

    Raises UsageError if a condition is not a threshold, or if its metric is known at the end only.
    """

    def __init__(
        self, conditions: Iterable[ThresholdCondition], plan: LoadPlan, *, max_usd: float | None = None
    ) -> None:
        self._plan, self._max_usd, self._usd, self._has_ended = plan, max_usd, plan.preload_usd, False
        aborting = [condition for condition in conditions if condition.abort_on_fail]
        thresholds = parse_thresholds([condition.expression for condition in aborting], plan)
        if late := [threshold.text for threshold in thresholds if threshold.metric in AT_THE_END]:
            raise UsageError(f"{', '.join(late)} is known at the end only, so it cannot abort a run")
        self._watched = [
            (threshold, condition.grace_s) for threshold, condition in zip(thresholds, aborting, strict=True)
        ]
        self._stages = {name: (start_s, end_s) for name, start_s, end_s in stage_intervals(plan)}
        self._measured_from_s = warm_up_end_s(plan)
        self._stages[""] = (self._measured_from_s, plan.duration_s)
        self._sums = {threshold.stage: SpanAccumulator() for threshold in thresholds}

    def add(self, second: Second) -> str:
        """Return why the run must end after *second*. Empty if it may go on or has ended already."""
        if self._has_ended:
            return ""
        for part in split_by_stage(second, self._plan):
            is_measured = part.start_s + ROUNDING_S >= self._measured_from_s
            for stage in (*([""] if is_measured else []), part.stage):
                if stage in self._sums:
                    self._sums[stage].add(part.second)
        reason = self._check_cost(second) or next(self._failures(second.at_s + 1.0, second.usd), "")
        self._has_ended = bool(reason)
        return reason

    def _failures(self, elapsed_s: float, usd: float) -> Iterator[str]:
        for threshold, grace_s in self._watched:
            start_s, end_s = self._stages[threshold.stage]
            if start_s + max(grace_s, 1.0) <= elapsed_s:
                span = self._sums[threshold.stage].span(self._plan.unit, start_s, min(elapsed_s, end_s))
                measured = measure_span(span, threshold, usd=usd, is_running=True)
                if measured.value is not None and not measured.is_met:
                    yield f"{threshold.text}: {measured}"

    def _check_cost(self, second: Second) -> str:
        # The second that is running costs as much as the last one, and so does the one in which the run ends.
        step, self._usd = second.usd - self._usd, second.usd
        if self._max_usd is None or second.usd + 2 * step <= self._max_usd:
            return ""
        return f"the run has cost {format_usd(second.usd)} of at most {format_usd(self._max_usd)}"
