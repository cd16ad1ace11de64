"""Reports in a real browser: with scripts and without, in both themes, on a phone, for a screen reader."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from load_streams import EXAMPLES, load_stream, scale_stream
from runs import footer, header, result

from vecgate.reporting.html.index import Entry, render_index
from vecgate.reporting.html.matrix import render_matrix
from vecgate.reporting.html.page import render
from vecgate.results.records import Result, Run, Stream

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is on the path")
#: Rules of axe that a report may not break: those that keep somebody out.
GRAVE = frozenset({"serious", "critical"})
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1_280, "height": 900}
TABLET = {"width": 720, "height": 1_000}
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
WITHIN = """[...document.querySelectorAll("p, li, dd, figcaption")].every(
    (each) => each.getBoundingClientRect().right <= 391 || each.closest(".scroll, details:not([open])"))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of each kind."""
    folder = tmp_path_factory.mktemp("pages")
    conformance = [
        Stream(each.header, each.results, each.footer) for each in (outcomes("one"), outcomes("two"))
    ]
    others = [make() for make in EXAMPLES.values()]
    pages = {
        "load": render([load_stream(20, ("PutVectors",), stall_at=12, recall=True)]),
        "conformance": render([conformance[0]]),
        "long": render([Stream(header(target="t" * 300), (result("a" * 300, "failed"),), footer())]),
        "broad": render([scale_stream(range(1, 16))]),
        "several": render([*others, conformance[0]], ["x.jsonl is no result stream"]),
        "matrix": render_matrix(conformance),
        "index": render_index([Entry(stream, "a.jsonl", "a.html") for stream in [*conformance, *others]]),
    }
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


def outcomes(target: str) -> Run:
    """A run with every outcome."""
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
    return Run(header(target=target), tuple(found), footer())


class Opened:
    """A page of the browser that keeps what went wrong in it."""

    def __init__(self, context: Any, path: Path) -> None:
        self.page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.problems.append(request.url))
        self.page.goto(path.as_uri())
        # The page itself is the one request that may be.
        self.problems.remove(path.as_uri())


@pytest.fixture
def opened(browser: Any, folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Opens a page by its name; when the test ends nothing may have gone wrong in it."""
    contexts, pages = [], []

    def open_page(name: str, **more: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **more}))
        pages.append(Opened(contexts[-1], folder / f"{name}.html"))
        return pages[-1].page

    yield open_page
    for context in contexts:
        context.close()
    assert [problem for page in pages for problem in page.problems] == []


