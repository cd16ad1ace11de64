from __future__ import annotations

from vecgate.reporting.matrix import HEADINGS, cells_of, matrix_of
from vecgate.results.records import Run


def test_the_matrix_counts_by_operation_level_and_outcome(mixed: Run) -> None:
    """Operations first, then topics; what was not judged is in no share."""
    assert [cells_of(row) for row in matrix_of(mixed.results)] == [
        ["GetIndex", "", "0/1", "0/1", "1", "1", "", ""],
        ["PutVectors", "1/2", "", "", "1", "", "", ""],
        ["QueryVectors", "", "", "", "", "", "1", ""],
        ["filters", "", "", "", "", "", "", "1"],
    ]
    assert HEADINGS[1:4] == ("must", "should", "may")
