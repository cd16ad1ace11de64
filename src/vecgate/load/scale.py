"""How throughput grows with vectors in a request and requests in flight: the grid, its order, what it shows.

Pure: `scale_run` does the measuring. Each cell is measured twice, on the way through the grid in an order
that is drawn and on the way back, so that a target or a machine that gets slower evenly favours none.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from msgspec import structs

from vecgate.errors import ConfigError
from vecgate.results.grids import NEAR_BEST
from vecgate.results.load import Cell
from vecgate.s3vectors.estimate import vector_bytes
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
#: Rates beyond any target: whoever goes as fast as it can has no pace.
UNLIMITED_PER_S = 1e12
#: Of the keys that are written, which are charged for as vectors are.
KEY_BYTES = 10
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """How a cell sends: vectors in a request, requests in flight."""

    vectors_per_request: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Grid:
    """What is to be measured.

    batches        vectors in a request
    in_flight      requests at once
    dimension      of the vectors
    seconds        for each cell, half on the way there and half on the way back
    vectors_per_s  never exceeded, None for as fast as it goes
    seed           of the vectors and of the order

    Raises ConfigError, which names every setting that is out of range.
    """

    batches: tuple[int, ...] = (1, 10, 50, 100, 500)
    in_flight: tuple[int, ...] = (1, 2, 4, 8)
    dimension: int = 1024
    seconds: float = 3.0
    vectors_per_s: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise ConfigError("; ".join(problems))

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The cells, row by row."""
        return tuple(
            Shape(batch, number)
            for batch in sorted(set(self.batches))
            for number in sorted(set(self.in_flight))
        )

    @property
    def order(self) -> tuple[Shape, ...]:
        """Every cell twice: in an order that the seed draws, and back."""
        there = list(self.shapes)
        random.Random(self.seed).shuffle(there)  # noqa: S311 - no secret
        return (*there, *reversed(there))

    def _problems(self) -> Iterator[str]:
        yield from _out_of("vectors in a request", self.batches, VECTORS_PER_PUT_MAX)
        yield from _out_of("requests in flight", self.in_flight, IN_FLIGHT_MAX)
        yield from _out_of("dimension", (self.dimension,), DIMENSION_MAX)
        if not 0 < self.seconds <= SECONDS_MAX:
            yield f"seconds is {self.seconds:g}, allowed is a number above 0 up to {SECONDS_MAX:g}"
        if self.vectors_per_s is not None and not 0 < self.vectors_per_s < inf:
            yield f"vectors_per_s is {self.vectors_per_s:g}, allowed is a number above 0"
        if not 0 <= self.seed <= SEED_MAX:
            yield f"seed is {self.seed:,}, allowed is 0 to {SEED_MAX:,}"
        if (cells := len(self.batches) * len(self.in_flight)) > CELLS_MAX:
            yield f"{cells} cells, allowed are {CELLS_MAX}"


@dataclass(frozen=True, slots=True)
class Slice:
    """What one cell did in one go.

    vectors      written, in *requests* that were taken, in *elapsed_s* from the first read to the last answer
    cpu_s        of this process meanwhile
    latencies_s  of the requests that were taken, each of its last attempt
    throttled    attempts, and *errors*, other attempts that failed
    """

    vectors: int
    requests: int
    elapsed_s: float
    cpu_s: float = 0.0
    latencies_s: tuple[float, ...] = field(default=(), repr=False)
    throttled: int = 0
    errors: int = 0


def cells_of(grid: Grid, measured: Mapping[Shape, Sequence[Slice]]) -> tuple[Cell, ...]:
    """The cells that were *measured*, by vectors in a request and then by requests in flight.

    One is recommended only where all of *grid* is there to choose from.
    """
    rates = {shape: _rate(slices) for shape, slices in measured.items() if slices}
    cells = [
        _cell(shape, measured[shape], _efficiency(shape, rates), usd_per_million(shape, grid.dimension))
        for shape in sorted(rates)
    ]
    best = recommended(cells) if len(cells) == len(grid.shapes) else None
    return tuple(_marked(cell) if cell is best else cell for cell in cells)


def recommended(cells: Iterable[Cell]) -> Cell | None:
    """The cell to send like: the least price, then the fewest in flight, of those near the best throughput.

    None where nothing was written.
    """
    working = [cell for cell in cells if cell.vectors_per_s > 0]
    best = max((cell.vectors_per_s for cell in working), default=0.0)
    near = [cell for cell in working if cell.vectors_per_s >= NEAR_BEST * best]
    return min(
        near, key=lambda cell: (cell.usd_per_million, cell.in_flight, -cell.vectors_per_s), default=None
    )


def usd_per_million(shape: Shape, dimension: int) -> float:
    """The price of a million vectors without metadata that are sent like *shape*."""
    requests = -(-MILLION // shape.vectors_per_request)
    return requests_usd(
        {"PutVectors": requests}, put_bytes=MILLION * vector_bytes(dimension, key_bytes=KEY_BYTES)
    )


def usd_at_quota(grid: Grid, *, extra_s: float = 0.0) -> float:
    """What *grid* and *extra_s* seconds more cost on an index that takes what is documented, and no more."""
    usd = 0.0
    for shape in grid.shapes:
        per_s: float = min(WRITE_VECTORS_PER_S, WRITE_REQUESTS_PER_S * shape.vectors_per_request)
        per_s = min(per_s, grid.vectors_per_s or per_s)
        usd += usd_per_million(shape, grid.dimension) * per_s * grid.seconds / MILLION
    return usd * (1 + extra_s / (grid.seconds * len(grid.shapes)))


def _rate(slices: Sequence[Slice]) -> float:
    elapsed_s = sum(each.elapsed_s for each in slices)
    return sum(each.vectors for each in slices) / elapsed_s if elapsed_s else 0.0


def _efficiency(shape: Shape, rates: Mapping[Shape, float]) -> float:
    """Of what *shape* would reach if each request in flight added what the first does."""
    row = {each.in_flight: rate for each, rate in rates.items() if _is_like(each, shape)}
    fewest = min(row)
    linear = row[fewest] / fewest * shape.in_flight
    return rates[shape] / linear if linear else 0.0


def _is_like(one: Shape, other: Shape) -> bool:
    return one.vectors_per_request == other.vectors_per_request


def _cell(shape: Shape, slices: Sequence[Slice], efficiency: float, usd: float) -> Cell:
    vectors, elapsed_s = sum(each.vectors for each in slices), sum(each.elapsed_s for each in slices)
    latencies_ms = np.array([s * 1_000 for each in slices for s in each.latencies_s] or [0.0])
    p50_ms, p99_ms = np.percentile(latencies_ms, [50, 99])
    return Cell(
        vectors_per_request=shape.vectors_per_request,
        in_flight=shape.in_flight,
        vectors_per_s=_rate(slices),
        requests_per_s=sum(each.requests for each in slices) / elapsed_s if elapsed_s else 0.0,
        p50_ms=float(p50_ms),
        p99_ms=float(p99_ms),
        cpu_s_per_1000=sum(each.cpu_s for each in slices) / vectors * 1_000 if vectors else 0.0,
        usd_per_million=usd,
        efficiency=efficiency,
        throttled=sum(each.throttled for each in slices),
        errors=sum(each.errors for each in slices),
    )


def _marked(cell: Cell) -> Cell:
    return structs.replace(cell, is_recommended=True)


def _out_of(name: str, values: Sequence[int], highest: int) -> Iterator[str]:
    if not values:
        yield f"no {name}"
    for value in values:
        if not 1 <= value <= highest:
            yield f"{name} is {value:,}, allowed is 1 to {highest:,}"