NAMES = ("load", "several", "matrix", "index")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["several", "matrix", "index"])
def test_nobody_is_kept_out(opened: Any, tmp_path: Path, name: str, theme: str) -> None:
    """By axe nothing is serious in either theme, with every group open: of each kind of run there is one."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = opened(name, color_scheme=theme)
    page.evaluate(OPEN_ALL)
    found = axe.run(page).response["violations"]
    grave = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found if each["impact"] in GRAVE]
    assert grave == []
    page.screenshot(path=str(kept(tmp_path) / f"{name}-{theme}.png"), full_page=True)


@pytest.mark.parametrize("name", [*NAMES, "long", "broad"])
def test_a_phone_scrolls_in_one_direction(opened: Any, tmp_path: Path, name: str) -> None:
    """At 390 pixels nothing is wider than the screen; what is, scrolls within itself."""
    page = opened(name, viewport=PHONE, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(WITHIN)
    page.screenshot(path=str(kept(tmp_path) / f"{name}-phone.png"), full_page=True)


@pytest.mark.parametrize("name", NAMES)
def test_without_scripts_everything_is_there(opened: Any, name: str) -> None:
    """Every figure has its picture and a size, every table its rows; only what scripts add is not shown."""
    page = opened(name, java_script_enabled=False)
    figures = page.locator(".figure")
    for at in range(figures.count()):
        box = figures.nth(at).locator("svg.plot >> visible=true").bounding_box()
        assert box["width"] > 300
        assert box["height"] > 60
    assert page.locator("table tbody tr").count() > 0
    assert page.locator(".filter >> visible=true").count() == 0
    assert page.locator("th button").count() == 0
    with_scripts = opened(name)
    assert page.locator(".figure").count() == with_scripts.locator(".figure").count()


def test_values_are_under_the_pointer(opened: Any) -> None:
    """At the nearest second, with a line where it is; they go when the pointer goes."""
    page = opened("load")
    chart = page.locator("#run1-run-1 .on-wide")
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    words = chart.locator(".hover").inner_text().split()
    assert words[1:] == ["achieved", "1,000", "offered", "1,000"]
    assert words[0] in {"0:09", "0:10"}
    assert chart.locator(".cursor").count() == 1
    page.mouse.move(0, 0)
    assert page.locator(".hover").count() == 0


def test_values_are_under_a_finger(opened: Any) -> None:
    """It leaves as soon as it has tapped; they stay until it taps elsewhere."""
    page = opened("load", viewport=PHONE, has_touch=True)
    chart = page.locator("#run1-run-1 .on-narrow")
    chart.tap()
    assert chart.locator(".hover").inner_text().split()[1] == "achieved"
    page.locator("h1").tap()
    assert page.locator(".hover").count() == 0


def test_labels_can_be_read_on_any_screen(opened: Any) -> None:
    """A chart over the whole page has a twin, long before it would be shrunk to nothing."""
    labels = """[...document.querySelectorAll('svg.plot text')].filter((each) => each.checkVisibility())
        .map((each) => parseFloat(getComputedStyle(each).fontSize) * each.getScreenCTM().a)"""
    for viewport in (PHONE, TABLET, DESK):
        assert min(opened("load", viewport=viewport).evaluate(labels)) > 10


def test_cells_of_a_map_keep_apart(opened: Any) -> None:
    """Fifteen columns, on any screen: no figure runs into the next."""
    widest = """Math.max(...[...document.querySelectorAll('svg.plot text[font-weight]')]
        .map((each) => each.getBoundingClientRect().width))"""
    for viewport in (PHONE, TABLET, DESK):
        page = opened("broad", viewport=viewport)
        column = page.locator("svg.plot").bounding_box()["width"] / 16
        assert page.evaluate(widest) < column
        assert page.locator(".broad").get_attribute("tabindex") == "0"


def test_arrows_of_sorting_stay_in_their_column(opened: Any) -> None:
    """They do not stand in the next heading."""
    ends = """[...document.querySelectorAll('th button')].every((each) => {
        const arrow = getComputedStyle(each, '::after');
        const wide = parseFloat(arrow.paddingLeft) + parseFloat(arrow.width);
        const [end, room] = [each, each.closest('th')].map((it) => it.getBoundingClientRect().right);
        return end + wide <= room + 0.5; })"""
    page = opened("several")
    assert page.locator("th button").count() > 0
    assert page.evaluate(ends)


def test_values_are_under_the_arrow_keys(opened: Any) -> None:
    """A chart takes the focus, and names what it holds."""
    page = opened("load")
    chart = page.locator("#run1-run-1 .on-wide")
    chart.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert chart.locator(".hover b").inner_text() == "0:19"
    page.keyboard.press("Home")
    assert chart.locator(".hover b").inner_text() == "0:00"
    page.keyboard.press("Escape")
    assert chart.locator(".hover").count() == 0
    assert chart.get_attribute("aria-label") == "Offered and achieved: values by arrow keys"


def test_tables_are_sorted_by_the_heading_that_is_pressed(opened: Any) -> None:
    """Numbers from the highest, by what they are and not by how they are written; then the other way."""
    page = opened("several")
    table = page.locator("table", has_text="All configurations")
    column = "td:nth-child(3)"
    table.get_by_role("button", name="vectors/s").click()
    found = [int(each.replace(",", "")) for each in table.locator(f"tbody {column}").all_inner_texts()]
    assert found == sorted(found, reverse=True)
    assert table.locator("th[aria-sort=descending]").inner_text() == "vectors/s"
    table.get_by_role("button", name="vectors/s").click()
    again = [int(each.replace(",", "")) for each in table.locator(f"tbody {column}").all_inner_texts()]
    assert again == found[::-1]


def test_requirements_are_filtered_by_outcome_level_and_words(opened: Any) -> None:
    """What is left is counted, cases and all; a group with nothing left is gone."""
    page = opened("conformance")
    shown = page.locator(".shown")
    assert shown.inner_text() == "7 shown"
    page.get_by_label("passed", exact=True).uncheck()
    assert shown.inner_text() == "4 shown"
    page.get_by_label("must", exact=True).uncheck()
    assert shown.inner_text() == "1 shown"
    assert page.locator(".group >> visible=true").count() == 1
    page.get_by_label("must", exact=True).check()
    page.get_by_label("Containing").fill("QUERY")
    assert shown.inner_text() == "1 shown"
    page.get_by_label("Containing").fill("")
    page.get_by_role("button", name="Open all").click()
    assert page.locator(".group[open] >> visible=true").count() == 3
    page.get_by_role("button", name="Close all").click()
    assert page.locator(".group[open]").count() == 0


def test_a_link_opens_the_group_that_it_leads_to(opened: Any) -> None:
    """And a requirement that failed opens what was sent and got."""
    page = opened("conformance")
    group = page.locator("#run1-3")
    assert group.get_attribute("open") is None
    page.get_by_role("link", name="filters").click()
    assert group.get_attribute("open") is not None
    failed = page.locator("li.failed details")
    failed.locator("summary").click()
    assert "input" in failed.locator("dl").inner_text()


def test_what_is_looked_for_is_seen(opened: Any) -> None:
    """Groups are open while something is looked for, and say how much of it they have; then as before."""
    page = opened("conformance")
    filters, found = page.locator("#run1-3"), page.get_by_label("Containing")
    told = filters.locator(".tally").inner_text()
    found.fill("as long as")
    assert page.locator("li.skipped").is_visible()
    assert filters.locator(".tally").inner_text() == "1 shown"
    found.fill("")
    assert not page.locator("li.skipped").is_visible()
    assert filters.locator(".tally").inner_text() == told


def test_a_link_into_what_is_filtered_ends_the_filter(opened: Any) -> None:
    """Again and again: an address that is there already leads there too."""
    page = opened("conformance")
    filters = page.locator("#run1-3")
    for _ in range(2):
        page.get_by_label("not tested", exact=True).uncheck()
        assert not filters.is_visible()
        page.get_by_role("link", name="filters").click()
        assert page.locator("li.skipped").is_visible()
        assert page.get_by_label("not tested", exact=True).is_checked()
        assert page.locator(".shown").inner_text() == "7 shown"


@pytest.mark.parametrize("name", ["conformance", "matrix"])
def test_paper_has_all_evidence(opened: Any, name: str) -> None:
    """What is closed on a screen cannot be opened on paper."""
    page = opened(name)
    page.emulate_media(media="print")
    hidden = """[...document.querySelectorAll('details :is(dd, td, li)')]
        .filter((each) => !each.checkVisibility() || !each.getBoundingClientRect().height)
        .map((each) => each.textContent)"""
    assert page.locator("details:not([open])").count() > 0
    assert page.evaluate(hidden) == []


def test_paper_is_white(opened: Any, tmp_path: Path) -> None:
    """A printed report is light, whatever the screen is, and leaves out what cannot be pressed."""
    page = opened("conformance", color_scheme="dark")
    assert page.locator(".filter").is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".filter").is_visible()
    pdf = tmp_path / "page.pdf"
    page.pdf(path=str(pdf))
    assert pdf.stat().st_size > 10_000


def test_the_first_key_skips_to_the_content(opened: Any) -> None:
    """For who uses the keyboard."""
    page = opened("load")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


def kept(folder: Path) -> Path:
    """Where screenshots go: to be looked at by whoever changes a template."""
    wanted = Path(os.environ.get("VECGATE_SCREENSHOTS", folder))
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted
