"""Every link between pages resolves. Links to the web are not followed."""

from __future__ import annotations

import re

import pytest
from markdown_pages import ROOT, Page, read_pages, read_user_guide, resolve_link

PAGES = read_pages()
REPORTS = ROOT / "reports"
#: `make demo`, also behind other words of a command line.
MAKE_COMMAND = re.compile(r"(?:^|[\s;&])make ([a-z-]+)$")
MAKE_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_resolves(page: Page) -> None:
    """The file exists, and so does the heading."""
    assert [problem for number, link in page.links if (problem := check_link(page, link, number))] == []


def check_link(page: Page, link: str, number: int) -> str:
    """Return the problem with *link*, or an empty text."""
    if re.match(r"[a-z]+:", link):
        return ""
    path, anchor = resolve_link(page, link)
    if path.parent == REPORTS and not any(REPORTS.glob("*.jsonl")):
        return ""  # `make samples` has not run yet
    if not path.exists():
        return f"{page.name}:{number}: {link} does not exist"
    if not path.is_relative_to(ROOT):
        return f"{page.name}:{number}: {link} is outside of the project"
    is_known = not anchor or path.suffix != ".md" or anchor in Page.read(path).anchors
    return "" if is_known else f"{page.name}:{number}: {path.name} has no heading #{anchor}"


def test_every_page_is_reachable_from_the_readme() -> None:
    """Link by link."""
    by_path = {ROOT / page.name: page for page in PAGES}
    reached, queue = {ROOT / "README.md"}, [ROOT / "README.md"]
    while queue:
        page = by_path[queue.pop()]
        targets = {resolve_link(page, link)[0] for _, link in page.links if "://" not in link}
        new = (targets & by_path.keys()) - reached
        reached, queue = reached | new, [*queue, *new]
    guide = {ROOT / page.name for page in read_user_guide()}
    assert sorted(path.name for path in guide - reached) == []


def test_every_named_file_of_the_project_exists() -> None:
    """A path in backticks that begins with one of the project's folders."""
    folders = ("docs/", "loadtests/", "conformance/", "tests/", "src/")
    named = [(page, number, text) for page in PAGES for number, text in page.code if text.startswith(folders)]
    missing = [
        f"{page.name}:{number}: {text}"
        for page, number, text in named
        if re.fullmatch(r"[\w./-]+", text) and not (ROOT / text).exists()
    ]
    assert missing == []


def test_every_named_make_target_exists() -> None:
    """In prose and in console blocks."""
    targets = set(MAKE_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    prose = [(page, number, text) for page in PAGES for number, text in page.code]
    shown = [
        (page, line.number, line.text) for page in PAGES for line in page.lines if line.language == "console"
    ]
    unknown = [
        f"{page.name}:{number}: make {match[1]}"
        for page, number, text in [*prose, *shown]
        if (match := MAKE_COMMAND.search(text)) and match[1] not in targets
    ]
    assert unknown == []
