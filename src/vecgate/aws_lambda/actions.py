"""The actions, each a few calls of what the command line uses too. What they find is plain JSON values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from vecgate.aws_lambda.answering import sanitised, stopped_by
from vecgate.aws_lambda.asking import (
    Ask,
    Search,
    TestAccess,
    TestBatchProcessing,
    TestOptimizedBatch,
    TestThroughputScaling,
)
from vecgate.aws_lambda.deadline import Deadline, OutOfTime
from vecgate.aws_lambda.place import Place, opened_place
from vecgate.aws_lambda.writing import clean_up, written
from vecgate.bulk.calls import call
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.encoding import encode_request
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.records import Float32Matrix
from vecgate.bulk.retry import RetryPolicy
from vecgate.errors import IndexUnusable, ServiceError, TransportError, UsageError, VecgateError
from vecgate.load.scale import Grid, Shape, Slice, cells_of
from vecgate.load.scale_run import Meter, Purse, Senders
from vecgate.results.load import Cell

Found = dict[str, Any]
#: By which a cell may outlast its time.
CELL_GRACE_S = 1.0
WARM_UP_S = 0.2
NO_ANSWER = "no answer"


def act(ask: Ask, deadline: Deadline, environment: Mapping[str, str], leaks: list[str]) -> Found:
    """Do what *ask* says, and add to *leaks* what could not be removed, whatever comes of it.

    Raises VecgateError where it cannot even be begun.
    """
    with opened_place(ask, deadline, environment, leaks) as place:
        try:
            return _ACTIONS[type(ask)](ask, place)
        finally:
            leaks += clean_up(ask, place)


def access(ask: TestAccess, place: Place) -> Found:
    """Which operations may be used: operation to `ok`, or to the error code that it was answered with."""
    rules, allowed = None, {}
    try:
        rules = place.rules()
        allowed["GetIndex"] = "ok"
    except IndexUnusable:
        allowed["GetIndex"] = "NotFoundException"
    except ServiceError as error:
        allowed["GetIndex"] = sanitised(error.code)
    row = np.full(rules.dimension if rules else ask.dimension, 1, np.float32)
    for operation, members in _probes(f"vecgate-{place.run}", row, writes=ask.write):
        allowed[operation] = _answered(place, operation, members)
    described = {"dimension": rules.dimension, "metric": rules.metric} if rules else None
    return {
        "ok": set(allowed.values()) == {"ok"},
        "index": described,
        "target": place.target.name,
        "operations": allowed,
    }


def batch_processing(ask: TestBatchProcessing, place: Place) -> Found:
    """Write synthetic vectors steadily."""
    config = BulkConfig(
        batch_vectors=ask.batch_vectors,
        in_flight=ask.in_flight,
        vectors_per_s=ask.vectors_per_s,
        requests_per_s=1_000 / max(ask.delay_ms, 0.001),
        progress_every=ask.report_every,
        retry=RetryPolicy(attempts_max=ask.attempts, deadline_s=place.deadline.left_s),
    )
    return written(place, config, vectors=ask.vectors, report_every=ask.report_every)


def optimized_batch(ask: TestOptimizedBatch, place: Place) -> Found:
    """Find the best batch, and write with it."""
    grid = Grid(
        batches=ask.batches,
        in_flight=(ask.in_flight,),
        dimension=place.rules().dimension,
        seconds=ask.seconds,
    )
    cells, found = _measured(grid, place)
    best = next((cell for cell in cells if cell.is_recommended), None)
    if best is None:
        return {"ok": False, **found, "batch_vectors": None}
    config = BulkConfig(
        batch_vectors=best.vectors_per_request,
        in_flight=ask.in_flight,
        retry=RetryPolicy(deadline_s=place.deadline.left_s),
    )
    found["batch_vectors"] = best.vectors_per_request
    try:
        return {**found, **written(place, config, vectors=ask.vectors, report_every=ask.vectors)}
    except VecgateError as error:  # what was measured is worth telling
        return {"ok": False, **found, "stopped": stopped_by(error)}


def throughput_scaling(ask: TestThroughputScaling, place: Place) -> Found:
    """Measure the grid, and recommend a cell."""
    grid = Grid(
        batches=ask.batches, in_flight=ask.in_flight, dimension=place.rules().dimension, seconds=ask.seconds
    )
    cells, found = _measured(grid, place)
    best = next((cell for cell in cells if cell.is_recommended), None)
    return {
        "ok": found["is_complete"] and best is not None,
        **found,
        "recommended": _plain(best) if best else None,
    }


def search(ask: Search, place: Place) -> Found:
    """The nearest vectors: keys, distances, metadata; never their values."""
    reader = BulkReader(
        place.sender,
        bucket=place.address.bucket,
        index=place.address.arn or place.address.index,
        retry=RetryPolicy(deadline_s=place.deadline.left_s),
    )
    row = ask.vector if ask.vector is not None else _stored(reader, ask.key or "")
    found = reader.query(row, ask.top_k, filter=ask.filter, metadata=ask.metadata)
    distances = [] if found.distances is None else found.distances.tolist()
    vectors = [
        {"key": key, "distance": distance, "metadata": metadata}
        for key, distance, metadata in zip(found.keys, distances, found.metadata, strict=True)
    ]
    return {"ok": True, "metric": found.metric, "vectors": vectors}


_ACTIONS: Mapping[type[Ask], Callable[[Any, Place], Found]] = {
    TestAccess: access,
    TestBatchProcessing: batch_processing,
    TestOptimizedBatch: optimized_batch,
    TestThroughputScaling: throughput_scaling,
    Search: search,
}


def _measured(grid: Grid, place: Place) -> tuple[tuple[Cell, ...], Found]:
    """The cells of *grid*; and they, whether all were measured there and back, and what ended it, as told."""
    measured: dict[Shape, list[Slice]] = {}
    purse = Purse(grid.dimension)
    meter = Meter(
        grid,
        Senders(place.sender, place.sender),
        lambda: nullcontext(place.address),
        purse,
        prefix=place.prefix,
        grace_s=CELL_GRACE_S,
        warm_up_s=WARM_UP_S,
    )
    stopped: object = None
    try:
        for shape, slice_ in meter.walk():
            measured.setdefault(shape, []).append(slice_)
    except VecgateError as error:
        stopped = stopped_by(error)
    place.wrote.append(purse.most + max(grid.batches) * max(grid.in_flight))
    cells, is_whole = cells_of(grid, measured), sum(map(len, measured.values())) == len(grid.order)
    return cells, {"cells": [_plain(each) for each in cells], "is_complete": is_whole, "stopped": stopped}


def _probes(name: str, row: Float32Matrix, *, writes: bool) -> Iterator[tuple[str, dict[str, object]]]:
    """Operations that show what is allowed, with the members of a request that harms nothing."""
    yield "ListVectors", {"maxResults": 1}
    yield "QueryVectors", {"queryVector": {"float32": row}, "topK": 1}
    if writes:
        yield "PutVectors", {"vectors": [{"key": name, "data": {"float32": row}}]}
        yield "GetVectors", {"keys": [name]}
        yield "DeleteVectors", {"keys": [name]}


def _answered(place: Place, operation: str, members: Mapping[str, object]) -> str:
    try:
        call(place.sender, operation, encode_request(place.address, **members))
    except ServiceError as error:
        return sanitised(error.code)
    except (TransportError, OutOfTime):
        return NO_ANSWER
    return "ok"


def _stored(reader: BulkReader, key: str) -> Float32Matrix:
    found = reader.get([key], metadata=False)
    if found.vectors is None or not len(found.vectors):
        raise UsageError("no vector is stored under that key")
    return np.asarray(found.vectors[0], dtype=np.float32)


def _plain(cell: Cell) -> Found:
    return {name: getattr(cell, name) for name in cell.__struct_fields__}
