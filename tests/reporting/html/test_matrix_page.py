from __future__ import annotations

import pytest
from html_page import Page
from result_builders import footer, header, result
from sample_streams import peers_stream

from vecgate.errors import UsageError
from vecgate.reporting.html.matrix_page import render_matrix
from vecgate.reporting.html.matrix_rows import MatrixCell, build_matrix_rows
from vecgate.reporting.html.report_page import render_report
from vecgate.reporting.html.views.conformance_view import KNOWN_DEVIATIONS_NOTE
from vecgate.results.records import Stream

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
DEVIATION = {"claim": "B holds.", "reason": "Counts from 0. (https://b.example/)"}
OTHER = Stream(
    header(target="two", run="r2", unsupported={"query": "no QueryVectors"}),
    (
        result("put-vectors.a"),
        result("put-vectors.b[1]", "deviation", **DEVIATION),
        result("put-vectors.b[2]", "deviation", **DEVIATION),
        result("query-vectors.c", "unsupported"),
        result("keys.e", "skipped"),
    ),
    footer(),
)


def test_each_operation_has_a_cell_for_each_target() -> None:
    """Operations first, each with its requirements; cases count once. A run may not contain an operation."""
    found = {row.name: row.cells for row in build_matrix_rows([GOOD, OTHER])}
    assert list(found) == ["PutVectors", "QueryVectors", "keys", "tags"]
    assert found == {
        "PutVectors": (MatrixCell("all", "2/2", ""), MatrixCell("some", "1/2", "1 known")),
        "QueryVectors": (MatrixCell("all", "1/1", ""), MatrixCell("none", "–", "unsupported")),
        "keys": (MatrixCell("none", "–", "not run"), MatrixCell("none", "–", "skipped")),
        "tags": (MatrixCell("failed", "0/1", "1 failed"), MatrixCell("none", "–", "not run")),
    }


def test_only_differences_are_listed() -> None:
    """Cases with the same outcomes are one difference."""
    found = {row.name: row.differences for row in build_matrix_rows([GOOD, OTHER])}
    (only,) = found["PutVectors"]
    assert (only.id, only.count, only.outcomes) == ("put-vectors.b", 2, ("passed", "deviation"))
    assert build_matrix_rows([GOOD, GOOD])[0].differences == ()


def test_the_page_compares_targets() -> None:
    """By level and by operation, then the differences, and the reasons of known deviations."""
    page = Page(render_matrix([GOOD, OTHER], ["x is not a result stream"]))
    assert page.outline[0] == "h1 Compatibility"
    sections = [line for line in page.outline if line.startswith("h2")]
    assert len(sections) == 5
    assert sections[-1].endswith("two")
    tables = [line for line in page.outline if line.startswith("table")]
    assert [line.split()[1] for line in tables[3:]] == ["PutVectors:", "QueryVectors:", "keys:", "tags:"]
    assert "put-vectors.b × 2 must ✓ passed ≠ known deviation" in page.words
    assert "2 Counts from 0. ( https://b.example/)" in page.words
    assert "x is not a result stream" in page.words
    assert render_matrix([GOOD, OTHER]) == render_matrix([GOOD, OTHER])


def test_a_cell_links_to_its_evidence() -> None:
    """In the report of that target: the group of the operation."""
    other = Page(render_report([OTHER]))
    links = [
        each.get("href") or "" for each in Page(render_matrix([GOOD, OTHER], (), ("", "two.html"))).all("a")
    ]
    found = [link for link in links if link.startswith("two.html")]
    assert found == ["two.html", *(f"two.html#run1-{order}" for order in (1, 2, 3))]
    groups = [each["id"] for each in other.all("details") if each.get("class") == "group"]
    assert groups == ["run1-1", "run1-2", "run1-3"]
    assert "PutVectors" in other.words


def test_a_target_has_its_version() -> None:
    """If it is a package; and the version of vecgate."""
    moto = Stream(
        header(target="moto", versions={"vecgate": "0.1.0", "moto": "5.2.2"}), GOOD.records, footer()
    )
    assert "moto 5.2.2, vecgate 0.1.0" in Page(render_matrix([moto])).words
    assert "unknown version" in Page(render_matrix([GOOD])).words


def test_known_deviations_have_a_note() -> None:
    """They do not fail a gate, and the word PASS does not mention them."""
    assert KNOWN_DEVIATIONS_NOTE in Page(render_matrix([OTHER])).words
    assert KNOWN_DEVIATIONS_NOTE not in Page(render_matrix([GOOD])).words


def test_urls_in_reasons_are_links() -> None:
    """Without the bracket around them."""
    links = [each.get("href") for each in Page(render_matrix([OTHER])).all("a")]
    assert "https://b.example/" in links


def test_a_requirement_without_an_id_has_a_row() -> None:
    """A stream may contain any id."""
    nameless = Stream(header(), (result(""), result("a.b")), footer())
    assert [row.name for row in build_matrix_rows([nameless])] == ["a", "without an id"]


def test_two_runs_of_one_target_have_different_names() -> None:
    """The id of the run is added. Without differences, the page says so."""
    page = Page(render_matrix([GOOD, GOOD]))
    assert "one (r1)" in page.words
    assert page.all("details") == []


@pytest.mark.parametrize(
    ("streams", "problem"), [([], "there is no run"), ([GOOD, peers_stream()], "a peers run")]
)
def test_other_runs_are_refused(streams: list[Stream], problem: str) -> None:
    """The matrix needs conformance runs."""
    with pytest.raises(UsageError, match=problem):
        render_matrix(streams)
