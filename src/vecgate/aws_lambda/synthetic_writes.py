"""Write synthetic vectors within the time limit of an invocation, and delete them if they are temporary."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vecgate.aws_lambda.action_context import ActionContext
from vecgate.aws_lambda.deadline import run_within
from vecgate.aws_lambda.event_parsing import ActionRequest
from vecgate.aws_lambda.responses import OUT_OF_TIME, describe_stop, redact
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.progress import Event, Progress, Subscriber
from vecgate.bulk.transport.sender import Sender
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import VecgateError
from vecgate.load.experiments.scaling_grid import UNLIMITED_PER_S
from vecgate.load.experiments.scaling_measurement import stop_after
from vecgate.load.traffic.synthetic_source import SyntheticSource
from vecgate.load.traffic.vector_pool import VectorPool, generate_pool

#: Largest number of progress reports in a response.
REPORTS_MAX = 100
#: Number of distinct vectors, which are written repeatedly under new keys.
POOL_VECTORS = 500


class ProgressReports:
    """Collects progress reports: one for every *every* settled records, and one at the end."""

    def __init__(self, every: int) -> None:
        self._every, self._next, self._settled = every, every, 0
        self.collected: list[dict[str, Any]] = []

    def on_event(self, event: Event) -> None:
        """Add a report of *event* if one is due."""
        if not isinstance(event, Progress):
            return
        settled = event.acknowledged + event.rejected
        if settled == self._settled or settled < min(self._next, event.total or self._next):
            return
        self._settled = settled
        self._next = settled - settled % self._every + self._every
        self.collected.append({
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "processed": settled,
            "total": event.total,
            "percentage": round(100 * settled / event.total, 1) if event.total else None,
            "vectors_per_s": round(event.vectors_per_s, 1),
            "remaining_s": None if event.eta_s is None else round(event.eta_s, 1),
        })  # fmt: skip


def write_vectors(
    context: ActionContext, config: BulkConfig, *, vectors: int, report_every: int
) -> dict[str, Any]:
    """Write *vectors* synthetic vectors, and return the result as JSON values."""
    reports = ProgressReports(max(report_every, vectors // REPORTS_MAX))
    source = SyntheticSource(
        _vector_pool(context), config.batch_vectors, total=vectors, prefix=context.key_prefix, keys=vectors
    )
    writer = _writer(context.sender, context, config, reports)
    with TemporaryDirectory() as folder, stop_after(writer, context.deadline.remaining_s):
        outcome = writer.put(source, rejects=Path(folder) / "rejected.jsonl")
    context.written_keys.append(outcome.read)
    return _to_dict(outcome, reports.collected)


def _to_dict(outcome: BulkOutcome, reports: list[dict[str, Any]]) -> dict[str, Any]:
    causes = {problem: cause.count for problem, cause in outcome.reject_causes.items()}
    stopped: object = None
    if outcome.interrupted:
        stopped = OUT_OF_TIME
    elif outcome.stopped_by is not None:
        stopped = describe_stop(outcome.stopped_by)
    return {
        "ok": outcome.is_complete and not outcome.rejected,
        "total": outcome.total,
        "processed": outcome.acknowledged,
        "failed": outcome.rejected,
        "pending": (outcome.total or 0) - outcome.acknowledged - outcome.rejected,
        "batches": outcome.requests,
        "duration_s": round(outcome.elapsed_s, 3),
        "vectors_per_s": round(outcome.acknowledged / outcome.elapsed_s, 1) if outcome.elapsed_s else 0.0,
        "latency_ms": {f"p{p}": round(outcome.latency_ms(p), 1) for p in (50, 99)}
        if outcome.requests
        else None,
        "errors": {redact(cause): count for cause, count in {**outcome.failed_attempts, **causes}.items()},
        "retries": outcome.retries,
        "stopped": stopped,
        "progress": reports,
    }


def delete_written(request: ActionRequest, context: ActionContext) -> list[str]:
    """Delete the vectors that were written to an index that is kept, if the request says so.

    Returns one line if vectors may remain.
    """
    used = max(context.written_keys, default=0)
    if not request.clean_up or context.is_index_created or not used:
        return []
    deleted = run_within(lambda: _delete_keys(context, used), context.deadline.cleanup_remaining_s, default=0)
    if deleted == used:
        return []
    return [f"up to {used - deleted:,} vectors with the key prefix {context.key_prefix}"]


def _delete_keys(context: ActionContext, used: int) -> int:
    config = BulkConfig(vectors_per_s=UNLIMITED_PER_S, requests_per_s=UNLIMITED_PER_S, retry_for_s=0.0)
    writer = _writer(context.cleanup_sender, context, config)
    keys = ({"key": f"{context.key_prefix}{number:09d}"} for number in range(used))
    # Half of the time is for requests that are in flight when the writer stops.
    with TemporaryDirectory() as folder, stop_after(writer, context.deadline.cleanup_remaining_s / 2):
        try:
            return writer.delete(keys, rejects=Path(folder) / "rejected.jsonl").acknowledged
        except VecgateError:
            return 0


def _writer(
    sender: Sender, context: ActionContext, config: BulkConfig, *subscribers: Subscriber
) -> BulkWriter:
    address = context.address
    return BulkWriter(
        sender,
        bucket=address.bucket,
        index=address.arn or address.index,
        config=config,
        subscribers=subscribers,
    )


def _vector_pool(context: ActionContext) -> VectorPool:
    dimension = context.rules().dimension
    return generate_pool(POOL_VECTORS, dimension=dimension, clusters=1, spread=1.0, metadata="none", seed=1)
