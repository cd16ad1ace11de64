"""A grid of vectors per request by requests in flight: its order, its results and a recommendation.

Pure: `scaling_measurement` measures the cells. Each cell is measured twice, once in a random order through
the grid and once in the reverse order, so that a target or machine that slows down steadily affects all cells
equally.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from msgspec import structs

from vecgate.errors import ConfigError
from vecgate.results.load.load_records import NEAR_BEST, Cell
from vecgate.s3vectors.cost_estimate import vector_bytes
from vecgate.s3vectors.limits import (
    DIMENSION_MAX,
    VECTORS_PER_PUT_MAX,
    WRITE_REQUESTS_PER_S,
    WRITE_VECTORS_PER_S,
)
from vecgate.s3vectors.pricing import requests_usd

IN_FLIGHT_MAX = 256
CELLS_MAX = 100
SECONDS_MAX = 600.0
SEED_MAX = 2**32 - 1
#: A rate that no target reaches, for a client without a rate limit.
UNLIMITED_PER_S = 1e12
#: Size of a key. AWS charges for keys as it does for vectors.
KEY_BYTES = 10
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class CellShape:
    """The settings of a cell: vectors per request and requests in flight."""

    vectors_per_request: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class ScalingGrid:
    """The cells to measure.

    batches        numbers of vectors per request
    in_flight      numbers of requests in flight
    dimension      dimension of the vectors
    seconds        time for each cell, half of it in each direction
    vectors_per_s  rate limit; None for no limit
    seed           seed of the vectors and the order

    Raises ConfigError, which names every setting that is out of range.
    """

    batches: tuple[int, ...] = (1, 10, 50, 100, 500)
    in_flight: tuple[int, ...] = (1, 2, 4, 8)
    dimension: int = 1024
    seconds: float = 3.0
    vectors_per_s: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if problems := list(self._find_problems()):
            raise ConfigError("; ".join(problems))

    @property
    def shapes(self) -> tuple[CellShape, ...]:
        """The cells by vectors per request, then by requests in flight."""
        return tuple(
            CellShape(batch, number)
            for batch in sorted(set(self.batches))
            for number in sorted(set(self.in_flight))
        )

    @property
    def order(self) -> tuple[CellShape, ...]:
        """Every cell twice: in a random order, and in the reverse order."""
        shapes = list(self.shapes)
        random.Random(self.seed).shuffle(shapes)  # noqa: S311 - not a secret
        return (*shapes, *reversed(shapes))

    def _find_problems(self) -> Iterator[str]:
        yield from _check_range("vectors per request", self.batches, VECTORS_PER_PUT_MAX)
        yield from _check_range("requests in flight", self.in_flight, IN_FLIGHT_MAX)
        yield from _check_range("dimension", (self.dimension,), DIMENSION_MAX)
        if not 0 < self.seconds <= SECONDS_MAX:
            yield f"seconds is {self.seconds:g}, allowed is a number above 0 up to {SECONDS_MAX:g}"
        if self.vectors_per_s is not None and not 0 < self.vectors_per_s < inf:
            yield f"vectors_per_s is {self.vectors_per_s:g}, allowed is a number above 0"
        if not 0 <= self.seed <= SEED_MAX:
            yield f"seed is {self.seed:,}, allowed is 0 to {SEED_MAX:,}"
        if (cells := len(self.batches) * len(self.in_flight)) > CELLS_MAX:
            yield f"the grid has {cells} cells, allowed are up to {CELLS_MAX}"


@dataclass(frozen=True, slots=True)
class CellRun:
    """One of the two measurements of a cell.

    vectors      number of vectors written
    requests     number of acknowledged requests
    elapsed_s    time from reading the first record to the last answer
    cpu_s        processor time of this process
    latencies_s  latency of the last attempt of each acknowledged request
    throttled    number of throttled attempts
    errors       number of other failed attempts
    """

    vectors: int
    requests: int
    elapsed_s: float
    cpu_s: float = 0.0
    latencies_s: tuple[float, ...] = field(default=(), repr=False)
    throttled: int = 0
    errors: int = 0


def summarize_cells(grid: ScalingGrid, measured: Mapping[CellShape, Sequence[CellRun]]) -> tuple[Cell, ...]:
    """Return the *measured* cells by vectors per request, then by requests in flight.

    A cell is recommended only if the whole of *grid* was measured.
    """
    rates = {shape: _rate(runs) for shape, runs in measured.items() if runs}
    cells = [
        _summarize(shape, measured[shape], _efficiency(shape, rates), usd_per_million(shape, grid.dimension))
        for shape in sorted(rates)
    ]
    best = recommend_cell(cells) if len(cells) == len(grid.shapes) else None
    return tuple(structs.replace(cell, is_recommended=True) if cell is best else cell for cell in cells)


def recommend_cell(cells: Iterable[Cell]) -> Cell | None:
    """Return the cheapest cell near the best throughput, and of several the one with the fewest in flight.

    None if no cell has written anything.
    """
    working = [cell for cell in cells if cell.vectors_per_s > 0]
    best = max((cell.vectors_per_s for cell in working), default=0.0)
    near = [cell for cell in working if cell.vectors_per_s >= NEAR_BEST * best]
    return min(
        near, key=lambda cell: (cell.usd_per_million, cell.in_flight, -cell.vectors_per_s), default=None
    )


def usd_per_million(shape: CellShape, dimension: int) -> float:
    """Return the price of a million vectors without metadata, sent with the settings of *shape*."""
    requests = -(-MILLION // shape.vectors_per_request)
    return requests_usd(
        {"PutVectors": requests}, put_bytes=MILLION * vector_bytes(dimension, key_bytes=KEY_BYTES)
    )


def usd_at_quota(grid: ScalingGrid, *, extra_s: float = 0.0) -> float:
    """Return the price of *grid*, plus *extra_s* seconds, on an index with exactly the documented quotas."""
    usd = 0.0
    for shape in grid.shapes:
        per_s: float = min(WRITE_VECTORS_PER_S, WRITE_REQUESTS_PER_S * shape.vectors_per_request)
        per_s = min(per_s, grid.vectors_per_s or per_s)
        usd += usd_per_million(shape, grid.dimension) * per_s * grid.seconds / MILLION
    return usd * (1 + extra_s / (grid.seconds * len(grid.shapes)))


def _rate(runs: Sequence[CellRun]) -> float:
    elapsed_s = sum(each.elapsed_s for each in runs)
    return sum(each.vectors for each in runs) / elapsed_s if elapsed_s else 0.0


def _efficiency(shape: CellShape, rates: Mapping[CellShape, float]) -> float:
    """Return the throughput of *shape* relative to linear scaling from the fewest requests in flight."""
    row = {each.in_flight: rate for each, rate in rates.items() if _same_batch(each, shape)}
    fewest = min(row)
    linear = row[fewest] / fewest * shape.in_flight
    return rates[shape] / linear if linear else 0.0


def _same_batch(one: CellShape, other: CellShape) -> bool:
    return one.vectors_per_request == other.vectors_per_request


def _summarize(shape: CellShape, runs: Sequence[CellRun], efficiency: float, usd: float) -> Cell:
    vectors, elapsed_s = sum(each.vectors for each in runs), sum(each.elapsed_s for each in runs)
    latencies_ms = np.array([s * 1_000 for each in runs for s in each.latencies_s] or [0.0])
    p50_ms, p99_ms = np.percentile(latencies_ms, [50, 99])
    return Cell(
        vectors_per_request=shape.vectors_per_request,
        in_flight=shape.in_flight,
        vectors_per_s=_rate(runs),
        requests_per_s=sum(each.requests for each in runs) / elapsed_s if elapsed_s else 0.0,
        p50_ms=float(p50_ms),
        p99_ms=float(p99_ms),
        cpu_s_per_1000=sum(each.cpu_s for each in runs) / vectors * 1_000 if vectors else 0.0,
        usd_per_million=usd,
        efficiency=efficiency,
        throttled=sum(each.throttled for each in runs),
        errors=sum(each.errors for each in runs),
    )


def _check_range(name: str, values: Sequence[int], highest: int) -> Iterator[str]:
    if not values:
        yield f"{name}: no value, allowed is 1 to {highest:,}"
    for value in values:
        if not 1 <= value <= highest:
            yield f"{name} is {value:,}, allowed is 1 to {highest:,}"
