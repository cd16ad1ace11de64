"""Reports in a real browser: with and without scripts, in both themes, on a phone, for a screen reader."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from result_builders import footer, header, result
from sample_streams import EXAMPLES, OPERATIONS, load_stream, scale_stream

from vecgate.gate.compare.comparison import compare
from vecgate.reporting.html.comparison_page import ComparedRun, render_comparison
from vecgate.reporting.html.index_page import IndexEntry, render_index
from vecgate.reporting.html.matrix_page import render_matrix
from vecgate.reporting.html.report_page import render_report
from vecgate.results.records import ConformanceRun, Result, Stream

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is on the path")
#: Impacts of axe rules that a report must not violate.
SEVERE = frozenset({"serious", "critical"})
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1_280, "height": 900}
TABLET, PAPER = {"width": 720, "height": 1_000}, {"width": 700, "height": 1_000}
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
WITHIN = """[...document.querySelectorAll("p, li, dd, figcaption")].every(
    (each) => each.getBoundingClientRect().right <= 391 || each.closest(".scroll, details:not([open])"))"""
SMALLEST_LABEL = """Math.min(...[...document.querySelectorAll('svg.plot text')]
    .filter((each) => each.checkVisibility())
    .map((each) => parseFloat(getComputedStyle(each).fontSize) * each.getScreenCTM().a))"""
#: Pairs of labels of one chart that overlap by more than a pixel.
COLLISIONS = """[...document.querySelectorAll('svg.plot')].flatMap((plot) => {
    const labels = [...plot.querySelectorAll('text')].filter((each) => each.checkVisibility())
        .map((each) => [each.textContent, each.getBoundingClientRect()]);
    return labels.flatMap(([text, a], at) => labels.slice(at + 1)
        .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3)
        .map(([other]) => `${plot.querySelector('title').textContent}: ${text} / ${other}`)); })"""


# Not for the session: playwright's event loop runs as long, and tests of other modules need their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def conformance_stream(target: str) -> Stream:
    run = outcomes(target)
    return Stream(run.header, run.results, run.footer)


def examples() -> list[Stream]:
    return [make() for make in EXAMPLES.values()]


def several() -> str:
    """Return a page with each kind of run."""
    return render_report([*examples(), conformance_stream("one")], ["x.jsonl is not a result stream"])


def bound() -> str:
    """Return the page of a run of two minutes, which has a heat map, and whose generator was the limit."""
    return render_report([load_stream(120, ("PutVectors",), throttled_from=100, generator_bound_from=90)])


def comparison() -> str:
    base, head = load_stream(20), load_stream(20, stall_at=12)
    sides = ([ComparedRun("base", base, "a.jsonl")], [ComparedRun("head", head, "b.jsonl")])
    return render_comparison(*sides, compare(base, head))


def index() -> str:
    runs = [conformance_stream("one"), conformance_stream("two"), *examples()]
    return render_index([IndexEntry(stream, "a.jsonl", "a.html") for stream in runs])


def long_names() -> str:
    return render_report([Stream(header(target="t" * 300), (result("a" * 300, "failed"),), footer())])


PAGES: Mapping[str, Callable[[], str]] = {
    "load": lambda: render_report([load_stream(20, ("PutVectors",), stall_at=12, recall=True)]),
    "short": lambda: render_report([load_stream(10, OPERATIONS, stall_at=5, throttled_from=7)]),
    "conformance": lambda: render_report([conformance_stream("one")]),
    "long": long_names,
    "wide": lambda: render_report([scale_stream(range(1, 16))]),
    "several": several,
    "bound": bound,
    "matrix": lambda: render_matrix([conformance_stream("one"), conformance_stream("two")]),
    "comparison": comparison,
    "index": index,
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages. A page is rendered when a test opens it for the first time."""
    return tmp_path_factory.mktemp("pages")


def outcomes(target: str) -> ConformanceRun:
    """Return a run with many outcomes."""
    found: list[Result] = [
        result(
            "put-vectors.fails",
            "failed",
            reason="assert 1",
            detail="request     A\n            {}\nanswer      200",
        ),
        result(
            "put-vectors.differs",
            "deviation" if target == "one" else "passed",
            reason="r (https://a.example/)",
        ),
        result("put-vectors.passes", level="should"),
        result("put-vectors.cases[one]"),
        result("put-vectors.cases[two]"),
        result("query-vectors.a", "unsupported", reason="no QueryVectors"),
        result(
            "filters.a", "skipped", level="may", claim="A filter that is as long as it takes to wrap. " * 3
        ),
    ]
    return ConformanceRun(header(target=target), tuple(found), footer())


