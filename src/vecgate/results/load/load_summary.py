"""Sums over a load run, in total, by operation and by stage. A stream may be cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from vecgate.errors import SourceError
from vecgate.results.load.backlog import BACKLOG_MIN, GROWTH_SHARE, ROUNDING_S
from vecgate.results.load.failure_samples import FailureCause
from vecgate.results.load.generator_health import limited_by_generator
from vecgate.results.load.load_records import LoadPlan, ReadBack, Recall, Second, Stage, WorkerTotals
from vecgate.results.load.operation_counts import OperationCounts, sum_by_operation
from vecgate.results.records import Stream
from vecgate.results.spans import (
    Span,
    StagePart,
    elapsed_schedule_s,
    split_by_stage,
    stage_intervals,
    sum_parts,
    warm_up_end_s,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSummary(Span):
    """One stage of the schedule. Requests that ended after the last stage count in the last stage.

    name   as given in the scenario, or the number of the stage, from 1
    stage  as it was planned
    """

    name: str
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary(Span):
    """A load run. Its sums, as those of a span, leave out the warm-up.

    seconds  as they were written
    stages   the stages that began
    usd      the price, with the preloaded vectors and the look-up at the end
    target   that the requests went to
    recalls  recall by topK
    read_back  what the end of the run found of the acknowledged writes; None if it did not look
    failures  causes of the failed requests, the most frequent first
    limited_by_generator  why the generator, not the target, was the limit; empty if it was not
    orphaned              resources that could not be removed, a line each
    """

    plan: LoadPlan
    seconds: tuple[Second, ...]
    stages: tuple[StageSummary, ...]
    usd: float
    target: str
    recalls: Mapping[int, Recall]
    read_back: ReadBack | None
    failures: tuple[FailureCause, ...]
    limited_by_generator: str
    orphaned: tuple[str, ...]

    @property
    def measured_from_s(self) -> float:
        """When the warm-up ended; 0 without one."""
        return self.start_s

    @property
    def usd_per_hour(self) -> float:
        """Price of an hour of the schedule."""
        return self.usd_of_schedule / self.end_s * 3600 if self.end_s > 0 else 0.0

    @property
    def usd_of_schedule(self) -> float:
        """The price without the preloaded vectors and the look-up at the end."""
        read_back_usd = self.read_back.usd if self.read_back else 0.0
        return max(0.0, self.usd - self.plan.preload_usd - read_back_usd)

    @property
    def recall(self) -> Recall | None:
        """The first of *recalls*, or None."""
        return next(iter(self.recalls.values()), None)


def summarize(stream: Stream) -> LoadSummary:
    """Return the sums of the load run in *stream*. Raises SourceError if the stream has no plan."""
    plan, seconds = stream.first(LoadPlan), stream.of(Second)
    if plan is None:
        raise SourceError("this result stream contains no load run: it has no plan")
    elapsed_s = elapsed_schedule_s(plan, seconds)
    parts = [part for second in seconds for part in split_by_stage(second, plan)]
    start_s = min(warm_up_end_s(plan), elapsed_s)
    measured = [part for part in parts if part.start_s + ROUNDING_S >= start_s]
    waiting = sum(part.waiting for part in parts if part.start_s + ROUNDING_S < start_s)
    span = _fields(sum_parts(measured, plan.unit, start_s, elapsed_s, waiting=waiting))
    if not start_s:
        # The totals of the workers include the warm-up.
        workers = sum_by_operation(worker.operations for worker in stream.of(WorkerTotals))
        span["operations"] = _more_complete(span["operations"], workers)
    read_back = stream.first(ReadBack)
    stages = tuple(_stages(plan, parts, elapsed_s))
    span["is_growing"] = span["is_growing"] or _is_behind(parts, stages, elapsed_s)
    return LoadSummary(
        **span,
        plan=plan,
        seconds=seconds,
        stages=stages,
        usd=max((second.usd for second in seconds), default=plan.preload_usd)
        + (read_back.usd if read_back else 0.0),
        target=stream.header.target,
        read_back=read_back,
        recalls={recall.k: recall for recall in stream.of(Recall)},
        failures=stream.of(FailureCause),
        limited_by_generator=limited_by_generator(
            [second for second in seconds if second.at_s + 1 > start_s + ROUNDING_S],
            plan,
            stream.of(WorkerTotals),
        ),
        orphaned=stream.orphaned,
    )


def _more_complete(
    seconds: Mapping[str, OperationCounts], workers: Mapping[str, OperationCounts]
) -> dict[str, OperationCounts]:
    """Return the larger sum for each operation.

    A worker that died wrote no totals, and a stream that was cut off has none. If both sums are equal, those
    of the workers are returned, because they have one histogram per worker instead of one per second.
    """
    nothing = OperationCounts()
    return {
        name: max(workers.get(name, nothing), seconds.get(name, nothing), key=lambda counts: counts.requests)
        for name in sorted({*seconds, *workers})
    }


def _stages(plan: LoadPlan, parts: Sequence[StagePart], elapsed_s: float) -> Iterator[StageSummary]:
    waiting = 0
    for stage, (name, start_s, end_s) in zip(plan.stages, stage_intervals(plan), strict=True):
        if start_s < min(end_s, elapsed_s):
            within = [part for part in parts if part.stage == name]
            span = sum_parts(within, plan.unit, start_s, min(end_s, elapsed_s), waiting=waiting)
            yield StageSummary(**_fields(span), name=name, stage=stage)
            waiting += sum(part.waiting for part in within)


def _is_behind(parts: Sequence[StagePart], stages: Sequence[StageSummary], elapsed_s: float) -> bool:
    """Return True if a stage left a backlog that the target had not worked off when the schedule ended."""

    def waiting_at(time_s: float) -> int:
        return sum(part.waiting for part in parts if part.start_s + ROUNDING_S < time_s)

    allowed = max(BACKLOG_MIN, GROWTH_SHARE * sum(stage.due for stage in stages))
    return any(
        stage.is_growing and waiting_at(elapsed_s) - waiting_at(stage.start_s) > allowed for stage in stages
    )


def _fields(span: Span) -> dict[str, Any]:
    return {field.name: getattr(span, field.name) for field in fields(Span)}
