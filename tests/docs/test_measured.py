"""No number that was measured stands on a page unless a committed result has it.

What was measured stands in a region that names the result (`<!-- result: reports/ramp-1000.jsonl -->` …
`<!-- /result -->`), as vecgate prints it of that file; `…` leaves lines out. Prose may repeat its numbers, in
fewer digits. All other numbers with a unit are limits and settings: stated.toml says where each comes from.
VECGATE_GOLDEN=write takes the lines that the results print now into the pages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest
from documents import ROOT, Line, Page, Region, commands_in, pages
from loadtests.samples.published import samples
from quantities import Quantity, figures, json_quantities, quantities
from renderings import Run, is_printed, renderings, renewed, replayed, segments
from stated import Stated, problems, read_stated

PAGES = pages()
STATED = read_stated(Path(__file__).parent / "stated.toml")
REGIONS = [
    pytest.param(page, region, id=f"{page.name}:{region.line}")
    for page in PAGES
    for region in {line.region: None for line in page.lines if line.region}
]
#: Code is no prose, and what is between quotes is what somebody writes.
LITERAL = re.compile(r"`[^`]*`|\"[^\"]*\"|'[^']*'")
#: Languages of blocks in which somebody tells what came out.
TOLD = frozenset({"", "text", "console"})


@pytest.mark.parametrize(("page", "region"), REGIONS)
def test_what_was_measured_is_what_the_result_says(
    page: Page, region: Region, tmp_path: Path, vecgate: Run
) -> None:
    """Line by line, as vecgate prints it of that file; of a command without a result, as it prints it now."""
    files = [ROOT / name for name in region.files]
    if missing := [file.name for file in files if not file.exists() and file.parent.name == "reports"]:
        pytest.skip(f"{', '.join(missing)} is still to be made: make samples")
    lines = [line for line in page.lines if line.region == region]
    printed = printed_by(lines, files, tmp_path, vecgate)
    if os.environ.get("VECGATE_GOLDEN") == "write":
        page = written(page, region, printed)
        lines = [line for line in page.lines if line.region == region]
    shown = [[line.text for line in segment] for segment in segments(lines)]
    wrong = ["\n".join(each) for each in shown if not any(is_printed(each, text) for text in printed)]
    assert (bool(shown), wrong) == (True, [])


def printed_by(lines: Sequence[Line], files: Sequence[Path], folder: Path, vecgate: Run) -> list[str]:
    """What may stand in the region of *lines*."""
    commands = [command for _, command in commands_in(lines)]
    if not files:
        return [vecgate(command.split()[1:], folder) for command in commands]
    replays = replayed(commands, files, folder, vecgate)
    return [*replays, *(text for file in files for text in renderings(file))]


def written(page: Page, region: Region, printed: Sequence[str]) -> Page:
    """*page* with what is *printed* in *region*, kept."""

    def renew(lines: Sequence[Line]) -> list[str]:
        if lines[0].region != region:
            return [line.text for line in lines]
        made: list[str] = []
        starts = {segment[0].number: [line.text for line in segment] for segment in segments(lines)}
        inside = {line.number for segment in segments(lines) for line in segment}
        for line in lines:
            if line.number in starts:
                made += renewed(starts[line.number], printed)
            elif line.number not in inside:
                made.append(line.text)
        return made

    # Another region of the page may have been written before.
    new = Page.read(ROOT / page.name).with_lines(renew)
    (ROOT / page.name).write_text(new.text, encoding="utf-8")
    return new


def test_every_result_of_a_page_can_be_made_again() -> None:
    """By `make samples`, or by what the page about samples says."""
    told = (ROOT / "reports" / "README.md").read_text(encoding="utf-8")
    made = {ROOT / sample.file for sample in samples()}
    kept = [path for folder in ("docs/runs", "loadtests/profile") for path in (ROOT / folder).iterdir()]
    assert kept
    assert [path.name for path in kept if path not in made and f"/{path.name}`" not in told] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_number_is_without_a_source(page: Page) -> None:
    """It is in a measured region of its page, or among what is stated."""
    assert list(naked(page)) == []


def naked(page: Page) -> Iterator[str]:
    """What is without a source."""
    measured = [each for line in page.lines if line.region for each in figures(line.text)]
    for line, found in told_on(page):
        is_known = any(found.rounds(each) for each in measured) or any(
            each.allows(page, line, found) for each in STATED
        )
        if not is_known:
            yield f"{page.name}:{line.number}: {found.text}"


def told_on(page: Page) -> Iterator[tuple[Line, Quantity]]:
    """Every number with a unit that *page* tells outside of its regions: in prose, and in what came out."""
    for (is_block, _), lines in groupby(page.lines, lambda line: (bool(line.block), line.block)):
        for line in lines:
            is_told = not is_block or (line.language in TOLD and not line.is_command)
            if line.language == "json" and not line.region:
                yield from ((line, found) for found in json_quantities(line.text))
            elif is_told and not line.region and not line.is_frame:
                yield from ((line, found) for found in quantities(LITERAL.sub(" ", line.text)))


@pytest.mark.parametrize("stated", STATED, ids=str)
def test_what_is_stated_is_so(stated: Stated) -> None:
    """Where it is a constant or the default of an option it has that value; a file that holds it is there."""
    assert list(problems(stated)) == []


@pytest.mark.parametrize("stated", STATED, ids=str)
def test_what_is_stated_is_told(stated: Stated) -> None:
    """An entry for what no page tells any more is to go."""
    assert any(stated.allows(page, line, found) for page in PAGES for line, found in told_on(page))
