"""Sums over a load run, in total, by operation and by stage. A stream may be cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from vecgate.errors import SourceError
from vecgate.results.generator_health import limited_by_generator
from vecgate.results.load_records import LoadPlan, Recall, Second, Stage, WorkerTotals
from vecgate.results.operation_counts import OperationCounts, sum_by_operation
from vecgate.results.records import Stream
from vecgate.results.spans import Span, elapsed_schedule_s, split_by_stage, stage_intervals, sum_seconds


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
    """A load run.

    seconds  as they were written
    stages   the stages that began
    usd      the price, with the preloaded vectors
    recalls  recall by topK
    limited_by_generator  why the generator, not the target, was the limit; empty if it was not
    orphaned              resources that could not be removed, a line each
    """

    plan: LoadPlan
    seconds: tuple[Second, ...]
    stages: tuple[StageSummary, ...]
    usd: float
    recalls: Mapping[int, Recall]
    limited_by_generator: str
    orphaned: tuple[str, ...]

    @property
    def usd_per_hour(self) -> float:
        """Price of an hour of the schedule."""
        return self.usd_of_schedule / self.duration_s * 3600 if self.duration_s > 0 else 0.0

    @property
    def usd_of_schedule(self) -> float:
        """The price without the preloaded vectors."""
        return max(0.0, self.usd - self.plan.preload_usd)

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
    span = _fields(sum_seconds(seconds, plan.unit, 0.0, elapsed_s))
    workers = sum_by_operation(worker.operations for worker in stream.of(WorkerTotals))
    return LoadSummary(
        **span | {"operations": _more_complete(span["operations"], workers)},
        plan=plan,
        seconds=seconds,
        stages=tuple(_stages(plan, seconds, elapsed_s)),
        usd=max((second.usd for second in seconds), default=plan.preload_usd),
        recalls={recall.k: recall for recall in stream.of(Recall)},
        limited_by_generator=limited_by_generator(seconds, plan),
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


def _stages(plan: LoadPlan, seconds: Sequence[Second], elapsed_s: float) -> Iterator[StageSummary]:
    parts = [each for second in seconds for each in split_by_stage(second, plan)]
    for stage, (name, start_s, end_s) in zip(plan.stages, stage_intervals(plan), strict=True):
        if start_s < min(end_s, elapsed_s):
            within = (part for owner, part in parts if owner == name)
            span = sum_seconds(within, plan.unit, start_s, min(end_s, elapsed_s))
            yield StageSummary(**_fields(span), name=name, stage=stage)


def _fields(span: Span) -> dict[str, Any]:
    return {field.name: getattr(span, field.name) for field in fields(Span)}
