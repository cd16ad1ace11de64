from __future__ import annotations

from pages import Page
from runs import footer, header, result, run

from vecgate.reporting.html.conformance import conformance_view
from vecgate.reporting.html.page import render
from vecgate.reporting.html.requirements import ROWS_MAX, requirements_of
from vecgate.results.records import Result, Run, Stream


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
    assert "1 Answers 404. ( https://b.example/)" in words
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


def test_what_pass_means_is_said_where_not_all_passed() -> None:
    """Only then: a run in which all passed needs no explanation, and one that failed has another."""
    said = "PASS means that nothing fails but what is known to"
    known, failed = result("a.b", "deviation", reason="r"), result("a.c", "failed")
    assert said in words_of(known, result("a.a"))
    assert said not in words_of(result("a.a"))
    assert said not in words_of(known, failed)


def test_a_share_is_sorted_as_one() -> None:
    """Not by what stands before the stroke: 1 of 4 is less than 1 of 1."""
    found = [
        result("get-index.a"),
        *(result(f"put-vectors.{n}", ("failed", "passed")[n == 0]) for n in range(4)),
    ]
    cells = [each.get("data-key") for each in page_of(*found).all("td") if "data-key" in each]
    assert cells == ["1", "0.25"]


def test_addresses_in_reasons_can_be_followed() -> None:
    """And what has no evidence to open leads to the whole reason instead of a part of it."""
    page = page_of(result("a.b", "deviation", reason=f"{'So long. ' * 20}(https://b.example/c)"))
    links = [each.get("href") for each in page.all("a")]
    assert "https://b.example/c" in links
    assert "#run1-reason-1" in links
    assert "run1-reason-1" in [each.get("id") for each in page.all("li")]


def test_what_the_page_has_no_room_for_is_told() -> None:
    """The result stream has it."""
    detail = "E  x" + "x" * 400
    many = [result(f"a.b{n}", "deviation", reason=f"r{n}", detail=detail) for n in range(300)]
    shown = conformance_view(run(*many))
    assert 0 < shown.unshown < 300
    assert f"{shown.unshown} that did not pass do not open" in words_of(*many)
    assert conformance_view(run(*many[:3])).unshown == 0


def test_what_was_not_tested_says_why() -> None:
    """Each reason once; it is not said to be lacking in the target."""
    why = "quota: request rates are tested only with --quota"
    words = words_of(
        result("a.a", "skipped", reason=why), result("a.b", "skipped", reason=why), result("a.c")
    )
    assert words.count(why) == 1
    assert "PASS 1 of 1 requirement passed, 2 not tested" in words
    assert "not offered by the target" not in words


def page_of(*results: Result) -> Page:
    return Page(render([Stream(header(), results, footer())]))


def words_of(*results: Result) -> str:
    return page_of(*results).words
