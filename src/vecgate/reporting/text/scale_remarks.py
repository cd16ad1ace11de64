"""Remarks on a scaling grid: the basis of the recommendation, and whether target or client was the limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.formatting import format_count
from vecgate.results.load.load_records import NEAR_BEST, Cell

#: Python runs on one core at a time: a client that uses this much of a core is probably the limit.
CLIENT_BUSY_CORES = 0.9


def scale_remarks(cells: Sequence[Cell]) -> Iterator[tuple[str, str]]:
    """Return topics and sentences about *cells*."""
    if not cells:
        return
    fastest = max(cells, key=lambda cell: cell.vectors_per_s)
    shape = (
        f"{format_count(fastest.vectors_per_request, 'vector')} per request, {fastest.in_flight} in flight"
    )
    yield "fastest", f"{shape}: {fastest.vectors_per_s:,.0f} vectors/s"
    if any(cell.is_recommended for cell in cells):
        cheapest = f"the cheapest cell within {1 - NEAR_BEST:.0%} of the fastest"
        yield "choice", f"{cheapest}; among equals, the one with the fewest requests in flight"
    if throttled := sum(cell.throttled > 0 for cell in cells):
        cells_throttled = f"the target throttled {throttled} of {format_count(len(cells), 'cell')}"
        yield "limit", f"{cells_throttled}, so their rates show its limit"
    if (busiest := max(cell.client_cores for cell in cells)) >= CLIENT_BUSY_CORES:
        yield (
            "client",
            f"used up to {busiest:.1f} cores; near 1 core, the client is the limit, not the target",
        )
