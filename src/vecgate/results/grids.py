"""What follows from the cells of a scaling grid."""

from __future__ import annotations

from vecgate.results.load import Cell

#: Cells that reach so much of the best throughput are as good as the best.
NEAR_BEST = 0.95
#: A client that uses so much of a core is likely what limits: Python runs on one at a time.
CLIENT_BUSY_CORES = 0.9


def cores_of(cell: Cell) -> float:
    """How many processor cores the client used."""
    return cell.cpu_s_per_1000 * cell.vectors_per_s / 1_000
