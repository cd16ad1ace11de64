"""The actions of the function. Each calls the same functions as the command line, and returns JSON values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from vecgate.aws_lambda.action_context import ActionContext, open_action_context
from vecgate.aws_lambda.deadline import Deadline, OutOfTime
from vecgate.aws_lambda.event_parsing import (
    ActionRequest,
    Search,
    TestAccess,
    TestBatchProcessing,
    TestOptimizedBatch,
    TestThroughputScaling,
)
from vecgate.aws_lambda.responses import describe_stop, redact
from vecgate.aws_lambda.synthetic_writes import delete_written, write_vectors
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import encode_request
from vecgate.bulk.core.record_blocks import Float32Matrix
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.transport.retried_call import call_with_retries
from vecgate.errors import IndexUnusable, ServiceError, TransportError, UsageError, VecgateError
from vecgate.load.experiments.scaling_grid import CellRun, CellShape, ScalingGrid, summarize_cells
from vecgate.load.experiments.scaling_measurement import CostMeter, GridRunner, Senders
from vecgate.results.load.load_records import Cell

ActionResult = dict[str, Any]
#: Time that a cell may take beyond its seconds.
CELL_GRACE_S = 1.0
WARM_UP_S = 0.2
NO_ANSWER = "no answer"


def run_action(
    request: ActionRequest, deadline: Deadline, environment: Mapping[str, str], orphaned: list[str]
) -> ActionResult:
    """Run the action of *request*, and add to *orphaned* what could not be removed, also after an error.

    Raises VecgateError if the action cannot start.
    """
    with open_action_context(request, deadline, environment, orphaned) as context:
        try:
            return _ACTIONS[type(request)](request, context)
        finally:
            orphaned += delete_written(request, context)


def check_access(request: TestAccess, context: ActionContext) -> ActionResult:
    """Return for each operation `ok`, or the error code of its answer."""
    rules, allowed = None, {}
    try:
        rules = context.rules()
        allowed["GetIndex"] = "ok"
    except IndexUnusable:
        allowed["GetIndex"] = "NotFoundException"
    except ServiceError as error:
        allowed["GetIndex"] = redact(error.code)
    row = np.full(rules.dimension if rules else request.dimension, 1, np.float32)
    for operation, members in _probes(f"vecgate-{context.run}", row, writes=request.write):
        allowed[operation] = _try_operation(context, operation, members)
    description = {"dimension": rules.dimension, "metric": rules.metric} if rules else None
    return {
        "ok": set(allowed.values()) == {"ok"},
        "index": description,
        "target": context.target.name,
        "operations": allowed,
    }


def write_steadily(request: TestBatchProcessing, context: ActionContext) -> ActionResult:
    """Write synthetic vectors at a steady rate."""
    config = BulkConfig(
        batch_vectors=request.batch_vectors,
        in_flight=request.in_flight,
        vectors_per_s=request.vectors_per_s,
        requests_per_s=1_000 / max(request.delay_ms, 0.001),
        progress_every=request.report_every,
        retry=RetryPolicy(attempts_max=request.attempts, deadline_s=context.deadline.remaining_s),
        retry_for_s=0.0,
    )
    return write_vectors(context, config, vectors=request.vectors, report_every=request.report_every)


def write_with_best_batch(request: TestOptimizedBatch, context: ActionContext) -> ActionResult:
    """Find the best batch size, and write with it."""
    grid = ScalingGrid(
        batches=request.batches,
        in_flight=(request.in_flight,),
        dimension=context.rules().dimension,
        seconds=request.seconds,
    )
    cells, found = _measure_grid(grid, context)
    best = next((cell for cell in cells if cell.is_recommended), None)
    if best is None:
        return {"ok": False, **found, "batch_vectors": None}
    config = BulkConfig(
        batch_vectors=best.vectors_per_request,
        in_flight=request.in_flight,
        retry=RetryPolicy(deadline_s=context.deadline.remaining_s),
        retry_for_s=0.0,
    )
    found["batch_vectors"] = best.vectors_per_request
    try:
        return {
            **found,
            **write_vectors(context, config, vectors=request.vectors, report_every=request.vectors),
        }
    except VecgateError as error:  # the measurement is still returned
        return {"ok": False, **found, "stopped": describe_stop(error)}


def measure_throughput(request: TestThroughputScaling, context: ActionContext) -> ActionResult:
    """Measure the grid, and recommend one of its cells."""
    grid = ScalingGrid(
        batches=request.batches,
        in_flight=request.in_flight,
        dimension=context.rules().dimension,
        seconds=request.seconds,
    )
    cells, found = _measure_grid(grid, context)
    best = next((cell for cell in cells if cell.is_recommended), None)
    return {
        "ok": found["is_complete"] and best is not None,
        **found,
        "recommended": _to_dict(best) if best else None,
    }


def search(request: Search, context: ActionContext) -> ActionResult:
    """Return keys, distances and metadata of the nearest vectors, never their values."""
    reader = BulkReader(
        context.sender,
        bucket=context.address.bucket,
        index=context.address.arn or context.address.index,
        retry=RetryPolicy(deadline_s=context.deadline.remaining_s),
    )
    row = request.vector if request.vector is not None else _read_vector(reader, request.key or "")
    found = reader.query(row, request.top_k, filter=request.filter, metadata=request.metadata)
    distances = [] if found.distances is None else found.distances.tolist()
    vectors = [
        {"key": key, "distance": distance, "metadata": metadata}
        for key, distance, metadata in zip(found.keys, distances, found.metadata, strict=True)
    ]
    return {"ok": True, "metric": found.metric, "vectors": vectors}


_ACTIONS: Mapping[type[ActionRequest], Callable[[Any, ActionContext], ActionResult]] = {
    TestAccess: check_access,
    TestBatchProcessing: write_steadily,
    TestOptimizedBatch: write_with_best_batch,
    TestThroughputScaling: measure_throughput,
    Search: search,
}


def _measure_grid(grid: ScalingGrid, context: ActionContext) -> tuple[tuple[Cell, ...], ActionResult]:
    """Measure *grid*. Return its cells, and the result as JSON values.

    The measurement is complete if every cell was measured in both directions.
    """
    measured: dict[CellShape, list[CellRun]] = {}
    cost_meter = CostMeter(grid.dimension)
    runner = GridRunner(
        grid,
        Senders(context.sender, context.sender),
        lambda: nullcontext(context.address),
        cost_meter,
        prefix=context.key_prefix,
        grace_s=CELL_GRACE_S,
        warm_up_s=WARM_UP_S,
    )
    stopped: object = None
    try:
        for shape, slice_ in runner.run():
            measured.setdefault(shape, []).append(slice_)
    except VecgateError as error:
        stopped = describe_stop(error)
    context.written_keys.append(cost_meter.vectors_max + max(grid.batches) * max(grid.in_flight))
    cells, is_complete = summarize_cells(grid, measured), sum(map(len, measured.values())) == len(grid.order)
    return cells, {
        "cells": [_to_dict(each) for each in cells],
        "is_complete": is_complete,
        "stopped": stopped,
    }


def _probes(name: str, row: Float32Matrix, *, writes: bool) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the operations to test, each with the members of a harmless request."""
    yield "ListVectors", {"maxResults": 1}
    yield "QueryVectors", {"queryVector": {"float32": row}, "topK": 1}
    if writes:
        yield "PutVectors", {"vectors": [{"key": name, "data": {"float32": row}}]}
        yield "GetVectors", {"keys": [name]}
        yield "DeleteVectors", {"keys": [name]}


def _try_operation(context: ActionContext, operation: str, members: Mapping[str, object]) -> str:
    try:
        call_with_retries(context.sender, operation, encode_request(context.address, **members))
    except ServiceError as error:
        return redact(error.code)
    except (TransportError, OutOfTime):
        return NO_ANSWER
    return "ok"


def _read_vector(reader: BulkReader, key: str) -> Float32Matrix:
    found = reader.get([key], metadata=False)
    if found.vectors is None or not len(found.vectors):
        raise UsageError("no vector is stored under this key")
    return np.asarray(found.vectors[0], dtype=np.float32)


def _to_dict(cell: Cell) -> ActionResult:
    return {name: getattr(cell, name) for name in cell.__struct_fields__}
