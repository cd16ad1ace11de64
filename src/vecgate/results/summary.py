"""A load run in figures: in all, by operation and by stage. A stream that was cut gives what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from vecgate.errors import SourceError
from vecgate.results.counts import Counts, by_operation
from vecgate.results.generator import limited_by_generator
from vecgate.results.load import Plan, Recall, Second, Stage, WorkerTotals
from vecgate.results.records import Stream
from vecgate.results.spans import Span, by_stage, elapsed_s_of, span_of, stages_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSummary(Span):
    """A stage of the schedule. What ended after the last one is in the last.

    name   as it was given, else the stage's number, from 1
    stage  as it was planned
    """

    name: str
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Span):
    """A load run.

    plan     what it was to do
    seconds  as they were written
    stages   those that began
    usd      its price, with what was put before the schedule began
    recalls  how good answers were, by topK
    limited_by_generator  why not the target but the generator was the limit; empty where it was not
    leaks    what is left behind, a line each
    """

    plan: Plan
    seconds: tuple[Second, ...]
    stages: tuple[StageSummary, ...]
    usd: float
    recalls: Mapping[int, Recall]
    limited_by_generator: str
    leaks: tuple[str, ...]

    @property
    def usd_per_hour(self) -> float:
        """What an hour of its schedule would cost."""
        return self.usd_of_schedule / self.duration_s * 3600 if self.duration_s > 0 else 0.0

    @property
    def usd_of_schedule(self) -> float:
        """The price without that of what was put before the schedule began."""
        return max(0.0, self.usd - self.plan.usd_before)

    @property
    def recall(self) -> Recall | None:
        """The first of *recalls*, None where there is none."""
        return next(iter(self.recalls.values()), None)


def summary_of(stream: Stream) -> Summary:
    """The load run in *stream*. Raises SourceError where it has no plan."""
    plan, seconds = stream.first(Plan), stream.of(Second)
    if plan is None:
        raise SourceError("this result stream holds no load run: it has no plan")
    elapsed_s = elapsed_s_of(plan, seconds)
    span = _fields(span_of(seconds, plan.unit, 0.0, elapsed_s))
    workers = by_operation(worker.operations for worker in stream.of(WorkerTotals))
    return Summary(
        **span | {"operations": _fuller(span["operations"], workers)},
        plan=plan,
        seconds=seconds,
        stages=tuple(_stages(plan, seconds, elapsed_s)),
        usd=max((second.usd for second in seconds), default=plan.usd_before),
        recalls={recall.k: recall for recall in stream.of(Recall)},
        limited_by_generator=limited_by_generator(seconds, plan),
        leaks=stream.leaks,
    )


def _fuller(seconds: Mapping[str, Counts], workers: Mapping[str, Counts]) -> dict[str, Counts]:
    """By operation, the account that has more: a worker that died told no totals, a cut run has none at all.

    Where both have the same, the workers' is taken: it is one histogram for each, not one for each second.
    """
    nothing = Counts()
    return {
        name: max(workers.get(name, nothing), seconds.get(name, nothing), key=lambda counts: counts.requests)
        for name in sorted({*seconds, *workers})
    }


def _stages(plan: Plan, seconds: Sequence[Second], elapsed_s: float) -> Iterator[StageSummary]:
    parts = [each for second in seconds for each in by_stage(second, plan)]
    for stage, (name, start_s, end_s) in zip(plan.stages, stages_of(plan), strict=True):
        if start_s < min(end_s, elapsed_s):
            within = (part for owner, part in parts if owner == name)
            span = span_of(within, plan.unit, start_s, min(end_s, elapsed_s))
            yield StageSummary(**_fields(span), name=name, stage=stage)


def _fields(span: Span) -> dict[str, Any]:
    return {field.name: getattr(span, field.name) for field in fields(Span)}
