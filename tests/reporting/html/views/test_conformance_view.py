from __future__ import annotations

from html_page import Page
from result_builders import footer, header, result, run

from vecgate.reporting.html.report_page import render_report
from vecgate.reporting.html.requirement_rows import ROWS_MAX, build_requirement_rows
from vecgate.reporting.html.views.conformance_view import KNOWN_DEVIATIONS_NOTE, conformance_view
from vecgate.results.records import ConformanceRun, Result, Stream


def test_cases_with_the_same_outcome_share_a_row() -> None:
    """The worst first. A case with another outcome or reason has its own row."""
    found = build_requirement_rows(
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


def test_a_different_reason_for_each_case_does_not_make_the_page_long() -> None:
    """With too many rows, reasons no longer separate the cases of a test."""
    many = [result(f"a.b{n // 10}[{n}]", "failed", reason=f"r{n}") for n in range(ROWS_MAX + 10)]
    assert len(build_requirement_rows(many)) == len(many) // 10


def test_a_source_is_listed_once_and_linked_by_its_number() -> None:
    """A thousand requirements share a few sources."""
    found = (
        result("a.a", source="https://one.example/"),
        result("a.b", source="https://two.example/"),
        result("a.c", source="https://one.example/"),
    )
    assert conformance_view(run(*found)).sources == ("https://one.example/", "https://two.example/")
    links = [each.get("href") for each in Page(render_report([Stream(header(), found, footer())])).all("a")]
    assert links.count("#run1-source-1") == 2
    assert links.count("https://one.example/") == 1


def test_a_failure_opens_its_evidence(mixed_stream: Stream) -> None:
    """Request, expectation and assertion. A passed requirement is a line; deviations list their reasons."""
    words = Page(render_report([mixed_stream])).words
    assert "reason assert 1 == 2 request {'a': 1} ``` E no expected put-vectors.b ( model)" in words
    assert "assertion no" in words
    assert "1 Answers 404. ( https://b.example/)" in words
    assert "put-vectors.a A < B must model" in words


def test_groups_with_failures_are_open(mixed: ConformanceRun) -> None:
    """Other groups are closed."""
    found = {group.row.name: group.is_open for group in conformance_view(mixed).groups}
    assert found == {"GetIndex": True, "PutVectors": True, "QueryVectors": False, "filters": False}


def test_tiles_show_each_level_and_other_outcomes(mixed: ConformanceRun) -> None:
    """A level without results has no tile."""
    tiles = [(tile.label, tile.value) for tile in conformance_view(mixed).tiles]
    assert tiles == [
        ("must", "50 %"),
        ("should", "0 %"),
        ("may", "0 %"),
        ("failed", "2"),
        ("known deviations", "1"),
        ("unsupported", "1"),
    ]


def test_a_pass_with_known_deviations_has_a_note() -> None:
    """A run without deviations needs none, and a failed run has other explanations."""
    known, failed = result("a.b", "deviation", reason="r"), result("a.c", "failed")
    assert KNOWN_DEVIATIONS_NOTE in words_of(known, result("a.a"))
    assert KNOWN_DEVIATIONS_NOTE not in words_of(result("a.a"))
    assert KNOWN_DEVIATIONS_NOTE not in words_of(known, failed)


def test_ratios_are_sorted_by_their_value() -> None:
    """1/4 is less than 1/1."""
    found = [
        result("get-index.a"),
        *(result(f"put-vectors.{n}", ("failed", "passed")[n == 0]) for n in range(4)),
    ]
    cells = [each.get("data-key") for each in page_of(*found).all("td") if "data-key" in each]
    assert cells == ["1", "0.25"]


def test_urls_in_reasons_are_links() -> None:
    """A deviation without evidence links to its full reason."""
    page = page_of(result("a.b", "deviation", reason=f"{'So long. ' * 20}(https://b.example/c)"))
    links = [each.get("href") for each in page.all("a")]
    assert "https://b.example/c" in links
    assert "#run1-reason-1" in links
    assert "run1-reason-1" in [each.get("id") for each in page.all("li")]


def test_omitted_evidence_is_counted() -> None:
    """The result stream contains it."""
    detail = "E  x" + "x" * 400
    many = [result(f"a.b{n}", "deviation", reason=f"r{n}", detail=detail) for n in range(300)]
    view = conformance_view(run(*many))
    assert 0 < view.without_evidence < 300
    assert f"omits the evidence of {view.without_evidence} requirements" in words_of(*many)
    assert conformance_view(run(*many[:3])).without_evidence == 0


def test_skipped_requirements_have_a_reason() -> None:
    """Each reason is listed once. Skipped requirements are not unsupported ones."""
    why = "quota: request rates are tested only with --quota"
    words = words_of(
        result("a.a", "skipped", reason=why), result("a.b", "skipped", reason=why), result("a.c")
    )
    assert words.count(why) == 1
    assert "PASS 1 of 1 requirement passed, 2 " in words
    assert "unsupported by the target" not in words.lower()


def page_of(*results: Result) -> Page:
    return Page(render_report([Stream(header(), results, footer())]))


def words_of(*results: Result) -> str:
    return page_of(*results).words
