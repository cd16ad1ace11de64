from __future__ import annotations

from pages import Page
from runs import footer, header, result, run

from vecgate.reporting.html.conformance import ROWS_MAX, conformance_view, requirements_of
from vecgate.reporting.html.page import render
from vecgate.results.records import Run, Stream


def test_cases_that_came_out_alike_are_one_line() -> None:
    """The worst first; one that came out otherwise, or for another reason, stands for itself."""
    found = requirements_of(
        [
            result("a.size[1]"),
            result("a.size[2]"),
            result("a.size[3]", "failed", reason="x"),
            result("a.size[4]", "failed", reason="y"),
            result("a.plain", "deviation"),
        ]
    )
    assert [(each.id, each.first.outcome, each.cases, each.count) for each in found] == [
        ("a.size", "failed", ("3",), 1),
        ("a.size", "failed", ("4",), 1),
        ("a.plain", "deviation", (), 1),
        ("a.size", "passed", ("1", "2"), 2),
    ]


def test_a_server_with_a_reason_for_each_case_makes_no_longer_page() -> None:
    """Then the cases of a test are one line, whatever their reasons."""
    many = [result(f"a.b{n // 10}[{n}]", "failed", reason=f"r{n}") for n in range(ROWS_MAX + 10)]
    assert len(requirements_of(many)) == len(many) // 10


def test_a_source_is_written_once_and_linked_by_its_number() -> None:
    """A thousand requirements share a few pages."""
    found = (
        result("a.a", source="https://one.example/"),
        result("a.b", source="https://two.example/"),
        result("a.c", source="https://one.example/"),
    )
    assert conformance_view(run(*found)).sources == ("https://one.example/", "https://two.example/")
    links = [each.get("href") for each in Page(render([Stream(header(), found, footer())])).all("a")]
    assert links.count("#run1-source-1") == 2
    assert links.count("https://one.example/") == 1


def test_what_did_not_pass_opens_input_got_expected_and_source(mixed: Run) -> None:
    """What passed is a line; a known deviation has its reason on top too."""
    words = Page(render([Stream(mixed.header, mixed.results, mixed.footer)])).words
    assert "why assert 1 == 2 input {'a': 1} ``` E no expected put-vectors.b ( model) assertion no" in words
    assert "1 Answers 404. (https://b.example/)" in words
    assert "put-vectors.a A < B must model" in words


def test_groups_with_failures_are_open(mixed: Run) -> None:
    """Others are closed."""
    found = {group.row.name: group.is_open for group in conformance_view(mixed).groups}
    assert found == {"GetIndex": True, "PutVectors": True, "QueryVectors": False, "filters": False}


def test_tiles_tell_of_each_level_and_of_what_is_no_failure(mixed: Run) -> None:
    """A level of which nothing was judged has none."""
    told = [(tile.label, tile.value) for tile in conformance_view(mixed).tiles]
    assert told == [
        ("must", "50 %"),
        ("should", "0 %"),
        ("may", "0 %"),
        ("failed", "2"),
        ("known deviations", "1"),
        ("not offered", "1"),
    ]
