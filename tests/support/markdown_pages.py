"""The project's Markdown pages, parsed for the tests of the documentation.

A measured output is marked with the committed result that it comes from: `<!-- result: FILE… -->` before it and
`<!-- /result -->` after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"\s*(`{3,})(\w*)\s*$")
HEADING = re.compile(r"(#{1,6}) (.+?)\s*$")
RESULT_MARK = re.compile(r"\s*<!-- (?:/result|result: (?P<files>[^>]+?)) -->\s*$")
LINK = re.compile(
    r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)|(?:href|src|srcset)=\"([^\"]+)\""
)
CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page.

    block     number of the line that opens the fenced block around it, 0 outside of blocks
    language  language of that block
    results   files that the result mark around it cites
    is_fence  whether it opens or closes a block
    """

    number: int
    text: str
    block: int = 0
    language: str = ""
    results: tuple[str, ...] = ()
    is_fence: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of *page* that begins at *line*; *results* are the files that it cites."""

    page: str
    line: int
    language: str
    text: str
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page; *name* is its path from the root of the project."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Page:
        """Read the page at *path*."""
        return cls(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """All lines. Raises ValueError if a block is not closed."""
        return tuple(_parse_lines(self.name, self.text))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All fenced blocks."""
        content = [line for line in self.lines if line.block and not line.is_fence]
        groups = [(number, list(lines)) for number, lines in groupby(content, lambda line: line.block)]
        return tuple(
            Block(
                self.name,
                number,
                lines[0].language,
                "".join(f"{line.text}\n" for line in lines),
                lines[0].results,
            )
            for number, lines in groups
        )

    @cached_property
    def anchors(self) -> frozenset[str]:
        """The anchors that GitHub makes of the headings; a repeated heading gets a number."""
        anchors: list[str] = []
        for line in self._prose:
            if heading := HEADING.match(line.text):
                slug = slugify(heading[2])
                repeats = sum(
                    re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other) is not None for other in anchors
                )
                anchors.append(f"{slug}-{repeats}" if slug in anchors else slug)
        return frozenset(anchors)

    @cached_property
    def links(self) -> tuple[tuple[int, str], ...]:
        """Line number and target of each link."""
        return tuple(
            (line.number, match[1] or match[2])
            for line in self._prose
            for match in LINK.finditer(CODE.sub("", line.text))
        )

    @cached_property
    def code(self) -> tuple[tuple[int, str], ...]:
        """Line number and text of the code in backticks; it may wrap over lines."""
        prose = "\n".join("" if line.block else line.text for line in self.lines)
        return tuple(
            (prose.count("\n", 0, match.start()) + 1, " ".join(match[2].split()))
            for match in CODE.finditer(prose)
            if "\n\n" not in match[2]
        )

    @property
    def _prose(self) -> list[Line]:
        return [line for line in self.lines if not line.block]


def read_pages() -> list[Page]:
    """Read every page that is written for people."""
    folders = ("docs", "loadtests", "conformance", "reports")
    paths = [*ROOT.glob("*.md"), *(path for folder in folders for path in (ROOT / folder).rglob("*.md"))]
    return [Page.read(path) for path in sorted(paths)]


def read_user_guide() -> list[Page]:
    """Read the README and docs, which must explain everything that users can write."""
    return [page for page in read_pages() if page.name == "README.md" or page.name.startswith("docs/")]


def slugify(heading: str) -> str:
    """Return the anchor that GitHub makes of *heading*."""
    shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def resolve_link(page: Page, link: str) -> tuple[Path, str]:
    """Return the file and the anchor that *link* on *page* points to."""
    path, _, anchor = link.partition("#")
    source = ROOT / page.name
    return (source.parent / unquote(path)).resolve() if path else source, unquote(anchor)


def _parse_lines(name: str, text: str) -> Iterator[Line]:
    fence, block, language = "", 0, ""
    results: tuple[str, ...] = ()
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = FENCE.match(line)
        if match and (not fence or (match[1] == fence and not match[2])):
            block, language = (0, "") if fence else (number, match[2])
            fence = "" if fence else match[1]
            yield Line(number, line, number, language, results, is_fence=True)
            continue
        if not fence and (mark := RESULT_MARK.match(line)):
            results = tuple((mark["files"] or "").split())
        yield Line(number, line, block, language, results)
    if fence:
        raise ValueError(f"{name}:{block}: this block is not closed")
