"""Every link between pages leads somewhere. Those to the web are not followed."""

from __future__ import annotations

import re

import pytest
from documents import ROOT, Page, documentation, pages, target_of

PAGES = pages()
REPORTS = ROOT / "reports"
#: `make demo`, also where other words stand before it.
MAKE = re.compile(r"(?:^|[\s;&])make ([a-z]+)$")
RECIPE = re.compile(r"^([a-z]+):", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Page) -> None:
    """To a file that is there, and in a page to one of its headings."""
    assert [told for number, link in page.links if (told := problem(page, link, number))] == []


def problem(page: Page, link: str, number: int) -> str:
    """What is wrong with *link*, empty where nothing is."""
    if re.match(r"[a-z]+:", link):
        return ""
    path, anchor = target_of(page, link)
    if path.parent == REPORTS and not any(REPORTS.glob("*.jsonl")):
        return ""  # still to be made: make samples
    if not path.exists():
        return f"{page.name}:{number}: there is no {link}"
    if not path.is_relative_to(ROOT):
        return f"{page.name}:{number}: {link} leads out of the project"
    is_known = not anchor or path.suffix != ".md" or anchor in Page.read(path).anchors
    return "" if is_known else f"{page.name}:{number}: {path.name} has no heading #{anchor}"


def test_every_page_can_be_found() -> None:
    """From the README, link by link."""
    by_path = {ROOT / page.name: page for page in PAGES}
    found, left = {ROOT / "README.md"}, [ROOT / "README.md"]
    while left:
        page = by_path[left.pop()]
        there = {target_of(page, link)[0] for _, link in page.links if "://" not in link}
        new = (there & by_path.keys()) - found
        found, left = found | new, [*left, *new]
    docs = {ROOT / page.name for page in documentation()}
    assert sorted(path.name for path in docs - found) == []


def test_every_file_of_the_project_that_is_named_is_there() -> None:
    """Whatever stands between backticks and begins with one of its folders."""
    folders = ("docs/", "loadtests/", "conformance/", "tests/", "src/")
    named = [(page, number, text) for page in PAGES for number, text in page.code if text.startswith(folders)]
    missing = [
        f"{page.name}:{number}: {text}"
        for page, number, text in named
        if re.fullmatch(r"[\w./-]+", text) and not (ROOT / text).exists()
    ]
    assert missing == []


def test_every_recipe_of_make_that_is_named_is_one() -> None:
    """In the Makefile."""
    recipes = set(RECIPE.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    prose = [(page, number, text) for page in PAGES for number, text in page.code]
    shown = [
        (page, line.number, line.text) for page in PAGES for line in page.lines if line.language == "console"
    ]
    wrong = [
        f"{page.name}:{number}: make {match[1]}"
        for page, number, text in [*prose, *shown]
        if (match := MAKE.search(text)) and match[1] not in recipes
    ]
    assert wrong == []