class OpenPage:
    """A page in the browser that records problems."""

    def __init__(self, context: Any, path: Path) -> None:
        self.page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.problems.append(request.url))
        self.page.goto(path.as_uri())
        # The only allowed request is the one for the page itself.
        self.problems.remove(path.as_uri())


@pytest.fixture
def opened(browser: Any, folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return a function that opens a page. Fails the test if a page logs, throws or requests anything."""
    contexts, pages = [], []

    def open_page(name: str, **more: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **more}))
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(PAGES[name](), encoding="utf-8")
        pages.append(OpenPage(contexts[-1], path))
        return pages[-1].page

    yield open_page
    for context in contexts:
        context.close()
    assert [problem for page in pages for problem in page.problems] == []


NAMES = ("several", "matrix", "index", "comparison")


def violations(page: Any, **options: Any) -> list[str]:
    """Return what axe finds severe in *page*, with every group open."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.evaluate(OPEN_ALL)
    # A chart is an image with a name; it has no elements for a screen reader.
    inside = {"exclude": [["svg.plot > *"]]} if "rules" in options else None
    found = axe.run(page, context=inside, options=options).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found if each["impact"] in SEVERE]


@pytest.mark.parametrize(
    # Axe needs half a minute for the page with each kind of run.
    "name",
    ["load", "matrix", "index", "comparison", pytest.param("several", marks=pytest.mark.nightly)],
)
def test_pages_are_accessible(opened: Any, name: str) -> None:
    """Axe finds nothing severe. `test_style` checks the contrast of all colours."""
    page = opened(name)
    assert violations(page, rules={"color-contrast": {"enabled": False}}) == []
    take_screenshot(page, f"{name}-light")


@pytest.mark.nightly
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_pages_have_enough_contrast(opened: Any, name: str, theme: str) -> None:
    """Measured by axe in each element, which takes long."""
    page = opened(name, color_scheme=theme)
    assert violations(page, runOnly=["color-contrast"]) == []
    take_screenshot(page, f"{name}-{theme}")


@pytest.mark.parametrize("name", [*NAMES, "long", "wide"])
def test_a_phone_scrolls_in_one_direction(opened: Any, name: str) -> None:
    """At 390 pixels nothing is wider than the screen, except for parts that scroll themselves."""
    page = opened(name, viewport=PHONE, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(WITHIN)
    take_screenshot(page, f"{name}-phone")


@pytest.mark.parametrize("name", NAMES)
def test_pages_are_complete_without_scripts(opened: Any, name: str) -> None:
    """Every figure has a picture, and tables have rows. Only what scripts add is missing."""
    page = opened(name, java_script_enabled=False)
    figures = page.locator(".figure")
    for at in range(figures.count()):
        box = figures.nth(at).locator("svg.plot >> visible=true").bounding_box()
        assert box["width"] > 300
        assert box["height"] > 40
    assert page.locator("table tbody tr").count() > 0
    assert page.locator(".filter >> visible=true").count() == 0
    assert page.locator("th button").count() == 0
    with_scripts = opened(name)
    assert page.locator(".figure").count() == with_scripts.locator(".figure").count()


def test_the_pointer_shows_values(opened: Any) -> None:
    """Of the nearest second, with a line at it. They disappear when the pointer leaves."""
    page = opened("load")
    chart = page.locator("#run1-run-1 .chart")
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    words = chart.locator(".tooltip").inner_text().split()
    assert words[1:] == ["·", "hold", "achieved", "1,000", "offered", "1,000"]
    assert words[0] in {"0:09", "0:10"}
    assert chart.locator(".cursor").count() == 1
    page.mouse.move(0, 0)
    assert page.locator(".tooltip").count() == 0


def test_a_tap_shows_values(opened: Any) -> None:
    """They stay until the next tap elsewhere."""
    page = opened("load", viewport=PHONE, has_touch=True)
    chart = page.locator("#run1-run-1 .chart")
    chart.tap()
    assert chart.locator(".tooltip").inner_text().split()[3] == "achieved"
    page.locator("h1").tap()
    assert page.locator(".tooltip").count() == 0


@pytest.mark.parametrize("name", ["several", "bound", "comparison"])
def test_labels_of_charts_neither_shrink_nor_collide(opened: Any, name: str) -> None:
    """On a phone, a tablet, a wide screen and on paper."""
    page = opened(name)
    for viewport in (PHONE, TABLET, DESKTOP):
        page.set_viewport_size(viewport)
        assert page.evaluate(SMALLEST_LABEL) > 10
        assert page.evaluate(COLLISIONS) == []
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)
    assert page.evaluate(COLLISIONS) == []
    columns = page.evaluate("getComputedStyle(document.querySelector('.figures')).gridTemplateColumns")
    assert len(columns.split()) == 2


def test_a_short_run_is_printed_on_few_pages(opened: Any) -> None:
    """One of ten seconds with five operations on five sheets at most."""
    page = opened("short")
    assert page.pdf(format="A4", page_ranges="1-2").startswith(b"%PDF")
    with pytest.raises(playwright.Error, match="Page range exceeds"):
        page.pdf(format="A4", page_ranges="6")


def test_cells_of_a_heat_map_do_not_overlap(opened: Any) -> None:
    """Fifteen columns, on any screen."""
    widest = """Math.max(...[...document.querySelectorAll('svg.plot text.value')]
        .map((each) => each.getBoundingClientRect().width))"""
    page = opened("wide")
    for viewport in (PHONE, TABLET, DESKTOP):
        page.set_viewport_size(viewport)
        column = page.locator("svg.plot").bounding_box()["width"] / 15
        assert page.evaluate(widest) < column
        assert page.locator(".fixed").get_attribute("tabindex") == "0"


def test_sort_arrows_stay_in_their_column(opened: Any) -> None:
    """They do not overlap the next heading."""
    ends = """[...document.querySelectorAll('th button')].every((each) => {
        const arrow = getComputedStyle(each, '::after');
        const wide = parseFloat(arrow.paddingLeft) + parseFloat(arrow.width);
        const [end, limit] = [each, each.closest('th')].map((it) => it.getBoundingClientRect().right);
        return end + wide <= limit + 0.5; })"""
    page = opened("several")
    assert page.locator("th button").count() > 0
    assert page.evaluate(ends)


def test_the_arrow_keys_show_values(opened: Any) -> None:
    """A chart can have the focus, and has a label."""
    page = opened("load")
    chart = page.locator("#run1-run-1 .chart")
    chart.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert chart.locator(".tooltip b").inner_text() == "0:19 · hold"
    page.keyboard.press("Home")
    assert chart.locator(".tooltip b").inner_text() == "0:00 · up"
    page.keyboard.press("Escape")
    assert chart.locator(".tooltip").count() == 0
    assert "arrow keys" in chart.get_attribute("aria-label")


def test_a_click_on_a_heading_sorts_the_table(opened: Any) -> None:
    """Numbers in descending order, by value and not by text. A second click reverses the order."""
    page = opened("several")
    table = page.locator("table", has_text="All configurations")
    column = "td:nth-child(3)"
    table.get_by_role("button", name="vectors/s").click()
    found = [int(each.replace(",", "")) for each in table.locator(f"tbody {column}").all_inner_texts()]
    assert found == sorted(found, reverse=True)
    assert table.locator("th[aria-sort=descending]").inner_text() == "vectors/s"
    table.get_by_role("button", name="vectors/s").click()
    reversed_values = [
        int(each.replace(",", "")) for each in table.locator(f"tbody {column}").all_inner_texts()
    ]
    assert reversed_values == found[::-1]


def test_the_list_of_runs_is_filtered_by_text_verdict_and_kind(opened: Any) -> None:
    """A group without matches is hidden."""
    page = opened("index")
    shown = page.locator(".shown")
    assert shown.inner_text() == "9 shown"
    page.get_by_role("searchbox").fill("SCALING")
    assert (shown.inner_text(), page.locator(".run-group >> visible=true").count()) == ("1 shown", 1)
    page.get_by_role("searchbox").fill("")
    page.get_by_label("RESULT", exact=True).uncheck()
    assert page.locator("tbody tr >> visible=true", has_text="RESULT").count() == 0
    page.get_by_label("load", exact=True).uncheck()
    assert not page.locator("#load").is_visible()


def test_a_table_shows_that_it_scrolls(opened: Any) -> None:
    """By a shadow at its edge, on a phone."""
    page = opened("index", viewport=PHONE)
    found = page.evaluate("""[...document.querySelectorAll('.scroll')].map((each) => [
        each.scrollWidth > each.clientWidth, getComputedStyle(each).backgroundImage.split('gradient').length])""")
    assert found
    assert all(is_wider and layers == 5 for is_wider, layers in found)


def test_requirements_are_filtered_by_outcome_level_and_text(opened: Any) -> None:
    """Matches are counted, including cases. A group without matches is hidden."""
    page = opened("conformance")
    shown = page.locator(".shown")
    assert shown.inner_text() == "7 shown"
    page.get_by_label("passed", exact=True).uncheck()
    assert shown.inner_text() == "4 shown"
    page.get_by_label("must", exact=True).uncheck()
    assert shown.inner_text() == "1 shown"
    assert page.locator(".group >> visible=true").count() == 1
    page.get_by_label("must", exact=True).check()
    page.get_by_label("Search").fill("QUERY")
    assert shown.inner_text() == "1 shown"
    page.get_by_label("Search").fill("")
    page.get_by_role("button", name="Expand all").click()
    assert page.locator(".group[open] >> visible=true").count() == 3
    page.get_by_role("button", name="Collapse all").click()
    assert page.locator(".group[open]").count() == 0


def test_a_link_to_a_group_opens_it(opened: Any) -> None:
    """A failed requirement opens its evidence."""
    page = opened("conformance")
    group = page.locator("#run1-3")
    assert group.get_attribute("open") is None
    page.get_by_role("link", name="filters").click()
    assert group.get_attribute("open") is not None
    failed = page.locator("li.failed details")
    failed.locator("summary").click()
    assert "request" in failed.locator("dl").inner_text()


def test_a_search_opens_groups(opened: Any) -> None:
    """They show the number of matches. After the search they return to their earlier state."""
    page = opened("conformance")
    filters, found = page.locator("#run1-3"), page.get_by_label("Search")
    tally = filters.locator(".tally").inner_text()
    found.fill("as long as")
    assert page.locator("li.skipped").is_visible()
    assert filters.locator(".tally").inner_text() == "1 shown"
    found.fill("")
    assert not page.locator("li.skipped").is_visible()
    assert filters.locator(".tally").inner_text() == tally


def test_a_link_to_a_hidden_group_clears_the_filter(opened: Any) -> None:
    """Also if the URL already has that anchor."""
    page = opened("conformance")
    filters = page.locator("#run1-3")
    for _ in range(2):
        page.get_by_label("skipped", exact=True).uncheck()
        assert not filters.is_visible()
        page.get_by_role("link", name="filters").click()
        assert page.locator("li.skipped").is_visible()
        assert page.get_by_label("skipped", exact=True).is_checked()
        assert page.locator(".shown").inner_text() == "7 shown"


@pytest.mark.parametrize("name", ["conformance", "matrix"])
def test_all_evidence_is_printed(opened: Any, name: str) -> None:
    """A closed section cannot be opened on paper."""
    page = opened(name)
    page.emulate_media(media="print")
    hidden = """[...document.querySelectorAll('details :is(dd, td, li)')]
        .filter((each) => !each.checkVisibility() || !each.getBoundingClientRect().height)
        .map((each) => each.textContent)"""
    assert page.locator("details:not([open])").count() > 0
    assert page.evaluate(hidden) == []


def test_a_printed_page_is_light(opened: Any, tmp_path: Path) -> None:
    """In both themes, and without controls."""
    page = opened("conformance", color_scheme="dark")
    assert page.locator(".filter").is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".filter").is_visible()
    pdf = tmp_path / "page.pdf"
    page.pdf(path=str(pdf))
    assert pdf.stat().st_size > 10_000


def test_the_first_tab_stop_skips_to_the_content(opened: Any) -> None:
    """For keyboard users."""
    page = opened("load")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


def take_screenshot(page: Any, name: str) -> None:
    """Take a screenshot if the environment names a folder for them, for a review of the pages."""
    if chosen := os.environ.get("VECGATE_SCREENSHOTS"):
        Path(chosen).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(chosen) / f"{name}.png"), full_page=True)
