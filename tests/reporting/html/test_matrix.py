from __future__ import annotations

import pytest
from load_streams import peers_stream
from pages import Page
from runs import footer, header, result

from vecgate.errors import UsageError
from vecgate.reporting.html.matrix import MatrixCell, render_matrix, rows_of
from vecgate.results.records import Stream

BY_OPERATION = (
    "Requirements passed of those that were judged. ✓ all, ≠ known to differ, ✗ fails, – not offered"
)
GOOD = Stream(
    header(target="one", run="r1"),
    (
        result("put-vectors.a"),
        result("put-vectors.b[1]"),
        result("put-vectors.b[2]"),
        result("query-vectors.c"),
        result("tags.d", "failed"),
    ),
    footer(),
)
OTHER = Stream(
    header(target="two", run="r2", lacking={"query": "no QueryVectors"}),
    (
        result("put-vectors.a"),
        result(
            "put-vectors.b[1]", "deviation", claim="B holds.", reason="Counts from 0. (https://b.example/)"
        ),
        result(
            "put-vectors.b[2]", "deviation", claim="B holds.", reason="Counts from 0. (https://b.example/)"
        ),
        result("query-vectors.c", "unsupported"),
        result("keys.e", "skipped"),
    ),
    footer(),
)


def test_each_operation_is_told_of_each_target() -> None:
    """Operations first; what a run does not know is told as that."""
    found = {row.name: row.cells for row in rows_of([GOOD, OTHER])}
    assert list(found) == ["PutVectors", "QueryVectors", "keys", "tags"]
    assert found == {
        "PutVectors": (MatrixCell("all", "3/3", ""), MatrixCell("some", "1/3", "2 known")),
        "QueryVectors": (MatrixCell("all", "1/1", ""), MatrixCell("none", "–", "not offered")),
        "keys": (MatrixCell("none", "–", "not run"), MatrixCell("none", "–", "skipped")),
        "tags": (MatrixCell("broken", "0/1", "1 failed"), MatrixCell("none", "–", "not run")),
    }


def test_only_what_differs_is_listed() -> None:
    """Cases that differ alike count as one."""
    found = {row.name: row.differences for row in rows_of([GOOD, OTHER])}
    (only,) = found["PutVectors"]
    assert (only.id, only.count, only.outcomes) == ("put-vectors.b", 2, ("passed", "deviation"))
    assert rows_of([GOOD, GOOD])[0].differences == ()


def test_the_page_sets_targets_side_by_side() -> None:
    """Levels, operations, differences, and why a target is known to differ."""
    page = Page(render_matrix([GOOD, OTHER], ["x is no result stream"]))
    assert page.outline == [
        "h1 Compatibility",
        "h2 In all",
        "table: Requirements passed of those that were judged, by level",
        "h2 By operation and topic",
        f"table: {BY_OPERATION}",
        "h2 Where they differ",
        "table: PutVectors: requirements that the targets do not all keep alike",
        "table: QueryVectors: requirements that the targets do not all keep alike",
        "table: keys: requirements that the targets do not all keep alike",
        "table: tags: requirements that the targets do not all keep alike",
        "h2 Known deviations of two",
    ]
    assert "put-vectors.b × 2 must ✓ passed ≠ known deviation" in page.words
    assert "2 Counts from 0. (https://b.example/)" in page.words
    assert "x is no result stream" in page.words
    assert render_matrix([GOOD, OTHER]) == render_matrix([GOOD, OTHER])


def test_two_runs_of_one_target_are_told_apart() -> None:
    """By their runs; where they are the same that is said."""
    words = Page(render_matrix([GOOD, GOOD])).words
    assert "one (r1)" in words
    assert "They keep the same." in words


@pytest.mark.parametrize(
    ("streams", "said"), [([], "there is none"), ([GOOD, peers_stream()], "a peers run is none")]
)
def test_it_is_made_of_conformance_runs(streams: list[Stream], said: str) -> None:
    """And of nothing else."""
    with pytest.raises(UsageError, match=said):
        render_matrix(streams)
