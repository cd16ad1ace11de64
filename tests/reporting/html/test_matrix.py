from __future__ import annotations

import pytest
from load_streams import peers_stream
from pages import Page
from runs import footer, header, result

from vecgate.errors import UsageError
from vecgate.reporting.html.matrix import render_matrix
from vecgate.reporting.html.matrix_rows import MatrixCell, rows_of
from vecgate.reporting.html.page import render
from vecgate.results.records import Stream

BY_OPERATION = (
    "Requirements passed of those that were judged. "
    "✓ all, ≠ known to differ, ✗ fails, – not offered or not tested"
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
        "keys": (MatrixCell("none", "–", "not run"), MatrixCell("none", "–", "not tested")),
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
    assert "2 Counts from 0. ( https://b.example/)" in page.words
    assert "x is no result stream" in page.words
    assert render_matrix([GOOD, OTHER]) == render_matrix([GOOD, OTHER])


def test_a_cell_opens_its_evidence() -> None:
    """Where a target has a page of its own: the group of that operation in it."""
    other = Page(render([OTHER]))
    links = [
        each.get("href") or "" for each in Page(render_matrix([GOOD, OTHER], (), ("", "two.html"))).all("a")
    ]
    found = [link for link in links if link.startswith("two.html")]
    assert found == ["two.html", *(f"two.html#run1-{order}" for order in (1, 2, 3))]
    groups = [each["id"] for each in other.all("details") if each.get("class") == "group"]
    assert groups == ["run1-1", "run1-2", "run1-3"]
    assert "PutVectors" in other.words


def test_a_target_says_what_it_was() -> None:
    """Its version where it is a package, and that of what measured it."""
    moto = Stream(
        header(target="moto", versions={"vecgate": "0.1.0", "moto": "5.2.2"}), GOOD.records, footer()
    )
    assert "moto 5.2.2, vecgate 0.1.0" in Page(render_matrix([moto])).words
    assert "with no known version of vecgate" in Page(render_matrix([GOOD])).words


def test_what_pass_means_is_said_where_not_all_passed() -> None:
    """Known deviations do not fail a gate, and the word alone says nothing of them."""
    said = "PASS means that nothing fails but what is known to"
    assert said in Page(render_matrix([OTHER])).words
    assert said not in Page(render_matrix([GOOD])).words


def test_addresses_in_reasons_can_be_followed() -> None:
    """The bracket around one is no part of it."""
    links = [each.get("href") for each in Page(render_matrix([OTHER])).all("a")]
    assert "https://b.example/" in links


def test_a_requirement_without_an_id_is_shown() -> None:
    """A stream may hold anything."""
    nameless = Stream(header(), (result(""), result("a.b")), footer())
    assert [row.name for row in rows_of([nameless])] == ["a", "without an id"]


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
