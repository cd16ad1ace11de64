from __future__ import annotations

from result_builders import result

from vecgate.reporting.operation_matrix import (
    HEADINGS,
    build_matrix,
    deviation_reasons,
    format_row,
    skip_reasons,
)
from vecgate.results.records import ConformanceRun


def test_the_matrix_counts_by_operation_level_and_outcome(mixed: ConformanceRun) -> None:
    """Operations first, then topics. Unsupported and skipped requirements are in no ratio."""
    assert [format_row(row) for row in build_matrix(mixed.results)] == [
        ["GetIndex", "", "0/1", "0/1", "1", "1", "", ""],
        ["PutVectors", "1/2", "", "", "1", "", "", ""],
        ["QueryVectors", "", "", "", "", "", "1", ""],
        ["filters", "", "", "", "", "", "", "1"],
    ]
    assert HEADINGS[1:4] == ("must", "should", "may")


def test_a_requirement_without_an_id_has_a_row() -> None:
    """A stream may contain any id."""
    assert [row.name for row in build_matrix([result(""), result("put-vectors.a")])] == [
        "PutVectors",
        "without an id",
    ]


def test_each_reason_for_skipping_is_listed_once() -> None:
    """Reasons of other outcomes are not listed."""
    found = [result(f"a.{n}", "skipped", reason="no time") for n in range(3)]
    found += [result("a.x", "skipped"), result("a.y", "unsupported", reason="no QueryVectors")]
    assert skip_reasons(found) == ("no time",)


def test_reasons_of_deviations_are_counted() -> None:
    """The most frequent first."""
    found = [result(f"a.{n}", "deviation", reason=("rare", "often")[n > 0]) for n in range(3)]
    assert deviation_reasons([*found, result("a.x", "failed", reason="often")]) == [("often", 2), ("rare", 1)]
