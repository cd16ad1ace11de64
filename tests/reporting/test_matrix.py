from __future__ import annotations

from runs import result

from vecgate.reporting.matrix import HEADINGS, cells_of, matrix_of, untested_in
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


def test_what_has_no_id_is_shown() -> None:
    """A stream may hold anything."""
    assert [row.name for row in matrix_of([result(""), result("put-vectors.a")])] == [
        "PutVectors",
        "without an id",
    ]


def test_a_reason_is_told_once() -> None:
    """Of what was not tested, and of nothing else."""
    found = [result(f"a.{n}", "skipped", reason="no time") for n in range(3)]
    found += [result("a.x", "skipped"), result("a.y", "unsupported", reason="no QueryVectors")]
    assert untested_in(found) == ("no time",)
