"""A block with measured numbers cites the committed result that they come from."""

from __future__ import annotations

import re

import pytest
from markdown_pages import ROOT, Page, read_pages

PAGES = read_pages()
#: A percentile or a rate in the output of a command.
MEASURED = re.compile(r"\bp\d+ [\d.,]+ ?(?:µs|ms|s)\b|\d/s held\b")
OUTPUT_LANGUAGES = ("", "console", "text")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_cited_result_exists(page: Page) -> None:
    """`<!-- result: FILE -->` names a file of the project."""
    cited = {file for line in page.lines for file in line.results}
    assert sorted(file for file in cited if not (ROOT / file).is_file()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_measured_output_cites_its_result(page: Page) -> None:
    """Put it between `<!-- result: FILE -->` and `<!-- /result -->`."""
    uncited = [
        str(block)
        for block in page.blocks
        if block.language in OUTPUT_LANGUAGES
        and not block.results
        and any(MEASURED.search(line) for line in block.text.splitlines() if not line.startswith("$ "))
    ]
    assert uncited == []
