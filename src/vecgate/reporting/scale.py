"""What a scaling grid shows, in sentences: how the recommendation came about, and what was the limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.reporting.wording import many
from vecgate.results.grids import CLIENT_BUSY_CORES, NEAR_BEST, cores_of
from vecgate.results.load import Cell


def remarks_of(cells: Sequence[Cell]) -> Iterator[tuple[str, str]]:
    """What there is to say of *cells*: what it is about, and a sentence."""
    if not cells:
        return
    fastest = max(cells, key=lambda cell: cell.vectors_per_s)
    shape = f"{many(fastest.vectors_per_request, 'vector')} a request, {fastest.in_flight} in flight"
    yield "fastest", f"{shape}: {fastest.vectors_per_s:,.0f} vectors/s"
    if any(cell.is_recommended for cell in cells):
        told = f"of the cells that reach {NEAR_BEST:.0%} of it the cheapest"
        yield "choice", f"{told}, then the one with the fewest in flight"
    if throttled := sum(cell.throttled > 0 for cell in cells):
        told = f"the target throttled {throttled} of {many(len(cells), 'cell')}"
        yield "limit", f"{told}: what they reach is what it allows"
    if (busiest := max(map(cores_of, cells))) >= CLIENT_BUSY_CORES:
        yield "client", f"it used up to {busiest:.1f} cores: near 1, it is the limit and not the target"
