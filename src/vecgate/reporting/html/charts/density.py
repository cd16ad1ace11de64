"""The blocks of a latency heat map: how many requests took how long in each part of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import log

import numpy as np
from numpy.typing import NDArray

from vecgate.reporting.html.charts.axes import log_axis
from vecgate.reporting.html.charts.plots import HEAT_MAX, Axis, DensityBlock
from vecgate.results.histograms import merge_histograms

#: Columns of a heat map, and its rows for each power of ten.
COLUMNS_MAX, ROWS = 120, 8


def density_blocks(times: Sequence[float], encoded: Sequence[str]) -> tuple[tuple[DensityBlock, ...], Axis]:
    """Return the blocks and the y axis, in milliseconds, of *encoded* histograms, one for each of *times*.

    Raises SourceError if one cannot be decoded.
    """
    size = max(1, -(-len(times) // COLUMNS_MAX))
    columns = [
        merge_histograms(encoded[start : start + size]).counters() for start in range(0, len(times), size)
    ]
    in_ms = [(highest_us / 1e3, counts) for highest_us, counts in columns]
    ends = [float(value) for highest, _ in in_ms if len(highest) for value in (highest[0], highest[-1])]
    y = log_axis(ends)
    rows = max(1, round(ROWS * (np.log10(y.high) - np.log10(y.low))))
    edges = np.geomspace(y.low, y.high, rows + 1)
    grid = np.array([_count_rows(highest, counts, edges) for highest, counts in in_ms])
    most = int(grid.max()) if grid.size else 0
    starts = [*times[::size], times[-1] + 1] if times else []
    return tuple(_blocks(grid, most, starts, edges)), y


def _count_rows(
    highest_ms: NDArray[np.float64], counts: NDArray[np.uint64], edges: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the number of requests between each two of *edges*."""
    rows = (np.searchsorted(edges, highest_ms) - 1).clip(0, len(edges) - 2)
    return np.bincount(rows, weights=counts.astype(float), minlength=len(edges) - 1).astype(np.int64)


def _blocks(
    grid: NDArray[np.int64], most: int, starts: Sequence[float], edges: NDArray[np.float64]
) -> Iterator[DensityBlock]:
    """Yield rectangles of equal heat; those above each other are one."""
    for column, counts in enumerate(grid.tolist()):
        heats = [_heat(count, most) for count in counts]
        for heat, run in groupby(range(len(heats)), heats.__getitem__):
            rows = list(run)
            if heat:
                yield DensityBlock(
                    starts[column],
                    starts[column + 1],
                    float(edges[rows[0]]),
                    float(edges[rows[-1] + 1]),
                    heat,
                )


def _heat(count: int, most: int) -> int:
    """Return the level of *count*: 0 without any, and from 1 for one to HEAT_MAX for *most*."""
    if not count:
        return 0
    return 1 + round((HEAT_MAX - 1) * (log(count) / log(most) if most > 1 else 1.0))
