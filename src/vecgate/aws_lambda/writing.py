"""Writes synthetic vectors within the time that an invocation has, and deletes what is not to stay."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vecgate.aws_lambda.answering import NO_TIME, sanitised, stopped_by
from vecgate.aws_lambda.asking import Ask
from vecgate.aws_lambda.deadline import in_time
from vecgate.aws_lambda.place import Place
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.progress import Event, Progress, Subscriber
from vecgate.bulk.run import BulkOutcome
from vecgate.bulk.wire import Sender
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import VecgateError
from vecgate.load.data import Pool, synthetic_pool
from vecgate.load.scale import UNLIMITED_PER_S
from vecgate.load.scale_run import stopped_after
from vecgate.load.supply import Supply

#: An answer holds no more progress reports than this, however often they are asked for.
REPORTS_MAX = 100
#: Distinct vectors, written again and again under new keys.
POOL_VECTORS = 500


class Reports:
    """Progress reports: one whenever *every* more records are settled, and one at the end."""

    def __init__(self, every: int) -> None:
        self._every, self._next, self._settled = every, every, 0
        self.told: list[dict[str, Any]] = []

    def on_event(self, event: Event) -> None:
        """Report *event*, where it is time to."""
        if not isinstance(event, Progress):
            return
        settled = event.acknowledged + event.set_aside
        if settled == self._settled or settled < min(self._next, event.total or self._next):
            return
        self._settled = settled
        self._next = settled - settled % self._every + self._every
        self.told.append({
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "processed": settled,
            "total": event.total,
            "percentage": round(100 * settled / event.total, 1) if event.total else None,
            "vectors_per_s": round(event.vectors_per_s, 1),
            "remaining_s": None if event.eta_s is None else round(event.eta_s, 1),
        })  # fmt: skip


def written(place: Place, config: BulkConfig, *, vectors: int, report_every: int) -> dict[str, Any]:
    """Write so many vectors, and what came of it."""
    reports = Reports(max(report_every, vectors // REPORTS_MAX))
    supply = Supply(_pool(place), config.batch_vectors, total=vectors, prefix=place.prefix, keys=vectors)
    writer = _writer(place.sender, place, config, reports)
    with TemporaryDirectory() as folder, stopped_after(writer, place.deadline.left_s):
        outcome = writer.put(supply, set_aside=Path(folder) / "aside.jsonl")
    place.wrote.append(outcome.read)
    return _outcome(outcome, reports.told)


def _outcome(outcome: BulkOutcome, reports: list[dict[str, Any]]) -> dict[str, Any]:
    causes = {problem: cause.count for problem, cause in outcome.causes.items()}
    stopped: object = None
    if outcome.interrupted:
        stopped = NO_TIME
    elif outcome.stopped_by is not None:
        stopped = stopped_by(outcome.stopped_by)
    return {
        "ok": outcome.is_complete and not outcome.set_aside,
        "total": outcome.total,
        "processed": outcome.acknowledged,
        "failed": outcome.set_aside,
        "pending": (outcome.total or 0) - outcome.acknowledged - outcome.set_aside,
        "batches": outcome.requests,
        "duration_s": round(outcome.elapsed_s, 3),
        "vectors_per_s": round(outcome.acknowledged / outcome.elapsed_s, 1) if outcome.elapsed_s else 0.0,
        "latency_ms": {f"p{p}": round(outcome.latency_ms(p), 1) for p in (50, 99)}
        if outcome.requests
        else None,
        "errors": {sanitised(what): number for what, number in {**outcome.failed_attempts, **causes}.items()},
        "retries": outcome.retries,
        "stopped": stopped,
        "progress": reports,
    }


def clean_up(ask: Ask, place: Place) -> list[str]:
    """Delete the keys that were used, where they were put into an index that stays; what is left, a line."""
    used = max(place.wrote, default=0)
    if not ask.clean_up or place.is_made or not used:
        return []
    deleted = in_time(lambda: _deleted(place, used), place.deadline.late_s, otherwise=0)
    left = f"up to {used - deleted:,} vectors whose keys begin with {place.prefix}"
    return [left] if deleted < used else []


def _deleted(place: Place, used: int) -> int:
    config = BulkConfig(vectors_per_s=UNLIMITED_PER_S, requests_per_s=UNLIMITED_PER_S)
    writer = _writer(place.late, place, config)
    keys = ({"key": f"{place.prefix}{number:09d}"} for number in range(used))
    # What is in flight when it stops has as long again to be answered.
    with TemporaryDirectory() as folder, stopped_after(writer, place.deadline.late_s / 2):
        try:
            return writer.delete(keys, set_aside=Path(folder) / "aside.jsonl").acknowledged
        except VecgateError:
            return 0


def _writer(via: Sender, place: Place, config: BulkConfig, *subscribers: Subscriber) -> BulkWriter:
    where = {"bucket": place.address.bucket, "index": place.address.arn or place.address.index}
    return BulkWriter(via, **where, config=config, subscribers=subscribers)


def _pool(place: Place) -> Pool:
    dimension = place.rules().dimension
    return synthetic_pool(POOL_VECTORS, dimension=dimension, clusters=1, spread=1.0, metadata="none", seed=1)
